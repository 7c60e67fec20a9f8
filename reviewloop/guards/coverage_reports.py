"""Finds the files of the workspace in coverage reports, whose paths are not the repository's."""

import posixpath
from collections.abc import Collection
from pathlib import Path

from reviewloop.rules.tests.reports import (
    FileLines,
    Table,
    UnreadableReportError,
    read,
    refuse_long,
)
from reviewloop.workspace.written import read_written

__all__ = ["FileLines", "Table", "read_report"]


def read_report(report: Path, *, folder: Path, known: Collection[str], project: str = "") -> Table:
    """Return a report's lines for the files in `known`, found by the paths the report has.

    `folder` is the workspace, against which absolute paths are read; other paths count from the
    folder `project` in it. Raises UnreadableReportError.
    """
    try:
        refuse_long(report.name, report.stat().st_size)
        data = read_written(report)
    except OSError as error:
        raise UnreadableReportError(f"{report.name} cannot be read: {error}") from error
    return _in_repository_terms(read(report.name, data), folder, known, project)


def _in_repository_terms(table: Table, folder: Path, known: Collection[str], project: str) -> Table:
    """Name files as the repository does; reports have absolute paths or ones from a source root."""
    result: Table = {}
    for path, lines in table.items():
        name = path.replace("\\", "/")
        for root in (folder, folder.resolve()):
            name = name.removeprefix(f"{root}/")
        name = name.removeprefix("./")
        nearer = posixpath.normpath(posixpath.join(project, name))
        name = nearer if nearer in known else name
        if name not in known:
            # `src/app/a.py` may stand as `app/a.py`: the one file that ends like it.
            ends = [other for other in known if other.endswith(f"/{name.lstrip('/')}")]
            if len(ends) != 1:
                continue
            name = ends[0]
        result[name] = lines
    return result
