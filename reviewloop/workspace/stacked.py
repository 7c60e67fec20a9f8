"""A run that starts from another run's commit, which the person's repository does not have yet."""

from dataclasses import dataclass, replace
from pathlib import Path

from reviewloop.workspace.export import copy_objects
from reviewloop.workspace.git import Git
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.userrepo import UserRepo


@dataclass(frozen=True)
class Base:
    """A commit to start from, and the git directory of the run that made it."""

    commit: str
    private: Path


def create_on(folder: Path, user: UserRepo, base: Base | None) -> PrivateRepo:
    """Make a run's repository on `base`, None for the person's own commit.

    The objects that only the other run has are copied, so that either may go before the other.
    Raises `WorkspaceError` when the other run's repository does not have the commit.
    """
    if base is None:
        return PrivateRepo.create(folder, user)
    private = PrivateRepo.create(folder, replace(user, head=base.commit))
    copy_objects(Git(base.private), private.git, base.commit, user.head or "")
    return private
