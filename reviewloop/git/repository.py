"""Finds the user's repository and project around a folder, and reads it; writes nothing."""

# One file: git, GitPython and we must agree on the repository around a folder.

import fcntl
import functools
import hashlib
import os
import re
import shutil
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.directory import (
    COPIED_SETTINGS,
    MOST_BYTES,
    read_plain,
    refuse_endless,
    require_own_files,
    shallow_commits,
    write_git_dir,
)
from reviewloop.git.process import Git
from reviewloop.regex import regex

# In this order: a rebase leaves CHERRY_PICK_HEAD while it stops at a conflict.
_MARKS = (
    ("rebase-merge", "rebase"),
    ("rebase-apply/applying", "am"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("BISECT_LOG", "bisect"),
)


def operation(git_dir: Path) -> str | None:
    """Return the operation in progress (merge, rebase, ...), or None."""
    found = (what for name, what in _MARKS if (git_dir / name).exists())
    if what := next(found, None):
        return what
    todo = read_plain(git_dir / "sequencer/todo")  # between two commits of several
    return ("revert" if todo.startswith(b"revert") else "cherry-pick") if todo else None


_QUERY = ("rev-parse", "--path-format=absolute")
_NAMES = ("--absolute-git-dir", "--git-common-dir", "--show-toplevel")
_OUTSIDE = "{} is not inside a git repository; run `git init` or change the folder."
_BARE = "{} is a bare repository; run in a checkout of it instead."
_LONGEST_LOOK = 60.0  # seconds; git answers in milliseconds unless a pipe blocks it

_OBEYED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
_ITS_OWN = "GIT_PYTHON_"
_alone = threading.RLock()


class Locations(NamedTuple):
    """The paths of a repository, as git reports them."""

    git_dir: Path
    common_dir: Path  # shared by all its worktrees
    root: Path  # of the checkout


def find_root(start: Path) -> tuple[Path, Locations | None]:
    """Return the folder that GitPython finds, and git's locations if it was asked there."""
    folder = start if start.is_dir() else start.parent
    locations = _require_answer(folder) if folder.is_dir() else None
    if find_spec("git") is None:  # not in reviewloop-light
        return _root_by_git(folder, locations)
    with _gitpython() as gitpython:
        try:
            found = _repository(gitpython, folder, search_parent_directories=True)
        except (gitpython.InvalidGitRepositoryError, gitpython.NoSuchPathError):
            raise WorkspaceError(_OUTSIDE.format(folder)) from None
        with found:
            if found.bare or found.working_tree_dir is None:
                raise WorkspaceError(_BARE.format(found.git_dir))
            root = Path(found.working_tree_dir)
    same = locations is not None and os.path.realpath(locations.root) == os.path.realpath(root)
    return root, locations if same else None


def _root_by_git(folder: Path, locations: Locations | None) -> tuple[Path, Locations]:
    if locations:
        return locations.root, locations
    git = Git(None, cwd=folder if folder.is_dir() else None, user_config=True)
    answer = git.result(*_QUERY, "--absolute-git-dir", timeout=_LONGEST_LOOK)
    if answer.exit_code or not folder.is_dir():
        raise WorkspaceError(_OUTSIDE.format(folder))
    raise WorkspaceError(_BARE.format(os.fsdecode(answer.stdout).rstrip("\n")))


def locations_of(git: Git) -> Locations:
    """Return the paths of the repository around the folder that `git` works in."""
    return _query_locations(git) or Locations(*(Path(git.text(*_QUERY, name)) for name in _NAMES))


def _query_locations(git: Git) -> Locations | None:
    """Query all paths at once; None for an error, or a name with a line feed."""
    answer = git.result(*_QUERY, *_NAMES, timeout=_LONGEST_LOOK)
    lines = os.fsdecode(answer.stdout).split("\n")
    if answer.exit_code or len(lines) != len(_NAMES) + 1:
        return None
    return Locations(*map(Path, lines[:-1]))


def _require_answer(folder: Path) -> Locations | None:
    """Raise for what git cannot read, before GitPython tries: it would read an endless file."""
    git = Git(None, cwd=folder, user_config=True)
    if locations := _query_locations(git):
        return locations
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
            # Unborn, stored as a reftable, or a name that is not UTF-8: ask git.
            return _head_by_git(git)


def _head_by_git(git: Git) -> tuple[str | None, str | None]:
    name = git.text("symbolic-ref", "-q", "HEAD", ok=(0, 1))
    head = git.text("rev-parse", "-q", "--verify", "HEAD", ok=(0, 1))
    return name.removeprefix("refs/heads/") or None, head or None


@contextmanager
def _gitpython() -> Iterator[Any]:
    """Yield GitPython, without the variables it would obey; other threads wait.

    It takes those from `os.environ` only, so they are removed while it works. Only git sets them,
    for its hooks.
    """
    with _alone:
        hidden = [name for name in _OBEYED if name in os.environ]
        before = {name: os.environ.pop(name) for name in hidden}
        try:
            yield _imported()
        finally:
            os.environ.update(before)


def _imported() -> Any:
    """Import GitPython with the trusted git, which it runs at import, and without its own
    variables.
    """
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
    """Open a repository with GitPython, but read no file that its configuration includes.

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


_PREFIX = "reviewloop-look-"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new temporary folder, and delete it afterwards."""
    _sweep(tempfile.gettempdir(), os.getpid())
    folder, held = _made()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _made() -> tuple[Path, int]:
    """Make a folder and hold its lock, by which others see that it is in use."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError):  # swept before it was locked
            if (held := _locked(folder)) is not None:
                return folder, held


def _locked(folder: Path, *, must: bool = False) -> int | None:
    """Return the handle that holds a folder's lock, None while another process holds it.

    Where folders cannot be locked, as on NFS, the handle holds nothing and no folder is swept; with
    `must` this raises `OSError`.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:
        if must:
            os.close(handle)
            raise
    try:
        same = folder.stat().st_ino == os.fstat(handle).st_ino
    except OSError:
        same = False
    if same:
        return handle
    os.close(handle)
    return None


@functools.lru_cache(maxsize=1)
def _sweep(temporary: str, process: int) -> None:
    """Delete unlocked folders of this user; once in a process is enough."""
    for folder in Path(temporary).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.lstat().st_uid != os.geteuid():
                continue
            if (held := _locked(folder, must=True)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(held)


_FOLDERS = (".kiro", ".reviewloop", ".specify", "openspec")
_NOT_PROJECTS = frozenset({"node_modules", "openspec", "specs", "docs", "venv"})
_FEATURE = regex(r"\d+-")
_TASK = regex(rb"^\s*[-*] \[[ xX~-]\]", re.MULTILINE)


def folder_in(root: Path, start: Path) -> str:
    """Return a folder relative to the checkout at `root`, "" for the root and for any outside."""
    try:
        relative = start.resolve().relative_to(root.resolve())
    except ValueError:
        return ""
    return "" if relative == Path() else relative.as_posix()


def project_at(root: Path, here: str) -> str:
    """Return the nearest folder upwards from `here` that is a project, "" for the root.

    A project has its own specs, steering, agents or settings.
    """
    parts = here.split("/") if here else []
    for depth, name in enumerate(parts):
        if name.startswith(".") or name in _NOT_PROJECTS:
            parts = parts[:depth]
            break
    while parts:
        folder = "/".join(parts)
        if _is_project(root / folder):
            return folder
        parts.pop()
    return ""


def projects_below(root: Path, levels: int = 3, most: int = 2000) -> list[str]:
    """Return the projects in folders below the root, those nearer to it first.

    Depth and number of folders are limited: a large tree is not walked.
    """
    found, level, looked = [], [""], 0
    for _ in range(levels):
        inside = [f for folder in level for f in _folders_in(root, folder)][: most - looked]
        looked += len(inside)
        found += [folder for folder in inside if _is_project(root / folder)]
        level = inside
    return found


def _folders_in(root: Path, folder: str) -> list[str]:
    """Return the folders in a folder that may be projects, none for an unreadable one."""
    try:
        with os.scandir(root / folder) as entries:
            names = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [
        path_in_repository(folder, n)
        for n in names
        if not n.startswith(".") and n not in _NOT_PROJECTS
    ]


def folders_down_to(project: str) -> list[str]:
    """Return the root ("") and each folder from there to the project, the outermost first."""
    parts = project.split("/") if project else []
    return ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]


def path_in_repository(project: str, name: str) -> str:
    """Return the path of a project's file relative to the repository."""
    return f"{project}/{name}" if project else name


def _is_project(folder: Path) -> bool:
    return (
        any((folder / name).is_dir() for name in _FOLDERS)
        or os.path.lexists(folder / "reviewloop.toml")
        or _has_table(folder / "pyproject.toml")
        or _has_features(folder / "specs")
        or _has_spec_file(folder / "docs")
    )


def _has_table(path: Path) -> bool:
    data = read_plain(path)
    try:
        tool = tomllib.loads(data.decode("utf-8-sig")).get("tool", {})
    except ValueError:
        return b"[tool.reviewloop" in data  # broken: its reader reports it
    return isinstance(tool, dict) and "reviewloop" in tool


def _has_features(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    return any(
        _FEATURE.match(one.name) and any((one / n).is_file() for n in ("spec.md", "tasks.md"))
        for one in sorted(folder.iterdir())
    )


def _has_spec_file(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    return any(_TASK.search(read_plain(path)) for path in sorted(folder.glob("*-spec.md")))


BUILD_EXCLUDES = "info/exclude-in-builds"


class ConfigValue(NamedTuple):
    """One value of git's configuration: scope (system, global, local...), key, value."""

    scope: str
    key: str
    value: str


@dataclass(frozen=True)
class UserRepo:
    """The user's repository as it was read; nothing here ever writes to it."""

    root: Path
    git_dir: Path  # of this worktree
    common_dir: Path  # shared by all worktrees of the repository
    key: str  # names the repository in our state folder
    branch: str | None  # None when HEAD is detached
    head: str | None
    dirty: tuple[str, ...] = ()  # staged, modified and untracked paths, relative to root
    identity: tuple[str, str] | None = None  # name, email
    operation: str | None = None  # merge, rebase, ... in progress
    object_format: str = "sha1"
    settings: Mapping[str, str] = field(default_factory=dict)  # see directory.COPIED_SETTINGS
    excludes_file: Path | None = None  # the user's global ignore rules
    excludes_are_own: bool = True  # and no file of the repository chose it
    config: tuple[ConfigValue, ...] = field(default=(), repr=False, compare=False)  # has secrets
    here: str = ""  # the current folder, relative to root
    project: str = ""  # the folder of the project around it

    @property
    def objects(self) -> Path:
        """The folder with the repository's objects."""
        return self.common_dir / "objects"

    def mirror(self, folder: Path) -> Git:
        """Write a private bare git directory that reads this repository's objects; return its Git.

        Ignore rules, settings and the shallow boundary are copied as data. The copy has no hook,
        filter, driver or remote, so git has nothing to run there.
        """
        write_git_dir(
            folder,
            objects=(self.objects,),
            head=self.head or f"ref: refs/heads/{self.branch or 'main'}",
            settings=self.settings,
            object_format=self.object_format,
        )
        own = self.common_dir / "info/exclude"
        excludes = [read_plain(self.excludes_file), read_plain(own)]
        (folder / "info/exclude").write_bytes(b"\n".join(excludes))
        # Builds read these: a repository must not make us show them a file of the user's.
        shared = self.excludes_file if self.excludes_are_own else None
        excludes = [read_plain(shared), read_plain(own, links=False)]
        (folder / BUILD_EXCLUDES).write_bytes(b"\n".join(excludes))
        attributes = [read_plain(self.common_dir / "info/attributes"), b"* !diff\n"]
        (folder / "info/attributes").write_bytes(b"\n".join(attributes))
        if shallow := shallow_commits(self.common_dir / "shallow"):
            (folder / "shallow").write_bytes(shallow)
        return Git(folder)

    def copied_index(self, mirror: Git, index: Path) -> Git:
        """Copy this repository's index for use in `mirror`; return a Git on it and on our files.

        The copy keeps the index's own time stamp (git detects recently changed files by it) and
        drops "assume unchanged" marks, which would hide edits.
        """
        git = self.build_index(mirror, index)
        listed = git.run("ls-files", "-v", "-z").split(b"\0")
        forget_assumed(git, [line[2:] for line in listed if line[:1].islower()])
        return git

    def build_index(self, mirror: Git, index: Path, source: Path | None = None) -> Git:
        """Copy the index (or the one at `source`) unchanged, with its shared index files."""
        if mirror.git_dir is None:
            raise ValueError("a mirror has a git directory")
        for shared in self.git_dir.glob("sharedindex.*"):
            shutil.copy2(shared, mirror.git_dir / shared.name)
        source = source or self.git_dir / "index"
        if source.is_file():
            shutil.copy2(source, index)
        return mirror.with_index(index, self.root)


def forget_assumed(git: Git, paths: list[bytes]) -> None:
    """Remove the "assume unchanged" marks of these paths from the index of `git`."""
    if paths:
        listing = b"\0".join(paths) + b"\0"
        git.run("update-index", "--no-assume-unchanged", "-z", "--stdin", input=listing)


def without_commits(root: Path, *, anonymous: bool = False) -> WorkspaceError:
    """Return the error for a repository without a first commit.

    `anonymous`: git has no name for a commit, and would refuse it.
    """
    named = "`git config user.name NAME` and `git config user.email ADDRESS`, which git does not "
    first = f"{named}know here, then " if anonymous else ""
    return WorkspaceError(
        f"{root} has no commits yet; {first}`git commit --allow-empty -m start` makes a "
        "first one, then run again."
    )


def discover(start: Path, *, for_reading: bool = False) -> UserRepo:
    """Return the repository that holds `start`; raise WorkspaceError when no run can start in it.

    `for_reading` is for commands that only read (status, show): an operation in progress is then
    marked instead of refused, a repository without a commit has no head, and the list of dirty
    files, which costs time, stays empty.
    """
    root, locations = find_root(start)
    git = Git(None, cwd=root, user_config=True)
    git_dir, common_dir, top = locations or locations_of(
        git
    )  # may be forged: folders above are not read
    refuse_endless(root, git_dir, common_dir)
    branch, head = head_of(root, git)
    values = read_config(git_dir, root)
    by_key = {value.key: value.value for value in values}
    if head is None and not for_reading:
        raise without_commits(root, anonymous=_identity(by_key) is None)
    root = top
    require_own_files(root, git_dir)
    here = folder_in(root, start)
    user = UserRepo(
        root=root,
        git_dir=git_dir,
        common_dir=common_dir,
        key=hashlib.sha256(os.fsencode(common_dir.resolve())).hexdigest()[:16],
        branch=branch,
        head=head,
        identity=_identity(by_key),
        operation=operation(git_dir),
        object_format=by_key.get("extensions.objectformat", "sha1").lower(),
        settings={name: by_key[name] for name in COPIED_SETTINGS if name in by_key},
        excludes_file=excludes_file(by_key),
        excludes_are_own=excludes_are_own(values),
        config=values,
        here=here,
        project=project_at(root, here),
    )
    if not for_reading:
        _refuse_operation(user)
        user = replace(user, dirty=dirty_files(user))
    return user


def read_config(git_dir: Path, root: Path) -> tuple[ConfigValue, ...]:
    """Return git's configuration, the user's own files included, lowest priority first.

    Everything is read as data; section and key are in lower case. A process runs git again when one
    of the files has changed, and always where these include others.
    """
    git = Git(git_dir, cwd=root, user_config=True)
    files = _config_files(git_dir, git)
    contents = tuple(map(read_plain, files))
    if any(b"include" in text.lower() or len(text) == MOST_BYTES for text in contents):
        return _ask_config(git)
    try:
        return _config_of(git_dir, root, tuple(git.environment().items()), files, contents)
    except _ChangedMeanwhileError:
        return _ask_config(git)


class _ChangedMeanwhileError(Exception):
    """A configuration file was written while git read it: the result is unreliable."""


@functools.lru_cache(maxsize=8)  # a batch would read the same values hundreds of times
def _config_of(
    git_dir: Path,
    root: Path,
    environment: tuple[tuple[str, str], ...],
    files: tuple[Path, ...],
    contents: tuple[bytes, ...],
) -> tuple[ConfigValue, ...]:
    del environment  # only part of the cache's key
    values = _ask_config(Git(git_dir, cwd=root, user_config=True))
    elsewhere = any(value.scope == "system" for value in values) and not any(contents[:2])
    if elsewhere or tuple(map(read_plain, files)) != contents:
        raise _ChangedMeanwhileError
    return values


def _config_files(git_dir: Path, git: Git) -> tuple[Path, ...]:
    """Return the files of git's configuration, those of the system first."""
    home = Path(os.environ.get("HOME", "/"))
    own = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    link = read_plain(git_dir / "commondir")
    common = git_dir / os.fsdecode(link).rstrip("\n") if link else git_dir
    return (
        Path("/etc/gitconfig"),
        git.program.parent.parent / "etc/gitconfig",
        own / "git/config",
        home / ".gitconfig",
        common / "config",
        git_dir / "config.worktree",
    )


def _ask_config(git: Git) -> tuple[ConfigValue, ...]:
    fields = git.run("config", "--list", "--show-scope", "-z").split(b"\0")
    values = []
    for scope, item in zip(fields[0::2], fields[1::2], strict=False):
        key, separator, value = os.fsdecode(item).partition("\n")
        if scope != b"command":  # our own hardening flags
            values.append(ConfigValue(os.fsdecode(scope), key, value if separator else "true"))
    return tuple(values)


def signing_settings(values: tuple[ConfigValue, ...]) -> dict[str, str]:
    """Return the settings that `git commit-tree -S` needs, for a user who requested signing.

    Programs are only taken from the user's own files: a repository must not name what we run.
    """
    keys = {"gpg.format", "user.signingkey"}
    programs = {"gpg.program", "gpg.openpgp.program", "gpg.ssh.program", "gpg.x509.program"}
    programs.add("gpg.ssh.defaultkeycommand")
    chosen: dict[str, str] = {}
    for scope, key, value in values:
        own = scope in {"system", "global"}
        if key in keys or (own and key in programs):
            chosen[key] = value
    return chosen


def _identity(by_key: Mapping[str, str]) -> tuple[str, str] | None:
    name = os.environ.get("GIT_AUTHOR_NAME") or by_key.get("user.name", "")
    email = os.environ.get("GIT_AUTHOR_EMAIL") or by_key.get("user.email", "")
    return (name, email) if name and email else None


def excludes_file(by_key: Mapping[str, str]) -> Path | None:
    """Return the path of the user's own ignore rules, whether or not the file exists."""
    if "core.excludesfile" in by_key:
        try:
            return Path(by_key["core.excludesfile"]).expanduser()
        except RuntimeError:  # an unknown user after ~
            return None
    config_home = os.environ.get("XDG_CONFIG_HOME")
    home = os.environ.get("HOME")
    if config_home:
        return Path(config_home) / "git/ignore"
    return Path(home) / ".config/git/ignore" if home else None


def excludes_are_own(values: Iterable[ConfigValue]) -> bool:
    """Return whether only the user chose the path of their ignore rules."""
    return not any(
        value.key == "core.excludesfile" and value.scope in {"local", "worktree"}
        for value in values
    )


def _refuse_operation(user: UserRepo) -> None:
    if user.operation:
        raise WorkspaceError(
            f"A {user.operation} is in progress in {user.root}; finish or abort it, then run again."
        )


def dirty_files(user: UserRepo, only: str = "") -> tuple[str, ...]:
    """Return changed and untracked paths, from a copy of the index, which runs nothing.

    `only` limits it to one path.
    """
    named = ("--", only) if only else ()
    with temporary_folder() as folder:
        git = user.copied_index(user.mirror(folder), folder / "index")
        output = git.run(
            "status",
            "--porcelain",
            "-z",
            "-uall",
            "--no-renames",
            "--ignore-submodules=dirty",
            *named,
        )
    lines = [line for line in output.split(b"\0") if line]
    if any(b"U" in line[:2] or line[:2] in {b"AA", b"DD"} for line in lines):
        raise WorkspaceError(
            f"{user.root} has unresolved merge conflicts; resolve them, then run again."
        )
    return tuple(os.fsdecode(line[3:]) for line in lines)
