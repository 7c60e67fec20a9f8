"""Checks the dependency files of a change: pins, lock files, names, sources, vulnerabilities."""

import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from reviewloop.analysis.contract import (
    AnalyserReport,
    AnalyserStatus,
    ChangeCheck,
    ChangeView,
    Hit,
    Options,
    SourceFile,
)
from reviewloop.regex import regex
from reviewloop.rules.deps.rules import RULES

__all__ = ["CHANGE_CHECKS", "advisory_status"]


# No other file is a manifest, so the readers of all ecosystems are imported for these only.
_MAY_BE_MANIFEST = regex(
    r"(?:.*/)?(?:.*\.(?:in|txt|toml|cfg|json|mod|rb|xml|gradle|kts)|setup\.py|Pipfile|Gemfile)"
)


def _manifests(files: Iterable[SourceFile]) -> int:
    """Return how many of the files are manifests."""
    likely = [file.path for file in files if _MAY_BE_MANIFEST.fullmatch(file.path)]
    if not likely:
        return 0
    from reviewloop.rules.deps.readers import format_of

    return sum(format_of(path) is not None for path in likely)


def _check(view: ChangeView) -> Iterator[Hit]:
    if not _manifests(view.files):
        return iter(())
    from reviewloop.rules.deps.checks import check

    return check(view)


CHANGE_CHECKS: tuple[ChangeCheck, ...] = (ChangeCheck("dependencies", RULES, _check),)


def advisory_status(
    options: Options, files: Iterable[SourceFile] | None = None
) -> AnalyserReport | None:
    """Return whether vulnerabilities could be looked up; None if no file needs it.

    Without `files` the answer is for a change with a manifest.
    """
    manifests = 1 if files is None else _manifests(files)
    if not manifests:
        return None
    source, started = options.advisories, time.perf_counter()
    if not source:
        reason = "no OSV records are configured, so known vulnerabilities were not looked up"
        return AnalyserReport("advisories", AnalyserStatus.NOT_CHECKED, reason=reason)
    problem = _problem(source)
    seconds = time.perf_counter() - started
    if problem:
        return AnalyserReport("advisories", AnalyserStatus.FAILED, seconds, reason=problem)
    return AnalyserReport("advisories", AnalyserStatus.DONE, seconds, files=manifests)


def _problem(source: str) -> str:
    folder = Path(source)
    if folder.is_dir():
        return "" if any(folder.iterdir()) else f"{source} holds no records"
    try:
        with zipfile.ZipFile(source) as archive:
            return "" if archive.namelist() else f"{source} holds no records"
    except (OSError, zipfile.BadZipFile) as error:
        return f"{source} cannot be read: {error}"
