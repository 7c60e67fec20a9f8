"""Brings a waiting run onto its branch as it is now: the way of `approve` and of the queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reviewloop.app.batch.conflicts import keep_conflict
from reviewloop.app.batch.line import Waiting, base_on
from reviewloop.app.batch.queue import lacking, queue_of, what_lacks
from reviewloop.app.batch.stacking import chain_below
from reviewloop.app.project import Repository
from reviewloop.app.run.branches import head_now, looked_again, on_branch
from reviewloop.app.run.changing import ConflictError, rebase
from reviewloop.app.run.view import proposal_of
from reviewloop.domain.errors import ExitCode, UsageError, WorkspaceError
from reviewloop.render.proposal import left_of
from reviewloop.store.events import Listener
from reviewloop.store.runs import RunRecord, RunStatus


class NeedError(UsageError):
    """Something that a task needs is nowhere; knows the command that goes on."""

    def __init__(self, why: str, following: str) -> None:
        super().__init__(why)
        self.following = following


class NotMergedError(WorkspaceError):
    """A run that does not merge with what came onto its branch; it waits as it was."""

    exit_code = ExitCode.WAITING


@dataclass(frozen=True)
class Brought:
    """A run on its branch as it is now."""

    run: RunRecord
    ask: str  # why the person has to look at it again; "" where it is what was approved


def has_moved(repository: Repository, run: RunRecord) -> bool:
    """Whether the branch of a waiting run is not where the run took it from any more."""
    if run.status is not RunStatus.WAITING:
        return False
    now = head_now(repository, run.branch)
    return bool(now) if run.new_branch else now != run.base_commit


def bring(repository: Repository, run: RunRecord, listener: Listener | None = None) -> Brought:
    """Bring a waiting run onto its branch: gates again, review of what meets.

    Raises `NotMergedError` where it does not merge, and `UsageError` where it stands on a run that
    waits, too, or its branch is gone. The run is left as it was then.
    """
    repository = looked_again(repository)
    there = on_branch(repository, run.branch)
    name = run.run_id
    if there is None:
        raise UsageError(
            f"the branch {run.branch}, to which run {name} commits, is gone; `reviewloop checkout "
            f"{name} NAME` saves its work as a branch"
        )
    waiting = queue_of(there).waiting
    mine = next((one for one in waiting if one.run.run_id == name), None)
    chain = chain_below(mine, waiting)[:-1] if mine else ()
    if chain:
        below = ", ".join(one.run.run_id for one in chain)
        raise UsageError(
            f"run {name} builds on {below}, which wait{'s' if len(chain) == 1 else ''} for you, "
            f"too; `reviewloop queue approve {name}` commits what is below it first"
        )
    elsewhere = repository.user.branch != run.branch
    try:
        after = put_on(there, run, None, (), {"elsewhere": elsewhere}, listener)
    except ConflictError as error:
        keep_conflict(repository, name, there.user.head or "", str(error))
        raise NotMergedError(
            f"{str(error).partition(' and what is below it')[0]} and {run.branch}, which moved on, "
            f"now changed the same lines of {', '.join(error.paths)}; nothing was touched. Save "
            f"the work with `reviewloop checkout {name} NAME` and merge that branch by hand, or "
            f"have the task done anew on what is there now: `reviewloop reject {name}`, then "
            "`reviewloop run`"
        ) from error
    return Brought(after, why_again(repository, run, after))


def put_on(
    there: Repository,
    run: RunRecord,
    below: Waiting | None,
    chain: Sequence[Waiting],
    options: Mapping[str, Any],
    listener: Listener | None,
) -> RunRecord:
    """Bring a run behind another that waits, or onto its branch; `chain` is all that waits below.

    Raises `NeedError` where something that its task needs is missing there.
    """
    done = [other.run.task_id for other in chain]
    if need := lacking(there, run, set(done)):
        raise NeedError(*what_lacks(there, run, need))
    kept = {"stands_on": below.run.run_id if below else "", "done": done, "redo": False}
    base = base_on(there, below) if below else None
    return rebase(there, run.run_id, base, options={**kept, **options}, listener=listener)


def why_again(repository: Repository, before: RunRecord, after: RunRecord) -> str:
    """Return why a brought run is another one than was approved, "" if it is the same change."""
    if after.status is not RunStatus.WAITING:
        return after.reason or f"it is {after.status}"
    was, now = proposal_of(repository, before), proposal_of(repository, after)
    if was is None or now is None:
        return "there is nothing to compare it with"
    if met := now.get("met", []):
        return f"what came below it meets it in {', '.join(met[:3])}" + (
            f" and {len(met) - 3} more" if len(met) > 3 else ""
        )
    if left_of(was) != left_of(now) or now["incomplete"] != was["incomplete"]:
        return "its findings are others now"
    if now["governance"] != was["governance"]:
        return "governance asks for a person"
    return ""
