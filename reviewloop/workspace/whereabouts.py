"""Finds the repository around a folder and what is checked out in it; nothing is written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.git import Git

_ASKED = ("rev-parse", "--path-format=absolute")
_NAMES = ("--absolute-git-dir", "--git-common-dir", "--show-toplevel")
_OUTSIDE = "{} is not inside a git repository; run `git init` or change the folder."
_BARE = "{} is a bare repository; run in a checkout of it instead."
_LONGEST_LOOK = 60.0  # seconds; git answers in milliseconds unless a pipe is in its way


class Places(NamedTuple):
    """Where git says that a repository is."""

    git_dir: Path
    common_dir: Path  # that all its worktrees share
    root: Path  # of the checkout


def find_root(start: Path) -> tuple[Path, Places | None]:
    """Return the folder that GitPython finds, and what git says of it if it was asked there."""
    folder = start if start.is_dir() else start.parent
    places = _require_answer(folder) if folder.is_dir() else None
    if find_spec("git") is None:  # reviewloop-light leaves GitPython out
        return _root_by_git(folder, places)
    with _gitpython() as gitpython:
        try:
            found = gitpython.Repo(folder, search_parent_directories=True, expand_vars=False)
        except (gitpython.InvalidGitRepositoryError, gitpython.NoSuchPathError):
            raise WorkspaceError(_OUTSIDE.format(folder)) from None
        with found:
            if found.bare or found.working_tree_dir is None:
                raise WorkspaceError(_BARE.format(found.git_dir))
            root = Path(found.working_tree_dir)
    same = places is not None and os.path.realpath(places.root) == os.path.realpath(root)
    return root, places if same else None


def _root_by_git(folder: Path, places: Places | None) -> tuple[Path, Places]:
    if places:
        return places.root, places
    git = Git(None, cwd=folder if folder.is_dir() else None, user_config=True)
    answer = git.result(*_ASKED, "--absolute-git-dir", timeout=_LONGEST_LOOK)
    if answer.exit_code or not folder.is_dir():
        raise WorkspaceError(_OUTSIDE.format(folder))
    raise WorkspaceError(_BARE.format(os.fsdecode(answer.stdout).rstrip("\n")))


def places_of(git: Git) -> Places:
    """Return the places of the repository around the folder that `git` works in."""
    return _told(git) or Places(*(Path(git.text(*_ASKED, name)) for name in _NAMES))


def _told(git: Git) -> Places | None:
    """Ask for all places at once; None for an error, or where a name has a line feed in it."""
    answer = git.result(*_ASKED, *_NAMES, timeout=_LONGEST_LOOK)
    lines = os.fsdecode(answer.stdout).split("\n")
    if answer.exit_code or len(lines) != len(_NAMES) + 1:
        return None
    return Places(*map(Path, lines[:-1]))


def _require_answer(folder: Path) -> Places | None:
    """Refuse what git cannot read, before GitPython tries: it would read an endless file."""
    git = Git(None, cwd=folder, user_config=True)
    if places := _told(git):
        return places
    answer = git.result("rev-parse", "--git-dir", timeout=_LONGEST_LOOK)
    if answer.exit_code and b"not a git repository (or any" not in answer.stderr:
        raise git.error(("rev-parse",), answer.stderr, answer.exit_code)
    return None


def head_of(root: Path, git: Git) -> tuple[str | None, str | None]:
    """Return branch and commit; only files are read, no object, so nothing can be fetched."""
    if find_spec("git") is None:
        return _head_by_git(git)
    with _gitpython() as gitpython, gitpython.Repo(root, expand_vars=False) as repository:
        try:
            branch = None if repository.head.is_detached else str(repository.head.reference.name)
            head = gitpython.SymbolicReference.dereference_recursive(repository, "HEAD")
            return branch, str(head)
        except (ValueError, OSError, TypeError):
            # Unborn, stored as a reftable, or named in bytes that are no UTF-8: git knows.
            return _head_by_git(git)


def _head_by_git(git: Git) -> tuple[str | None, str | None]:
    name = git.text("symbolic-ref", "-q", "HEAD", ok=(0, 1))
    head = git.text("rev-parse", "-q", "--verify", "HEAD", ok=(0, 1))
    return name.removeprefix("refs/heads/") or None, head or None


@contextmanager
def _gitpython() -> Iterator[Any]:
    """Lend GitPython, with the trusted git and without the GIT_* variables it would obey.

    It takes both from `os.environ` only: the program when it is imported (it tries it then), the
    variables whenever a repository is opened.
    """
    before = {name: value for name, value in os.environ.items() if name.startswith("GIT_")}
    program = str(Git(None).program)
    try:
        for name in before:
            del os.environ[name]
        os.environ["GIT_PYTHON_GIT_EXECUTABLE"] = program
        import git

        yield git
    finally:
        del os.environ["GIT_PYTHON_GIT_EXECUTABLE"]
        os.environ.update(before)
