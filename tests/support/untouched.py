"""Photographs of a person's checkout and its git directory: names, modes and contents, no times.

with untouched(checkout.root):
    checkout.run("run", "2.1")          # raises AssertionError naming what changed

before = photograph(root)
...
assert changes(before, photograph(root)) == {...}
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

OUTSIDE = "(git) "  # what a linked worktree or a .git file keeps outside of the checkout


def photograph(root: Path) -> dict[str, str]:
    """Return path -> mode and hash of content, of everything in a checkout and its git directory.

    Folders count, too. Links are not followed, pipes and sockets not opened.
    """
    found = _below(root, "")
    named = root / ".git"
    if named.is_file():
        place = root / named.read_text().removeprefix("gitdir:").strip()
        common = place / "commondir"
        whole = place / common.read_text().strip() if common.exists() else place
        found |= _below(Path(os.path.normpath(whole)), OUTSIDE)
    return found


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Return the paths that came, went or changed, with `+`, `-` or `~` in front."""
    came = {f"+{path}" for path in after.keys() - before.keys()}
    went = {f"-{path}" for path in before.keys() - after.keys()}
    both = before.keys() & after.keys()
    return came | went | {f"~{path}" for path in both if before[path] != after[path]}


@contextmanager
def untouched(root: Path) -> Iterator[None]:
    """Raise AssertionError when the block changed anything of a checkout or of its `.git`."""
    before = photograph(root)
    yield
    changed = changes(before, photograph(root))
    assert not changed, f"changed in {root}: {', '.join(sorted(changed))}"


def _below(root: Path, prefix: str) -> dict[str, str]:
    found = {}
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(folder, name)
            key = os.fsencode(path.relative_to(root)).decode("utf-8", "backslashreplace")
            found[prefix + key] = _look(path)
    return found


def _look(path: Path) -> str:
    mode = path.lstat().st_mode
    told = stat.filemode(mode)
    if stat.S_ISLNK(mode):
        return f"{told} {os.readlink(path)}"
    return f"{told} {hashlib.sha256(path.read_bytes()).hexdigest()}" if stat.S_ISREG(mode) else told
