"""Commits of runs: copied to the user's repository, stacked, rebased, reworded."""

import json
from dataclasses import replace
from pathlib import Path

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.faults import fault
from reviewloop.git.directory import add_object_folder, write_ref, write_whole
from reviewloop.git.private import ABOUT, PrivateRepo
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo

_DURABLE = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "core.fsync",
    "GIT_CONFIG_VALUE_0": "all",
}


def export_branch(user: UserRepo, private: PrivateRepo, commit: str, name: str) -> str:
    """Create branch `name` at a commit of the run and return the full name of its ref.

    The user's files, index and HEAD stay unchanged. Raises WorkspaceError for a branch that exists
    at another commit; at this commit it is fine.
    """
    reference = branch_ref(private.git, name)
    git = Git(user.git_dir, cwd=user.root)
    there = commit_at(git, reference)
    full = private.git.text("rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}")
    if there not in {"", full}:
        raise WorkspaceError(f"The branch {name} exists already; choose another name.")
    fault("export.begin")
    copy_objects(private.git, git, full, user.head or "")
    fault("export.objects")
    if not there:
        move_ref(private.git, git, reference, full, "", f"reviewloop: checkout of {full[:12]}")
    return reference


def branch_ref(git: Git, name: str) -> str:
    """Return the full ref of a branch; raise UsageError when git does not allow the name."""
    reference = f"refs/heads/{name}"
    allowed = git.result("check-ref-format", reference).exit_code == 0
    if not allowed or name.startswith("-") or name == "HEAD":
        raise UsageError(f"{name!r} is not a name git allows for a branch; choose another one.")
    return reference


def commit_at(git: Git, reference: str) -> str:
    """Return the commit a ref points at, empty when there is no such ref."""
    return git.text("rev-parse", "-q", "--verify", reference, ok=(0, 1))


def copy_objects(source: Git, target: Git, commit: str, known: str) -> None:
    """Copy the objects of `commit` that `target` lacks; `known` is a commit that `target` has.

    Copying again is harmless. Afterwards it is checked that nothing is missing.
    """
    revisions = f"{commit}\n" + (f"^{known}\n" if known else "")
    pack = source.run("pack-objects", "--revs", "--stdout", "-q", input=revisions.encode())
    target.run("unpack-objects", "-q", input=pack, env_extra=_DURABLE)
    target.run("rev-list", "--objects", "--quiet", "--stdin", input=revisions.encode())


def move_ref(source: Git, target: Git, reference: str, new: str, old: str, message: str) -> None:
    """Move a ref from `old` to `new` (empty: it must not exist), or delete it when `new` is empty.

    The reflog names the committer of the commit. Raises WorkspaceError when the ref is not at
    `old`.
    """
    identity = source.text("show", "-s", "--no-show-signature", "--format=%cn%n%ce", new or old)
    name, _, email = identity.partition("\n")
    who = {"GIT_COMMITTER_NAME": name or "reviewloop", "GIT_COMMITTER_EMAIL": email}
    absent = "0" * len(new or old)
    if new:
        args = ("update-ref", "-m", message, reference, new, old or absent)
    else:
        args = ("update-ref", "-m", message, "-d", reference, old)
    fault("ref.before")
    target.run(*args, env_extra=_DURABLE | who)
    fault("ref.after")


@dataclass(frozen=True)
class Base:
    """The base commit of a run, and the git directory of the run that made it."""

    commit: str
    private: Path
    below: str  # the parent of this commit
    shared: Path  # folder with the objects of all such commits of a repository


def create_on(
    folder: Path, user: UserRepo, base: Base | None, *, for_reading: bool = False
) -> PrivateRepo:
    """Make a run's repository on `base`, None for HEAD.

    One `for_reading` has no tags. Raises `WorkspaceError` when the other run's repository does not
    have the commit.
    """
    if base is None:
        return PrivateRepo.create(folder, user, for_review=for_reading)
    on_base = replace(user, head=base.commit)
    private = PrivateRepo.create(folder, on_base, for_review=for_reading)
    _lend(base, user, private)
    return private


def _lend(base: Base, user: UserRepo, private: PrivateRepo) -> None:
    """Let a repository read a commit of another run, whichever of the two is deleted first.

    Each commit is copied once, however many runs build on it: a ref marks it as complete, and
    nothing is ever deleted from that folder.
    """
    reference = f"refs/reviewloop/lent/{base.commit}"
    if not (base.shared / reference).is_file():
        copy_objects(Git(base.private), user.mirror(base.shared), base.commit, base.below)
        write_ref(base.shared, reference, base.commit)
    add_object_folder(private.folder, base.shared / "objects")
    private.pool.restart()


@dataclass(frozen=True)
class Rebased:
    """A rebased change; `tree` is empty when it does not fit."""

    tree: str
    conflicts: tuple[str, ...] = ()  # paths in which both sides changed the same lines


def rebase_change(
    private: PrivateRepo, tree: str, start: str, base: Base | None, user: UserRepo
) -> Rebased:
    """Return the change from the commit `start` to `tree`, rebased onto `base`.

    A `base` of None is HEAD. Only objects are written. Raises `WorkspaceError` where git is too
    old.
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
    """Make workspaces of a run show this commit as HEAD to tools that ask git."""
    path = private.folder / ABOUT
    about = {**json.loads(path.read_text()), "head": commit}
    write_whole(path, json.dumps(about, indent=1).encode())
    private.head = commit


_SIGNATURES = (b"gpgsig", b"gpgsig-sha256")


def message_of(git: Git, commit: str) -> str:
    """Return the whole message of a commit."""
    return _parts(git, commit)[1].decode("utf-8", "replace")


def is_signed(git: Git, commit: str) -> bool:
    """Return whether a commit has a signature."""
    return any(line.startswith(_SIGNATURES) for line in _parts(git, commit)[0].split(b"\n"))


def reword_commit(git: Git, commit: str, message: str) -> str:
    """Return the commit with this message: same tree, parents, authors and times.

    Its signature is dropped, as it is for the other message. The same call gives the same commit.
    `git` works on a directory of ours, which then holds the new object.
    """
    header = _without_signatures(_parts(git, commit)[0])
    text = message if message.endswith("\n") else message + "\n"
    content = header + b"\n\n" + text.encode("utf-8", "replace")
    stored = git.run("hash-object", "-t", "commit", "-w", "--stdin", input=content)
    return stored.decode().strip()


def _parts(git: Git, commit: str) -> tuple[bytes, bytes]:
    header, blank, message = git.run("cat-file", "commit", commit).partition(b"\n\n")
    if not blank:
        raise WorkspaceError(f"The commit {commit[:12]} has no message.")
    return header, message


def _without_signatures(header: bytes) -> bytes:
    kept: list[bytes] = []
    inside = False
    for line in header.split(b"\n"):
        inside = line.split(b" ", 1)[0] in _SIGNATURES or (inside and line.startswith(b" "))
        if not inside:
            kept.append(line)
    return b"\n".join(kept)
