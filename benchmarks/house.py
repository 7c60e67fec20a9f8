"""Print the figures of the house for checkouts side by side: sizes, circles, frames, types, texts.

python benchmarks/house.py [CHECKOUT ...] [--list] [--no-frames] [--tests [FOLDER ...]]

The first checkout is the one before, as a rule; without any, this one is measured. All but the
frames is read from the text: nothing is imported. Frames are those of `reviewloop demo --yes`, run
by the Python of each checkout's .venv. `--list` names what is counted. `--tests` runs these folders
of tests, all by default, one after the other, and counts processor time, children included.
"""

import argparse
import ast
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "reviewloop"
DATA = {".md", ".toml", ".json"}
GENERATED = "docs/rules"
OWN_PROSE = {
    *("reason", "why", "said", "note", "sentence", "message"),
    *("because", "problem", "summary", "warning", "notice", "claim", "advice", "explanation"),
}
FAILURES = {"error", "cause", "exception", "failure"}
MATCHERS = {
    "startswith",
    "endswith",
    "partition",
    "rpartition",
    "removeprefix",
    "removesuffix",
    "split",
}
REPLACERS = {"replace", "sub", "compile"}
PHRASE = re.compile(r"[a-z]{2,} [a-z]{2,}")
SAME_WORDS = {"lower", "casefold", "strip", "lstrip", "rstrip"}
FOREIGN_PROSE = {
    "reviewloop/agents/definition.py::_json_advice": "Python has one class for all faults of JSON",
    "reviewloop/analysis/outline.py::_swift": "Swift",
    "reviewloop/analysis/patterns.py::_cause": "the engine of rules has one class for all errors",
    "reviewloop/git/patch_text.py::_section": "git's header of a patch",
    "reviewloop/git/repository.py::_require_answer": "git has one exit code for all refusals",
    "reviewloop/guards/against_base.py::needs_local_network": "what a test runner prints",
    "reviewloop/llm/retry.py::_key_problem": "providers say only in words that credit ran out",
    "reviewloop/render/terminal/approval.py::render_diff": "git's header of a patch",
    "reviewloop/rules/taint/js_reader.py::_import": "JavaScript",
    "reviewloop/store/reasons.py::": "records of releases that stored sentences only",
    "reviewloop/analysis/tools/readers/ruff.py::_once": "ruff names a rule it lacks only in words",
    "reviewloop/analysis/tools/readers/ruff.py::_hit": "ruff names what it found only in words",
    "reviewloop/analysis/tools/readers/ruff.py::_imported_twice": "ruff's own words",
    "reviewloop/analysis/tools/readers/ruff_context.py::_complexity": "ruff's own words",
    "reviewloop/analysis/tools/readers/ruff_context.py::_shell": "ruff's own words",
    "reviewloop/analysis/tools/readers/ruff_mistakes.py::negotiated": "ruff's own words",
    "reviewloop/analysis/yaml_syntax.py::_yaml_problem": "PyYAML has one class for all its errors",
    "reviewloop/git/commits.py::reword_commit": "the message of a commit, as the user wrote it",
    "reviewloop/git/private.py::PrivateRepo.commit": "the message of a commit",
    "reviewloop/git/review_repository.py::_refusal": "git has one exit code for all refusals",
    "reviewloop/git/objects.py::grep_tree": "git has no code for lacking Perl",
    "reviewloop/git/process.py::Git.error": "git's own words",
    "reviewloop/github/api/errors.py::Refusal.limits": "GitHub has one status for both",
    "reviewloop/github/api/errors.py::forbidden": "GitHub has one status for all refusals",
    "reviewloop/github/publishing/pull.py::_opened": "GitHub names these refusals only in words",
    "reviewloop/llm/langchain.py::_other_model": "LangChain's advice for a package is left out",
    "reviewloop/llm/langchain.py::_whole_stream": "LangChain has no class for an empty stream",
    "reviewloop/llm/rate.py::Limiter.failed": "providers name the limit only in words",
    "reviewloop/llm/trouble.py::_classify": "providers name overflow and credit only in words",
    "reviewloop/hooks/reading.py::_from_settings": "tomllib gives the line only in words",
    "reviewloop/rules/syntax/check.py::toml_problem": "tomllib gives the line only in words",
    "reviewloop/settings/loading.py::toml_problem": "tomllib gives the line only in words",
    "reviewloop/cli/unexpected_errors.py::expected_failure": "SQLite's own words",
    "reviewloop/llm/langchain.py::_stop_reason": "Anthropic's kinds",
    "reviewloop/store/metrics.py::_unusable": "SQLite's own words",
    "reviewloop/store/postgres/database.py::unreachable": "libpq has no codes here",
    "reviewloop/store/postgres/database.py::reason_of": "a password is taken out of libpq's words",
    "reviewloop/render/sarif.py::text": "Markdown",
    "reviewloop/store/reasons.py::_read_sentence": "records of releases that stored sentences only",
    "reviewloop/store/reasons.py::_in_brief": "records of releases that stored sentences only",
    "reviewloop/domain/finding.py::Finding._of_an_older_release": "notes of releases before",
    "reviewloop/loop/task_mark.py::_of_an_older_release": "proposals of releases before",
    "reviewloop/store/reasons.py::legacy_reason": "records of releases that stored sentences only",
    "reviewloop/github/comment_commands.py::Orders.wrong": "punctuation",
    "reviewloop/render/review_words.py::outcome_sentence": "punctuation",
    "reviewloop/render/review_words.py::counted_reason": "puts a sentence in the plural",
    "reviewloop/github/user_comments.py::origin_of": "comments and states hold no more than that",
    "reviewloop/specs/impact.py::replacement_in": "what a user wants changed, in their words",
}
"""Functions that match on third-party text, or on text that older releases stored, and why."""
UNTYPED = {"dict", "Mapping", "Dict", "MutableMapping"}

