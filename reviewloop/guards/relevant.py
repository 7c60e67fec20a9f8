"""Chooses the tests that a small change needs, from what the last full run covered."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from reviewloop.guards.base import ReadFile, is_test_file
from reviewloop.workspace.diff import Change, FileChange

if TYPE_CHECKING:
    from coverage import CoverageData

_PROSE = (".md", ".rst", ".txt")


def relevant_tests(data_file: Path, change: Change, read_old: ReadFile) -> tuple[str, ...] | None:
    """Return the ids of the tests to run for `change`, None for all of them.

    `data_file` is the `coverage_data` of the last full test gate, whose tree must be the old side
    of `change`; `read_old` reads that tree. Relevant are the tests that ran any line of a function
    that the change touches, and changed test files as a whole. Whatever cannot be told from the
    data (code that runs on import, other languages, new files, code no test runs) means all.
    """
    selected: set[str] = set()
    data = _open(data_file)
    if data is None:
        return None
    for file in change.files:
        if file.path.endswith(_PROSE):
            continue
        tests = _tests_for(data, file, read_old)
        if tests is None:
            return None
        selected |= tests
    return tuple(sorted(selected)) or None


def _tests_for(data: "CoverageData", file: FileChange, read_old: ReadFile) -> set[str] | None:
    name = file.path.rsplit("/", 1)[-1]
    if is_test_file(file.path):
        whole = name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))
        return {file.path} if whole and file.status in {"A", "M"} else None
    if file.status != "M" or not file.path.endswith(".py"):
        return None
    spans = _functions(read_old(file.path) or b"")
    if spans is None:
        return None
    contexts = data.contexts_by_lineno(file.path)
    tests: set[str] = set()
    for line in _touched_lines(file):
        span = _innermost(spans, line)
        if span is None:
            return None
        reached = {name for body in range(span[0], span[1] + 1) for name in contexts.get(body, ())}
        if not reached or "" in reached:
            return None
        tests |= reached
    return tests


def _open(data_file: Path) -> "CoverageData | None":
    from coverage import CoverageData
    from coverage.exceptions import CoverageException

    if not data_file.is_file():
        return None
    data = CoverageData(basename=str(data_file))
    try:
        data.read()
    except CoverageException:  # written by a release of coverage that ours cannot read
        return None
    return data


def _touched_lines(file: FileChange) -> Iterator[int]:
    """Yield the old side's lines that a change removes, and those around what it inserts."""
    for hunk in file.hunks:
        line = hunk.old_start if hunk.old_count else hunk.old_start + 1
        for sign, _ in hunk.lines:
            if sign == "-":
                yield line
                line += 1
            elif sign == " ":
                line += 1
            elif sign == "+":
                # What is inserted belongs to the line before it, or to the one after it.
                yield line - 1
                yield line


def _functions(source: bytes) -> list[tuple[int, int, int]] | None:
    """Return (first line of the body, last line, first line) of every function, None if unknown."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    return list(_spans(ast.walk(tree)))


def _spans(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, int, int]]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.body[0].lineno, node.end_lineno or node.lineno, node.lineno


def _innermost(spans: list[tuple[int, int, int]], line: int) -> tuple[int, int] | None:
    """Return the body of the smallest function around a line, None outside functions.

    Its signature does not count as inside: defaults and decorators run on import.
    """
    around = [span for span in spans if span[0] <= line <= span[1]]
    if not around:
        return None
    body, last, _ = min(around, key=lambda span: span[1] - span[0])
    return body, last
