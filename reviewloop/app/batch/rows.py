"""One row of a batch's account: where a task stands and why, what was done, what that cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from reviewloop.app.batch.conflicts import conflict_with
from reviewloop.app.batch.costs import Cost, before, cost_of, kept_rows
from reviewloop.app.batch.figures import UNFINISHED, figures
from reviewloop.app.batch.line import landing_in
from reviewloop.app.batch.reasons import NOT_COMMITTED, STANDS_ON, is_over, of_change, reason_now
from reviewloop.app.batch.refusals import is_answered
from reviewloop.app.batch.renumbered import row_of
from reviewloop.app.batch.stands import Stand, TaskRun, branch_of, stand_of, stands_told
from reviewloop.app.project import Repository
from reviewloop.app.run.branches import head_now
from reviewloop.app.run.view import proposal_of
from reviewloop.render.batch import NOT_CHOSEN, next_of
from reviewloop.store.batches import BatchRecord
from reviewloop.store.runs import RunRecord, RunStatus

REDONE = "redone"
"""The state of a run that was given up so that its task is done once more."""
UNDONE = "undone"
"""The state of a run whose commit was taken back; its task stands as if it had been rejected."""

_FOR_GOOD = {Stand.COMMITTED, Stand.REJECTED, UNDONE}


class Rows:
    """The rows of one batch, read from its runs and from what was kept of deleted ones."""

    def __init__(self, repository: Repository, record: BatchRecord, *, running: bool) -> None:
        self._repository, self._record, self._running = repository, record, running
        branch, tasks = branch_of(repository, record), record.tasks
        self._stands = stands_told(repository, record)
        here = repository.user.branch == branch
        # None: not checked out, so nothing is said of what stands on it.
        self._head = head_now(repository, branch) if here else None
        runs = sorted(repository.runs.all(), key=lambda run: run.created_at)
        self._statuses = {run.run_id: run.status for run in runs}
        self._mine: dict[str, list[RunRecord]] = {}
        self._row_of: dict[str, str] = {}
        for run in runs:
            if run.options.get("batch") == record.batch_id:
                self._row_of[run.run_id] = row_of(repository, tasks, run)
                self._mine.setdefault(self._row_of[run.run_id], []).append(run)
        self._kept = kept_rows(record, self._statuses)
        self.tasks = {**tasks, **self._gone()}
        """id -> title, of all tasks that cost something, and of those that did not yet."""
        waiting = [one.run for one in self._stands.values() if one.run is not None]
        self._commits = {one.commit for one in landing_in(repository, waiting)}
        blocked = {task for task, one in self._stands.items() if one.stand is Stand.BLOCKED}
        self.reason = "" if is_answered(record.reason, blocked, self.tasks) else record.reason
        """Why the batch stopped, as far as that still holds."""

    def _gone(self) -> dict[str, str]:
        """Return the tasks that the batch paid for and does not list any more."""
        known, found = self._record.tasks, {}
        for task, rows in self._kept.items():
            if rows and task not in known:
                found[task], self._stands[task] = rows[-1]["title"], TaskRun(Stand.OPEN)
        for task, runs in self._mine.items():
            if task not in known:
                stand = stand_of(self._repository, runs[-1])
                found[task], self._stands[task] = runs[-1].title, TaskRun(stand, runs[-1])
        return found

    def row(self, task: str) -> dict[str, Any]:
        """Return the row of a task."""
        found, kept = self._stands[task], list(self._kept.get(task, ()))
        run = None if found.stand is Stand.OPEN else found.run
        over = self._is_over(task)
        if run is not None:
            shown = run_row(self._repository, run, self._record.batch_id)
            shown["why"] = self._why(found, run)
        elif over:
            shown = {name: value for name, value in kept.pop().items() if name != "created_at"}
        else:
            shown = {**_NOTHING, "why": self._why_open(task, found)}
        tries = [
            run_row(self._repository, one, self._record.batch_id)
            for one in self._mine.get(task, ())
            if run is None or one.run_id != run.run_id
        ]
        row = {**shown, **with_earlier(shown, [*kept, *tries])}
        row["refused"] = row["state"] == Stand.OPEN and task in self._record.refused
        row["chosen"] = not self._record.held.get(task, "").startswith(NOT_CHOSEN)
        lacked = self._lacked(run) if run is not None and found.stand is Stand.WAITING else ""
        row["next"] = next_of(
            row,
            going_on=self._running,
            work_kept=not over,
            batch_why=self.reason,
            anew=lacked if lacked and self._stand(lacked) is Stand.REJECTED else "",
            by_workers=self._repository.shared is not None,
        )
        return {**row, "task": task, "title": self.tasks[task]}

    def _why(self, found: TaskRun, run: RunRecord) -> str:
        """Return why a task with a run stands where it does, "" where the state says it all."""
        if found.stand is Stand.STOPPED and run.status is RunStatus.RUNNING:
            return "it was cut off: its process ended"
        if found.stand is Stand.STOPPED and (held := self._record.held.get(self._of(run), "")):
            return held
        if (said := reason_now(self._repository, run)) or found.stand is not Stand.WAITING:
            return said
        if lacked := self._lacked(run):
            return f"it needs {lacked}, which is {self._named(lacked)}"
        asks = self._said(run) or of_change(self._repository, run)
        return "; ".join(filter(None, (asks, self._of_place(run))))

    def _of(self, run: RunRecord) -> str:
        """Return the task in whose row a run is."""
        return self._row_of.get(run.run_id, run.task_id)

    def _lacked(self, run: RunRecord) -> str:
        """Return a task that a run's task needs and nobody can build on now, "" for none."""
        needs = self._record.needs.get(self._of(run), ())
        return next((need for need in needs if not self._stand(need).carries), "")

    def _said(self, run: RunRecord) -> str:
        """Return what the batch said when it left a run to a person, while that still holds."""
        proposal, head, why = self._record.said.get(run.run_id, ("", "", ""))
        same = proposal == run.proposal and self._head in {head, None}
        holds = same and not self._was_left(run) and not is_over(self._repository, why)
        return why if holds else ""

    def _not_committed(self, run_id: str) -> str:
        """Return why a run could not be committed that waits below another; "" if it was not so."""
        runs = (one.run for one in self._stands.values() if one.run and one.run.run_id == run_id)
        said = next(map(self._said, runs), "")
        return said if said.startswith(NOT_COMMITTED) else ""

    def _of_place(self, run: RunRecord) -> str:
        """Return what a person should know of what a waiting run stands on."""
        if self._was_left(run):
            return f"that was rejected, so approving rebases this onto {run.branch} first"
        if self._record.mode == "autopilot" and run.base_commit in self._commits:
            below = str(run.options.get("stands_on"))
            return f"{STANDS_ON}{below}, which {self._not_committed(below) or 'waits for a person'}"
        if self._head in {run.base_commit, None} or run.base_commit in self._commits:
            return ""
        if met := conflict_with(run, self._head):
            return met
        return (
            f"what it was built on has changed; approving rebases it onto {run.branch} first, "
            "then asks you again"
        )

    def _was_left(self, run: RunRecord) -> bool:
        below = str(run.options.get("stands_on", ""))
        return self._statuses.get(below) in {RunStatus.SKIPPED, RunStatus.UNDONE}

    def _why_open(self, task: str, found: TaskRun) -> str:
        """Return why nothing of a task was begun, or what it was given up for."""
        record, again = self._record, ""
        if found.run is not None and found.run.options.get("redo"):
            again = found.run.reason
        held = record.held.get(task, "")
        if self._running or task in record.refused:
            return again or held
        stands = {need: self._stand(need) for need in record.needs.get(task, ())}
        for need, stand in stands.items():
            if stand.fails:
                return f"waits for {need}, which is {self._named(need)}"
        for need, stand in stands.items():
            if not stand.carries:
                return f"waits for {need}, which is not finished"
        waiting = [need for need, stand in stands.items() if stand is Stand.WAITING]
        if again or not record.ended or held.startswith(NOT_CHOSEN):
            return again or held or "it was not begun: the batch stopped before it"
        if waiting:
            return f"waits for your approval of {' and '.join(waiting)}"
        return "" if stands else held

    def _stand(self, task: str) -> Stand:
        """Return where a task stands that may have left the batch, or whose run was deleted."""
        found = self._stands.get(task)
        if found is None:
            return Stand.COMMITTED  # it was done before this batch
        if not self._is_over(task):
            return found.stand
        state = self._kept[task][-1]["state"]
        return Stand.REJECTED if state == UNDONE else Stand(state)

    def _named(self, task: str) -> str:
        """Return where a task stands as its row says it."""
        found = self._stands.get(task)
        if found and found.run and found.run.status is RunStatus.UNDONE:
            return UNDONE
        return str(self._stand(task))

    def _is_over(self, task: str) -> bool:
        """Whether a deleted run ended a task, and nothing was begun after it."""
        found, kept = self._stands[task], self._kept.get(task)
        if not kept or found.stand is not Stand.OPEN or kept[-1]["state"] not in _FOR_GOOD:
            return False
        # An earlier try may be there still: rejected work is not deleted unless it is asked for.
        return found.run is None or kept[-1].get("created_at", 0.0) > found.run.created_at


