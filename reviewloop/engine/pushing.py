"""Brings approved commits to the remote, as often as it takes, and each only once."""

from collections.abc import Callable
from contextlib import closing

from reviewloop.engine.copies import is_unpushed
from reviewloop.errors import WorkspaceError
from reviewloop.faults import fault
from reviewloop.runs.repository import Repository
from reviewloop.store.postgres.batches import About
from reviewloop.store.runs import RunRecord
from reviewloop.workspace.clones import is_fetched, remote_of
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.pushing import Remote, look, push


def push_committed(repository: Repository, about: About, say: Callable[[str], None]) -> None:
    """Push every commit of the branch's runs that is not at the remote yet.

    Raises `WorkspaceError` when the remote refuses it or cannot be reached.
    """
    user = repository.user
    for run in sorted(repository.runs.all(), key=lambda run: run.updated_at):
        if not is_unpushed(run):
            continue
        fault("worker.push")
        remote = remote_of(user.git_dir, user.root, about.address)
        with closing(PrivateRepo.open(repository.run_folder(run.run_id) / "git")) as private:
            there = look(private.git, remote, about.branch)
            branch = about.branch
            if there != run.commit and not is_fetched(user, about.branch, run.commit):
                branch = _pushed(private, remote, run, there)
        fault("worker.pushed")
        run.evidence["pushed"] = branch
        if branch != about.branch:
            run.reason = f"{about.branch} had moved on, so it was pushed as {branch}: merge that"
        repository.runs.save(run)
        say(f"{run.run_id}: {run.commit[:10]} pushed as {branch}")


def _pushed(private: PrivateRepo, remote: Remote, run: RunRecord, there: str) -> str:
    """Push a commit to its branch, or, when somebody was quicker, to one of its own."""
    try:
        if there != run.base_commit:
            raise WorkspaceError("the branch has moved on")
        push(private.git, remote, run.commit, run.branch, run.base_commit)
    except WorkspaceError:
        if look(private.git, remote, run.branch) == run.base_commit:
            raise  # nobody was quicker: the push itself is refused
        own = f"reviewloop/{run.run_id}"
        if look(private.git, remote, own) != run.commit:
            push(private.git, remote, run.commit, own, "")
        return own
    return run.branch
