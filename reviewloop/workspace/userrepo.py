"""Finds the person's repository and reads what a run needs of it, without running or writing it."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.distrusted import (
    read_plain,
    refuse_endless,
    require_own_files,
    shallow_commits,
)
from reviewloop.workspace.git import Git
from reviewloop.workspace.operations import operation
from reviewloop.workspace.passing import passing_folder
from reviewloop.workspace.projects import folder_in, project_at
from reviewloop.workspace.skeleton import COPIED_SETTINGS, write_git_dir
from reviewloop.workspace.whereabouts import find_root, head_of, places_of

BUILD_EXCLUDES = "info/exclude-in-builds"


class ConfigValue(NamedTuple):
    """One value of git's configuration: where it stands (system, global, local...), key, value."""

    scope: str
    key: str
    value: str


@dataclass(frozen=True)
class UserRepo:
    """The person's repository as it was when we looked; nothing here ever writes to it."""

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
    settings: Mapping[str, str] = field(default_factory=dict)  # see skeleton.COPIED_SETTINGS
    excludes_file: Path | None = None  # the person's global ignore rules
    excludes_are_own: bool = True  # and no file of the repository chose that place
    config: tuple[ConfigValue, ...] = field(default=(), repr=False, compare=False)  # has secrets
    here: str = ""  # the folder where the person stands, relative to root
    project: str = ""  # the folder of the project there: see `projects`

    @property
    def objects(self) -> Path:
        """The folder with the repository's objects."""
        return self.common_dir / "objects"

    def mirror(self, folder: Path) -> Git:
        """Write a private bare git directory that sees this repository's objects; return its Git.

        Ignore rules, settings and the shallow boundary are copied as data. The copy holds no
        hook, filter, driver or remote, so git has nothing to run there.
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
        # Builds see these: a repository must not have us show them a file of the person's.
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

        The copy keeps the index's own time stamp (git tells recently changed files by it) and
        forgets "assume unchanged" marks, which would hide edits.
        """
        git = self.placed_index(mirror, index)
        listed = git.run("ls-files", "-v", "-z").split(b"\0")
        forget_assumed(git, [line[2:] for line in listed if line[:1].islower()])
        return git

    def placed_index(self, mirror: Git, index: Path, source: Path | None = None) -> Git:
        """Copy the index as it is (or the one at `source`), with what it shares with others."""
        if mirror.git_dir is None:
            raise ValueError("a mirror has a git directory")
        for shared in self.git_dir.glob("sharedindex.*"):
            shutil.copy2(shared, mirror.git_dir / shared.name)
        source = source or self.git_dir / "index"
        if source.is_file():
            shutil.copy2(source, index)
        return mirror.with_index(index, self.root)


def forget_assumed(git: Git, paths: list[bytes]) -> None:
    """Take the "assume unchanged" marks of these paths out of the index of `git`."""
    if paths:
        listing = b"\0".join(paths) + b"\0"
        git.run("update-index", "--no-assume-unchanged", "-z", "--stdin", input=listing)


def discover(start: Path, *, for_reading: bool = False) -> UserRepo:
    """Return the repository that holds `start`; raise WorkspaceError when no run can start in it.

    `for_reading` is for commands that only look (status, show): an operation in progress is then
    marked instead of refused, and the list of dirty files, which costs time, stays empty.
    """
    root, places = find_root(start)
    git = Git(None, cwd=root, user_config=True)
    git_dir, common_dir, top = places or places_of(git)  # may be forged: what is above is not read
    refuse_endless(root, git_dir, common_dir)
    branch, head = head_of(root, git)
    if head is None:
        raise WorkspaceError(f"{root} has no commits yet; make a first commit, then run again.")
    values = read_config(git_dir, root)
    by_key = {value.key: value.value for value in values}
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
    """Return git's configuration, the person's own files included, least important value first.

    Everything is read as data; section and key are in lower case.
    """
    git = Git(git_dir, cwd=root, user_config=True)
    fields = git.run("config", "--list", "--show-scope", "-z").split(b"\0")
    values = []
    for scope, item in zip(fields[0::2], fields[1::2], strict=False):
        key, separator, value = os.fsdecode(item).partition("\n")
        if scope != b"command":  # our own hardening flags
            values.append(ConfigValue(os.fsdecode(scope), key, value if separator else "true"))
    return tuple(values)


def signing_settings(values: tuple[ConfigValue, ...]) -> dict[str, str]:
    """Return the settings that `git commit-tree -S` needs, for a person who asked for signing.

    Programs are only taken from the person's own files: a repository must not name what we run.
    """
    wanted = {"gpg.format", "user.signingkey"}
    programs = {"gpg.program", "gpg.openpgp.program", "gpg.ssh.program", "gpg.x509.program"}
    programs.add("gpg.ssh.defaultkeycommand")
    chosen: dict[str, str] = {}
    for scope, key, value in values:
        own = scope in {"system", "global"}
        if key in wanted or (own and key in programs):
            chosen[key] = value
    return chosen


def _identity(by_key: Mapping[str, str]) -> tuple[str, str] | None:
    name = os.environ.get("GIT_AUTHOR_NAME") or by_key.get("user.name", "")
    email = os.environ.get("GIT_AUTHOR_EMAIL") or by_key.get("user.email", "")
    return (name, email) if name and email else None


def excludes_file(by_key: Mapping[str, str]) -> Path | None:
    """Return where the person's own ignore rules are, whether or not the file exists."""
    if "core.excludesfile" in by_key:
        try:
            return Path(by_key["core.excludesfile"]).expanduser()
        except RuntimeError:  # ~nobody
            return None
    config_home = os.environ.get("XDG_CONFIG_HOME")
    home = os.environ.get("HOME")
    if config_home:
        return Path(config_home) / "git/ignore"
    return Path(home) / ".config/git/ignore" if home else None


def excludes_are_own(values: Iterable[ConfigValue]) -> bool:
    """Whether nobody but the person chose where their ignore rules are."""
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
    """Return changed and untracked paths; read through a copy of the index, which runs nothing.

    `only` is the one path that is asked about.
    """
    named = ("--", only) if only else ()
    with passing_folder() as folder:
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
