"""What waits for a person behind a shared store, and how answers reach it; needs no clone."""

from collections.abc import Sequence
from typing import Any

from reviewloop.engine.jobs import ANSWER, Jobs
from reviewloop.engine.resuming import why_not_asked
from reviewloop.errors import UsageError
from reviewloop.runs.answers import is_stopped, require_question, worded
from reviewloop.runs.held_values import masking_here
from reviewloop.store.postgres.batches import SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord, RunStatus

_ASKS = (RunStatus.WAITING, RunStatus.BLOCKED)


def queue_shown(database: Database, url: str) -> list[dict[str, Any]]:
    """Return the rows of what waits for a person, what others stand on first."""
    runs = SharedRuns(database)
    remotes = {b.record.batch_id: b.about.address for b in SharedBatches(database).all()}
    answered = {job.args.get("run") for job in Jobs(database, url).pending() if job.name == ANSWER}
    rows = []
    for run in _oldest_first(runs.all()):
        told = runs.told_of(run.run_id) if run.status in _ASKS else None
        if told is None or not told[1]:
            continue
        _, row, note = told
        del row["of"]
        notes = [note, "an answer is on its way" if run.run_id in answered else "", row["why"]]
        row |= {"state": str(run.status), "why": "; ".join(filter(None, dict.fromkeys(notes)))}
        address = remotes.get(str(run.options.get("batch", "")), "")
        rows.append({**row, "branch": run.branch, "remote": address})
    return rows


def proposal_shown(database: Database, named: str) -> tuple[Any, str]:
    """Return what a run proposes, and its diff; raise `UsageError` when it proposes nothing."""
    runs = SharedRuns(database)
    run = runs.find(named)
    proposal, diff = runs.proposal(run.run_id)
    if not proposal:
        raise UsageError(f"run {run.run_id} has nothing to show yet (it is {run.status})")
    return proposal, diff


def give_answer(
    database: Database, url: str, named: str | None, choice: str, text: str = ""
) -> RunRecord:
    """Queue a person's answer for a worker; return the run as it is now.

    Raises `UsageError` when the run does not ask, or stands on one that waits itself.
    """
    runs = SharedRuns(database)
    run = runs.only(_ASKS, choice) if named is None else runs.find(named)
    answer = worded(run, choice, masking_here().for_people(text))  # it stays with the job
    if not (choice == "skip" and is_stopped(run)):
        if why := why_not_asked(database, url, run):
            raise UsageError(why)
        require_question(run, answer)
    below = _below(runs, run)
    if choice == "approve" and below and not _is_answered(database, url, below):
        raise UsageError(f"run {run.run_id} stands on {below}, which waits: approve that one first")
    batch = SharedBatches(database).get(str(run.options["batch"]))
    if not Jobs(database, url).answer(batch.record.batch_id, batch.about, run.run_id, answer):
        raise UsageError(f"an answer to run {run.run_id} is on its way already")
    return run


def in_order(database: Database, named: Sequence[str], *, every: bool) -> list[str]:
    """Return the runs to approve, those first that others stand on, and what they stand on."""
    runs = SharedRuns(database)
    waiting = {r.run_id: r for r in _oldest_first(runs.all()) if r.status is RunStatus.WAITING}
    wanted = list(waiting) if every else [runs.find(name).run_id for name in named]
    if every and not wanted:
        raise UsageError("nothing waits in the queue; `reviewloop status` lists the runs")
    ordered: list[str] = []
    for run_id in wanted:
        chain, at = [], run_id
        while at and at not in ordered and at not in chain:
            chain.append(at)
            at = _below(runs, waiting[at]) if at in waiting else ""
        ordered += reversed(chain)
    return ordered


def _oldest_first(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Return runs as they began; those that began in one second, as they stand on each other."""
    below = {run.run_id: str(run.options.get("stands_on", "")) for run in runs}

    def height(name: str) -> int:
        seen: set[str] = set()
        while name in below and name not in seen:
            seen.add(name)
            name = below[name]
        return len(seen)

    return sorted(runs, key=lambda run: (run.created_at, height(run.run_id)))


def _below(runs: SharedRuns, run: RunRecord) -> str:
    """Return the waiting run on whose commit this one stands, "" for none."""
    name = str(run.options.get("stands_on", ""))
    status, row, _ = runs.told_of(name) or ("", {}, "")
    waits = status == RunStatus.WAITING
    return name if waits and row.get("proposed") == run.base_commit else ""


def _is_answered(database: Database, url: str, run_id: str) -> bool:
    jobs = Jobs(database, url).pending()
    return any(job.args.get("run") == run_id for job in jobs if job.name == ANSWER)
