"""What a person sees of the work of all workers, and how answers reach it; needs no clone."""

from collections.abc import Mapping, Sequence
from typing import Any

from reviewloop.batch.account import unbegun
from reviewloop.batch.rows import unbegun_row
from reviewloop.batch.stands import ANEW
from reviewloop.engine.jobs import ANSWER, TASK, Jobs
from reviewloop.errors import UsageError
from reviewloop.output.batch_words import next_of
from reviewloop.runs.answers import is_stopped, require_question, worded
from reviewloop.runs.held_values import masking_here
from reviewloop.store.postgres.batches import SharedBatch, SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord, RunStatus

_ASKS = (RunStatus.WAITING, RunStatus.BLOCKED)
_DONE = {"committed", "rejected"}


def batches_shown(database: Database, url: str) -> list[dict[str, Any]]:
    """Return the account of every batch in which something is left, else of the newest one.

    What a later batch has taken up is left in that one only.
    """
    look = _Look(database, url)
    told, left = [], []
    later: set[tuple[str, str, str]] = set()
    for batch in look.batches:  # the newest first
        one = look.account(batch)
        at = (batch.about.lock, batch.record.spec_path)
        mine = {(*at, row["task"]) for row in one["tasks"]}
        open_ones = {(*at, row["task"]) for row in one["tasks"] if row["state"] not in _DONE}
        if (
            one["state"] == "running"
            or open_ones - later
            or (one["state"] != "ended" and mine - later)
        ):
            left.append(one)
        told.append(one)
        later |= mine
    return left or told[:1]


def batch_shown(database: Database, url: str, batch_id: str) -> dict[str, Any]:
    """Return the account of one batch as it is now."""
    return _Look(database, url).account(SharedBatches(database).get(batch_id))


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


class _Look:
    """What the store holds at one moment, read once."""

    def __init__(self, database: Database, url: str) -> None:
        self.batches = SharedBatches(database).all()
        self._runs = SharedRuns(database).all()
        self._pending = Jobs(database, url).pending()
        self._places = {b.record.batch_id: b.about.lock for b in self.batches}

    def account(self, batch: SharedBatch) -> dict[str, Any]:
        """Return the account as a worker told it last, with what happened since."""
        record = batch.record
        mine = [job for job in self._pending if job.batch == record.batch_id]
        jobs = {str(job.args["task"]): job.taken for job in mine if job.name == TASK}
        at_work = {job.args["run"] for job in mine if job.name == ANSWER and job.taken}
        told = {row["task"]: row for row in batch.account.get("tasks", ())}
        newest = self._newest(batch)
        rows: list[dict[str, Any]] = []
        for task, title in record.tasks.items():
            row: dict[str, Any] = {**unbegun_row(task, title), **told.get(task, {})}
            if (run := newest.get(task)) is not None:
                taken = jobs.get(task, run.run_id in at_work)
                row = _now(row, run, taken=taken, going_on=bool(mine))
            if task in jobs and row["state"] in {"open", "stopped"}:
                row |= {"why": "a worker begins" if jobs[task] else "queued", "next": ""}
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

    def _newest(self, batch: SharedBatch) -> dict[str, RunRecord]:
        """Return of each task the run that counts: also one that the batch will take up."""
        record, found = batch.record, dict[str, RunRecord]()
        for run in sorted(self._runs, key=lambda run: run.status.over):
            own = str(run.options.get("batch", ""))
            here = self._places.get(own) == batch.about.lock
            same = (run.spec_path, run.title) == (record.spec_path, record.tasks.get(run.task_id))
            if own == record.batch_id or (here and same and not run.status.over):
                found.setdefault(run.task_id, run)
        return found


def _now(told: Mapping[str, Any], run: RunRecord, *, taken: bool, going_on: bool) -> dict[str, Any]:
    """Return the row of a task with what its run is now; what was told of it before may be old."""
    if run.status is RunStatus.SKIPPED and run.options.get("redo"):
        return dict(told)  # its task is done once more
    if run.status.over and run.options.get(ANEW):
        return {**told, "state": "open", "run": "", "why": "", "next": ""}
    states = {RunStatus.SKIPPED: "rejected", RunStatus.UNDONE: "rejected"}
    state = states.get(run.status, str(run.status))
    if run.status in {RunStatus.RUNNING, RunStatus.PAUSED}:
        state = "running" if taken else "stopped"
    row = {
        **told,
        "run": run.run_id,
        "state": state,
        "step": run.step if state in {"running", "stopped"} else "",
        "commit": run.commit,
        "branch": run.branch,
        "approved_by": run.approved_by,
    }
    if (told["run"], told["state"]) != (run.run_id, state):
        row["why"] = run.reason
        row["next"] = next_of(row, going_on=going_on)
    return row
