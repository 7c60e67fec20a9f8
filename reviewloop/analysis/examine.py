"""Runs all analysers over a change in parallel, and keeps the hits that the change introduces.

Kept are hits on changed lines, and hits that the change causes elsewhere in a changed file if the
rule allows that. Hits that the base version has at the same line text are not new.
"""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from itertools import islice
from typing import Protocol

from reviewloop.analysis import rule_book
from reviewloop.analysis.contract import (
    OF_OTHERS,
    AnalyserReport,
    AnalyserStatus,
    ChangeCheck,
    ChangeView,
    FileCheck,
    Hit,
    SourceFile,
    Tree,
)
from reviewloop.analysis.placing import LocatedHit, located_anywhere, located_in, without_known
from reviewloop.dataclass import dataclass


@dataclass(frozen=True)
class Examination:
    """The hits of all analysers on a change, and the report of each."""

    hits: tuple[LocatedHit, ...] = ()
    reports: tuple[AnalyserReport, ...] = ()

    @property
    def failed(self) -> tuple[AnalyserReport, ...]:
        """The analysers whose lack of hits proves nothing."""
        bad = {AnalyserStatus.FAILED, AnalyserStatus.PARTIAL}
        return tuple(report for report in self.reports if report.status in bad)

    def joined(self, other: "Examination") -> "Examination":
        """Return the union of both, as if all had run in parallel."""
        return _examination([*self.hits, *other.hits], [*self.reports, *other.reports])


class Analyser(Protocol):
    """An analyser, which turns files into hits: a program, or a check of ours."""

    @property
    def name(self) -> str:
        """The name in the list of analysers."""

    def understands(self, file: SourceFile) -> bool:
        """Whether the analyser supports the file."""

    def run(self, files: Sequence[SourceFile]) -> tuple[list[Hit], AnalyserReport]:
        """Return hits and report; a failure is a report, never an error."""


OnReport = Callable[[AnalyserReport], None]


def examine(
    view: ChangeView,
    *,
    reviewers: Collection[str] = (),
    off: Collection[str] = (),
    extra: Sequence[tuple[Sequence[Hit], AnalyserReport]] = (),
    checks: Sequence[FileCheck] | None = None,
    on_report: OnReport | None = None,
) -> Examination:
    """Return the new hits of every analyser in a change, the slow ones included.

    `reviewers` restricts to the rules of these agents (empty: all); `off` holds names (or patterns)
    of analysers that do not run; `extra` holds hits from data outside of the change, such as
    coverage; `checks` replaces the built-in file checks; `on_report` gets each report as its
    analyser ends.
    """
    with closing(Late(view, reviewers=reviewers, off=off)) as late:
        early = examine_early(
            view, reviewers=reviewers, off=off, extra=extra, checks=checks, on_report=on_report
        )
        return early.joined(late.finished(on_report))


def examine_early(
    view: ChangeView,
    *,
    reviewers: Collection[str] = (),
    off: Collection[str] = (),
    extra: Sequence[tuple[Sequence[Hit], AnalyserReport]] = (),
    checks: Sequence[FileCheck] | None = None,
    on_report: OnReport | None = None,
) -> Examination:
    """Return the hits of our checks and the quick programs; arguments as for `examine`."""
    from reviewloop.analysis.programs import programs

    base = _BaseVersions(view)
    ours = _own(rule_book.file_checks() if checks is None else checks, off, view)
    whole = [check for check in rule_book.change_checks() if not _is_off(check.name, off)]
    taken = _Taken(reviewers, on_report)
    # This thread runs our own checks while programs run.
    with _workers() as (pool, stopped):
        running: list[_Running] = [
            pool.submit(_analyse, program, view.files, base)
            for program in programs(view.options, stopped.is_set, slow=False)
            if not _is_off(program.name, off)
        ]
        for analyser in ours:
            taken.take(_analyse(analyser, view.files, base, analyser.earlier()))
        for check in whole:
            taken.take(_whole(check, view))
        for given, report in extra:
            taken.take((located_anywhere(given, view, report.name), report))
        for report in (*rule_book.failed_packs(), *rule_book.reports_about(view)):
            taken.take(([], report))
        for future in running:
            taken.take(future.result())
    return taken.examination()


