"""What was said when a run came to stand still, as far as it still holds."""

from reviewloop.runs.repository import Repository
from reviewloop.store.runs import RunRecord, RunStatus

_FILES_IN_THE_WAY = "commit, revert or move "  # see `workspace.touched`


def reason_now(repository: Repository, run: RunRecord) -> str:
    """Return why a run stands where it does, "" where its reason is gone.

    Files that were in the way of a commit may be out of it, and what did not happen to the
    checkout at a commit is no news later.
    """
    if run.status is RunStatus.COMMITTED:
        moved = f"Only the branch {run.branch} moved; the checkout is as it was."
        return run.reason.replace(moved, "").strip("; ")
    if run.status is not RunStatus.WAITING or not run.reason:
        return run.reason
    if _FILES_IN_THE_WAY in run.reason and not repository.user.dirty:
        return ""
    return f"not committed when you approved it: {run.reason}"
