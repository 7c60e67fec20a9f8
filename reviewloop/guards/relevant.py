"""Selects the tests that a small change needs, from the coverage of the last full run."""

import ast
import posixpath
import sqlite3
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from reviewloop.dataclass import dataclass
from reviewloop.git.diff import Change, FileChange
from reviewloop.guards.base import ReadFile, is_test_file, text_lines
from reviewloop.regex import regex

_TABLES = ("file", "context", "line_bits")
_SECONDS = 10.0
_STEPS = 10_000  # of the database's virtual machine between two checks of the clock
_LONGEST = 1024 * 1024  # bytes of one value
_MOST = 64 * 1024 * 1024  # bytes of a file's record
_TEST = regex(r"[^\s:@-][^\n\r\0:]*::[^\n\r\0]+")


class FileContexts:
    """The tests that ran the lines of one file; an empty id is code outside of a test."""

    def __init__(self, rows: list[tuple[str, bytes]]) -> None:
        self._rows = rows

    def at(self, line: int) -> set[str]:
        """Return the ids of the tests that ran a line."""
        byte, bit = divmod(line, 8)
        return {
            context
            for context, bits in self._rows
            # When unpacked, forged ones fill the memory.
            if byte < len(bits) and bits[byte] >> bit & 1
        }


class CoverageContexts:
    """The contexts of one data file; an untrustworthy one counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, name: str) -> FileContexts:
        """Return the record for a file of the repository."""
        found, total = [], 0
        try:
            for context, bits in self._rows(name):
                if not isinstance(context, str) or not isinstance(bits, bytes):
                    return FileContexts([])
                total += len(context) + len(bits)
                if total > _MOST or (context and not _TEST.fullmatch(context)):
                    return FileContexts([])
                found.append((context, bits))
        except (sqlite3.Error, OverflowError, UnicodeError):
            return FileContexts([])
        return FileContexts(found)

    def _rows(self, name: str) -> Iterator[tuple[object, object]]:
        database = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro&immutable=1", uri=True
        )
        try:
            deadline = time.monotonic() + _SECONDS
            database.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            database.execute("PRAGMA trusted_schema = OFF")
            if not _is_plain(database):
                return
            yield from database.execute(
                "SELECT context.context, line_bits.numbits FROM line_bits "
                "JOIN context ON context.id = line_bits.context_id "
                "JOIN file ON file.id = line_bits.file_id WHERE file.path = ?",
                (name,),
            )
        finally:
            database.close()


def _is_plain(database: sqlite3.Connection) -> bool:
    """Whether there are only tables and their own indexes, with plain columns."""
    kinds = database.execute("SELECT DISTINCT type, sql IS NULL FROM sqlite_master").fetchall()
    if not {("table", 0)} <= set(kinds) <= {("table", 0), ("index", 1)}:
        return False
    for table in _TABLES:
        columns = database.execute(f"PRAGMA table_xinfo({table})").fetchall()
        if not columns or any(column[6] for column in columns):  # hidden: it is computed
            return False
    return True


_PROSE = (".md", ".rst", ".txt")


def relevant_tests(
    data_file: Path, change: Change, read_old: ReadFile, read_new: ReadFile, project: str = ""
) -> tuple[str, ...] | None:
    """Return the ids of the tests to run for `change`, None for all of them.

    `data_file` is the `coverage_data` of the last full test gate, whose tree must be the old side
    of `change`; `read_old` and `read_new` read the two sides. Relevant are the tests that ran any
    line of a function that the change touches, and changed test files as a whole. Anything that the
    data cannot decide means all: code that runs on import, new functions, other languages, code
    without tests. Ids and recorded files are relative to the folder `project`.
    """
    selected: set[str] = set()
    if not data_file.is_file():
        return None
    data = CoverageContexts(data_file)
    for file in change.files:
        if file.path.endswith(_PROSE):
            continue
        tests = _tests_for(data, file, read_old, read_new, project)
        if tests is None:
            return None
        selected |= tests
    return without_covered(selected) or None


def without_covered(selected: Collection[str]) -> tuple[str, ...]:
    """Return the selection, sorted, without tests of files that are selected as a whole.

    pytest 8 runs only the named tests of a file that is given both ways.
    """
    whole = {name for name in selected if "::" not in name}
    return tuple(sorted(name for name in selected if name in whole or _file(name) not in whole))


def _file(test: str) -> str:
    return test.partition("::")[0]


def _tests_for(
    data: CoverageContexts,
    file: FileChange,
    read_old: ReadFile,
    read_new: ReadFile,
    project: str,
) -> set[str] | None:
    name = file.path.rsplit("/", 1)[-1]
    if is_test_file(file.path):
        whole = name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))
        return (
            {posixpath.relpath(file.path, project or ".")}
            if whole and file.status in {"A", "M"}
            else None
        )
    if file.status != "M" or not file.path.endswith(".py"):
        return None
    before, after = _Side.of(read_old(file.path)), _Side.of(read_new(file.path))
    if before is None or after is None:
        return None
    touched = before.functions_at(_removed_lines(file)), after.functions_at(iter(file.added_text))
    if touched[0] is None or touched[1] is None:
        return None
    contexts = data.of(file.path.removeprefix(f"{project}/"))
    tests: set[str] = set()
    for function in touched[0] | touched[1]:
        reached = {test for line in before.body(function) for test in contexts.at(line)}
        if not reached or "" in reached:
            return None
        tests |= reached
    return tests


def _removed_lines(file: FileChange) -> Iterator[int]:
    for hunk in file.hunks:
        line = hunk.old_start
        for sign, _ in hunk.lines:
            if sign == "-":
                yield line
            if sign in {"-", " "}:
                line += 1


@dataclass(frozen=True)
class _Function:
    name: str
    first: int  # line of the body: defaults and decorators before it run on import
    last: int


@dataclass(frozen=True)
class _Side:
    """The functions of one version of a Python file."""

    lines: list[str]
    functions: list[_Function]

    @classmethod
    def of(cls, source: bytes | None) -> "_Side | None":
        try:
            tree = ast.parse(source or b"")
        except (SyntaxError, ValueError, RecursionError):
            return None
        return cls(text_lines(source), list(_named(tree, "")))

    def functions_at(self, lines: Iterator[int]) -> set[str] | None:
        """Return the innermost functions around lines, None if code outside of them is touched."""
        names = set()
        for line in lines:
            around = [f for f in self.functions if f.first <= line <= f.last]
            if around:
                names.add(min(around, key=lambda f: f.last - f.first).name)
            elif self.lines[line - 1].strip() and not self.lines[line - 1].lstrip().startswith("#"):
                return None
        return names

    def body(self, name: str) -> Iterator[int]:
        """Yield the lines of all functions of a name, which setters and overloads share."""
        for function in self.functions:
            if function.name == name:
                yield from range(function.first, function.last + 1)


def _named(node: ast.AST, prefix: str) -> Iterator[_Function]:
    for child in ast.iter_child_nodes(node):
        inner = prefix
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{prefix}{child.name}."
            if not isinstance(child, ast.ClassDef):
                last = child.end_lineno or child.lineno
                yield _Function(inner, child.body[0].lineno, last)
        yield from _named(child, inner)
