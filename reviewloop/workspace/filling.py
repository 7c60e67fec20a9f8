"""Puts into a workspace what git keeps elsewhere: content of Git LFS, files of submodules.

Both come from the person's own git directory only, and only if the settings ask for it; nothing is
downloaded, and nothing that a `.gitmodules` says is run or fetched.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reviewloop.errors import WorkspaceError
from reviewloop.settings.files import WorkspaceFiles
from reviewloop.workspace.attributes import attributes_in
from reviewloop.workspace.git import Git
from reviewloop.workspace.lfs import HEADER, LARGEST, copy_content, parse_pointer
from reviewloop.workspace.paths import shown
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.skeleton import write_git_dir

_DEEPEST = 5  # submodules in submodules


@dataclass(frozen=True)
class Filling:
    """What a workspace gets besides the files that git itself holds."""

    lfs: bool = False
    submodules: bool = False

    def fill(self, private: PrivateRepo, tree: str, folder: Path) -> None:
        """Fill a folder that holds exactly the files of `tree`.

        Content of Git LFS that is not at hand stays a pointer. Raises WorkspaceError for a
        submodule that is not.
        """
        if self.lfs:
            for path, common_dir in _pointers(private, tree):
                pointer = parse_pointer(private.read(tree, path) or b"")
                if pointer:
                    copy_content(common_dir, pointer, folder / path)
        if self.submodules:
            _Submodules(private, folder).write(tree)


def filling_of(files: WorkspaceFiles) -> Filling:
    """Return what the settings ask for."""
    return Filling(lfs=files.lfs == "copy", submodules=files.submodules == "copy")


def _pointers(private: PrivateRepo, tree: str) -> Iterator[tuple[str, Path]]:
    small = [
        entry.path
        for entry in private.entries(tree)
        if len(HEADER) < entry.size <= LARGEST and entry.kind in {"file", "executable"}
    ]
    for path, values in attributes_in(private, tree, small, ("filter",)).items():
        if values.get("filter") == "lfs":
            yield path, private.user_common_dir


class _Submodules:
    """Writes the files of submodules below a workspace, each from its own objects."""

    def __init__(self, private: PrivateRepo, folder: Path) -> None:
        self._private = private
        self._folder = folder
        self._copies = private.folder.with_name(private.folder.name + "-submodules")

    def write(self, tree: str) -> None:
        """Write all of them, and what they hold in turn."""
        start = (self._private.git, tree, self._private.user_common_dir, "")
        todo = [(0, *start)]
        while todo:
            depth, git, tree, git_dir, prefix = todo.pop()
            if depth > _DEEPEST:
                raise WorkspaceError(f"{shown(prefix)} holds submodules in submodules without end.")
            names = _names(git, tree)
            for path, commit in _gitlinks(git, tree):
                place = prefix + path
                source = self._source(git_dir, names.get(path, path), place, nested=bool(prefix))
                inner = self._check_out(source, commit, place)
                todo.append((depth + 1, inner, commit, source, place + "/"))

    def _source(self, git_dir: Path, name: str, place: str, *, nested: bool) -> Path:
        """Return the git directory of a submodule; its name may come from anybody."""
        modules = git_dir / "modules"
        parts = PurePosixPath(name).parts
        if parts and not name.startswith("/") and ".." not in parts:
            found = modules.joinpath(*parts)
            if (found / "objects").is_dir() and found.resolve().is_relative_to(modules.resolve()):
                return found
        own = self._private.user_root / place / ".git"
        root = Path(os.path.realpath(self._private.user_root))
        if not nested and own.is_dir() and Path(os.path.realpath(own)) == root / place / ".git":
            return own
        raise WorkspaceError(
            f"The submodule {shown(place)} is not in {modules}; "
            "run `git submodule update --init` in your checkout, then run again."
        )

    def _check_out(self, source: Path, commit: str, place: str) -> Git:
        target = self._folder / place
        if target.resolve() != self._folder.resolve() / place:
            raise WorkspaceError(f"The submodule {shown(place)} lies behind a link.")
        mark = hashlib.sha256(os.fsencode(place)).hexdigest()[:16]
        copy = self._copies / mark
        write_git_dir(
            copy,
            objects=(source / "objects",),
            head=commit,
            settings=self._private.settings,
            object_format=self._private.object_format,
        )
        git = Git(copy)
        if git.result("cat-file", "-e", f"{commit}^{{tree}}").exit_code:
            raise WorkspaceError(
                f"The submodule {shown(place)} is not there at {commit[:12]}; "
                "run `git submodule update` in your checkout, then run again."
            )
        (copy / "index").unlink(missing_ok=True)  # the folder was emptied: all files are written
        target.mkdir(exist_ok=True)
        git.with_index(copy / "index", target).run("read-tree", "--reset", "-u", commit)
        return git


def _gitlinks(git: Git, tree: str) -> list[tuple[str, str]]:
    found = []
    for line in git.run("ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0"):
        if line.startswith(b"160000"):
            facts, _, path = line.partition(b"\t")
            found.append((os.fsdecode(path), facts.split()[2].decode()))
    return found


def _names(git: Git, tree: str) -> dict[str, str]:
    """Return path -> name by the .gitmodules of a tree; all else that it says is passed over."""
    listed = git.run("ls-tree", "-z", "--full-tree", tree, "--", ".gitmodules")
    if not listed.startswith(b"100"):
        return {}
    oid = listed.split()[2].decode()
    answer = git.result("config", "--blob", oid, "--list", "-z")
    names = {}
    for item in answer.stdout.split(b"\0"):
        key, _, value = os.fsdecode(item).partition("\n")
        if key.startswith("submodule.") and key.endswith(".path"):
            names[value] = key.removeprefix("submodule.").removesuffix(".path")
    return names