def unbegun_row(task: str, title: str) -> dict[str, Any]:
    """Return the row of a task of which nobody has begun anything."""
    row = {**_NOTHING, **with_earlier(_NOTHING, ()), "refused": False, "chosen": True, "next": ""}
    return {"task": task, "title": title, **row}


def state_of(repository: Repository, run: RunRecord) -> str:
    """Return where a run stands, apart from its task: that may be done once more."""
    if run.status is RunStatus.UNDONE:
        return UNDONE
    stand = stand_of(repository, run)
    return str(REDONE if stand is Stand.OPEN else stand)


def run_row(repository: Repository, run: RunRecord, batch_id: str) -> dict[str, Any]:
    """Return what the account of a batch says of one run."""
    state, whole = state_of(repository, run), cost_of(repository, run)
    mine = run.options.get("batch") == batch_id
    earlier = before(run) if mine else whole
    return {
        "state": state,
        "title": run.title,
        "run": run.run_id,
        "step": run.step if state in {Stand.RUNNING, Stand.STOPPED} else "",
        "why": reason_now(repository, run),
        "exit_code": run.exit_code,
        "stands_on": str(run.options.get("stands_on", "")),
        "branch": run.branch,
        "commit": run.commit,
        "approved_by": run.approved_by,
        **figures(proposal_of(repository, run)),
        "cost": whole.plus(earlier, -1).plain(),
        "before": earlier.plain(),
    }


