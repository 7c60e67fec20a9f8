"""Finds the repository for a review: also one without commits, or a bare one."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.directory import COPIED_SETTINGS, require_own_files
from reviewloop.git.process import Git, GitResult
from reviewloop.git.repository import (
    UserRepo,
    excludes_are_own,
    excludes_file,
    folder_in,
    operation,
    project_at,
    read_config,
)

_FACTS = (
    "--is-bare-repository",
    "--is-shallow-repository",
    "--show-object-format",
    "--path-format=absolute",
    "--git-dir",
    "--git-common-dir",
    "--show-toplevel",
)


@dataclass(frozen=True)
class ReviewRepository:
    """A repository to review in, as it was read."""

    user: UserRepo  # its root is the git directory itself when it is bare
    bare: bool
    shallow: bool
    prefix: str  # the start folder, relative to the root, with a final slash; or ""
    config: Mapping[str, str]  # section and key in lower case

    @property
    def git(self) -> Git:
        """Git on the user's own directory, only for names of commits."""
        return Git(self.user.git_dir)


def locate(start: Path) -> ReviewRepository:
    """Return the repository that holds `start`; raise WorkspaceError with git's own reason."""
    folder = start if start.is_dir() else start.parent
    git, facts, head = _facts(folder)
    bare, shallow, object_format, git_dir, common_dir, *root = facts
    if root:
        require_own_files(Path(root[0]), Path(git_dir))
    values = read_config(Path(git_dir), folder)
    config = {value.key: value.value for value in values}
    branch, commit = head or _head(git)
    here = folder_in(Path(root[0]), folder) if root else ""
    user = UserRepo(
        root=Path(root[0] if root else git_dir),
        git_dir=Path(git_dir),
        common_dir=Path(common_dir),
        key=hashlib.sha256(os.fsencode(Path(common_dir).resolve())).hexdigest()[:16],
        branch=branch,
        head=commit,
        operation=operation(Path(git_dir)),
        object_format=object_format,
        settings={name: config[name] for name in COPIED_SETTINGS if name in config},
        excludes_file=excludes_file(config),
        excludes_are_own=excludes_are_own(values),
        config=values,
        here=here,
        project=project_at(Path(root[0]), here) if root else "",
    )
    return ReviewRepository(
        user, bare == "true", shallow == "true", _prefix(folder, user.root), config
    )


_Head = tuple[str | None, str | None]  # branch and commit
_HEAD = ("-q", "HEAD", "--symbolic-full-name", "HEAD")


def _facts(folder: Path) -> tuple[Git, list[str], _Head | None]:
    """Query git's locations, and HEAD where it comes with them.

    The last location is missing without a work tree.
    """
    if not folder.is_dir():
        raise WorkspaceError(f"{folder} does not exist.")
    git = Git(None, cwd=folder, user_config=True)
    answer = git.result("rev-parse", *_FACTS, *_HEAD)
    lines = os.fsdecode(answer.stdout).split("\n")
    if not answer.exit_code and len(lines) == len(_facts_alone()) + 3:  # HEAD's two, and the end
        return git, lines[:-3], _named(*lines[-3:-1])
    answer = git.result("rev-parse", *_FACTS)
    if answer.exit_code and _is_bare(folder):
        git = Git(folder, user_config=True)
        answer = git.result("rev-parse", *_FACTS)
    lines = os.fsdecode(answer.stdout).splitlines()
    if b"\n" in answer.stdout and len(lines) > len(_FACTS) - 1:  # a line feed in a folder's name
        lines = [git.text("rev-parse", "--path-format=absolute", fact) for fact in _facts_alone()]
    if answer.exit_code and (len(lines) != len(_FACTS) - 2 or lines[0] != "true"):
        raise _refusal(folder, answer, inside=bool(lines))
    return git, lines, None


def _facts_alone() -> tuple[str, ...]:
    return tuple(fact for fact in _FACTS if not fact.startswith("--path-format"))


def _refusal(folder: Path, answer: GitResult, *, inside: bool) -> WorkspaceError:
    reason = answer.stderr.decode("utf-8", "replace").strip()
    if inside:
        return WorkspaceError(f"{folder} is git's own folder; run in the checkout instead.")
    if "not a git repository" in reason and "dubious" not in reason:
        return WorkspaceError(
            f"{folder} is not inside a git repository; run `git init` or change the folder."
        )
    first = reason.removeprefix("fatal: ").splitlines() or ["no reason given"]
    return WorkspaceError(f"git does not read the repository of {folder}: {first[0].rstrip('.')}.")


def _is_bare(folder: Path) -> bool:
    """Return whether the folder is a bare repository of the user, outside of any checkout.

    Git would ask for `safe.directory` for another owner; here it is refused.
    """
    if not all((folder / name).exists() for name in ("HEAD", "objects", "refs")):
        return False
    if any((parent / ".git").exists() for parent in folder.resolve().parents):
        return False
    return folder.stat().st_uid == os.geteuid()


def _head(git: Git) -> _Head:
    answer = git.result("rev-parse", *_HEAD)
    if answer.exit_code:
        name = git.text("symbolic-ref", "-q", "HEAD", ok=(0, 1))
        return name.removeprefix("refs/heads/") or None, None
    commit, _, name = os.fsdecode(answer.stdout).removesuffix("\n").partition("\n")
    return _named(commit, name)


def _named(commit: str, name: str) -> _Head:
    branch = name.removeprefix("refs/heads/") if name.startswith("refs/heads/") else None
    return branch, commit


def _prefix(folder: Path, root: Path) -> str:
    try:
        relative = folder.resolve().relative_to(root.resolve())
    except ValueError:
        return ""
    return "" if relative == Path() else relative.as_posix() + "/"
