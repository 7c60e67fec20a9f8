"""Reads what branches that are not merged yet hold, from what was fetched: no network is asked."""

import os
from dataclasses import dataclass

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.git import Git
from reviewloop.workspace.userrepo import UserRepo

_FILES = ("100644 ", "100755 ")


@dataclass(frozen=True)
class SideBranch:
    """A branch with work that the checkout does not have; of a remote as it was last fetched."""

    name: str  # as git shows it: reviewloop/2.1, origin/reviewloop/2.1
    commit: str


def side_branches(user: UserRepo, folder: str) -> tuple[SideBranch, ...]:
    """Return the branches below `folder/`, here and of all remotes, that HEAD does not contain.

    Raises `WorkspaceError` when git cannot list them.
    """
    output = Git(user.common_dir).run(
        *("for-each-ref", "--format=%(objectname) %(objecttype) %(refname:lstrip=2)"),
        *(f"--no-merged={user.head}", f"refs/heads/{folder}/**", f"refs/remotes/**/{folder}/**"),
    )
    rows = [line.split(" ", 2) for line in os.fsdecode(output).splitlines()]
    return tuple(SideBranch(name, commit) for commit, kind, name in rows if kind == "commit")


def file_in(user: UserRepo, branch: SideBranch, path: str) -> bytes | None:
    """Return a file as a branch has it, or None where it has no such file.

    Raises `WorkspaceError` for one that a partial clone left behind: it is there, but unknown.
    """
    git = Git(user.common_dir)
    found = os.fsdecode(git.run("ls-tree", "-z", branch.commit, "--", path))
    if not found.startswith(_FILES):
        return None
    blob = git.result("cat-file", "blob", found.split()[2])
    if blob.exit_code:
        raise WorkspaceError(
            f"{path} of the branch {branch.name} is not in this clone, so nobody can tell what is "
            "done there; clone without --filter"
        )
    return blob.stdout
