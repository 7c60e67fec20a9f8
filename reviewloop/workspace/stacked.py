"""A run on another run's commit, which the person's repository does not have yet; moving it there.

Merging two trees is `git merge-tree --write-tree`, which git has since 2.38.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.export import copy_objects
from reviewloop.workspace.git import Git
from reviewloop.workspace.loose import write_ref, write_whole
from reviewloop.workspace.private import ABOUT, PrivateRepo
from reviewloop.workspace.skeleton import borrow
from reviewloop.workspace.userrepo import UserRepo


@dataclass(frozen=True)
class Base:
    """A commit to start from, and the git directory of the run that made it."""

    commit: str
    private: Path
    below: str  # the commit that this one stands on
    shared: Path  # where the objects of all such commits of a repository are kept


def create_on(
    folder: Path, user: UserRepo, base: Base | None, *, for_reading: bool = False
) -> PrivateRepo:
    """Make a run's repository on `base`, None for the person's own commit.

    One `for_reading` has no tags. Raises `WorkspaceError` when the other run's repository does not
    have the commit.
    """
    if base is None:
        return PrivateRepo.create(folder, user, for_review=for_reading)
    standing = replace(user, head=base.commit)
    private = PrivateRepo.create(folder, standing, for_review=for_reading)
    _lend(base, user, private)
    return private


def _lend(base: Base, user: UserRepo, private: PrivateRepo) -> None:
    """Let a repository see a commit of another run, whichever of the two is deleted first.

    Each commit is copied once, whatever number of runs stands on it: a ref says that all of it is
    there, and nothing is ever taken from that folder.
    """
    reference = f"refs/reviewloop/lent/{base.commit}"
    if not (base.shared / reference).is_file():
        copy_objects(Git(base.private), user.mirror(base.shared), base.commit, base.below)
        write_ref(base.shared, reference, base.commit)
    borrow(private.folder, base.shared / "objects")
    private.pool.restart()


@dataclass(frozen=True)
class Rebased:
    """A change as it is on another commit; `tree` is empty when it does not fit there."""

    tree: str
    conflicts: tuple[str, ...] = ()  # paths in which both sides changed the same lines


def rebased(
    private: PrivateRepo, tree: str, start: str, base: Base | None, user: UserRepo
) -> Rebased:
    """Return the change from the commit `start` to `tree` as a change of `base`.

    Where `base` is None the person's commit is meant. Only objects are written. Raises
    `WorkspaceError` where git is too old.
    """
    onto = base.commit if base else user.head or ""
    if base is not None:
        _lend(base, user, private)
    keeper = ("reviewloop", "reviewloop@localhost")
    sides = [
        private.commit(one, [start], "rebase\n", keeper, keeper, date="1000000000 +0000")
        for one in (private.tree_of(onto), tree)
    ]
    result = private.git.result("merge-tree", "--write-tree", "-z", "--name-only", *sides)
    if result.exit_code not in (0, 1):
        raise WorkspaceError("git cannot rebase a waiting change: git 2.38 or newer is needed")
    found, *rest = result.stdout.split(b"\0")
    if result.exit_code == 0:
        return Rebased(found.decode())
    names = rest[: rest.index(b"")] if b"" in rest else rest
    return Rebased("", tuple(name.decode("utf-8", "replace") for name in names))


def set_base(private: PrivateRepo, commit: str) -> None:
    """Have workspaces of a run show this commit as HEAD to the tools that ask git."""
    place = private.folder / ABOUT
    about = {**json.loads(place.read_text()), "head": commit}
    write_whole(place, json.dumps(about, indent=1).encode())
    private.head = commit
