"""The promises of the layout: telling names, no heavy import before a run starts."""

import ast
import functools
import graphlib
import os
import subprocess
import sys
from collections.abc import Collection
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

import reviewloop
from reviewloop.agents import build_team, shipped_agent_files
from reviewloop.loop.graph import build_graph
from reviewloop.loop.spec_graph import build_spec_graph

PACKAGE = Path(reviewloop.__file__).parent
ROOT = PACKAGE.parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
LONG = 600


def loaded(path: Path) -> ModuleType:
    """Return a script as a module."""
    spec = spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOUSE = loaded(ROOT / "benchmarks" / "house.py")
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "service", "handler", "misc"}
HEAVY = ("langchain", "langgraph", "boto3", "botocore", "pydantic", "rich", "git", "httpx2")


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """Return a parsed file; all tests here share it."""
    return ast.parse(path.read_text("utf-8"))


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_a_long_file_says_in_its_first_comment_why_it_is_one():
    silent = [
        names(path)
        for path in SOURCES
        if len(path.read_text("utf-8").splitlines()) > LONG and not says_why_it_is_long(path)
    ]
    assert silent == []


def says_why_it_is_long(path: Path) -> bool:
    """Whether a comment stands between the docstring of a module and its first statement."""
    source = path.read_text("utf-8")
    body = ast.parse(source).body
    docstring, first = body[0], body[1]
    lines = source.splitlines()[docstring.end_lineno or 0 : first.lineno - 1]
    return any(line.startswith("# ") for line in lines)


def test_files_are_named_for_their_job():
    assert [names(path) for path in SOURCES if path.stem in VAGUE] == []


def test_every_module_says_in_its_first_line_what_it_is_for():
    silent = [names(path) for path in SOURCES if not ast.get_docstring(tree_of(path))]
    assert silent == []


@pytest.mark.slow
def test_no_files_import_each_other_in_a_circle():
    """Imports inside functions and for types only count, too."""
    known = {module_of(path): path for path in SOURCES}
    imports = {name: imported_by(path, known) - {name} for name, path in known.items()}
    order = graphlib.TopologicalSorter(imports)
    try:
        order.prepare()
    except graphlib.CycleError as error:
        circle = error.args[1]
        raise AssertionError(f"a circle of imports: {' -> '.join(circle)}") from error


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported_by(path: Path, known: Collection[str]) -> set[str]:
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            whole = {node.module} if not names <= set(known) else set()
            found |= (names | whole) & set(known)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & set(known)
    return found


def test_no_decision_reads_a_sentence_of_ours():
    """Reasons, notes and errors have kinds: only the functions that are named read their words."""
    known = HOUSE.FOREIGN_PROSE.keys()
    matches = ((path, HOUSE.prose_matches(tree_of(path))) for path in SOURCES)
    found = {f"{names(path)}::{name}" for path, these in matches for name, _ in these}
    assert found - known == set()
    assert known - found == set(), "read no sentence any more; the lists get shorter"


@pytest.mark.parametrize(
    "decision",
    [
        "if run.reason.startswith('the change is empty'): pass",
        "if 'nothing was touched' in said: pass",
        "head = str(error).partition(';')[0]",
        "if CAP.search(record.reason): pass",
        "if re.match('the cap', why): pass",
        "text = message.removesuffix('.')",
        "text = run.reason.replace(moved, '')",
        "first = note.split(';')[0]",
        "if 'credit' in message.lower(): pass",
        "if 'not pushed' in line: pass",
        "if finding.note == IN_BASELINE: pass",
        "if 'generated' != file.claim: pass",
        "if 'full' in str(cause): pass",
        "if line.startswith(('the cap', 'not pushed yet')): pass",
        "own = text.replace('`reviewloop resume', '`reviewloop skills resume')",
        "own = re.sub(f'`reviewloop resume {run}', '', text)",
    ],
)
def test_a_decision_that_reads_a_sentence_is_found(decision):
    body = f"class Row:\n    def done(self):\n        {decision}"
    assert [name for name, _ in HOUSE.prose_matches(ast.parse(body))] == ["Row.done"]
    assert not list(HOUSE.prose_matches(ast.parse("if run.because.kind is EMPTY: pass")))


def test_a_module_compiles_no_pattern_when_it_is_imported():
    alone = {"regex.py", "rule_files.py"}  # the build of a wheel imports nothing but the second
    eager = {names(path) for path in SOURCES if path.name not in alone and compiles(tree_of(path))}
    assert eager == set(), "use reviewloop.regex.regex: most patterns are not needed in a run"


def test_the_build_reads_rule_files_without_the_package():
    imported = {
        name.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(tree_of(PACKAGE / "analysis" / "rule_files.py"))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert [name for name in imported if name.startswith("reviewloop")] == []


def compiles(tree: ast.AST) -> bool:
    """Whether `re.compile` is called outside the functions of a module."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.Call) and ast.unparse(child.func) == "re.compile":
            return True
        if compiles(child):
            return True
    return False


def test_frozen_classes_are_made_by_our_decorator():
    theirs = {
        names(path)
        for path in SOURCES
        if "@dataclass(frozen=True" in (source := path.read_text("utf-8"))
        and "from reviewloop.dataclass import dataclass" not in source
    }
    assert theirs == set(), "import it from reviewloop.dataclass: a class costs a third there"


def test_the_command_line_loads_nothing_heavy_before_a_command_runs():
    code = (
        "import sys, reviewloop.cli.main\n"
        f"print(sorted({{n.split('.')[0] for n in sys.modules}} & set({HEAVY!r})))"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_diagram_in_the_readme_is_the_compiled_graph():
    team = build_team(shipped_agent_files(), lambda path: None)
    graph = build_graph([agent.name for agent in team.reviewers], rounds=3, repairs=2)
    drawn = graph.get_graph().draw_mermaid(with_styles=False).strip()
    readme = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
    shown = readme.partition("```mermaid\n")[2].partition("```")[0].strip()
    assert shown == drawn


def test_the_diagram_of_the_way_to_a_spec_is_the_compiled_graph():
    drawn = build_spec_graph().get_graph().draw_mermaid(with_styles=False).strip()
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme.split("```mermaid\n")[2].partition("```")[0].strip() == drawn
