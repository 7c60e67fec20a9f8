"""Repositories that try to run something, and a check that none of them changed."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover

HOOKS = (
    "pre-commit",
    "post-commit",
    "commit-msg",
    "prepare-commit-msg",
    "post-checkout",
    "post-index-change",
    "reference-transaction",
    "post-merge",
    "post-rewrite",
    "fsmonitor-watchman",
)


@pytest.fixture
def contents() -> Callable[[Path], dict[str, str]]:
    """Return a function that maps every file below a folder to a hash of its content."""

    def read(folder: Path) -> dict[str, str]:
        found = {}
        for place, _, names in os.walk(folder):
            for name in names:
                path = Path(place, name)
                data = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
                mode = path.lstat().st_mode
                key = os.fsencode(path.relative_to(folder)).decode("utf-8", "replace")
                found[key] = f"{mode:o} {hashlib.sha256(data).hexdigest()}"
        return found

    return read


@pytest.fixture
def tripwire(tmp_path: Path) -> Path:
    """Return the file that exists once something of a trapped repository was executed."""
    return tmp_path / "tripwire"


@pytest.fixture
def trapped(repo: Path, git: Callable[..., str], tmp_path: Path, tripwire: Path) -> Path:
    """Arm every hook and every setting that makes git start a program."""
    trap = tmp_path / "trap.sh"
    trap.write_text(f'#!/bin/sh\necho "$0 $*" >> "{tripwire}"\ncat\n')
    trap.chmod(0o755)
    (repo / "kept.flt").write_text("filtered\n")
    git(repo, "add", "kept.flt")
    git(repo, "commit", "-qm", "a file for the filter")
    for name in HOOKS:
        (repo / ".git/hooks").mkdir(exist_ok=True)
        hook = repo / ".git/hooks" / name
        hook.write_text(trap.read_text())
        hook.chmod(0o755)
    settings = {
        "core.fsmonitor": trap,
        "core.sshCommand": trap,
        "core.pager": trap,
        "core.editor": trap,
        "core.alternateRefsCommand": trap,
        "credential.helper": trap,
        "gpg.program": trap,
        "commit.gpgSign": "true",
        "diff.external": trap,
        "diff.trap.command": trap,
        "diff.trap.textconv": trap,
        "filter.trap.clean": trap,
        "filter.trap.smudge": trap,
        "filter.trap.required": "true",
        "merge.trap.driver": trap,
        "submodule.recurse": "true",
        "alias.status": f"!{trap}",
    }
    for key, value in settings.items():
        git(repo, "config", key, str(value))
    (repo / ".git/info").mkdir(exist_ok=True)
    (repo / ".git/info/attributes").write_text("* diff=trap merge=trap\n*.flt filter=trap\n")
    os.utime(repo / "kept.flt", (1, 1))  # git would have to run the filter to know it is clean
    git(repo, "status")
    assert tripwire.exists(), "the trap does not work"
    os.utime(repo / "kept.flt", (2, 2))
    tripwire.unlink()
    return repo


@pytest.fixture
def private(repo: Path, tmp_path: Path) -> Iterator[PrivateRepo]:
    """Return a private repository that sees the objects of `repo`."""
    made = PrivateRepo.create(tmp_path / "run/git", discover(repo))
    yield made
    made.close()
