"""Runs the analysers on a tree, for a review of a diff and for the reviewers of a run."""

import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewloop.analysis import rule_book
from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus, ChangeView, Hit, Options
from reviewloop.analysis.examine import Examination, Late, OnReport, examine_early
from reviewloop.analysis.tools import TOOLS
from reviewloop.analysis.tools.eslint import CONFIGURATIONS, NAME
from reviewloop.analysis.tools.found import configuration_text, found_configuration
from reviewloop.app.arch.project import architecture_at
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import InterruptedByUserError
from reviewloop.git.diff import Change
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import UserRepo
from reviewloop.review.evidence import AnalyserFinding, evidence_of, view_of
from reviewloop.review.selection import Selection, select
from reviewloop.review.silencing import Silences
from reviewloop.rules.tests import coverage_hits, read_coverage
from reviewloop.rules.tests.reports import UnreadableReportError
from reviewloop.secrets import Redactor, checks_with
from reviewloop.settings import Settings
from reviewloop.settings.schema import Coverage
from reviewloop.store.folders import state_root
from reviewloop.store.journal import CallKey, hash_of
from reviewloop.store.trust import TrustStore

if TYPE_CHECKING:  # the loop is loaded only when a model is asked
    from reviewloop.loop.context import RunContext
    from reviewloop.sandbox.base import Sandbox

COVERAGE_DATA = "coverage data"

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
    """Return findings from a coverage report in the checkout; none without a report.

    A report that is older than a changed file is not used for it, with a note.
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
        return [([], AnalyserReport(COVERAGE_DATA, AnalyserStatus.NOT_CHECKED, reason=reason))]
    try:
        if path.stat().st_size > _LARGEST:
            raise UnreadableReportError(f"{name} is larger than {_LARGEST // 1_000_000} MB")
        hits = coverage_hits(view, read_coverage(name, path.read_bytes(), str(root)), name)
    except (OSError, UnreadableReportError) as error:
        return [([], AnalyserReport(COVERAGE_DATA, AnalyserStatus.FAILED, reason=str(error)))]
    seconds = round(time.monotonic() - started, 3)
    report = AnalyserReport(COVERAGE_DATA, AnalyserStatus.DONE, seconds, files=len(view.files))
    return [(hits, report)]


def _newer_than(report: Path, view: ChangeView, root: Path) -> str:
    made = report.stat().st_mtime
    for file in view.files:
        on_disk = root / file.path
        if file.language and on_disk.is_file() and on_disk.stat().st_mtime > made:
            return file.path
    return ""


_DEEPEST = 6  # levels below the root to search for a project


@dataclass(frozen=True)
class Configuration:
    """A configuration of a tool in a checkout."""

    tool: str
    path: str
    text: str
    is_code: bool

    @property
    def digest(self) -> str:
        """Return the id of its consent."""
        return _digest(self.tool, self.path, self.text)

    @property
    def meaning(self) -> str:
        """Return what agreeing to it means."""
        how = "is code and runs in the sandbox" if self.is_code else "replaces reviewloop's own"
        return f"in a review its configuration {how}"


def is_trusted(key: str, tool: str, path: str, text: str) -> bool:
    """Return whether a user agreed to exactly this text in this repository."""
    return TrustStore(state_root()).is_trusted(key, _digest(tool, path, text))


def configurations(root: Path) -> list[Configuration]:
    """Return the configurations in a checkout that can be trusted: data of any tool,
    ESLint's code.
    """
    root = root.resolve()
    found = []
    for tool in TOOLS:
        path = None if tool.configuration_is_code else found_configuration(tool, root)
        text = None if path is None else configuration_text(tool, path)
        if path is not None and text is not None:
            name = path.relative_to(root).as_posix()
            found.append(Configuration(tool.name, name, text, is_code=False))
    for path in _of_eslint(root):
        text = path.read_text("utf-8", "replace")
        found.append(Configuration(NAME, path.relative_to(root).as_posix(), text, is_code=True))
    return found


def _of_eslint(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        here = Path(folder)
        names[:] = sorted(n for n in names if n != "node_modules" and not n.startswith("."))
        if len(here.relative_to(root).parts) >= _DEEPEST:
            names.clear()
        name = next((name for name in CONFIGURATIONS if name in files), "")
        path = here / name
        if name and path.is_file() and path.resolve().is_relative_to(root):
            yield path


def _digest(tool: str, path: str, text: str) -> str:
    return hash_of({"tool": tool, "path": path, "text": text})


@dataclass(frozen=True)
class Read:
    """The change as the analysers of some reviewers read it, under these settings.

    `redactor` knows the secrets of this machine, which a change must not hold. `part_only` says
    that more may have changed than was requested, `of_others` that others than the user may have
    written it.
    """

    change: Change
    selection: Selection
    private: PrivateRepo
    user: UserRepo
    settings: Settings
    reviewers: Collection[str]
    redactor: Redactor
    part_only: bool = False
    of_others: bool = False
    rules_root: Path | None = None  # root of the architecture file; None: the checkout

    @cached_property
    def view(self) -> ChangeView:
        """The change as analysers see it."""
        review = self.settings.review
        architecture = architecture_at(self.rules_root or self.user.root, self.user.project)
        options = Options(
            required_tags=review.required_tags,
            advisories=review.advisories,
            repository_configuration=review.repository_configuration,
            checkout=str(self.user.root),
            timeout_seconds=review.analyser_seconds,
            of_others=self.of_others,
            architecture=architecture.text if architecture else "",
            architecture_folder=architecture.folder if architecture else "",
            trusts=lambda *about: not self.of_others and is_trusted(self.user.key, *about),
            sandbox=partial(_sandbox, self.settings),
        )
        change, private = self.change, self.private
        return view_of(change, self.selection, private, options, partial=self.part_only)

    def late(self) -> Late:
        """Start the slow analysers; the caller closes what it returns."""
        off = self.settings.review.analysers_off
        return Late(self.view, reviewers=self.reviewers, off=off)

    def early(self, *, on_disk: bool = False, on_report: OnReport | None = None) -> Examination:
        """Return what all other analysers find, which reviewers are shown.

        `on_disk` says that the new side is the checkout: coverage data in it is about these files.
        """
        view, coverage = self.view, self.settings.gates.coverage
        return examine_early(
            view,
            reviewers=self.reviewers,
            off=self.settings.review.analysers_off,
            checks=checks_with(rule_book.file_checks(), self.redactor),
            extra=coverage_of(view, self.user.root, coverage) if on_disk else (),
            on_report=on_report,
        )


class Analysis:
    """Runs the analysers on the trees of one run; slow ones work while reviewers read.

    Their results are stored in the run's journal: another release of an analyser must not change
    the prompts of a resumed run.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: dict[str, Read] = {}
        self._late: dict[str, Late] = {}

    def early(self, context: "RunContext", tree: str) -> tuple[AnalyserFinding, ...]:
        """Return the findings in a tree that reviewers are shown; start the slow analysers."""
        return _pieces(self._early(context, tree))

    def late(self, context: "RunContext", tree: str) -> tuple[AnalyserFinding, ...]:
        """Return what the slow analysers find in a tree, once they have finished."""
        return _pieces(self._finished(context, tree))

    def not_analysed(self, context: "RunContext", tree: str) -> dict[str, Any]:
        """Return `files` that analysers did not read completely, and analysers that `failed`."""
        early, late = self._early(context, tree), self._finished(context, tree)
        failed = [*early.get("failed", []), *late.get("failed", [])]
        return {"files": early.get("not_read", []), "failed": failed}

    def stop(self) -> None:
        """Stop the slow analysers; a resumed run starts them again."""
        with self._lock:
            working = list(self._late.values())
        for late in working:
            late.stop()

    def close(self) -> None:
        """Stop them and wait for their end."""
        self.stop()
        for late in self._late.values():
            late.close()

    def _early(self, context: "RunContext", tree: str) -> dict[str, Any]:
        self._begin(context, tree)

        def analyse() -> dict[str, Any]:
            read = self._read_of(context, tree)
            not_read = [
                {"path": one.file.path, "reason": one.reason, "chosen": one.chosen}
                for one in read.selection.skipped
            ]
            found = read.early(on_report=partial(_emit, context))
            return {**_plain(found, read), "not_read": not_read}

        return context.journal.once(CallKey("analysers", "review"), {"tree": tree}, analyse)

    def _begin(self, context: "RunContext", tree: str) -> Late | None:
        """Start the slow analysers of a tree; None where the journal has their results."""
        if context.journal.lookup(_LATE, hash_of({"tree": tree})) is not None:
            return None
        read = self._read_of(context, tree)
        with self._lock:
            if tree not in self._late:
                self._late[tree] = read.late()
                if context.stopped.is_set():
                    self._late[tree].stop()
            return self._late[tree]

    def _finished(self, context: "RunContext", tree: str) -> dict[str, Any]:
        late = self._begin(context, tree)

        def analyse() -> dict[str, Any]:
            assert late is not None  # noqa: S101 - the journal holds no result
            found = late.finished(partial(_emit, context))
            if context.stopped.is_set():  # stopped half-way, so without a result
                raise InterruptedByUserError().resuming(
                    "stopped while slow analysers were at work; ", " asks them again"
                )
            return _plain(found, self._read_of(context, tree))

        return context.journal.once(_LATE, {"tree": tree}, analyse)

    def _read_of(self, context: "RunContext", tree: str) -> Read:
        if tree not in self._read:
            self._read[tree] = _read_of(context, tree)
        return self._read[tree]


