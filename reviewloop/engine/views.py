"""What a person sees of the work of all workers, and how answers reach it; needs no clone."""

from collections.abc import Mapping, Sequence
from typing import Any

from reviewloop.batch.account import unbegun
from reviewloop.batch.rows import unbegun_row
from reviewloop.engine.jobs import ANSWER, TASK, Jobs, Pending
from reviewloop.errors import UsageError
from reviewloop.runs.answers import is_stopped, require_question, worded
from reviewloop.store.postgres.batches import SharedBatch, SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord, RunStatus

_ASKS = (RunStatus.WAITING, RunStatus.BLOCKED)


def batches_shown(database: Database, url: str) -> list[dict[str, Any]]:
    """Return the account of every batch in which something is left, else of the newest one."""
    found = SharedBatches(database).all()
    pending = Jobs(database, url).pending()
    runs = {run.run_id: run for run in SharedRuns(database).all()}
    told = [_account(batch, runs, pending) for batch in found]
    done = {"committed", "rejected"}
    left = [one for one in told if one["state"] != "ended" or set(one["counts"]) - done]
    return left or told[:1]


def batch_shown(database: Database, url: str, batch_id: str) -> dict[str, Any]:
    """Return the account of one batch as it is now."""
    batch = SharedBatches(database).get(batch_id)
    runs = {run.run_id: run for run in SharedRuns(database).all()}
    return _account(batch, runs, Jobs(database, url).pending())


def runs_shown(database: Database, url: str) -> list[tuple[RunRecord, str]]:
    """Return every run, newest first, and its status; one that nobody moves is stopped."""
    pending = Jobs(database, url).pending()
    taken = {
        (job.batch, job.args.get("task") or job.args.get("run")) for job in pending if job.taken
    }
    shown = []
    for run in SharedRuns(database).all():
        batch = str(run.options.get("batch", ""))
        moved = {(batch, run.task_id), (batch, run.run_id)} & taken
        idle = run.status is RunStatus.RUNNING and not moved
        shown.append((run, "stopped" if idle else str(run.status)))
    return shown


def queue_shown(database: Database, url: str) -> list[dict[str, Any]]:
    """Return the rows of what waits for a person, what others stand on first."""
    runs = SharedRuns(database)
    shown = runs.shown()
    remotes = {b.record.batch_id: b.about.address for b in SharedBatches(database).all()}
    answered = {job.args.get("run") for job in Jobs(database, url).pending() if job.name == ANSWER}
    rows = []
    for run in _oldest_first(runs.all()):
        if run.status not in _ASKS or not shown[run.run_id][0]:
            continue
        row, note = shown[run.run_id]
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
    answer = worded(run, choice, text)
    if not (choice == "skip" and is_stopped(run)):
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
    row = runs.shown().get(name, ({}, ""))[0]
    stamps = runs.stamps()
    waits = name in stamps and stamps[name][0] is RunStatus.WAITING
    return name if waits and row.get("proposed") == run.base_commit else ""


def _is_answered(database: Database, url: str, run_id: str) -> bool:
    jobs = Jobs(database, url).pending()
    return any(job.args.get("run") == run_id for job in jobs if job.name == ANSWER)


def _account(
    batch: SharedBatch, runs: Mapping[str, RunRecord], pending: Sequence[Pending]
) -> dict[str, Any]:
    """Return the account as a worker told it last, with what happened since."""
    record = batch.record
    mine = [job for job in pending if job.batch == record.batch_id]
    jobs = {str(job.args["task"]): job.taken for job in mine if job.name == TASK}
    at_work = {job.args["run"] for job in mine if job.name == ANSWER and job.taken}
    told = {row["task"]: row for row in batch.account.get("tasks", ())}
    newest: dict[str, RunRecord] = {}
    for one in runs.values():
        if one.options.get("batch") == record.batch_id:
            newest.setdefault(one.task_id, one)
    rows: list[dict[str, Any]] = []
    for task, title in record.tasks.items():
        row: dict[str, Any] = {**unbegun_row(task, title), **told.get(task, {})}
        if (run := newest.get(task)) is not None:
            row |= {"run": run.run_id, **_now(run, taken=jobs.get(task, run.run_id in at_work))}
        if task in jobs and row["state"] in {"open", "stopped"}:
            row |= {"why": "a worker begins" if jobs[task] else "queued"}
        rows.append(row)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["state"]] = counts.get(row["state"], 0) + 1
    return {
        **unbegun(record),
        **batch.account,
        "batch": record.batch_id,
        "spec": record.spec_path,
        "mode": record.mode,
        "branch": batch.about.branch,
        "remote": batch.about.address,
        "state": "running" if mine else "ended" if record.ended else "stopped",
        "reason": record.reason,
        "left_out": record.left_out,
        "budget_usd": record.budget_usd,
        "deadline": record.deadline,
        "counts": counts,
        "tasks": rows,
    }


def _now(run: RunRecord, *, taken: bool) -> dict[str, Any]:
    states = {RunStatus.SKIPPED: "rejected", RunStatus.UNDONE: "rejected"}
    state = states.get(run.status, str(run.status))
    if run.status in {RunStatus.RUNNING, RunStatus.PAUSED}:
        state = "running" if taken else "stopped"
    step = run.step if state in {"running", "stopped"} else ""
    return {
        "state": state,
        "step": step,
        "commit": run.commit,
        "branch": run.branch,
        "approved_by": run.approved_by,
    }
