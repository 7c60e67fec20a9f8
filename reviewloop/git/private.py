"""The run's own bare repository: it reads the user's objects and keeps every tree of the run."""

import hashlib
import json
import os
import re
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.diff import Change, read_change
from reviewloop.git.directory import may_have_tags, object_folders, write_object, write_ref
from reviewloop.git.objects import (
    FileEntry,
    Hit,
    ObjectPool,
    TreeEntry,
    TreeReader,
    edit_tree,
    find,
    plain_mode,
)
from reviewloop.git.paths import check_edit, named_by
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo, read_config, signing_settings, without_commits
from reviewloop.git.snapshot import snapshot
from reviewloop.regex import regex

_K = TypeVar("_K")
_T = TypeVar("_T")

ABOUT = "reviewloop.json"
_CACHED_TREES = _CACHED_CHANGES = 12
_KEEPER = "reviewloop"
_ID = regex(r"[0-9a-f]{40}|[0-9a-f]{64}")
SIGNING_ENVIRONMENT = ("GNUPGHOME", "GPG_TTY", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR", "TERM")


class PrivateRepo:
    """A bare git directory of ours. Thread-safe; `close` ends its helper processes."""

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.folder = folder
        self.head = about["head"]  # the user's commit the run started from
        self.branch = about["branch"] or None
        self.user_root = Path(about["root"])
        self.user_git_dir = Path(about["git_dir"])
        self.user_common_dir = Path(about["objects"]).parent
        self.object_format = about["object_format"]
        self.settings: Mapping[str, str] = about["settings"]
        self.git = Git(folder)
        self.pool = ObjectPool(self.git)
        self._lock = threading.Lock()  # held while a reader or change is made: both are lazy
        self._readers: OrderedDict[str, TreeReader] = OrderedDict()
        self._trees: OrderedDict[str, str] = OrderedDict()
        self._changes: OrderedDict[tuple[str, str, int], Change] = OrderedDict()

    @classmethod
    def create(cls, folder: Path, user: UserRepo, *, for_review: bool = False) -> "PrivateRepo":
        """Write the repository into `folder`; creating it again keeps its objects.

        `for_review` leaves out the tags, which only builds need, and allows an unborn branch.
        """
        if user.head is None and not for_review:
            raise without_commits(user.root)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        user.mirror(folder)
        about = {
            "head": user.head or "",
            "branch": user.branch or "",
            "root": str(user.root),
            "git_dir": str(user.git_dir),
            "objects": str(user.objects),
            "object_format": user.object_format,
            "settings": dict(user.settings),
        }
        private = cls(folder, about)
        if not for_review:
            private.take_tags(user)
        (folder / ABOUT).write_text(json.dumps(about, indent=1))
        return private

    def take_tags(self, user: UserRepo) -> None:
        """Copy the user's tags: a workspace of this repository shows them to builds."""
        (self.folder / "packed-refs").write_bytes(_tags(user))

    @classmethod
    def open(cls, folder: Path) -> "PrivateRepo":
        """Return the repository that `create` wrote; raise WorkspaceError when it is missing."""
        try:
            about = json.loads((folder / ABOUT).read_text())
        except (OSError, ValueError) as error:
            raise WorkspaceError(
                f"The run's private repository {folder} cannot be read: {error}."
            ) from None
        if not Path(about["objects"]).is_dir():
            raise WorkspaceError(
                f"The repository of this run, {about['root']}, is gone; put it back."
            )
        return cls(folder, about)

    def close(self) -> None:
        """End the helper processes."""
        self.pool.close()

    @property
    def object_folders(self) -> tuple[Path, ...]:
        """The folders with the objects of this repository: its own, then alternates."""
        return object_folders(self.folder / "objects")

    # Reading

    def tree_of(self, commit: str) -> str:
        """Return the tree id of a commit (or of a tree)."""
        if not _ID.fullmatch(commit):  # a name, which may be another commit tomorrow
            arguments = ("rev-parse", "--verify", "--end-of-options", commit + "^{tree}")
            return self.git.text(*arguments)
        return self._cached(
            self._trees, commit, _CACHED_TREES, lambda: self.pool.read_tree(commit)[0]
        )

    def reader(self, tree: str) -> TreeReader:
        """Return the reader of a tree; the latest ones are cached."""
        return self._cached(
            self._readers, tree, _CACHED_TREES, lambda: TreeReader(self.git, self.pool, tree)
        )

    def read(self, tree: str, path: str) -> bytes | None:
        """Return the content of a file of a tree, or None; see `TreeReader.read`."""
        return self.reader(tree).read(path)

    def entries(self, tree: str) -> tuple[FileEntry, ...]:
        """Return all files of a tree."""
        return self.reader(tree).entries()

    def grep(
        self,
        tree: str,
        pattern: str,
        *,
        paths: Iterable[str] = (),
        ignore_case: bool = False,
        fixed: bool = False,
        limit: int = 200,
        without: Iterable[str] = (),
    ) -> list[Hit]:
        """Search a tree; see `TreeReader.grep`."""
        return self.reader(tree).grep(
            pattern,
            paths=paths,
            ignore_case=ignore_case,
            fixed=fixed,
            limit=limit,
            without=without,
        )

    def change(self, old: str, new: str, *, context_lines: int = 3) -> Change:
        """Return the difference of two trees or commits; the latest ones are cached."""
        return self._cached(
            self._changes,
            (old, new, context_lines),
            _CACHED_CHANGES,
            lambda: read_change(self.git, self.pool, old, new, context_lines),
        )

    # Writing

    def edit(
        self,
        tree: str,
        changes: Mapping[str, bytes | None],
        modes: Mapping[str, str] | None = None,
    ) -> str:
        """Return the tree with these files written (or removed, for None).

        A file keeps its mode unless `modes` has another. Bytes are stored unchanged. The same edit
        of the same tree gives the same result, and removing a missing file is no error. Raises
        UnsafePathError for paths that leave the tree, name git's own folder, or lead through a
        file, a symbolic link or a submodule.
        """
        modes = modes or {}
        existing = {p: at.mode for p, at in find(self.pool, tree, named_by(changes)).items()}
        check_edit(existing, changes, modes)
        made: dict[str, TreeEntry | None] = {}
        for path, content in changes.items():
            mode = modes.get(path) or plain_mode(existing.get(path, "100644"))
            made[path] = None if content is None else TreeEntry(mode, self.write_blob(content))
        return edit_tree(self.pool, tree, made, partial(self._write, "tree"))

    def restore(self, tree: str, base: str, paths: Iterable[str]) -> str:
        """Return `tree` with these files as in `base`: content, mode, or absence."""
        requested = list(paths)
        there = find(self.pool, base, requested)
        made = {path: there.get(path) for path in requested}
        return edit_tree(self.pool, tree, made, partial(self._write, "tree"))

    def empty_tree(self) -> str:
        """Store the tree without a file and return its id."""
        return self._write("tree", b"")

    def write_blob(self, content: bytes) -> str:
        """Store bytes unchanged (no filter, no line-end conversion) and return their id."""
        return self._write("blob", content)

    def keep(self, tree: str, run: str, name: str, parent: str | None = None) -> str:
        """Keep a tree alive under `refs/reviewloop/<run>/<name>` and return the commit's id.

        The commit has a fixed date, so keeping the same tree again gives the same id.
        """
        who = f"{_KEEPER} <{_KEEPER}@localhost> 1000000000 +0000"
        above = f"parent {parent}\n" if parent else ""
        text = f"tree {tree}\n{above}author {who}\ncommitter {who}\n\n{run} {name}\n"
        content = text.encode("utf-8", "replace")
        commit = self._write("commit", content)
        reference = f"refs/reviewloop/{ref_component(run)}/{ref_component(name)}"
        write_ref(self.folder, reference, commit)
        return commit

    def kept(self, run: str) -> dict[str, str]:
        """Return name -> commit of everything kept for a run (names as in the refs)."""
        prefix = f"refs/reviewloop/{ref_component(run)}/"
        output = self.git.text("for-each-ref", "--format=%(objectname) %(refname)", prefix)
        pairs = (line.split(" ", 1) for line in output.splitlines())
        return {reference.removeprefix(prefix): commit for commit, reference in pairs}

    def commit(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        author: tuple[str, str],
        committer: tuple[str, str],
        sign: bool = False,
        date: str | None = None,
    ) -> str:
        """Make a commit object (no hook runs, no branch moves) and return its id.

        `date` is `<seconds> <+zone>`; None is now. With `sign`, the user's own signing program and
        key are used.
        """
        env = {
            "GIT_AUTHOR_NAME": author[0],
            "GIT_AUTHOR_EMAIL": author[1],
            "GIT_COMMITTER_NAME": committer[0],
            "GIT_COMMITTER_EMAIL": committer[1],
        }
        if date:
            env |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        args = ["commit-tree", tree]
        for parent in parents:
            args += ["-p", parent]
        if sign:
            args.append("-S")
            env |= self._signing_environment()
        text = message if message.endswith("\n") else message + "\n"
        output = self.git.run(*args, input=text.encode("utf-8", "replace"), env_extra=env)
        return output.decode().strip()

    def snapshot_of_checkout(self, user: UserRepo, *, lfs_pointers: bool = False) -> str:
        """Return the tree of the user's files: staged, unstaged and untracked.

        Works on a copy of their index with no filter configured; changed files whose committed form
        needs one are refused, of Git LFS without `lfs_pointers`. Nested repositories are left out.
        """
        with self.scratch_index() as scratch:
            if scratch.index is None:
                raise ValueError("a scratch index has a path")
            git = user.copied_index(self.git, scratch.index)
            return snapshot(git, lfs_pointers=lfs_pointers)

    # Inside

    def _write(self, kind: str, content: bytes) -> str:
        return write_object(self.folder / "objects", kind, content, self.object_format)

    @contextmanager
    def scratch_index(self) -> Iterator[Git]:
        """Yield a Git with an empty index of its own."""
        with tempfile.TemporaryDirectory(prefix="index-", dir=self.folder) as name:
            yield self.git.with_index(Path(name) / "index")

    def _signing_environment(self) -> dict[str, str]:
        env = {name: os.environ[name] for name in SIGNING_ENVIRONMENT if name in os.environ}
        settings = signing_settings(read_config(self.user_git_dir, self.user_root))
        env["GIT_CONFIG_COUNT"] = str(len(settings))
        for number, (key, value) in enumerate(settings.items()):
            env[f"GIT_CONFIG_KEY_{number}"] = key
            env[f"GIT_CONFIG_VALUE_{number}"] = value
        return env

    def _cached(self, cache: OrderedDict[_K, _T], key: _K, size: int, make: Callable[[], _T]) -> _T:
        with self._lock:
            if key in cache:
                cache.move_to_end(key)
            else:
                cache[key] = make()
                if len(cache) > size:
                    cache.popitem(last=False)
            return cache[key]


def ref_component(name: str) -> str:
    """Return `name` as one component of a ref: itself if it is plain, else plain and unique."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60]
    if name and plain == name:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain}-{digest}".lstrip("-")


def _tags(user: UserRepo) -> bytes:
    """Return the user's tags as a packed-refs file, for version tools of a build."""
    if not may_have_tags(user.common_dir):
        return b"# pack-refs with:\n"
    output = Git(user.git_dir).run(
        "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags/"
    )
    return b"# pack-refs with:\n" + output
