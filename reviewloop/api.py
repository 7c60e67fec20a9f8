"""The public Python API: `review` and `run` as `import reviewloop` offers them.

Nothing here prints, reads standard input, handles signals or ends the process. Every expected
failure is raised as a `ReviewLoopError`.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeVar

from reviewloop.app.interrupts import run_embedded
from reviewloop.app.project import Repository, model_flags, open_repository
from reviewloop.app.redactors import redactor_of
from reviewloop.app.review.review import NO_MODEL, ReviewRequest, ReviewResult
from reviewloop.app.review.review import review as run_review
from reviewloop.app.run.cleaning import leave_out
from reviewloop.app.run.start import RunRequest, begin, plan
from reviewloop.app.run.view import RunView, run_object, view
from reviewloop.app.run_with_callback import Decision, advance_with_decisions
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import (
    BudgetExhaustedError,
    GuardRailError,
    ModelError,
    ReviewLoopError,
    UsageError,
    WorkspaceError,
)
from reviewloop.domain.event import RunEvent
from reviewloop.domain.finding import Evidence, Finding, Severity
from reviewloop.git.comparison import CompareSpec, require_one_of
from reviewloop.render.json import json_report
from reviewloop.render.json import render as render_json
from reviewloop.render.proposal import left_of
from reviewloop.render.report import Outcome
from reviewloop.render.review_words import outcome_sentence
from reviewloop.store.redaction import redact_plain
from reviewloop.store.runs import RunRecord

__all__ = [
    "BudgetExhaustedError",
    "Decision",
    "Event",
    "Evidence",
    "Finding",
    "GuardRailError",
    "ModelError",
    "Proposal",
    "Report",
    "ReviewLoopError",
    "RunResult",
    "Severity",
    "UsageError",
    "WorkspaceError",
    "review",
    "run",
]


@dataclass(frozen=True)
class Event:
    """An event of a review or a run.

    `kind` is "progress" (its data hold a `text`), "preflight" (the output of `run --preflight
    --json`), or one shown by `reviewloop logs`: reviewer.start, gate, proposed, run.end ...
    """

    kind: str
    at: float  # seconds since the epoch
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Report:
    """The result of a review."""

    outcome: Outcome  # clean | findings | incomplete | nothing_to_review
    exit_code: int  # of the command
    summary: str  # one sentence
    what: str  # the compared versions, in words
    base: str  # commit or tree ids
    head: str
    findings: tuple[Finding, ...]  # most severe first
    silenced: tuple[Finding, ...]  # in the baseline, dismissed or suppressed
    reviewed: tuple[str, ...]  # paths
    skipped: Mapping[str, str]  # path -> why it was not read
    failed: Mapping[str, str]  # reviewer or analyser that failed -> why
    model: str  # "none", or the model asked
    notes: tuple[str, ...]
    _json: str = field(repr=False)

    def to_json(self) -> str:
        """Return what `reviewloop review --json` prints; see docs/schemas/review.json."""
        return self._json


@dataclass(frozen=True)
class Proposal:
    """The commit that a run proposes."""

    run_id: str
    task: str  # its id; "" without a spec
    title: str
    branch: str
    message: str  # of the commit
    blocked: str  # why it cannot be approved, or ""
    files: tuple[str, ...]
    findings: tuple[Finding, ...]
    must_fix: int  # findings left
    should_fix: int
    diff: str


@dataclass(frozen=True)
class RunResult:
    """The state of a run: waiting, blocked, committed or skipped (that is: rejected)."""

    run_id: str
    status: Literal["waiting", "blocked", "committed", "skipped"]
    reason: str
    exit_code: int  # of the command
    branch: str
    commit: str  # its id once it is committed, else ""
    proposal: Proposal | None
    _json: str = field(repr=False)

    def to_json(self) -> str:
        """Return what `reviewloop run --json` prints; see docs/schemas/run.json."""
        return self._json


OnEvent = Callable[[Event], None]
T = TypeVar("T")


def review(
    path: str | PathLike[str] = ".",
    *,
    base: str = "",
    range: str = "",
    staged: bool = False,
    commit: str = "",
    patch: bytes | None = None,
    files: bool = False,
    paths: Sequence[str] = (),
    agents: Sequence[str] = (),
    spec: str = "",
    model: str = NO_MODEL,
    rules_from: Literal["", "base", "change"] = "",
    again: bool = False,
    settings: Mapping[str, object] | None = None,
    on_event: OnEvent | None = None,
) -> Report:
    """Review a change of the repository around `path` and return the report.

    The arguments are the options of `reviewloop review`; the default is everything that is not on
    the base branch yet. `files` reviews `paths` as they are. `model` is "none", PROVIDER:MODEL, or
    "" for the one in the settings. `rules_from` names the side whose settings, agents and baseline
    apply. `settings` are by dotted name: {"limits.usd": 2}. Callbacks are called in other threads,
    one at a time. Raises `ReviewLoopError`.
    """
    given = {"range": range, "staged": staged, "commit": commit, "files": files}
    require_one_of(given | {"patch": patch is not None})
    if files and not paths:
        raise UsageError("files=True needs the paths to review, ['.'] for all")
    model_options = model_flags(None if model in {"", NO_MODEL} else model)
    request = ReviewRequest(
        compare=CompareSpec(range, base, staged, commit, files, patch, tuple(paths)),
        agents=tuple(agents),
        spec=spec,
        model=model,
        rules_side=rules_from,
        flags={**(settings or {}), **model_options},
        again=again,
        require_usable_model=True,
    )
    events = _EventListener(on_event)

    def work() -> Report:
        start = Path(path).resolve()
        with run_review(request, start, on_progress=events.progress, listener=events) as done:
            return _report_of(done)

    return events.done(run_embedded(work))


def run(
    task: str = "next",
    *,
    path: str | PathLike[str] = ".",
    spec: str = "",
    message: str = "",
    branch: str = "",
    model: str = "",
    steering: Sequence[str] = (),
    again: bool = False,
    sandbox: bool = True,
    hooks: bool = True,
    settings: Mapping[str, object] | None = None,
    approve: Callable[[Proposal], Decision] | None = None,
    on_event: OnEvent | None = None,
) -> RunResult:
    """Implement a task of a spec, or the change in `message`; return the state of the run.

    The arguments are the options of `reviewloop run`; `sandbox=False` is its `--no-sandbox`,
    `hooks=False` its `--no-hooks`. `approve` is called with each proposal and decides; without it
    nothing is committed: the run waits, and `reviewloop approve` answers it. Callbacks are called
    in other threads, one at a time. Raises `ReviewLoopError`; a stopped run is kept for
    `reviewloop resume`.
    """
    if message and (task != "next" or spec):
        raise UsageError("give a task of a spec or a message, not both")
    if message and not message.strip():
        raise UsageError("the message needs a sentence that says what to change")
    request = RunRequest(
        task=task,
        spec=spec,
        instruction=message,
        branch=branch,
        again=again,
        unsandboxed="" if sandbox else "accepted",
        no_hooks=not hooks,
        steering=tuple(steering),
        flags={**(settings or {}), **model_flags(model or None)},
    )
    events = _EventListener(on_event)

    def decide(seen: RunView) -> Decision:
        return approve(_proposal_of(seen)) if approve else Decision("wait")

    def work() -> RunResult:
        repository = open_repository(Path(path).resolve())
        if gone := leave_out(repository):
            events.progress(gone)
        planned = plan(repository, request)
        events.notify("preflight", time.time(), planned.plain())
        record = begin(repository, planned)
        return _result_of(repository, advance_with_decisions(repository, record, decide, events))

    return events.done(run_embedded(work))


class _EventListener:
    """Passes events to the caller one at a time; an exception of the caller is raised at the end.

    Raised earlier it would look like a failed reviewer.
    """

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event, self._lock = on_event, threading.Lock()
        self._error: Exception | None = None

    def __call__(self, event: RunEvent) -> None:
        data = {name: value for name, value in event.items() if name not in {"kind", "at"}}
        self.notify(event["kind"], event["at"], data)

    def progress(self, text: str) -> None:
        self.notify("progress", time.time(), {"text": text})

    def notify(self, kind: str, at: float, data: Mapping[str, Any]) -> None:
        with self._lock:
            if self._on_event is None or self._error is not None:
                return
            try:
                self._on_event(Event(kind, at, data))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the caller's
                self._error = error

    def done(self, result: T) -> T:
        if self._error is not None:
            raise self._error
        return result


def _report_of(done: ReviewResult) -> Report:
    report, shown = done.report, done.shown
    readers = [(one.name, str(one.status), one.reason) for one in report.agents]
    readers += [(one.name, str(one.status), one.reason) for one in report.analysers]
    return Report(
        outcome=report.outcome,
        exit_code=report.exit_code,
        summary=outcome_sentence(report),
        what=report.what,
        base=report.base,
        head=report.head,
        findings=report.findings,
        silenced=report.silenced,
        reviewed=tuple(file.path for file in report.reviewed),
        skipped={file.path: file.reason for file in report.skipped},
        failed={name: reason for name, status, reason in readers if status == "failed"},
        model=report.model,
        notes=(*report.notes, *filter(None, (done.rules_version,))),
        _json=shown.rendered(render_json(report, shown)),
    )


def _result_of(repository: Repository, record: RunRecord) -> RunResult:
    proposal, found = None, None
    with suppress(UsageError), view(repository, record) as seen:
        proposal, found = _proposal_of(seen), seen.proposal
    body = redact_plain(run_object(record, found), redactor_of(repository.user).redact_held)
    return RunResult(
        run_id=record.run_id,
        status=body["status"],
        reason=record.reason,
        exit_code=record.exit_code,
        branch=record.branch,
        commit=record.commit,
        proposal=proposal,
        _json=json_report("run", body),
    )


def _proposal_of(seen: RunView) -> Proposal:
    found, record, left = seen.proposal, seen.record, left_of(seen.proposal)
    redact = seen.redactor.redact_held
    findings = (
        Finding.model_validate(redact_plain(one, redact)) for one in found.get("findings", ())
    )
    return Proposal(
        run_id=record.run_id,
        task=record.task_id,
        title=redact(record.title),
        branch=record.branch,
        message=redact(found.get("message", "")),
        blocked=redact(found.get("blocked", "")),
        files=tuple(file["path"] for file in found.get("files", ())),
        findings=tuple(findings),
        must_fix=left.must_fix,
        should_fix=left.should_fix,
        diff=seen.diff(),
    )
