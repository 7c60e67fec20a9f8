"""Adjustment of ruff's hits by the code around them: each case beside one that stays."""

import pytest
from support.analysed_files import source

from reviewloop.analysis.contract import Options
from reviewloop.analysis.tools import TOOLS, run_tool, tool_rule
from reviewloop.domain.finding import Severity

RUFF = TOOLS[0]
MUST, SHOULD, NIT = "must_fix", "should_fix", "nit"


def paths(count: int) -> str:
    return "def f(x):\n" + "".join(f"    if x == {n}:\n        x += 1\n" for n in range(count - 1))


def handler(body: str, head: str = "except Exception as error:") -> str:
    return f"def f(job):\n    try:\n        job()\n    {head}\n        {body}\n"


def raised(error: str, before: str = "") -> str:
    body = f"    try:\n        job()\n    except KeyError:\n        raise {error}\n"
    return f"{before}def f(job):\n{body}"


def looped(body: str) -> str:
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    return f"def f(rows, out):\n    for row in rows:\n{lines}"


DATA = "from dataclasses import InitVar, dataclass\n\n\n@dataclass\nclass A:\n"
FASTAPI = "from fastapi import Depends, Query\nfrom app.deps import user\n\n\n"
TYPER = "import typer\n\n\n"
PAGE = "from flask import Flask\nfrom jinja2 import Environment\n\n\n"
JINJA = "from jinja2 import Environment\n\n\n"
TAR = "import tarfile\n\n\ndef f(name, safe):\n    with tarfile.open(name) as tar:\n"
YAML = "import yaml\n\n\n"
INIT = "class A(B):\n    def __init__(self):\n"
PDB = "import os\n\n\ndef f():\n"


