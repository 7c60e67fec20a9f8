"""Checks the specs on disk, and derives the exit code."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence

from reviewloop.analysis.contract import Tree
from reviewloop.app.project import read_settings
from reviewloop.app.review.result import NEVER
from reviewloop.app.review.review_history import reasons
from reviewloop.app.sandboxing import require_sandbox
from reviewloop.app.spec.help_texts import HelpTexts
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.finding import Finding
from reviewloop.domain.task import SpecRef
from reviewloop.git.patches import Hunk
from reviewloop.git.repository import UserRepo
from reviewloop.render.report import ReviewedFile, ReviewReport
from reviewloop.review.quiet import QUIET_FILE, read_quiet
from reviewloop.review.silencing import BASELINE_FILE, LEVELS, Silences, read_baseline, silence
from reviewloop.specs.checks import SpecChecks, SpecView, check_spec, read_view
from reviewloop.specs.checks.view import require_spec
from reviewloop.specs.discover import find_specs, spec_named
from reviewloop.specs.files import DiskFiles

_LARGEST = 1_000_000  # bytes of a file that is searched for names


@dataclass(frozen=True)
class CheckedSpec:
    """One spec with its findings, the silenced ones, and what was not checked."""

    checks: SpecChecks
    findings: tuple[Finding, ...]
    silenced: tuple[Finding, ...]

    @property
    def path(self) -> str:
        """The spec's folder or file."""
        return self.checks.view.spec.path


@dataclass(frozen=True)
class SpecReport:
    """All specs that were checked; `fail_on` is must, should, nit or never."""

    specs: tuple[CheckedSpec, ...]
    fail_on: str
    seconds: float
    files: DiskFiles

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The open findings of all specs."""
        return tuple(finding for spec in self.specs for finding in spec.findings)

    @property
    def notes(self) -> tuple[str, ...]:
        """The checks that were not done, and why."""
        return tuple(f"{one.path}: {note}" for one in self.specs for note in one.checks.notes)

    @property
    def unverified(self) -> tuple[str, ...]:
        """Names that could not be looked up, with their lines."""
        return tuple(entry for one in self.specs for entry in one.checks.unverified)

    @property
    def exit_code(self) -> ExitCode:
        """`FINDINGS` where one is as severe as `fail_on`, else `CLEAN`."""
        if self.fail_on == NEVER:
            return ExitCode.CLEAN
        worst = LEVELS[self.fail_on].rank
        failing = any(finding.severity.rank <= worst for finding in self.findings)
        return ExitCode.FINDINGS if failing else ExitCode.CLEAN

    def text(self, path: str) -> str | None:
        """Return a document as it is on disk."""
        data = self.files.read(path)
        return None if data is None else data.decode("utf-8", "replace")

    def hunks(self, path: str) -> Sequence[Hunk]:
        """Return nothing: no diff is checked."""
        return ()

    def as_review(self) -> ReviewReport:
        """Return it as a report that the formats of reviews take."""
        named = ", ".join(one.path for one in self.specs[:3])
        more = f" and {len(self.specs) - 3} more" if len(self.specs) > 3 else ""
        documents = dict.fromkeys(line.path for one in self.specs for line in one.checks.view.lines)
        return ReviewReport(
            what=f"{named}{more}",
            base="",
            head="",
            findings=self.findings,
            silenced=tuple(finding for one in self.specs for finding in one.silenced),
            reviewed=tuple(ReviewedFile(path, "M", ()) for path in documents),
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


def check_specs(user: UserRepo, names: Sequence[str], fail_on: str) -> SpecReport:
    """Check the named specs, or all of the user's project.

    Raises `UsageError` for an unknown name, or where there are no specs.
    """
    begin = time.monotonic()
    files = DiskFiles(user.root)
    refs = list(_refs(user, files, names))
    loaded = read_settings(user.root, project=user.project)
    settings = loaded.settings
    paths: list[str] = []

    def listed() -> Sequence[str]:
        if not paths:
            paths.extend(files.paths())
        return paths

    tree = Tree(
        read=lambda path: _text(files, path),
        paths=listed,
        search=lambda strings: _search(files, listed(), strings),
    )
    helps = HelpTexts(lambda: require_sandbox(loaded.settings, ""))
    silences = Silences(
        rules=settings.rules,
        own_rules=settings.rules,
        baseline=read_baseline(files.read(BASELINE_FILE)),
        dismissed=reasons(user.key),
        quiet=read_quiet(files.read(QUIET_FILE)),
    )
    checked = tuple(_checked(read_view(files, ref, tree, helps.of), silences) for ref in refs)
    return SpecReport(checked, fail_on, time.monotonic() - begin, files)


def _checked(view: SpecView, silences: Silences) -> CheckedSpec:
    require_spec(view)
    checks = check_spec(view, silences.level)
    stay, gone = silence(
        checks.findings,
        silences,
        read=view.tree.read,
        added=lambda path, line: False,
    )
    return CheckedSpec(checks, tuple(stay), tuple(gone))


def _refs(user: UserRepo, files: DiskFiles, names: Sequence[str]) -> Iterator[SpecRef]:
    if not names:
        found = find_specs(files, user.project)
        if not found:
            raise UsageError(
                "there is no spec here; name one by its path, or write .kiro/specs/NAME/"
                "requirements.md"
            )
        yield from found
    for name in dict.fromkeys(names):
        yield spec_named(files, name, user.project, user.here)


def _search(
    files: DiskFiles, paths: Sequence[str], strings: Sequence[str]
) -> list[tuple[str, int, str]]:
    """Return (path, line, text) of the lines that hold any of the strings; large files
    are skipped.
    """
    pattern = re.compile("|".join(map(re.escape, strings)))
    found = []
    for path in paths:
        data = files.read(path) or b""
        if len(data) <= _LARGEST and b"\0" not in data[:1000]:
            lines = data.decode("utf-8", "replace").split("\n")
            found += [(path, n, line) for n, line in enumerate(lines, 1) if pattern.search(line)]
    return found


def _text(files: DiskFiles, path: str) -> str | None:
    data = files.read(path)
    return None if data is None else data.decode("utf-8", "replace")


def plain(report: SpecReport) -> Mapping[str, object]:
    """Return the report as JSON-plain values."""
    return {
        "specs": [
            {
                "name": one.checks.view.spec.name,
                "path": one.path,
                "dialect": one.checks.view.spec.dialect,
                "findings": [plain_finding(finding) for finding in one.findings],
                "silenced": [plain_finding(finding) for finding in one.silenced],
                "unverified": list(one.checks.unverified),
                "notes": list(one.checks.notes),
            }
            for one in report.specs
        ],
        "fail_on": report.fail_on,
        "exit_code": int(report.exit_code),
    }


def plain_finding(finding: Finding) -> dict[str, object]:
    """Return a finding of a check as JSON-plain values."""
    return {
        "id": finding.id,
        "rule": finding.rule,
        "severity": str(finding.severity),
        "path": finding.path,
        "line": finding.line,
        "title": finding.title,
        "why": finding.why,
        "suggestion": finding.suggestion,
        "quote": finding.quote,
        "note": finding.note,
    }