class Late:
    """The slow programs, running on a change from now on; `finished` waits for them.

    The table decides which programs are slow, not the clock: reviewers must get the same hits
    whenever a change is read. `close` ends those that are still running.
    """

    def __init__(
        self, view: ChangeView, *, reviewers: Collection[str] = (), off: Collection[str] = ()
    ) -> None:
        from reviewloop.analysis.programs import programs

        self._reviewers = reviewers
        self._stopped = threading.Event()
        base = _BaseVersions(view)
        chosen = [
            program
            for program in programs(view.options, self._stopped.is_set, slow=True)
            if not _is_off(program.name, off) and any(map(program.understands, view.files))
        ]
        self._pool = _pool()  # starts a thread only for submitted work
        self._running: list[_Running] = [
            self._pool.submit(_analyse, program, view.files, base) for program in chosen
        ]

    def finished(self, on_report: OnReport | None = None) -> Examination:
        """Return their hits, once all of them are done."""
        taken = _Taken(self._reviewers, on_report)
        for future in self._running:
            taken.take(future.result())
        return taken.examination()

    def stop(self) -> None:
        """Stop the programs; each reports that it was stopped."""
        self._stopped.set()

    def close(self) -> None:
        """End the programs and wait until they are gone."""
        self.stop()
        self._pool.shutdown()


_Result = tuple[list[LocatedHit], AnalyserReport | None]
_Running = Future[_Result]


class _Taken:
    """Collects the results of analysers as they end."""

    def __init__(self, reviewers: Collection[str], on_report: OnReport | None) -> None:
        self._reviewers, self._on_report = reviewers, on_report
        self._hits: list[LocatedHit] = []
        self._reports: list[AnalyserReport] = []

    def take(self, result: _Result) -> None:
        located, report = result
        these = self._reviewers
        self._hits.extend(p for p in located if not these or p.rule.reviewer in these)
        if report is not None:
            self._reports.append(report)
            if self._on_report is not None:
                self._on_report(report)

    def examination(self) -> Examination:
        return _examination(self._hits, self._reports)


def _examination(hits: Iterable[LocatedHit], reports: Iterable[AnalyserReport]) -> Examination:
    return Examination(tuple(_ordered(hits)), tuple(sorted(reports, key=lambda r: r.name)))


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="analyser")


@contextmanager
def _workers() -> Iterator[tuple[ThreadPoolExecutor, threading.Event]]:
    """Yield threads for programs, and an event that stops their programs when this one is
    interrupted.
    """
    stopped = threading.Event()
    with _pool() as pool:
        try:
            yield pool, stopped
        except BaseException:
            stopped.set()
            raise


def _own(
    checks: Iterable[FileCheck], off: Collection[str], view: ChangeView
) -> list["_FileCheckAnalyser"]:
    return [_FileCheckAnalyser(check, view) for check in checks if not _is_off(check.name, off)]


def _is_off(name: str, off: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in off)


def _ordered(hits: Iterable[LocatedHit]) -> list[LocatedHit]:
    def order(located: LocatedHit) -> tuple[str, int, int, str, str]:
        span = located.hit.span
        line, column = (span.line, span.column) if span else (0, 0)
        return located.hit.path, line, column, located.hit.rule, located.hit.message

    return sorted(hits, key=order)


class _BaseVersions:
    """The base versions of files, each read once and only for a comparison."""

    def __init__(self, view: ChangeView) -> None:
        self._view = view
        self._texts: dict[str, SourceFile | None] = {}

    def of(self, file: SourceFile) -> SourceFile | None:
        """Return the base version of a file under its new name, None for an added file."""
        if file.status == "A":
            return None
        if file.path not in self._texts:
            text = self._view.read_base(file.path)
            before = None if text is None else replace(file, text=text, added=(), claim="")
            self._texts[file.path] = before
        return self._texts[file.path]


MOST_HITS = 2000
"""Most hits of one check in one file: a hostile file would fill the memory."""