def ran(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return f"import subprocess\n\n\ndef f(command):\n{lines}"


def query(text: str, before: str = "", given: str = "customer") -> str:
    return f"def items_of(db, {given}):\n{before}    return db.execute({text})\n"


BY_CUSTOMER = "f\"select * from items where customer = '{customer}'\""

FLASK = "from flask import Flask\n\napp = Flask(__name__)\n"
CASES = [
    # rule, severity (None: not told), code
    ("C901", None, paths(9)),
    ("C901", NIT, paths(15)),
    ("C901", SHOULD, paths(16)),
    ("BLE001", SHOULD, handler("return None")),
    ("BLE001", SHOULD, handler("print(error)")),
    ("BLE001", NIT, handler("log.warning('no %s', error)")),
    ("BLE001", NIT, handler("if job:\n            raise ValueError(str(job))")),
    ("BLE001", NIT, handler("return None", "except Exception:  # a plugin may raise anything")),
    ("PLW1510", SHOULD, ran("subprocess.run(command)")),
    ("PLW1510", SHOULD, ran("return subprocess.run(command).stdout.decode()")),
    ("PLW1510", SHOULD, ran("done = subprocess.run(command)\nreturn done.stdout")),
    ("PLW1510", None, ran("done = subprocess.run(command)\nreturn done.returncode == 0")),
    ("PLW1510", None, ran("return subprocess.run(command).returncode")),
    ("PLW1510", None, ran("done = subprocess.run(command)\nreturn parsed(done)")),
    ("PLW1510", None, ran("return subprocess.run(command)")),
    ("S608", SHOULD, query(BY_CUSTOMER)),
    ("S608", SHOULD, query("sql", f"    sql = {BY_CUSTOMER}\n")),
    ("S608", SHOULD, query(BY_CUSTOMER, "    customer = order.name\n", "order")),
    ("S608", SHOULD, query("\"select * from items where customer = '%s'\" % customer")),
    ("S608", SHOULD, query('"select * from items where a = {}".format(customer.name)')),
    ("S608", NIT, query(BY_CUSTOMER, given="customer: int")),
    ("S608", NIT, query('f"select * from {table} where id = 1"', given="table")),
    ("S608", NIT, query(BY_CUSTOMER, "    if customer not in KNOWN:\n        return None\n")),
    (
        "S608",
        NIT,
        query(
            'f"select * from items where id in ({marks})"',
            '    marks = ", ".join("?" * len(customer))\n',
        ),
    ),
    ("S608", NIT, BY_CUSTOMER.join(("def f(customer):\n    return ", "\n"))),
    ("B008", None, FASTAPI + "def f(q=Query(None), u=Depends(user)):\n    return q, u\n"),
    ("B008", None, "from app.deps import Depends\n\n\ndef f(u=Depends(int)):\n    return u\n"),
    ("B008", None, TYPER + "def f(n=typer.Option(1), m=typer.Argument('a')):\n    return n, m\n"),
    ("B008", SHOULD, FASTAPI + "def f(at=user()):\n    return at\n"),
    ("B008", SHOULD, "def Query():\n    return 1\n\n\ndef f(q=Query()):\n    return q\n"),
    ("B904", SHOULD, raised("ValueError('x')")),
    ("B904", NIT, raised("HTTPException(404)")),
    ("B904", NIT, raised("Http404")),
    ("B904", NIT, raised("ValueError('x')", "@router.get('/')\n")),
    ("B023", None, looped("out += sorted(row, key=lambda cell: cell - row[0])")),
    ("B023", None, looped("def g():\n    return row\nout.append(g())")),
    ("B023", None, looped("out += list(map(lambda cell: cell - row[0], row))")),
    ("B023", SHOULD, looped("out.append(lambda: row)")),
    ("B023", SHOULD, looped("def g():\n    return row\nout.append(g)")),
    ("B023", SHOULD, looped("def g():\n    return row\nout.append(lambda: g())")),
    ("S602", NIT, "import subprocess\n\nsubprocess.run('ls | wc', shell=True, check=True)\n"),
    ("S602", NIT, "import subprocess\n\nC = 'ls'\nsubprocess.run(C + ' | wc', shell=True)\n"),
    ("S602", SHOULD, "import subprocess\n\n\ndef f(n):\n    subprocess.run(n, shell=True)\n"),
    ("S604", NIT, "run('ls', shell=True)\n"),
    ("S604", SHOULD, "def f(n):\n    run(n, shell=True)\n"),
    ("S605", NIT, "import os\n\nos.system('ls')\n"),
    ("S605", SHOULD, "import os\n\n\ndef f(n):\n    os.system('ls ' + n)\n"),
    ("S605", SHOULD, "import os\n\nC = 'ls'\nC += input()\nos.system(C)\n"),
    ("S307", NIT, "eval('1 + 1')\n"),
    ("S307", SHOULD, "def f(n):\n    return eval(n)\n"),
    ("S102", NIT, "exec('x = 1')\n"),
    ("S102", SHOULD, "def f(n):\n    exec(n)\n"),
    ("S202", None, TAR + "        tar.extractall(members=safe(tar))\n"),
    ("S202", SHOULD, TAR + "        tar.extractall()\n"),
    ("S202", SHOULD, TAR + "        tar.extractall(members=None)\n"),
    ("S701", SHOULD, PAGE + "env = Environment()\n"),
    ("S701", SHOULD, JINJA + "page = Environment(autoescape=False).get_template('a.html')\n"),
    ("S701", SHOULD, JINJA + "code = Environment().get_template('main.c')\n"),
    ("S701", NIT, PAGE + "def f(chosen):\n    return Environment(autoescape=chosen)\n"),
    ("S701", NIT, PAGE + "def f(options):\n    return Environment(**options)\n"),
    ("S701", SHOULD, PAGE + "def f(sql):\n    return Environment().from_string(sql).render()\n"),
    ("S701", SHOULD, PAGE + "e = Environment()\ne.filters['a'] = 1\ne.from_string('a {{ b }}')\n"),
    ("S701", MUST, PAGE + "def f(b):\n    return Environment().from_string('<b>{{ b }}</b>')\n"),
    ("S701", MUST, PAGE + "e = Environment()\nP = '<p>{{ b }}</p>'\ne.from_string(P).render()\n"),
    ("S701", SHOULD, PAGE + "e = Environment()\ne.from_string('a {{ b }}')\nfill(e)\n"),
    ("S701", MUST, PAGE + "@app.get('/')\ndef f(p):\n    return Environment().from_string(p)\n"),
    ("F811", MUST, "def f():\n    return 1\n\n\ndef f():\n    return 2\n"),
    ("F811", SHOULD, "@kept\ndef f():\n    return 1\n\n\n@kept\ndef f():\n    return 2\n"),
    ("F811", SHOULD, "from a import (\n    B,\n    C,\n)\n\n\nclass C:\n    a = B\n"),
    ("F811", SHOULD, "from os import path\n\npath = ['a']\n"),
    ("F821", MUST, "c.name = 1\n"),
    ("F821", NIT, 'def f(driver: "Chrome") -> None:\n    driver.go()\n'),
    ("F821", NIT, 'def f(driver: Union["str", "Opera", "int"]) -> None:\n    driver.go()\n'),
    ("PLE2502", NIT, 'NAMES = ["\u0639\u0631\u0628\u064a\u200f"]\n'),
    ("PLE2502", SHOULD, 'NAMES = ["\u2068admin\u2069"]\n'),
    ("PLE2502", MUST, 'NAMES = ["\u202eadmin"]\n'),
    ("F821", NIT, 'def f(n) -> "list[Chromium]":\n    return n\n'),
    ("F821", NIT, 'def f(self, states: "as") -> "a(ssuso)":\n    return states\n'),
    ("F821", NIT, "loaded.name = 1\n"),
    ("F821", NIT, "loaded.name = 2\n"),
    ("F821", NIT, "loaded.name = 3\n"),
    ("F821", NIT, "print(_('Hello'))\n"),
    ("F821", NIT, "get_ipython().run_line_magic('a', 'b')\n"),
    ("F821", NIT, "kinds: list[str]\n\n\ndef f():\n    return kinds\n"),
    ("F821", NIT, "from __future__ import annotations\n\n\ndef f(a: Later) -> None: ...\n"),
    ("F821", NIT, "def f():\n    a: Later = 1\n    return a\n"),
    ("F821", NIT, "import sys\n\nif sys.version_info < (3,):\n    text = unicode\n"),
    ("F821", NIT, "Import('env')\nenv.Append(A=1)\n"),
    ("F821", NIT, "c = get_config()\n"),
    ("F821", MUST, "def f():\n    Import('environment')\n    return environment\n"),
    ("F821", SHOULD, "globals().update(load())\nprint(loaded_name)\n"),
    ("F821", SHOULD, "exec(open('a').read())\nprint(other_name)\n"),
    ("F821", MUST, "exec(open('a').read(), {})\nprint(another_name)\n"),
    ("F821", MUST, "def f(a):\n    text: str = unicode(a)\n    return text\n"),
    ("S201", MUST, FLASK + "app.run(debug=True)\n"),
    ("S201", SHOULD, FLASK + "if __name__ == '__main__':\n    app.run(debug=True)\n"),
    ("S201", MUST, FLASK + "if __name__ == '__main__':\n    app.run('0.0.0.0', debug=True)\n"),
    ("S201", MUST, FLASK + "if __name__ == '__main__':\n    app.run(host=HOST, debug=True)\n"),
    ("S201", SHOULD, FLASK + "if wanted():\n    app.run(debug=True)\n"),
    ("F821", None, "c.name = 1  # type: ignore[name-defined]\n"),
    ("F821", MUST, "c.name = 1  # type: ignore[attr-defined]\n"),
    ("PLE1205", MUST, "import logging\n\nlog = logging.getLogger()\nlog.info('a', 1)\n"),
    ("PLE1205", SHOULD, "import logging\n\nlog = logging.getLogger()\nlog.info('{}', 1)\n"),
    ("PLE1205", MUST, "from a import logging\n\nlog = logging.getLogger()\nlog.info('a', 1)\n"),
    ("PLE1205", SHOULD, "from a import logging\n\nlog = logging.getLogger()\nlog.info('{}', 1)\n"),
    (
        "RUF008",
        MUST,
        DATA + "    a: dict = {}\n",
    ),
    (
        "RUF008",
        SHOULD,
        DATA + "    a: InitVar[dict] = {}\n",
    ),
    ("T100", MUST, PDB + "    breakpoint()\n"),
    ("T100", NIT, "def rdb_handler():\n    breakpoint()\n"),
    ("T100", SHOULD, "from celery.contrib.rdb import set_trace\n"),
    ("T100", NIT, "try:\n    import ipdb as pdb\nexcept ImportError:\n    import json as pdb\n"),
    ("T100", SHOULD, "try:\n    import ipdb\nexcept ValueError:\n    pass\n"),
    ("S503", NIT, "from OpenSSL import SSL\n\n\ndef f(v=SSL.SSLv23_METHOD):\n    return v\n"),
    ("S503", MUST, "from OpenSSL import SSL\n\n\ndef f(v=SSL.SSLv3_METHOD):\n    return v\n"),
    ("S506", MUST, YAML + "yaml.load(open('a'), Loader=yaml.Loader)\n"),
    ("S506", None, YAML + "class Own(yaml.SafeLoader): ...\n\n\nyaml.load(open('a'), Own)\n"),
    ("S506", MUST, YAML + "class Own(yaml.Loader): ...\n\n\nyaml.load(open('a'), Own)\n"),
    ("S506", MUST, "from yaml import Loader, load\n\nload(open('a'), Loader=Loader)\n"),
    ("S506", SHOULD, YAML + "import own\n\nyaml.load(open('a'), Loader=own.Loader)\n"),
    ("S506", SHOULD, YAML + "yaml.load(open('a'), Loader=yaml.FullLoader)\n"),
    ("F601", SHOULD, "a = {'b': 1, 'b': 2}\n"),
    ("F601", SHOULD, "a = {'b': False, 'c': 1, 'b': False}\n"),
    ("PLE0101", NIT, INIT + "        return super().__init__()\n"),
    ("PLE0101", NIT, INIT + "        r = super().__init__()\n        return r\n"),
    ("PLE0101", MUST, INIT + "        return self.b\n"),
    (
        "PLE0704",
        MUST,
        "def f():\n    try:\n        g()\n    except OSError:\n        pass\n    raise\n",
    ),
    ("PLE0704", SHOULD, "def f():\n    try:\n        raise\n    except Exception:\n        g()\n"),
    ("PLE0704", MUST, "def f():\n    try:\n        raise\n    except OSError:\n        g()\n"),
    ("PLE0704", MUST, "def f():\n    raise\n"),
    ("PLE0704", NIT, "def failed(exc):\n    if exc:\n        raise\n"),
    ("PLE0704", NIT, "def a():\n    raise\n\n\ntry:\n    b()\nexcept OSError:\n    a()\n"),
    ("B015", MUST, "def test_a(a):\n    a.b == 1\n"),
    ("B015", NIT, "def test_a(a):\n    with pytest.raises(OSError):\n        a.b() == 1\n"),
    (
        "B015",
        MUST,
        "def test_a(a):\n    with pytest.raises(OSError):\n        a.b()\n        a.c() == 1\n",
    ),
    ("B022", SHOULD, "import contextlib\n\nwith contextlib.suppress():\n    a()\n"),
    ("B022", NIT, "import contextlib\n\nc = own() if own else contextlib.suppress()\n"),
    ("T100", NIT, PDB + "    if os.environ.get('DEBUG'):\n        breakpoint()\n"),
    ("PLW1508", NIT, "import os\n\nport = os.getenv('PORT', 80)\n"),
]


@pytest.fixture(scope="module")
def said() -> dict[tuple[str, str], str]:
    """Return severities by path and rule, of one start of ruff over all cases."""
    files = [source(f"pkg/case{n}.py", code) for n, (_, _, code) in enumerate(CASES)]
    done = run_tool(RUFF, files, Options())
    return {
        (hit.path, hit.rule): str(hit.severity or tool_rule(hit.rule).severity) for hit in done.hits
    }


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[f"{rule}-{level}" for rule, level, _ in CASES]
)
def test_a_rule_of_ruff_is_as_severe_as_the_code_around_it_makes_it(number, said):
    rule, severity, _ = CASES[number]

    assert said.get((f"pkg/case{number}.py", f"ruff/{rule}")) == severity