Figures = dict[str, str]
Edges = dict[str, set[str]]


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    name: str  # reviewloop.store.runs; a package's door has the name of the package
    path: Path
    door: bool
    text: str = field(repr=False)

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        """The top level package or file below the package."""
        return [*self.name.split("."), ""][1]

    @property
    def lines(self) -> int:
        """How long it is."""
        return len(self.text.splitlines())


@dataclass(frozen=True)
class Import:
    """A name of the package that a file imports, and the location of the import."""

    module: str
    name: str  # "" for `import module`
    known_as: str
    inside: bool  # in a function
    typing: bool  # under TYPE_CHECKING


class House:
    """A checkout, read as text."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout.resolve()
        self.modules = {each.name: each for each in _modules(self.checkout)}
        self.imports = {
            name: list(_imports(module, self.modules)) for name, module in self.modules.items()
        }

    def sizes(self) -> Figures:
        """Return lines and files."""
        lengths = sorted(module.lines for module in self.modules.values())
        data = [p for p in (self.checkout / PACKAGE).rglob("*") if p.suffix in DATA]
        pages = list((self.checkout / GENERATED).glob("*.md"))
        median, ninth = statistics.median(lengths), lengths[int(len(lengths) * 0.9)]
        return {
            "lines of Python": f"{sum(lengths):,}",
            "files of Python": f"{len(lengths):,}",
            "median, p90, longest file": f"{median:.0f}, {ninth}, {lengths[-1]}",
            "files above 600 lines": f"{sum(length > 600 for length in lengths)}",
            "files of 240 to 300 lines": f"{sum(240 <= length <= 300 for length in lengths)}",
            "lines of data (.md .toml .json)": f"{sum(map(_count, data)):,} in {len(data)}",
            "lines of generated documents": f"{sum(map(_count, pages)):,} in {len(pages)}",
        }

    def circles(self) -> list[list[str]]:
        """Return import circles of files, counting all imports, the largest first."""
        edges = {
            name: {self._file_of(each) for each in found} - {name}
            for name, found in self.imports.items()
        }
        return _circles(edges)

    def circles_of_rooms(self) -> list[list[str]]:
        """Return the import circles of packages and files right below the package."""
        edges: Edges = {}
        for name, found in self.imports.items():
            here = self.modules[name].room
            there = {self.modules[self._file_of(each)].room for each in found}
            edges.setdefault(here, set()).update(there - {here, ""})
        edges.pop("", None)
        return _circles(edges)

    def _file_of(self, wanted: Import) -> str:
        below = f"{wanted.module}.{wanted.name}"
        return below if below in self.modules else wanted.module

    def hidden_imports(self) -> tuple[int, int]:
        """Return the numbers of imports in functions and under TYPE_CHECKING."""
        inside = typing = 0
        for module in self.modules.values():
            for node, in_function, for_types in _all_imports(module.tree):
                inside += in_function
                typing += for_types and not in_function
                assert node
        return inside, typing

    def untyped(self) -> list[str]:
        """Return signatures with rows of Any that another package imports."""
        crossing = self._crossing()
        found = []
        for name, module in self.modules.items():
            rows = self._aliases(module)
            for owner, function in _functions(module.tree):
                public = owner or function.name
                if (name, public) not in crossing or (owner and function.name.startswith("_")):
                    continue
                if any(_is_untyped(each, rows) for each in _annotations(function)):
                    called = f"{owner}.{function.name}" if owner else function.name
                    found.append(f"{_place(module, function)} {called}")
        return found

    def _crossing(self) -> set[tuple[str, str]]:
        """Return (file, name) of all imports across packages, with re-exports resolved."""
        seen = set()
        for name, found in self.imports.items():
            for each in found:
                origin = self._origin(each.module, each.name)
                if origin and self.modules[origin[0]].room != self.modules[name].room:
                    seen.add(origin)
        return seen

    def _origin(self, module: str, name: str, deep: int = 0) -> tuple[str, str] | None:
        if not name or deep > 5:
            return None
        for each in self.imports.get(module, ()):
            if each.known_as == name and each.name:
                return self._origin(each.module, each.name, deep + 1) or (each.module, each.name)
        return (module, name) if module in self.modules else None

    def _aliases(self, module: Module) -> set[str]:
        """Return the names of a row of Any in a file, those it imports included."""
        rows = set(self._rows[module.name])
        for each in self.imports[module.name]:
            origin = self._origin(each.module, each.name)
            if origin and origin[1] in self._rows[origin[0]]:
                rows.add(each.known_as)
        return rows

    @cached_property
    def _rows(self) -> dict[str, set[str]]:
        """The names that a file defines as a row of Any, by file."""
        return {
            name: {
                target
                for node in module.tree.body
                for target, value in _assigned(node)
                if _is_untyped(value, set())
            }
            for name, module in self.modules.items()
        }

    def rows_of_any(self) -> int:
        """Return how many annotations of any kind name a row of Any."""
        return sum(
            isinstance(node, ast.Subscript) and _is_untyped_node(node, set())
            for module in self.modules.values()
            for node in ast.walk(module.tree)
        )

    def prose(self) -> list[str]:
        """Return the locations that match on a text of our own."""
        return [
            f"{_place(module, node)} {ast.unparse(node)[:90]}"
            for where, module, node in self.matches()
            if where not in FOREIGN_PROSE
        ]

    def matches(self) -> Iterator[tuple[str, Module, ast.AST]]:
        """Yield `file::function` of each match on a text, third-party text included."""
        for module in self.modules.values():
            for name, node in prose_matches(module.tree):
                yield f"{module.path.as_posix()}::{name}", module, node


def main() -> int:
    """Print a column for each checkout."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkouts", type=Path, nargs="*", default=[ROOT])
    parser.add_argument("--list", action="store_true", help="name what is counted")
    parser.add_argument("--no-frames", action="store_true", help="leave the demo out")
    parser.add_argument("--tests", nargs="*", metavar="FOLDER", help="processor time of tests")
    asked = parser.parse_args()
    houses = [House(each) for each in asked.checkouts]
    columns = [measure(house, frames=not asked.no_frames) for house in houses]
    if asked.tests is not None:
        for house, column in zip(houses, columns, strict=True):
            column.update(tests(house.checkout, asked.tests))
    table([str(house.checkout.name) for house in houses], columns)
    if asked.list:
        for house in houses:
            details(house)
    return 0


