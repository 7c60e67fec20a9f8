"""Where workers will start: the branch as the remote has it, which may be ahead of the checkout."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from reviewloop.app.project import Repository
from reviewloop.domain.errors import UsageError
from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.git.transfer import address_of, fetch, has_commit, look, remote_of
from reviewloop.specs.files import DiskFiles, Files, TreeFiles


@dataclass(frozen=True)
class Start:
    """The commit from which workers start, as long as it is needed here."""

    repository: Repository  # the checkout, as if it were there
    address: str  # of the remote, with a password if its address has one
    files: Files
    notes: tuple[str, ...]  # what a person should know of it


@contextmanager
def started(repository: Repository, branch: str, remote: str) -> Iterator[Start]:
    """Yield the start; a checkout that is only behind is no hindrance.

    What it lacks is fetched beside it, nothing of it is written. Raises `UsageError` while it has
    commits that the remote does not.
    """
    user = repository.user
    own = address_of(user, remote)
    place = remote_of(user.git_dir, user.root, own)
    there = look(Git(user.git_dir), place, branch)
    if there == user.head:
        notes = _lacking(Git(user.git_dir), there)
        yield Start(repository, own, DiskFiles(user.root), notes)
        return
    if not (there and user.head):
        raise UsageError(f"{branch} is not at {remote}: push it first, workers start from there")
    with (
        tempfile.TemporaryDirectory(prefix="reviewloop-") as scratch,
        closing(PrivateRepo.create(Path(scratch) / "git", user)) as private,
    ):
        git = private.git
        if not has_commit(user.git_dir, there):
            fetch(git, place, branch)
        behind = int(git.text("rev-list", "--count", f"{user.head}..{there}"))
        _require_pushed(git, branch, remote, f"{there}..{user.head}", behind)
        commits = "1 commit" if behind == 1 else f"{behind} commits"
        said = (
            f"this checkout is {commits} behind {branch} of {remote}; workers start from there, "
            "and the spec was read there"
        )
        at = replace(repository, user=replace(user, head=there))
        files = TreeFiles(private.reader(private.tree_of(there)))
        yield Start(at, own, files, (said, *_lacking(git, there)))


def _require_pushed(git: Git, branch: str, remote: str, mine: str, behind: int) -> None:
    ahead = int(git.text("rev-list", "--count", mine))
    if ahead:
        commits = "1 commit" if ahead == 1 else f"{ahead} commits"
        have = f"{commits} of {branch} {'is' if ahead == 1 else 'are'} not at {remote}"
        todo = f", which has {behind} more: pull and push" if behind else ": push it"
        raise UsageError(f"{have}{todo} first, workers start from there")


def _lacking(git: Git, commit: str) -> tuple[str, ...]:
    """Say what a clone of a worker lacks: gates and models see it that way."""
    rows = git.text("ls-tree", "-r", "-z", commit).split("\0")
    modules = [row.partition("\t")[2] for row in rows if row.startswith("160000 ")]
    names = [row.partition("\t")[2] for row in rows]
    places = [name for name in names if PurePosixPath(name).name == ".gitattributes"]
    asked = ("grep", "-l", "-e", "filter=lfs", commit, "--", *places)
    found = git.text(*asked, ok=(0, 1)) if places else ""
    notes = []
    if modules:
        shown = ", ".join(modules[:3]) + (" and more" if len(modules) > 3 else "")
        notes.append(f"workers have no content of submodules: {shown} is empty there")
    if found:
        notes.append("workers have no content of Git LFS: its files are pointers there")
    return tuple(notes)
