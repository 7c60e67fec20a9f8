"""Brings an approved commit to the remote, as often as it takes, and only once."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from reviewloop.app.held_values import masking_for
from reviewloop.domain.errors import WorkspaceError
from reviewloop.faults import fault
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import UserRepo
from reviewloop.git.transfer import Remote, is_fetched, look, push, remote_of, shown_address
from reviewloop.store.postgres.batches import About
from reviewloop.store.runs import RunRecord


class Pushing:
    """Pushes to the branch of a batch with the credentials of this worker; `say` is told of it."""

    def __init__(self, user: UserRepo, about: About, say: Callable[[str], None]) -> None:
        self._user, self._about, self._say = user, about, say

    def push(self, private_folder: Path, record: RunRecord, commit: str) -> None:
        """Bring a run's commit to its branch; see `store.shared.Shared.publish`."""
        fault("worker.push")
        user, branch = self._user, self._about.branch
        if not is_fetched(user, branch, commit):
            remote = remote_of(user.git_dir, user.root, self._about.address)
            with closing(PrivateRepo.open(private_folder)) as private:
                try:
                    _bring(private, remote, branch, commit, record.base_commit)
                except WorkspaceError as error:
                    # It may quote the server, whose hooks say what they like.
                    masking = masking_for(user.root, user.git_dir)
                    why = masking.for_people(str(error)).rstrip(".")
                    raise WorkspaceError(
                        f"{why}; nothing was touched, and `reviewloop approve "
                        f"{record.run_id}` tries it again"
                    ) from error
        fault("worker.pushed")
        record.evidence["pushed"] = branch
        self._say(f"{record.run_id}: {commit[:10]} pushed to {branch}")


def _bring(private: PrivateRepo, remote: Remote, branch: str, commit: str, base: str) -> None:
    there = look(private.git, remote, branch)
    if there == commit:
        return  # by a worker that died before it could say so
    if there != base:
        raise WorkspaceError(
            f"nothing was pushed: {branch} of {shown_address(remote.url)} has moved on meanwhile"
        )
    try:
        push(private.git, remote, commit, branch, base)
    except WorkspaceError:
        if look(private.git, remote, branch) != commit:  # only the answer was lost
            raise
