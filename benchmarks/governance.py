"""List which of the newest commits of repositories governance would show to a user, and why.

python benchmarks/governance.py CLONE... [--commits N]

Reading the list shows how many are false; docs/governance.md has the figures of two repositories.
"""

import argparse
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.git.repository import discover
from reviewloop.guards.base import GuardInput
from reviewloop.guards.change_types import KINDS, change_kinds


@dataclass(frozen=True)
class Commit:
    """One commit as the finders of kinds read it."""

    private: PrivateRepo
    old: str
    new: str

    @property
    def change(self) -> Any:
        """The files that the commit changes."""
        return self.private.change(self.old, self.new)

    def read_base(self, path: str) -> bytes | None:
        """Return a file before the commit."""
        return self.private.read(self.old, path)

    def read_new(self, path: str) -> bytes | None:
        """Return a file after it."""
        return self.private.read(self.new, path)


def main() -> int:
    """Print a line for each commit of a kind, then the counts."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clones", nargs="+", type=Path)
    parser.add_argument("--commits", type=int, default=100, help="of each, without merges")
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    looked = named = 0
    for clone in given.clones:
        for subject, kinds in commits_of(clone, given.commits):
            looked += 1
            named += bool(kinds)
            counts.update([*kinds])
            for kind, why in kinds.items():
                print(f"{clone.name} {subject}\n    {kind} ({why})")
    print(
        f"{looked} commits, {named} of a kind: " + ", ".join(f"{n} {k}" for k, n in counts.items())
    )
    return 0


def commits_of(clone: Path, number: int) -> Any:
    """Yield (commit and subject, {kind: lines of evidence}) of the newest commits."""
    user = discover(clone)
    log = Git(user.git_dir, cwd=user.root).text(
        "log", f"-{number}", "--no-merges", "--min-parents=1", "--format=%H %s"
    )
    with tempfile.TemporaryDirectory() as folder:
        private = PrivateRepo.create(Path(folder, "git"), user)
        for line in log.splitlines():
            commit, _, subject = line.partition(" ")
            trees = [private.tree_of(one) for one in (f"{commit}^", commit)]
            change = cast(GuardInput, Commit(private, *trees))
            yield f"{commit[:10]} {subject[:60]}", dict(change_kinds(change, tuple(KINDS)))
        private.close()


if __name__ == "__main__":
    raise SystemExit(main())