@dataclass(frozen=True)
class _FileCheckAnalyser:
    """An analyser that runs one of our file checks."""

    check: FileCheck
    view: ChangeView
    of_base: bool = False

    def earlier(self) -> "_FileCheckAnalyser":
        """Return the analyser of the base version."""
        return replace(self, of_base=True)

    @property
    def name(self) -> str:
        return self.check.name

    def understands(self, file: SourceFile) -> bool:
        return self.check.understands(file)

    def run(self, files: Sequence[SourceFile]) -> tuple[list[Hit], AnalyserReport]:
        started = time.monotonic()
        hits: list[Hit] = []
        broken: list[str] = []
        cut = 0
        notes: list[str] = []
        run = self.check.run
        if self.check.across is not None:
            run = self.check.across(self._tree(notes.append), files)
        for file in files:
            readable, other = file.only(self.check.reads)
            unread = [number for number in other if file.touched(number, number)]
            if unread and file.claim in OF_OTHERS:
                notes.append(_not_read(file, unread))  # that it is not ours is told, too
            elif unread:
                cut += 1
                broken.append(_not_read(file, unread))
            try:
                found = list(islice(run(readable), MOST_HITS + 1))
                if len(found) > MOST_HITS:
                    cut += 1
                    broken.append(
                        f"{file.path}: more than {MOST_HITS:,} findings, not all are told"
                    )
                hits.extend(found[:MOST_HITS])
            except Exception as error:  # noqa: BLE001 - one check's bug must not cost the others
                broken.append(f"{file.path}: {type(error).__name__}: {error}")
        status = AnalyserStatus.DONE
        if broken:
            some = cut or len(broken) < len(files)
            status = AnalyserStatus.PARTIAL if some else AnalyserStatus.FAILED
        seconds = round(time.monotonic() - started, 3)
        reason = "; ".join([*broken[:3], *notes])
        return hits, AnalyserReport(self.name, status, seconds, "", len(files), reason)

    def _tree(self, note: Callable[[str], None]) -> Tree:
        view = self.view
        paths = cache(lambda: frozenset((*view.list_new(), *view.changed_paths)))
        read = view.read_base if self.of_base else view.read_new
        return Tree(read, paths, view.search_new, note, self.of_base)


def _not_read(file: SourceFile, lines: Sequence[int]) -> str:
    """Return which lines of the change are too long or too deeply nested to read."""
    first = f"line {lines[0]} ({len(file.lines[lines[0] - 1]):,} characters)"
    more = f" and {len(lines) - 1} more" if lines[1:] else ""
    return f"{file.path}: {first}{more} not read, too long or too deep; the other lines were"


def _analyse(
    analyser: Analyser,
    files: Sequence[SourceFile],
    base: _BaseVersions,
    earlier: Analyser | None = None,
) -> _Result:
    mine = [file for file in files if analyser.understands(file)]
    if not mine:
        return [], None
    hits, report = analyser.run(mine)
    by_path = {file.path: file for file in mine}
    known = located_in(hits, by_path, analyser.name, report.version)
    modified = {p.hit.path for p in known if p.rule.only_new and (p.on_change or _may_cause(p))}
    before = [b for path in sorted(modified) if (b := base.of(by_path[path])) is not None]
    comparable: set[str] = set()
    if before:
        old_hits, old_report = (earlier or analyser).run(before)
        report = replace(report, seconds=round(report.seconds + old_report.seconds, 3))
        # Without the comparison everything on changed lines is reported, which is honest.
        if old_report.status is not AnalyserStatus.FAILED:
            known = without_known(known, old_hits, by_path, {file.path: file for file in before})
        if old_report.status is AnalyserStatus.DONE:
            comparable = {file.path for file in before}
    kept = [p for p in known if p.on_change or (p.hit.path in comparable and _may_cause(p))]
    return kept, report


def _may_cause(located: LocatedHit) -> bool:
    """Whether to report a hit that the change only causes, on an unchanged line.

    An attribute that is removed, or a function that grew, is reported at an unchanged line.
    """
    severity = located.hit.severity or located.rule.severity
    return located.rule.caused or (located.rule.only_new and severity.actionable)


def _whole(check: ChangeCheck, view: ChangeView) -> _Result:
    started = time.monotonic()
    status, reason = AnalyserStatus.DONE, ""
    hits: list[Hit] = []
    try:
        hits.extend(check.run(view))
    except Exception as error:  # noqa: BLE001 - one check's bug must not cost the others
        status, reason = AnalyserStatus.FAILED, f"{type(error).__name__}: {error}"
    report = AnalyserReport(
        check.name, status, round(time.monotonic() - started, 3), "", len(view.files), reason
    )
    return located_anywhere(hits, view, check.name), report
