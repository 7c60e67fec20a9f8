"""The files below a folder in a commit, and the commits that changed them."""

import os
from collections.abc import Iterable

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.handoff import Commit
from reviewloop.git.paths import shown
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo
from reviewloop.git.review_repository import locate
from reviewloop.git.revisions import resolve

_MOST_COMMITS = 200
_MOST_MOVES = 10  # of one folder that are followed
_LARGEST = 1_000_000  # bytes of a file that is read
_REGULAR = (b"100644", b"100755")


def commit_named(user: UserRepo, name: str) -> str:
    """Return the full id of a revision; raise `WorkspaceError` where there is none, or two."""
    return resolve(locate(user.root), name).commit


def files_at(user: UserRepo, commit: str, *paths: str) -> dict[str, bytes]:
    """Return path -> content of the regular files of a commit at these paths, or below them.

    Too large files are left out. Raises WorkspaceError for a content that is not here.
    """
    git = Git(user.git_dir, cwd=user.root)
    ids = _regular_files(git.run("ls-tree", "-r", "-z", "-l", commit, "--", *paths))
    read = contents(user, ids.values())
    for path, oid in ids.items():
        if oid not in read:
            raise WorkspaceError(
                f"The content of {shown(path)} in {commit[:10]} (object {oid}) is not in the "
                "repository; fetch the missing objects, then run again."
            )
    return {path: read[oid] for path, oid in ids.items()}


def _commits(user: UserRepo, start: str, folder: str) -> tuple[Commit, ...]:
    git = Git(user.git_dir, cwd=user.root)
    text = git.text("log", f"-{_MOST_COMMITS}", "--format=%H%x00%ct%x00%s", start, "--", folder)
    rows = [line.split("\0", 2) for line in text.splitlines() if line.count("\0") == 2]
    return tuple(Commit(commit, subject, int(at)) for commit, at, subject in rows)


@dataclass(frozen=True)
class Edition:
    """A commit that changed a folder or a file, and its path there."""

    commit: Commit
    path: str


def editions_of(user: UserRepo, path: str) -> tuple[Edition, ...]:
    """Return the commits of HEAD that changed the files at a path, newest first.

    Where it was moved as a whole, the commits that changed it at its earlier path are included.
    """
    if user.head is None:
        return ()
    found: list[Edition] = []
    start, at = user.head, path
    for _ in range(_MOST_MOVES):
        commits = _commits(user, start, at)
        found += [Edition(commit, at) for commit in commits]
        if not commits or len(found) >= _MOST_COMMITS:
            break
        before = _moved_from(user, commits[-1].id, at)
        if not before or any(edition.path == before for edition in found):
            break
        start, at = f"{commits[-1].id}^", before
    return tuple(found[:_MOST_COMMITS])


def _moved_from(user: UserRepo, commit: str, path: str) -> str:
    """Return the earlier path of a folder or file that a commit moved, "" where it was created."""
    output = Git(user.git_dir, cwd=user.root).run(
        "diff-tree", "-r", "-z", "-M", "--no-commit-id", "--diff-filter=R", "--name-status", commit
    )
    fields = [os.fsdecode(field) for field in output.split(b"\0")]
    origins: dict[str, int] = {}
    for kind, old, new in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        if kind.startswith("R") and new == path:
            return old
        inner = new.removeprefix(f"{path}/")
        if kind.startswith("R") and inner != new and old.endswith(f"/{inner}"):
            folder = old[: -len(inner) - 1]
            origins[folder] = origins.get(folder, 0) + 1
    return max(sorted(origins), key=lambda folder: origins[folder], default="")


def listed_at(user: UserRepo, commit: str) -> dict[str, str]:
    """Return path -> blob id of the regular files of a commit."""
    git = Git(user.git_dir, cwd=user.root)
    return _regular_files(git.run("ls-tree", "-r", "-z", "--full-tree", commit))


def _regular_files(listing: bytes) -> dict[str, str]:
    """Return path -> blob id; where sizes are listed, without files that are known as too large."""
    found = {}
    for entry in listing.split(b"\0"):
        about, _, path = entry.partition(b"\t")
        fields = about.split()
        if len(fields) < 3 or fields[0] not in _REGULAR:
            continue
        if not fields[3:] or not fields[3].isdigit() or int(fields[3]) <= _LARGEST:
            found[os.fsdecode(path)] = fields[2].decode()
    return found


def contents(user: UserRepo, names: Iterable[str]) -> dict[str, bytes]:
    """Return the contents of the files with these git names, `commit:path` or an id.

    Missing and too large files are left out.
    """
    requested = [name for name in dict.fromkeys(names) if "\n" not in name]
    if not requested:
        return {}
    given = b"".join(os.fsencode(name) + b"\n" for name in requested)
    output = Git(user.git_dir, cwd=user.root).run("cat-file", "--batch", input=given)
    found: dict[str, bytes] = {}
    at = 0
    for name in requested:
        end = output.index(b"\n", at)
        fields = output[at:end].rsplit(b" ", 2)
        at = end + 1
        if fields[-1] == b"missing" or len(fields) < 3 or not fields[-1].isdigit():
            continue
        size = int(fields[-1])
        if fields[-2] == b"blob" and size <= _LARGEST:
            found[name] = output[at : at + size]
        at += size + 1
    return found