def _sandbox(settings: Settings) -> "Sandbox":
    from reviewloop.app.sandboxing import choose_sandbox  # loaded late: few reviews run code

    return choose_sandbox(settings)


_LATE = CallKey("late analysers", "review")


def _read_of(context: "RunContext", tree: str) -> Read:
    settings = context.settings
    # Where known findings are fixed: what analysers found in the whole change must be gone. The fix
    # alone would not show that.
    base = context.reviewed_since or context.base_tree
    change = context.change(base, tree)
    selection = select(
        change,
        context.private,
        base=base,
        ignore=settings.review.ignore,
        skip_new=settings.review.skip_new,
    )
    names = {agent.name for agent in context.team.reviewers}
    private, user = context.private, context.user
    of_others = context.untrusted or context.rules is not None
    redactor = context.redactor
    whole = (change, selection, private, user, settings, names, redactor)
    return Read(*whole, of_others=of_others, rules_root=context.rules)


def _plain(found: Examination, read: Read) -> dict[str, Any]:
    level = Silences(rules=read.settings.rules).level
    pieces = evidence_of(found, read.selection.sources, level=level)
    return {
        "pieces": [piece.plain() for piece in pieces],
        "failed": [{"name": one.name, "reason": one.reason} for one in found.failed],
    }


def _pieces(record: Mapping[str, Any]) -> tuple[AnalyserFinding, ...]:
    return tuple(AnalyserFinding.from_plain(piece) for piece in record["pieces"])


def _emit(context: "RunContext", report: AnalyserReport) -> None:
    context.events.emit(
        "analyser", name=report.name, status=str(report.status), reason=report.reason
    )
