"""A case of the catalogue, and helpers to build its repository."""

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reviewloop.git.comparison import CompareSpec as Spec
from reviewloop.git.comparison import Comparison
from reviewloop.git.diff import Change

EMPTY = "the empty tree"
WORK = "the files on disk"  # as `git add -A` in a copy of the repository sees them

_IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "protocol.file.allow",
    "GIT_CONFIG_VALUE_0": "always",
}


class Maker:
    """Builds repositories in one folder; the first is `repo`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = folder / "project"
        self.tripwire = folder / "tripwire"

    def start(self, *options: str) -> "Maker":
        self.repo.mkdir()
        self.git("init", "-q", "-b", "main", *options)
        return self

    def git(self, *args: str, at: Path | None = None, ok: bool = True, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *args],
            cwd=at or self.repo,
            env={**os.environ, **_IDENTITY},
            input=stdin,
            capture_output=True,
            check=False,
        )
        if ok and done.returncode:
            raise AssertionError(f"git {args}: {done.stderr!r}")
        return os.fsdecode(done.stdout).strip()

    def write(self, files: Mapping[str, bytes | str | None]) -> "Maker":
        for name, content in files.items():
            path = self.repo / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def commit(self, files: Mapping[str, bytes | str | None] | None = None) -> "Maker":
        self.write(files or {})
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "--no-verify", "-m", "a commit")
        return self

    def commit_tree(self, entries: Mapping[str, tuple[str, bytes]]) -> "Maker":
        """Commit files that no disk has to hold: path -> mode and content (or commit id)."""
        lines = []
        for path, (mode, content) in entries.items():
            oid = content.decode() if mode == "160000" else self.blob(content)
            lines.append(f"{mode} {oid}\t".encode() + os.fsencode(path))
        self.git("read-tree", "--empty")
        self.git("update-index", "-z", "--index-info", stdin=b"\0".join(lines) + b"\0")
        tree = self.git("write-tree")
        head = self.git("rev-parse", "-q", "--verify", "HEAD", ok=False)
        parent = ["-p", head] if head else []
        self.git("update-ref", "HEAD", self.git("commit-tree", tree, *parent, "-m", "made"))
        return self

    def blob(self, content: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", stdin=content)

    def trap(self) -> Path:
        """Return a program that leaves a trace when it is run."""
        path = self.folder / "trap.sh"
        path.write_text(f'#!/bin/sh\necho "$0 $*" >> "{self.tripwire}"\ncat\n')
        path.chmod(0o755)
        return path


@dataclass(frozen=True)
class Case:
    """One repository, what is asked about it, and what must come out."""

    build: Callable[[Maker], Path | None]  # returns where to start; None: in the repository
    asked: Spec = field(default_factory=Spec)
    old: str = "HEAD"  # as git's rev-parse takes it, or EMPTY; "": not compared
    new: str = WORK
    files: Mapping[str, str] | None = None  # path -> status, all of them
    check: Callable[[Comparison, Change], None] | None = None
    refused: str = ""  # what the reason says, as an expression
    needs_root: bool = False
    worktree: str = ""  # where the files are when not in the repository, relative to the folder


LAST = Spec(range="HEAD~1..HEAD")