def measure(house: House, *, frames: bool) -> Figures:
    """Return all figures of a checkout."""
    circles, rooms = house.circles(), house.circles_of_rooms()
    inside, typing = house.hidden_imports()
    figures = house.sizes() | {
        "import circles of files": _sizes(circles),
        "import circles of rooms": _sizes(rooms),
        "imports in functions": str(inside),
        "imports under TYPE_CHECKING": str(typing),
        "rows of Any across rooms": str(len(house.untyped())),
        "rows of Any in all": str(house.rows_of_any()),
        "matches on our own prose": str(len(house.prose())),
    }
    return figures | (frames_of(house.checkout) if frames else {})


def table(names: Sequence[str], columns: Sequence[Figures]) -> None:
    """Print the figures."""
    rows = list(dict.fromkeys(name for column in columns for name in column))
    first = max(map(len, rows))
    wide = [
        max(len(name), *(len(column.get(row, "-")) for row in rows))
        for name, column in zip(names, columns, strict=True)
    ]
    if len(names) > 1:
        print(" " * first, *(f"{n:>{w}}" for n, w in zip(names, wide, strict=True)), sep="  ")
    for row in rows:
        cells = (f"{c.get(row, '-'):>{w}}" for c, w in zip(columns, wide, strict=True))
        print(f"{row:{first}}", *cells, sep="  ")


