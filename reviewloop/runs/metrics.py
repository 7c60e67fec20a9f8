"""Takes the figures of a run from what it left: its record, proposal, journal and events.

docs/stats.md says how each of them is counted. A figure never costs a run: what goes wrong here is
a sentence, not an error.
"""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from reviewloop.errors import WorkspaceError
from reviewloop.findings import Finding, Severity, Status
from reviewloop.output.counts import PERSON
from reviewloop.reviewing.silencing import is_persons_dismissal
from reviewloop.runs.soundness import JOURNAL
from reviewloop.steps.figures import usage_figures
from reviewloop.store.blobs import Blobs
from reviewloop.store.events import read_events
from reviewloop.store.journal import Journal
from reviewloop.store.metrics import FindingCount, MetricsStore, RunMetrics
from reviewloop.store.runs import RunRecord, RunStatus, RunStore

AUTOPILOT, QUEUE = "autopilot", "the queue"
"""Who answers in a person's place (`batch.autopilot.BY`, `runs.rebasing.BY`)."""

_AT_WORK = {RunStatus.RUNNING, RunStatus.PAUSED}
_LEFT = {Status.OPEN, Status.UNRESOLVED}

_Event = Mapping[str, Any]


def remember(repository: Path, record: RunRecord) -> str:
    """Write the row of a run that has come to rest; return why that failed, "" if it did not.

    `repository` is our folder about the repository. Done twice it is still one row.
    """
    if record.status in _AT_WORK:
        return ""
    try:
        row = _measured(repository, record)
        with closing(MetricsStore(repository)) as store:
            store.save([row])
    except WorkspaceError as error:
        return f"the figures of run {record.run_id} were not kept for `reviewloop stats`: {error}"
    return ""


def catch_up(repository: Path, runs: RunStore, store: MetricsStore) -> list[str]:
    """Take in every run at rest whose row is missing or older than its record.

    Runs of earlier releases come in that way, and those that were killed, given up or undone.
    Returns one sentence for each run that cannot be read. Raises the store's `WorkspaceError`.
    """
    known = store.stamps()
    stale = {
        ident
        for ident, (status, at) in runs.stamps().items()
        if status not in _AT_WORK and known.get(ident) != at
    }
    rows, problems = [], []
    for record in runs.all() if stale else ():
        if record.run_id in stale:
            try:
                rows.append(_measured(repository, record))
            except WorkspaceError as error:
                problems.append(str(error))
    if rows:
        store.save(rows)
    return problems


def _measured(repository: Path, record: RunRecord) -> RunMetrics:
    """Return the row of a run; raise `WorkspaceError` when what it left cannot be read."""
    folder = repository / "runs" / record.run_id
    try:
        return _row(folder, record)
    except (WorkspaceError, sqlite3.Error, OSError, LookupError, TypeError, ValueError) as error:
        raise WorkspaceError(
            f"run {record.run_id} is not counted: what it left in {folder} cannot be read ({error})"
        ) from error


def _row(folder: Path, record: RunRecord) -> RunMetrics:
    proposal: Mapping[str, Any] = {}
    if record.proposal:
        proposal = Blobs(folder / "blobs").get_json(record.proposal)
    events = [event for event, _ in read_events(folder / "events.jsonl")]
    decision = _decision(record, events)
    measured = _coverage(proposal)
    committed = [event["at"] for event in events if event.get("kind") == "committed"]
    over = record.status in {RunStatus.COMMITTED, RunStatus.UNDONE}
    return RunMetrics(
        run_id=record.run_id,
        kind=_kind(record, proposal),
        status=str(record.status),
        begun_at=record.created_at,
        record_at=record.updated_at,
        task_id=record.task_id,
        spec_path=record.spec_path,
        called=hashlib.sha256(record.title.encode()).hexdigest()[:12] if record.task_id else "",
        committed_at=float(committed[-1]) if committed and over else 0.0,
        first_review=_first_review(events, proposal),
        decision=decision,
        modifications=_modifications(events, proposal),
        taken_over=decision == "rejected" and bool(record.options.get("exported")),
        rounds=_rounds(events),
        seconds=round(record.active_seconds, 1),
        new_lines=measured[0],
        missing_lines=measured[1],
        findings=_counted(proposal.get("findings", ())),
        dismissed_by_people=_by_people(proposal.get("findings", ())),
        **_used(folder / JOURNAL),
    )


def _kind(record: RunRecord, proposal: Mapping[str, Any]) -> str:
    if record.options.get("first"):
        return "fix"
    if not record.task_id:
        return "change"
    # Any other run without a change is blocked.
    checked = proposal and not proposal["files"] and not proposal["blocked"]
    return "checkpoint" if checked else "task"