def test_a_name_that_a_stub_of_builtins_declares_is_set_by_what_loads_the_files_below_it():
    code = "print(kinds, strange)\n"
    stub = "kinds: list[str]\ndef traced(): ...\n"
    files = [
        source("engines/__builtins__.pyi", stub),
        source("engines/one.py", code),
        source("two.py", code),
    ]

    done = run_tool(RUFF, files, Options())

    assert {(hit.path, hit.identity, hit.severity) for hit in done.hits if "F821" in hit.rule} == {
        ("engines/one.py", "kinds", Severity.NIT),
        ("engines/one.py", "strange", None),
        ("two.py", "kinds", None),
        ("two.py", "strange", None),
    }


@pytest.mark.parametrize(
    ("path", "severity"),
    [
        ("site_scons/tools/cross.py", Severity.NIT),
        ("lib/wscript.py", Severity.NIT),
        ("lib/build.py", None),
    ],
)
def test_a_build_tool_gives_names_to_the_files_that_it_runs(path, severity):
    done = run_tool(RUFF, [source(path, "glob_everything('*.c')\n")], Options())

    assert [hit.severity for hit in done.hits if hit.rule == "ruff/F821"] == [severity]


def test_a_module_of_a_package_is_a_name_in_its_init_once_anybody_imports_it():
    code = "def version():\n    return util.version(), utils.version()\n"
    files = [source("shop/__init__.py", code), source("shop/util.py", "a = 1\n")]

    done = run_tool(RUFF, files, Options())

    told = {hit.identity: hit.severity for hit in done.hits if hit.rule == "ruff/F821"}
    assert told == {"util": Severity.SHOULD_FIX, "utils": None}


def test_a_debugger_is_no_leftover_in_the_package_that_it_is_of():
    code = "from celery.contrib.rdb import set_trace\n"
    files = [source("celery/apps/worker.py", code), source("shop/worker.py", code)]

    done = run_tool(RUFF, files, Options())

    told = {hit.path: hit.severity for hit in done.hits if hit.rule == "ruff/T100"}
    assert told == {"celery/apps/worker.py": Severity.NIT, "shop/worker.py": Severity.SHOULD_FIX}


def test_a_block_with_several_statements_under_raises_is_a_nit():
    assert tool_rule("ruff/PT012").severity is Severity.NIT
