"""Coverage reports that lie in a checkout: which lines of a change no test ran."""

import time
from pathlib import Path

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus, ChangeView, Hit
from reviewloop.rules.tests import coverage_hits, read_coverage
from reviewloop.rules.tests.reports import UnreadableReportError
from reviewloop.settings.schema import Coverage

NAME = "coverage data"

_REPORTS = (
    "coverage.json",
    "coverage.xml",
    "lcov.info",
    "coverage/lcov.info",
    "coverage/cobertura-coverage.xml",
    "coverage.lcov",
)
_LARGEST = 64_000_000  # bytes

Extra = list[tuple[list[Hit], AnalyserReport]]


def coverage_of(view: ChangeView, root: Path, settings: Coverage) -> Extra:
    """Return what a coverage report in the checkout says of a change; nothing without a report.

    A report that is older than a changed file tells nothing about it, and says so.
    """
    if not settings.enabled or not view.files:
        return []
    names = (settings.report,) if settings.report else _REPORTS
    name = next((name for name in names if (root / name).is_file()), None)
    if name is None:
        return []
    started = time.monotonic()
    path = root / name
    stale = _newer_than(path, view, root)
    if stale:
        reason = f"{name} is older than {stale}; run the tests with coverage again"
        return [([], AnalyserReport(NAME, AnalyserStatus.NOT_CHECKED, reason=reason))]
    try:
        if path.stat().st_size > _LARGEST:
            raise UnreadableReportError(f"{name} is larger than {_LARGEST // 1_000_000} MB")
        hits = coverage_hits(view, read_coverage(name, path.read_bytes(), str(root)), name)
    except (OSError, UnreadableReportError) as error:
        return [([], AnalyserReport(NAME, AnalyserStatus.FAILED, reason=str(error)))]
    seconds = round(time.monotonic() - started, 3)
    report = AnalyserReport(NAME, AnalyserStatus.DONE, seconds, files=len(view.files))
    return [(hits, report)]


def _newer_than(report: Path, view: ChangeView, root: Path) -> str:
    made = report.stat().st_mtime
    for file in view.files:
        on_disk = root / file.path
        if file.language and on_disk.is_file() and on_disk.stat().st_mtime > made:
            return file.path
    return ""