def _used(journal: Path) -> dict[str, Any]:
    if not journal.exists():  # it was given up before anything was asked
        return {"usd": 0.0}
    with closing(Journal(journal)) as opened:
        used = usage_figures(opened)
    names = ("calls", "input", "output", "cache_read", "cache_write")  # keys of the TypedDict
    return {"usd": used["cost_usd"], **{name: used[name] for name in names}}  # type: ignore[literal-required]


def _counted(findings: Iterable[Mapping[str, Any]]) -> tuple[FindingCount, ...]:
    """Count findings; a person's own wishes are none."""
    counts = Counter(
        (tuple(sorted(one["agents"])), str(one["severity"]), str(one["status"]))
        for one in findings
        if PERSON not in one["agents"]
    )
    return tuple(FindingCount(*key, count) for key, count in sorted(counts.items()))


def _by_people(findings: Iterable[Mapping[str, Any]]) -> int:
    """Return how many red and yellow findings people dismissed; a reviewer can reject some, too."""
    listed = (Finding.model_validate(f) for f in findings if f["status"] == Status.DISMISSED)
    return sum(f.severity.actionable and is_persons_dismissal(f) for f in listed)


def _coverage(proposal: Mapping[str, Any]) -> tuple[int | None, int]:
    """Return the new lines that tests could run, and how many of them no test ran."""
    for gate in proposal.get("gates", ()):
        details = gate["details"]
        if gate["name"] == "coverage" and details.get("new_lines"):
            return int(details["new_lines"]), int(details["missing_lines"])
    return None, 0


def _first_review(events: Sequence[_Event], proposal: Mapping[str, Any]) -> str:
    """Return how the first full reading by the reviewers ended, before any fix."""
    begun = _until(events, "proposed", "round")  # a fix round comes after the first review
    failed = any(e.get("kind") == "reviewer.end" and e.get("status") == "failed" for e in begun)
    told = next((e for e in begun if e.get("kind") == "collected"), None)
    if told is None:
        return "incomplete" if failed else "none"
    if "left" in told:
        found = told["left"]
        if found[Severity.MUST_FIX] or found[Severity.SHOULD_FIX]:
            return "findings"
        return "incomplete" if told["failed"] else "clean"
    return _first_review_of_an_earlier_release(events, proposal, failed=failed)


def _first_review_of_an_earlier_release(
    events: Sequence[_Event], proposal: Mapping[str, Any], *, failed: bool
) -> str:
    """The same, where what was left after the review was not told as an event."""
    if any(event.get("kind") == "round" for event in _until(events, "proposed")):
        return "findings"
    if proposal.get("rounds", {}).get("cycle", 1):
        return "unknown"  # the proposal is about what a person had changed since
    left = [f for f in proposal.get("findings", ()) if f["status"] in _LEFT]
    if any(Severity(finding["severity"]).actionable for finding in left):
        return "findings"
    return "incomplete" if failed else "clean"


def _rounds(events: Sequence[_Event]) -> int:
    """Add up the fix rounds of all cycles; one that a crash repeated is told twice."""
    total = latest = 0
    for event in events:
        if event.get("kind") == "round":
            latest = max(latest, int(event["number"]))
        elif _is_answer(event, "modify"):
            total, latest = total + latest, 0
    return total + latest


def _modifications(events: Sequence[_Event], proposal: Mapping[str, Any]) -> int:
    """Return how often a person asked for a modification, a begun one included."""
    done = int(proposal.get("rounds", {}).get("cycle", 0))
    latest = [e for e in events if e.get("kind") == "proposed" or _is_answer(e, "modify")][-1:]
    return done + any(_is_answer(event, "modify") for event in latest)


def _decision(record: RunRecord, events: Sequence[_Event]) -> str:
    """Return what was decided about the run, and whether a person did."""
    if record.status in {RunStatus.COMMITTED, RunStatus.UNDONE}:
        return "autopilot" if record.approved_by == AUTOPILOT else "approved"
    if record.status is not RunStatus.SKIPPED:
        return ""
    answers = [event for event in events if event.get("kind") == "answer"]
    if not answers or answers[-1].get("choice") != "skip":
        return "given_up"  # it had stopped on its way, so nothing was judged
    return "redone" if answers[-1].get("by") == QUEUE else "rejected"


def _is_answer(event: _Event, choice: str) -> bool:
    return event.get("kind") == "answer" and event.get("choice") == choice


def _until(events: Sequence[_Event], *kinds: str) -> list[_Event]:
    """Return the events before the first of these kinds."""
    kept = []
    for event in events:
        if event.get("kind") in kinds:
            break
        kept.append(event)
    return kept
