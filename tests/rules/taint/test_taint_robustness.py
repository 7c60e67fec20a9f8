"""Hostile and odd files: the pass ends, quickly, and never raises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.growth import ends_within, grows_too_fast

from reviewloop.analysis.contract import SourceFile, Tree
from reviewloop.analysis.rule_book import file_checks
from reviewloop.rules.taint import CHECKS

HEAD = "from flask import request\nimport os\n"


def run(code, path="app.py"):
    file = SourceFile(path, code, language="python")
    return [hit for check in CHECKS for hit in check.run(file)]


DEEP = {
    "parentheses": "x = " + "(" * 5000 + "request" + ")" * 5000,
    "calls": "x = " + "f(" * 3000 + "request" + ")" * 3000,
    "attributes": "x = request" + ".a" * 20000,
    "method chain": "x = request" + ".a(1)" * 5000,
    "subscripts": "x = request" + "[0]" * 20000,
    "sum": "x = " + " + ".join(["request.args"] * 20000),
    "and": "if " + " and ".join(["request.args"] * 20000) + ": pass",
    "not": "x = " + "not " * 5000 + "request",
    "conditionals": "x = " + "1 if request else " * 3000 + "2",
    "lists": "x = " + "[" * 3000 + "]" * 3000,
    "dicts": "x = " + "{1:" * 3000 + "1" + "}" * 3000,
    "lambdas": "x = " + "lambda: " * 3000 + "request",
    "f-strings": "x = " + "f'{" * 200 + "1" + "}'" * 200,
    "blocks": "".join(" " * n + "if request:\n" for n in range(600)) + " " * 600 + "pass",
    "loops": "".join(" " * n + "for a in b:\n" for n in range(90)) + " " * 90 + "os.system(a)",
    "functions": "".join(" " * n + "def f():\n" for n in range(300)) + " " * 300 + "pass",
    "elifs": "if a: pass\n" + "".join(f"elif b == {n}: x{n} = {n}\n" for n in range(5000)),
    "assignments": "a = request.args\n" + "a = a + a\n" * 5000,
    "lists in lists": "a = [request.args]\n" + "a = [a, a]\n" * 200 + "os.system(a)",
    "checks of checks": "a = f(request)\n"
    + "".join(f"a{n + 1} = a{n} and a{n} and f(a{n})\n" for n in range(60))
    + "if a60: pass",
    "call chain": "".join(f"def f{n}(x):\n return f{n + 1}(x)\n" for n in range(3000)),
    "deep call chain": "".join(
        f"def f{n}(x):\n"
        + "".join(" " * (d + 1) + "if x:\n" for d in range(40))
        + " " * 42
        + "return "
        + "g(" * 50
        + f"f{n + 1}(x)"
        + ")" * 50
        + "\n"
        for n in range(30)
    ),
    "mutual": "def f(x):\n return g(x)\ndef g(x):\n return f(x)\nos.system(f(request.args['x']))",
    "tests in tests": "x = " + "(a and (b if " * 25 + "c" + " else d))" * 25,
    "self": "x = x and f(x)\n" * 50 + "while x: x = x or x",
    "inheritance": "class A(A):\n def f(self): return self.f()\nA().f(request)",
    "growing dict": "d = {}\n" + "".join(f"d['{n}'] = request.args\n" for n in range(3000)),
}


def deeper(count, call):
    """Call with that many frames already on the stack, as a program around us may have."""
    return call() if count == 0 else deeper(count - 1, call)


@pytest.mark.slow_but(every=28)
@pytest.mark.parametrize("name", DEEP)
def test_deep_and_long_code_ends_quickly(name):
    code = HEAD + DEEP[name] + "\n"
    run(HEAD)  # loads and compiles what the first file needs
    assert ends_within(lambda: deeper(100, lambda: run(code)), 200_000 + 100 * len(code))


def test_a_flow_is_still_found_beside_nonsense():
    code = HEAD + "def f(:\n  x = = 3\n)\ndef g():\n    os.system(request.args['x'])\n"
    assert [hit.rule for hit in run(code)] == ["taint/command-injection"]


@pytest.mark.slow
def test_a_long_file_takes_time_in_proportion_to_its_length():
    function = (
        "def f{n}(cursor):\n    a = request.args['x']\n    if a and len(a) > 3:\n"
        "        b = 'SELECT ' + a\n    else:\n        b = 'x'\n    for c in b:\n"
        "        cursor.execute(b, [c])\n    return {{'a': a}}\n"
    )

    def found(count):
        return run(HEAD + "".join(function.format(n=n) for n in range(count)))

    assert len(found(400)) == 400
    assert not grows_too_fast(found, 400)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="request.args[]()'\"{}:=,\n \tifordelnamx+%@*é\x00\r\f\\", max_size=300))
def test_any_text_is_read_without_error(text):
    run(HEAD + text)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "pattern", ["[[a]+", "[a--b]", "[z-a]+", "(", "[", "a" * 400, "[^", "|", "[]"]
)
def test_odd_patterns_neither_raise_nor_warn(pattern):
    run(
        f"{HEAD}import re\ndef f():\n    x = request.args['x']\n    if re.match({pattern!r}, x):\n"
        f"        os.system(x)\n    os.system(re.sub({pattern!r}, '', x))\n"
    )


def test_odd_characters_do_not_move_the_columns():
    code = HEAD + "def f():\n    é = '😀'; os.system(request.args['x'])\n"
    (hit,) = run(code)
    line = code.split("\n")[hit.span.line - 1]
    assert line[hit.span.column - 1 : hit.span.end_column - 1] == "os.system(request.args['x'])"
    ((source, says),) = hit.related
    assert line[source.column - 1 : source.end_column - 1] == "request.args['x']"
    assert says == "comes from here"


def test_line_ends_of_other_systems_keep_their_lines():
    code = (HEAD + "def f():\n    x = '\f'\n    os.system(request.args['x'])\n").replace(
        "\n", "\r\n"
    )
    assert [hit.span.line for hit in run(code)] == [5]


def test_the_message_names_source_and_sink():
    (hit,) = run(HEAD + "def f():\n    cmd = request.args['x']\n    os.system('ls ' + cmd)\n")
    assert hit.message == (
        "`request.args['x']` becomes part of the command that `os.system()` runs."
    )
    assert hit.severity == "must_fix" and hit.confidence == "high"


def test_a_flow_through_unknown_code_is_said_with_less_confidence():
    code = HEAD + "from x import twist\ndef f():\n    os.system(twist(request.args['x']))\n"
    (hit,) = run(code)
    assert (hit.severity, hit.confidence) == ("should_fix", "medium")


def test_files_without_any_source_are_not_parsed():
    assert run("import os\nos.system(input())\n") == []


class CountedPaths(frozenset[str]):
    """Paths that know how often somebody asked whether one is there."""

    asked = 0

    def __contains__(self, path: object) -> bool:
        self.asked += 1
        return super().__contains__(path)


def test_files_that_import_everything_of_each_other_end_soon():
    names = ("cables", "devices", "racks", "sites")
    stars = "".join(f"from shop.models.{name} import *\n" for name in (*names, "orders"))
    texts = {
        "shop/models/__init__.py": stars,
        "shop/models/orders.py": "import os\n\ndef ship(name):\n    os.system(name)\n",
        "shop/views.py": "from flask import request\nfrom shop.models import Cable, ship\n\n"
        "def view():\n    Cable().connect()\n    ship(request.args['x'])\n",
    }
    for name in names:
        texts[f"shop/models/{name}.py"] = (
            f"from .generated_{name} import *\nfrom shop.models import *\nfrom .orders import *\n"
            f"class Kind{name}(Missing{name}):\n    pass\n"
        )
    paths = CountedPaths(texts)
    files = [SourceFile("shop/views.py", texts["shop/views.py"], ((1, 9),), "python", status="A")]
    [check] = [one for one in file_checks() if one.name == "python-taint"]
    assert check.across is not None

    found = check.across(Tree(texts.get, lambda: paths), files)(files[0])

    assert [hit.rule for hit in found] == ["taint/command-injection"]
    assert paths.asked < 1_000  # 403; names that grew with each turn ended at the deepest recursion
