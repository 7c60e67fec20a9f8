"""Checks of tests: their assertions, and whether a change is tested."""

from collections.abc import Iterator, Mapping

from reviewloop.analysis.contract import (
    ChangeCheck,
    ChangeView,
    FileCheck,
    Hit,
    PathClass,
    SourceFile,
)
from reviewloop.rules.tests.rules import CHANGE_RULES, FILE_RULES

__all__ = ["CHANGE_CHECKS", "FILE_CHECKS", "coverage_hits", "read_coverage"]


def _is_python_test(file: SourceFile) -> bool:
    return file.language == "python" and file.path_class is PathClass.TEST


def _file(file: SourceFile) -> Iterator[Hit]:
    from reviewloop.rules.tests.python_checks import check

    return check(file)


def _change(view: ChangeView) -> Iterator[Hit]:
    from reviewloop.rules.tests.change_checks import check

    return check(view)


def coverage_hits(
    view: ChangeView, data: Mapping[str, frozenset[int]], source_name: str
) -> list[Hit]:
    """Return a hit for each function with added lines that no test runs according to `data`.

    `data` maps paths to the lines that did not run; `source_name` names its report.
    """
    from reviewloop.rules.tests.change_checks import uncovered

    return list(uncovered(view, data, source_name))


def read_coverage(name: str, data: bytes, root: str) -> Mapping[str, frozenset[int]]:
    """Return path -> lines that no test ran, from a report of coverage.py, Cobertura or LCOV.

    `root` is the folder of absolute paths in the report. Raise UnreadableReportError.
    """
    from reviewloop.rules.tests.reports import read

    table = read(name, data)
    found = {}
    for path, file_lines in table.items():
        relative = path.replace("\\", "/").removeprefix(f"{root.rstrip('/')}/").removeprefix("./")
        found[relative] = frozenset(file_lines.missing)
    return found


FILE_CHECKS: tuple[FileCheck, ...] = (FileCheck("tests", FILE_RULES, _is_python_test, _file),)
CHANGE_CHECKS: tuple[ChangeCheck, ...] = (ChangeCheck("tested", CHANGE_RULES, _change),)