def details(house: House) -> None:
    """Print what is counted."""
    print(f"\n{house.checkout}")
    for title, lines in (
        ("import circles of files", [" ".join(each) for each in house.circles()]),
        ("import circles of rooms", [" ".join(each) for each in house.circles_of_rooms()]),
        ("rows of Any across rooms", house.untyped()),
        ("matches on our own prose", house.prose()),
    ):
        print(f"{title}: {len(lines)}", *sorted(lines), sep="\n  ")


def _modules(checkout: Path) -> Iterator[Module]:
    for path in sorted((checkout / PACKAGE).rglob("*.py")):
        parts = list(path.relative_to(checkout).with_suffix("").parts)
        door = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if door else parts)
        yield Module(name, path.relative_to(checkout), door, path.read_text("utf-8"))


def _imports(module: Module, known: Mapping[str, Module]) -> Iterator[Import]:
    """Yield what a file imports from the package."""
    for node, inside, typing in _all_imports(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in known:
                    yield Import(alias.name, "", alias.asname or alias.name, inside, typing)
            continue
        source = _source(node, module)
        if source in known:
            for alias in node.names:
                yield Import(source, alias.name, alias.asname or alias.name, inside, typing)


def _source(node: ast.ImportFrom, module: Module) -> str:
    if not node.level:
        return node.module or ""
    here = module.name.split(".") if module.door else module.name.split(".")[:-1]
    above = here[: len(here) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _all_imports(tree: ast.Module) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
    """Yield every import, whether it is in a function, whether under TYPE_CHECKING."""
    waiting: list[tuple[ast.AST, bool, bool]] = [(tree, False, False)]
    while waiting:
        node, inside, typing = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, inside, typing
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            waiting.append((child, inside, typing or for_types))


def _circles(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the strongly connected parts of more than one, the largest first (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(sorted(edges.get(root, ()))))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    work.append((other, iter(sorted(edges.get(other, ())))))
                    break
                if other in stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part = stack[stack.index(node) :]
                    del stack[stack.index(node) :]
                    if len(part) > 1:
                        found.append(sorted(part))
    return sorted(found, key=lambda part: (-len(part), part))


def _sizes(circles: Sequence[Sequence[str]]) -> str:
    sizes = ", ".join(str(len(each)) for each in circles)
    return f"{len(circles)} (of {sizes})" if circles else "0"


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(tree: ast.Module) -> Iterator[tuple[str, _Function]]:
    """Yield functions of a file, and methods with the name of their class."""
    for node in tree.body:
        if isinstance(node, _Function):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            for child in node.body:
                if isinstance(child, _Function):
                    yield node.name, child


def _annotations(function: _Function) -> Iterator[ast.expr]:
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    yield from (each.annotation for each in every if each and each.annotation)
    if function.returns:
        yield function.returns


def _is_untyped(annotation: ast.expr, rows: set[str]) -> bool:
    """Whether an annotation contains a row of Any."""
    return any(_is_untyped_node(node, rows) for node in ast.walk(annotation))


def _is_untyped_node(node: ast.AST, rows: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in rows
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and "[" in node.value:
        return any(f"{name}[str, Any]" in node.value for name in UNTYPED)
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
        return False
    base = ast.unparse(node.value).rpartition(".")[2]
    return base in UNTYPED and [ast.unparse(each) for each in node.slice.elts] == ["str", "Any"]


def _assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        yield from ((t.id, node.value) for t in node.targets if isinstance(t, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, node.value
    elif type(node).__name__ == "TypeAlias":
        yield node.name.id, node.value  # type: ignore[attr-defined]


def prose_matches(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield each match on a text, and its outermost function or method."""
    for node in ast.iter_child_nodes(tree):
        name = owner
        if isinstance(node, ast.ClassDef) and not owner:
            name = node.name + "."
        elif isinstance(node, _Function) and (not owner or owner.endswith(".")):
            name = owner + node.name
        if _matches_prose(node):
            yield name, node
        yield from prose_matches(node, name)


def _matches_prose(node: ast.AST) -> bool:
    """Whether a decision compares a text with that of a sentence, or searches it for words."""
    if isinstance(node, ast.Compare):
        sides = list(zip(node.ops, node.comparators, strict=True))
        looks_inside = any(isinstance(op, ast.In | ast.NotIn) for op, _ in sides)
        by_name = any(isinstance(op, ast.In | ast.NotIn) and _is_prose(on) for op, on in sides)
        pairs = zip([node.left, *node.comparators], node.ops, node.comparators, strict=False)
        same = any(
            isinstance(op, ast.Eq | ast.NotEq)
            and ((_is_prose(left) and _is_text(right)) or (_is_prose(right) and _is_text(left)))
            for left, op, right in pairs
        )
        return by_name or same or (looks_inside and _is_phrase(node.left))
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id == "regex" and any(_names_a_command(each) for each in node.args)
    if not isinstance(node.func, ast.Attribute):
        return False
    if node.func.attr == "split" and [ast.unparse(each) for each in node.args] in ([], [r"'\n'"]):
        return False  # words and lines, whatever their content
    if node.func.attr in REPLACERS and any(_names_a_command(each) for each in node.args):
        return True
    if node.func.attr == "replace" and _is_prose(node.func.value):
        return True  # what is taken out of a sentence was looked for in it
    if node.func.attr in MATCHERS:
        return _is_prose(node.func.value) or any(map(_is_phrase, node.args))
    searches = node.func.attr in {"search", "match", "fullmatch", "findall", "finditer"}
    return searches and any(_is_prose(each) for each in node.args)


def _is_prose(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
        return any(name in ast.unparse(each) for each in node.args for name in FAILURES)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in SAME_WORDS and _is_prose(node.func.value)
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in OWN_PROSE


def _is_text(node: ast.expr) -> bool:
    """Whether it is a text that is not empty, or a constant of a module."""
    if isinstance(node, ast.Name):
        return node.id.isupper()
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(node.value)


def _is_phrase(node: ast.expr) -> bool:
    """Whether it is a text of several words, or a collection of such texts."""
    if isinstance(node, ast.Tuple):
        return any(map(_is_phrase, node.elts))
    return isinstance(node, ast.Constant) and bool(PHRASE.search(str(node.value)))


def _names_a_command(node: ast.expr) -> bool:
    """Whether it is a text or a pattern that begins with a command of ours in quotes."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return any(isinstance(one, ast.Constant) and "`reviewloop" in str(one.value) for one in parts)


def _place(module: Module, node: ast.AST) -> str:
    return f"{module.path.as_posix()}:{getattr(node, 'lineno', 0)}"


def _count(path: Path) -> int:
    return len(path.read_text("utf-8", errors="replace").splitlines())


_WATCH = """
import json, os, sys, threading
package, answer = sys.argv[1] + os.sep, sys.argv[2]
sys.argv = ["reviewloop", "demo", "--yes"]
seen = []

def ours(frame):
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_code.co_name
        frame = frame.f_back

def watch(frame, event, argument):
    code = frame.f_code
    if event != "call" or seen or code.co_name != "ask" or "script" not in code.co_filename:
        return
    if code.co_filename.startswith(package):
        stack = list(ours(frame))
        if threading.current_thread() is not threading.main_thread():
            stack.append(("", "another thread"))
            stack += ours(sys._current_frames()[threading.main_thread().ident])
        seen.append(stack)

threading.setprofile(watch)
sys.setprofile(watch)
from reviewloop.__main__ import main
try:
    main()
finally:
    sys.setprofile(None)
    with open(answer, "w") as file:
        json.dump(seen, file)
"""


def frames_of(checkout: Path) -> Figures:
    """Return how many of our frames are around the first call of a model in the demo."""
    python = checkout / ".venv" / "bin" / "python"
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        package = str(checkout / PACKAGE)
        done = subprocess.run(
            [python if python.exists() else sys.executable, "-c", _WATCH, package, str(answer)],
            cwd=folder,
            env={**_environment(checkout, Path(folder)), "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        seen = json.loads(answer.read_text()) if answer.exists() else []
    if not seen:
        last = done.stderr.strip().splitlines()[-1:] or ["no words"]
        return {"frames": f"not seen: {last[0][:60]}"}
    stack = [name for name, _ in seen[0]]
    ours = [name.startswith(package) for name in stack]
    node = next((n for n, name in enumerate(stack) if "/langgraph/" in name), len(stack))
    return {
        "frames, command to first model call": str(sum(ours)),
        "of these in files": str(len({n for n, own in zip(stack, ours, strict=True) if own})),
        "frames, node to provider": str(sum(ours[:node])),
    }


def tests(checkout: Path, folders: Sequence[str]) -> Figures:
    """Return the processor time of folders of tests, run one after the other in one process."""
    every = sorted(path.name for path in (checkout / "tests").iterdir() if _holds_tests(path))
    python = checkout / ".venv" / "bin" / "python"
    figures, total = {}, 0.0
    for name in folders or [*every, "."]:
        asked = [str(path) for path in sorted((checkout / "tests").glob("test_*.py"))]
        before = _children()
        paths = asked if name == "." else [f"tests/{name}"]
        done = subprocess.run(
            [str(python), "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *paths],
            cwd=checkout,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )
        seconds = _children() - before
        total += seconds
        said = done.stdout.strip().splitlines()[-1:] or [""]
        note = "" if done.returncode == 0 else f" RED: {said[0][:60]}"
        figures[f"CPU seconds, tests/{name}"] = f"{seconds:.1f}{note}"
    return {**figures, "CPU seconds, these tests": f"{total:.0f}"}


def _holds_tests(path: Path) -> bool:
    return path.is_dir() and any(path.rglob("test_*.py"))


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _environment(checkout: Path, home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "REVIEWLOOP_STATE_DIR": str(home / "state"),
        "PYTHONPATH": str(checkout),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


if __name__ == "__main__":
    sys.exit(main())
