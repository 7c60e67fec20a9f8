"""Valid locations of a comment on a diff, from a real repository: evaluated as by GitHub."""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(
        ["git", *args], cwd=folder, check=True, capture_output=True, text=True, errors="replace"
    )
    return done.stdout


@dataclass
class FileDiff:
    """The hunks of one file, as (first line, last line) of each side; none for a binary file."""

    left: list[range] = field(default_factory=list)
    right: list[range] = field(default_factory=list)

    def hunk_of(self, side: str, line: int) -> int | None:
        hunks = self.left if side == "LEFT" else self.right
        return next((number for number, lines in enumerate(hunks) if line in lines), None)


class Diffs:
    """Remembers what each pair of commits differs in."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._known: dict[tuple[str, str], dict[str, FileDiff]] = {}
        self._moves: dict[tuple[str, str, str], list[tuple[range, range]]] = {}

    def of(self, base: str, head: str) -> dict[str, FileDiff]:
        """Return the files of `git diff base...head`, by their new name (the old, if deleted)."""
        if (base, head) not in self._known:
            self._known[base, head] = self._read(base, head)
        return self._known[base, head]

    def commits(self, base: str, head: str) -> set[str]:
        """Return the commits that a pull request shows."""
        return set(git(self._repository, "rev-list", f"{base}..{head}").split())

    def sha(self, revision: str) -> str:
        """Return the full id of a commit."""
        return git(self._repository, "rev-parse", "--verify", f"{revision}^{{commit}}").strip()

    def content(self, revision: str, path: str) -> bytes:
        """Return a file of a commit."""
        return git(self._repository, "cat-file", "blob", f"{revision}:{path}").encode()

    def moved(self, path: str, line: int, before: str, after: str) -> int | None:
        """Return where a line of one commit is in another; None when it was changed or is gone."""
        if before == after:
            return line
        key = (path, before, after)
        if key not in self._moves:
            text = git(self._repository, "diff", "-U0", before, after, "--", path)
            self._moves[key] = [_sides(line) for line in text.splitlines() if _HUNK.match(line)]
        shift = 0
        for old, new in self._moves[key]:
            if line in old:
                return None
            if old.start < line:  # an insertion stands after its line
                shift += len(new) - len(old)
        return line + shift

    def _read(self, base: str, head: str) -> dict[str, FileDiff]:
        asked = ("-c", "core.quotePath=false", "diff", "--no-ext-diff", "-M", f"{base}...{head}")
        files: dict[str, FileDiff] = {}
        names = git(self._repository, *asked[:-1], "--name-only", "-z", asked[-1]).split("\0")
        order = iter([name for name in names if name])
        current = FileDiff()
        inside = 0, 0
        for line in git(self._repository, *asked).split("\n"):
            if inside == (0, 0) and line.startswith("diff --git "):
                current = files[next(order)] = FileDiff()
            elif inside == (0, 0) and _HUNK.match(line):
                old, new = _sides(line)
                current.left.append(old)
                current.right.append(new)
                inside = len(old), len(new)
            elif inside != (0, 0) and not line.startswith("\\"):
                old_left, new_left = inside
                inside = old_left - (line[:1] != "+"), new_left - (line[:1] != "-")
        return files


def _sides(header: str) -> tuple[range, range]:
    match = _HUNK.match(header)
    assert match
    old, old_count, new, new_count = (int(part) if part else 1 for part in match.groups())
    return range(old, old + old_count), range(new, new + new_count)