def queue_row(repository: Repository, run: RunRecord, state: str) -> dict[str, Any]:
    """Return what the queue shows of a run; its cost is all that it took."""
    row = run_row(repository, run, "")
    row |= {**with_earlier({**row, "cost": row["before"]}, ()), "state": state}
    waits = run.status is RunStatus.WAITING
    why = row["why"] or (of_change(repository, run) if waits else "")
    return {"task": run.task_id, **row, "why": why, "before": None}


def with_earlier(shown: Mapping[str, Any], tries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a task's cost with that of earlier tries, and what of it these were."""
    earlier = spent = Cost()
    paid = Cost.of(shown["before"] or {})
    for one in tries:
        earlier, paid = earlier.plus(Cost.of(one["cost"])), paid.plus(Cost.of(one["before"] or {}))
    spent = Cost.of(shown["cost"]).plus(earlier)
    plain = spent.plain()
    return {
        **plain,
        "usd": None if spent.unpriced else plain["usd"],
        "cost": plain,
        "before": paid.plain() if paid != Cost() else None,
        "earlier": _earlier(earlier, tries),
        "earlier_runs": [one["run"] for one in reversed(tries)],
    }


def _earlier(cost: Cost, tries: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if not tries:
        return None
    each = [{"run": one["run"], "why": one["why"]} for one in tries]
    return {"tries": len(tries), "why": tries[-1]["why"], "each": each, **cost.plain()}


_NOTHING: Mapping[str, Any] = {
    "state": str(Stand.OPEN),
    **dict.fromkeys(("run", "step", "why", "stands_on", "branch", "commit", "approved_by"), ""),
    "exit_code": 0,
    **UNFINISHED,
    "cost": Cost().plain(),
    "before": None,
}
