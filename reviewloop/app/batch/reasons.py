"""What was said when a run came to stand still, as far as it still holds."""

from contextlib import suppress

from reviewloop.app.batch.asked_now import changed_since
from reviewloop.app.batch.autopilot import why_a_person
from reviewloop.app.project import Repository
from reviewloop.app.run.view import proposal_of
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.repository import dirty_files
from reviewloop.store.runs import RunRecord, RunStatus

NOT_COMMITTED = "could not be committed: "
"""How what a batch says begins of a run that it approved in vain."""
STANDS_ON = "it builds on "
"""How what a batch says begins of a run that is held by the one below it."""

_FILES_IN_THE_WAY = "commit, revert or move "  # see `workspace.touched`


def reason_now(repository: Repository, run: RunRecord) -> str:
    """Return why a run stands where it does, "" where its reason is gone.

    Files that were in the way of a commit may be out of it, and what did not happen to the
    checkout at a commit is no news later.
    """
    if run.status is RunStatus.COMMITTED:
        moved = f"Only the branch {run.branch} moved; the checkout is as it was."
        return run.reason.replace(moved, "").strip("; ")
    if run.status is RunStatus.UNDONE:
        return "its commit was taken back (`reviewloop undo`)"
    if run.status is not RunStatus.WAITING or not run.reason:
        return run.reason
    if is_over(repository, run.reason):
        return ""
    return f"not committed when it was approved: {run.reason}"


def is_over(repository: Repository, reason: str) -> bool:
    """Whether files that were in the way of a commit are out of it."""
    if _FILES_IN_THE_WAY not in reason or repository.user.dirty:
        return False
    with suppress(WorkspaceError):  # who only looks at runs has not looked at the files
        return not dirty_files(repository.user)
    return False


def not_committed(run: RunRecord) -> str:
    """Return why a run was approved in vain, in words that hold wherever it is brought then."""
    return NOT_COMMITTED + run.reason.partition(", then `reviewloop approve")[0]


def of_change(repository: Repository, run: RunRecord) -> str:
    """Return what in a change asks for a person, "" where nothing does."""
    proposal = proposal_of(repository, run)
    return why_a_person(proposal, changed_since(repository, run)) if proposal is not None else ""
