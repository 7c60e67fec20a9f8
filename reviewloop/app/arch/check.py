"""Finds where the code breaks its architecture: in what a change adds, or anywhere."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from reviewloop.analysis.contract import Hit, Options, SourceFile
from reviewloop.analysis.examine import Examination
from reviewloop.analysis.languages import language_of
from reviewloop.analysis.placing import LocatedHit, located_anywhere
from reviewloop.analysis.rule_book import rule_of
from reviewloop.app.arch.project import project_in, require_architecture
from reviewloop.app.project import read_settings
from reviewloop.app.review.result import NEVER
from reviewloop.app.review.review_history import remember, silences_of
from reviewloop.app.spec.check import plain_finding
from reviewloop.architecture.change import find_new
from reviewloop.architecture.checks import tree_hits
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode
from reviewloop.domain.finding import Finding, by_severity
from reviewloop.git.comparison import (
    CompareSpec,
    Comparison,
    as_typed,
    is_chosen,
    open_comparison,
)
from reviewloop.git.patches import Hunk
from reviewloop.git.review_repository import locate
from reviewloop.render.report import ReviewedFile, ReviewReport
from reviewloop.review.evidence import evidence_of, view_of
from reviewloop.review.selection import select
from reviewloop.review.silencing import LEVELS, silence
from reviewloop.specs.architecture import ProjectArchitecture

_SOURCE = "architecture"


@dataclass(frozen=True)
class ArchReport:
    """The findings of a comparison with the architecture; `fail_on` is must, should, nit, never."""

    architecture: ProjectArchitecture
    what: str
    findings: tuple[Finding, ...]
    silenced: tuple[Finding, ...]
    fail_on: str
    seconds: float
    texts: Mapping[str, str]  # of the files that findings are about
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """`FINDINGS` where one is as severe as `fail_on`, else `CLEAN`."""
        if self.fail_on == NEVER:
            return ExitCode.CLEAN
        worst = LEVELS[self.fail_on].rank
        failing = any(finding.severity.rank <= worst for finding in self.findings)
        return ExitCode.FINDINGS if failing else ExitCode.CLEAN

    def text(self, path: str) -> str | None:
        """Return a file that a finding is about."""
        return self.texts.get(path)

    def hunks(self, path: str) -> Sequence[Hunk]:
        """Return nothing: whole files are shown."""
        return ()

    def as_review(self) -> ReviewReport:
        """Return it as a report that the formats of reviews take."""
        return ReviewReport(
            what=self.what,
            base="",
            head="",
            findings=self.findings,
            silenced=self.silenced,
            reviewed=tuple(ReviewedFile(path, "M", ()) for path in self.texts),
            skipped=(),
            agents=(),
            analysers=(),
            outcome="findings" if self.findings else "clean",
            exit_code=int(self.exit_code),
            fail_on=self.fail_on,
            seconds=self.seconds,
            model="none",
            notes=self.notes,
        )


def check_architecture(
    start: Path, paths: Sequence[str] = (), *, whole: bool, base: str = "", fail_on: str = "nit"
) -> ArchReport:
    """Compare what a change adds, or with `whole` all files, with the architecture.

    Raises `UsageError` where there is no architecture or an invalid one.
    """
    begin = time.monotonic()
    repository = locate(start)
    user = repository.user
    given = require_architecture(user.root, user.project)
    chosen = as_typed(paths, repository, start)
    with ExitStack() as stack:
        spec = CompareSpec(whole=True) if whole else CompareSpec(base=base, paths=chosen)
        comparison = stack.enter_context(open_comparison(start, spec, repository))
        loaded = read_settings(user.root, project=user.project)
        silences = silences_of(comparison, loaded)
        find = _in_whole if whole else _in_change
        findings, texts = find(comparison, given, chosen, silences.level)
        stay, gone = silence(findings, silences, read=texts.get, added=lambda path, line: False)
        report = ArchReport(
            given,
            "all files" if whole else comparison.what,
            tuple(by_severity(stay)),
            tuple(gone),
            fail_on,
            time.monotonic() - begin,
            texts,
            comparison.notes,
        )
    remember(user.key, report.as_review())
    return report


_Level = Callable[[str, bool], str]
_Found = tuple[list[Finding], Mapping[str, str]]


def _in_whole(
    comparison: Comparison, given: ProjectArchitecture, chosen: Sequence[str], level: _Level
) -> _Found:
    project = project_in(comparison.private, comparison.new, given.architecture, given.folder)
    hits = [hit for hit in tree_hits(project) if is_chosen(hit.path, tuple(chosen))]
    files = [_whole_file(path, project.modules.read(path) or "") for path in _paths(hits)]
    located = [LocatedHit(hit, rule, _SOURCE, True) for hit in hits if (rule := rule_of(hit.rule))]
    return _findings(located, files, level)


def _in_change(
    comparison: Comparison, given: ProjectArchitecture, chosen: Sequence[str], level: _Level
) -> _Found:
    change = comparison.private.change(comparison.old, comparison.new)
    selection = select(
        change, comparison.private, base=comparison.base, unreadable=dict(comparison.unreadable)
    )
    options = Options(architecture=given.text, architecture_folder=given.folder)
    view = view_of(change, selection, comparison.private, options)
    hits = list(find_new(view))
    paths = set(_paths(hits))
    files = [file for file in view.files if file.path in paths]
    return _findings(located_anywhere(hits, view, _SOURCE), files, level)


def _findings(located: Iterable[LocatedHit], files: Sequence[SourceFile], level: _Level) -> _Found:
    pieces = evidence_of(Examination(tuple(located)), files, level=level)
    return [piece.finding for piece in pieces], {file.path: file.text for file in files}


def _paths(hits: Iterable[Hit]) -> list[str]:
    return list(dict.fromkeys(hit.path for hit in hits))


def _whole_file(path: str, text: str) -> SourceFile:
    lines = text.count("\n") + 1
    return SourceFile(path, text, ((1, lines),), language_of(path, text))


def plain(report: ArchReport) -> Mapping[str, object]:
    """Return the report as JSON-plain values."""
    return {
        "architecture": report.architecture.path,
        "what": report.what,
        "findings": [plain_finding(finding) for finding in report.findings],
        "silenced": [plain_finding(finding) for finding in report.silenced],
        "notes": list(report.notes),
        "fail_on": report.fail_on,
        "exit_code": int(report.exit_code),
    }
