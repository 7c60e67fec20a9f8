"""Edits within and outside of a hook's scope: harmless ones stay, disguised ones are reported."""

import pytest

from reviewloop.hooks.scopes import (
    beyond_documentation,
    beyond_refactoring,
    break_functions,
    named_tests,
)

CODE = """import os


class Cart:
    size = 3

    def total(self, items, tax=0):
        count = 0  # of items
        for one in items:
            count += one
        return count + tax


def _helper():
    pass
"""
FIRST = "    def total(self, items, tax=0):\n"
TYPED = "    def total(self, items: list[int], tax: float = 0) -> 'float | None':\n"


def documented(*edits):
    text = CODE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return beyond_documentation("a.py", CODE.encode(), text.encode())


@pytest.mark.parametrize(
    "edits",
    [
        [("import os\n", '"""Carts."""\n\nimport os\n')],
        [(FIRST, FIRST + '        """Return the sum."""\n')],
        [(FIRST, TYPED)],
        [("count = 0  # of items", "count: int = 0  # how many")],
        [("    pass", '    """Help."""')],
        [
            (
                "class Cart:",
                'class Cart:\n    """A cart.\n\n    >>> Cart().total([1])\n    1\n    """\n',
            )
        ],
    ],
)
def test_words_and_types_are_documentation(edits):
    assert documented(*edits) == ""


@pytest.mark.parametrize(
    ("edits", "why"),
    [
        ([("return count + tax", "return count")], "code changed"),
        ([("    size = 3", "    size: int = 3")], "code changed"),
        ([("import os\n", "import os\nfrom typing import Any\n")], "code changed"),
        ([("count = 0  # of items", "count: int")], "code changed"),
        ([(FIRST, FIRST + '        f"{os.getcwd()}"\n')], "code changed"),
        ([("items, tax=0", "items: os.system('id'), tax=0")], "more than name a type"),
        ([("items, tax=0", "items: 'os.system(1)', tax=0")], "more than name a type"),
        ([("items, tax=0", "items: [x for x in ()], tax=0")], "more than name a type"),
        ([("items, tax=0", "items: Sequence[int], tax=0")], "does not know"),
        ([("# of items", "# of items  # noqa")], "tools obey"),
        ([("count += one", "count += one  # pragma: no cover")], "tools obey"),
        ([("import os\n", "# -*- coding: latin-1 -*-\nimport os\n")], "tools obey"),
        ([("def _helper():", "def _helper(:")], "cannot be read"),
    ],
)
def test_what_runs_is_none(edits, why):
    assert why in documented(*edits)


def test_other_languages_are_compared_without_comments_and_types():
    before = b"export function f(a) {\n  return a;\n}\n"
    after = (
        b"/** Return it. */\nexport function f(a: number): number {\n  return a; // as it is\n}\n"
    )
    assert beyond_documentation("a.ts", before, after) == ""
    split = b"export function f(a) {\n  return\n a;\n}\n"
    assert "code changed" in beyond_documentation("a.ts", before, split)
    ignored = b"export function f(a) {\n  // @ts-ignore\n  return a;\n}\n"
    assert "tools obey" in beyond_documentation("a.ts", before, ignored)
    assert "not known" in beyond_documentation("a.xyz", b"a", b"b")
    assert "new or gone" in beyond_documentation("a.ts", None, after)


def refactored(old, new, path="a.py", code=CODE):
    assert old in code
    return beyond_refactoring(path, code.encode(), code.replace(old, new).encode())


def test_a_refactoring_keeps_names_and_grows_no_more_complex():
    loop = "        for one in items:\n            count += one\n"
    assert refactored(loop, "        count += sum(items)\n") == ""
    assert refactored("def _helper", "def _other") == ""
    assert "complexity grew" in refactored(
        loop, loop + "            if one:\n                pass\n"
    )
    assert "Cart.sum(" in refactored("def total", "def sum")
    assert "public names changed" in refactored("tax=0", "tax=1")
    assert "Cart.size" in refactored("    size = 3", "    pass")
    assert "no code" in beyond_refactoring("a.txt", b"a", b"b")
    script = "export function f() { return 1; }\n"
    assert "function f" in refactored("f()", "g()", "a.ts", script)


def test_broken_code_answers_otherwise_while_a_test_runs(monkeypatch):
    code = b"def f():\n    return 4\n\ndef g():\n    yield 1\n\nasync def h():\n    yield 1\n"
    code += b"class A:\n    def __init__(self):\n        self.a = 1\n"
    names = {}
    exec(break_functions(code, "None"), names)  # noqa: S102
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert (names["f"](), [*names["g"]()], names["A"]().a) == (4, [1], 1)
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "here")
    assert (names["f"](), [*names["g"]()]) == (None, [])
    assert not hasattr(names["A"](), "a")
    assert break_functions(b"A = 1\n", "None") is None


def test_tests_are_told_by_class_and_name():
    text = b"class TestA:\n    def test_b(self): pass\n\nasync def test_c(): pass\n"
    text += b"def helper(): pass\n"
    assert sorted(named_tests(text)) == ["TestA::test_b", "test_c"]
    assert named_tests(b"def (") == {}
