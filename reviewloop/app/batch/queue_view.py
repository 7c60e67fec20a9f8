"""The queue as JSON-plain values."""

from dataclasses import replace

from reviewloop.app.batch.queue import (
    ApprovalEstimate,
    Queue,
    estimate_approval,
    queue_of,
    rebase_obstacle,
    waiting_elsewhere,
)
from reviewloop.app.batch.report import queue_entry
from reviewloop.app.batch.spec_changes import why_not_tickable
from reviewloop.app.batch.stack import Waiting, chain_below, is_landing
from reviewloop.app.project import Repository
from reviewloop.app.run.branches import on_branch
from reviewloop.domain.batch_report import ApproveAll, OtherBranch, QueueEntry, QueueReport
from reviewloop.domain.errors import ExitCode
from reviewloop.store.locks import is_held
from reviewloop.store.runs import RunRecord


def queue_report(repository: Repository) -> QueueReport:
    """Return all that waits on the branch checked out, and counts for other branches."""
    found = queue_of(repository)
    rows = [_row(repository, found, one) for one in found.stacked]
    rows += [
        _row(repository, found, one, _before(repository, found, one.run)) for one in found.stale
    ]
    cut_off = [(run, _moving(repository, run)) for run in found.cut_off]
    others = [*cut_off, *((run, "blocked") for run in found.blocked)]
    rows += [
        QueueEntry(queue_entry(repository, run, state), _NOTES.get(state, ""))
        for run, state in others
    ]
    return QueueReport(
        repository.user.branch,
        tuple(rows),
        approve_all(estimate_approval(repository, found)),
        repository.user.head,
        tuple(
            OtherBranch(one.branch, tuple(one.runs), one.next, str(one))
            for one in waiting_elsewhere(repository)
        ),
    )


def approve_all(seen: ApprovalEstimate, otherwise: str = "") -> ApproveAll:
    """Return what an approval of everything does; `otherwise` is the text where that is nothing."""
    lists = (tuple(seen.commits), tuple(seen.rebases), tuple(seen.holds))
    return ApproveAll(*lists, str(seen) or otherwise)


def why_stale(repository: Repository, run: RunRecord) -> str:
    """Return what is done first to a run whose base is not its branch, or ""."""
    there = on_branch(repository, run.branch)
    found = queue_of(there) if there else None
    if there is None or found is None or all(one.run.run_id != run.run_id for one in found.stale):
        return ""
    return _before(there, found, run)


def result_row(
    run: RunRecord, what: str, why: str, following: str, code: ExitCode
) -> dict[str, object]:
    """Return the JSON row of a run after an answer."""
    return {
        "run": run.run_id,
        "task": run.task_id,
        "title": run.title,
        "spec": run.spec_path,
        "branch": run.branch,
        "what": what,
        "commit": run.commit,
        "why": why,
        "next": following,
        "exit_code": int(code),
    }


_NOTES = {
    "stopped": "was cut off while it was moved; approving it goes on with that",
    "running": "is moved at this moment",
}


def _before(repository: Repository, found: Queue, run: RunRecord) -> str:
    """Return what approving a run that is not on its branch does first."""
    one = next(one for one in found.waiting if one.run.run_id == run.run_id)
    message = rebase_obstacle(repository, found, one) or (
        f"builds on a commit that {run.branch} does not have: approving rebases it first, "
        "where gates run and reviewers look at what moved below it, and then asks you again"
    )
    return "; ".join(filter(None, (message, why_not_tickable(repository, run))))


def _row(repository: Repository, found: Queue, one: Waiting, before: str = "") -> QueueEntry:
    run = one.run
    state = _moving(repository, run) if is_landing(run) else "waiting"
    note = _NOTES.get(state, before)
    below = chain_below(one, found.waiting)[:-1]
    onto = below[-1].run.run_id if below else ""
    return QueueEntry(replace(queue_entry(repository, run, state), below=onto), note)


def _moving(repository: Repository, run: RunRecord) -> str:
    return "running" if is_held(repository.run_lock(run.run_id)) else "stopped"
