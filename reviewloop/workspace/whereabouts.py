"""Finds the repository around a folder and what is checked out in it; nothing is written."""

import os
import sys
import threading
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

_OBEYED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
_ITS_OWN = "GIT_PYTHON_"
_alone = threading.RLock()


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
            found = _repository(gitpython, folder, search_parent_directories=True)
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
    with _gitpython() as gitpython, _repository(gitpython, root) as repository:
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
    """Lend GitPython, without the variables it would obey; other threads wait.

    It takes those from `os.environ` only, so they are out of it as long as it works. Nobody sets
    them but git, for its hooks.
    """
    with _alone:
        hidden = [name for name in _OBEYED if name in os.environ]
        before = {name: os.environ.pop(name) for name in hidden}
        try:
            yield _imported()
        finally:
            os.environ.update(before)


def _imported() -> Any:
    """Import GitPython with the trusted git, which it tries then, and none of its own variables."""
    if "git" not in sys.modules:
        own = {name: os.environ[name] for name in list(os.environ) if name.startswith(_ITS_OWN)}
        for name in own:
            del os.environ[name]
        os.environ[f"{_ITS_OWN}GIT_EXECUTABLE"] = str(Git(None).program)
        try:
            import git
        finally:
            del os.environ[f"{_ITS_OWN}GIT_EXECUTABLE"]
            os.environ.update(own)
    import git

    return git


def _repository(gitpython: Any, folder: Path, **options: bool) -> Any:
    """Open a repository as GitPython does, but read no file that its configuration includes.

    GitPython follows conditions that git does not, and reads pipes and devices to their end.
    """

    class Plain(gitpython.Repo):  # type: ignore[misc] # a class of a module that is imported late
        def _config_reader(self, config_level: object = None, git_dir: Any = None) -> Any:
            del config_level
            folder = git_dir or getattr(self, "_common_dir", None) or self.git_dir
            return gitpython.GitConfigParser(
                os.path.join(folder, "config"),  # noqa: PTH118 - text, as GitPython takes it
                read_only=True,
                merge_includes=False,
                repo=self,
            )

    return Plain(folder, expand_vars=False, **options)
