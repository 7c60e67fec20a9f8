"""Measure how many findings a review without a model has on the commits of a well-kept repository.

python benchmarks/noise.py REPOSITORY [--commits 30] [--show] [--all-tools]

REPOSITORY is any clone, bare or not. Counted are the red and yellow findings on added lines: all of
them, and those alone that the commit introduced (the same rule was not at the same line text
before), which is what a review reports. Findings without a line count with the latter.
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from reviewloop.analysis.contract import ChangeView, Options  # noqa: E402
from reviewloop.analysis.examine import examine  # noqa: E402
from reviewloop.analysis.placing import LocatedHit  # noqa: E402
from reviewloop.analysis.rule_book import change_checks  # noqa: E402
from reviewloop.analysis.tools import TOOLS  # noqa: E402
from reviewloop.domain.finding import Severity  # noqa: E402
from reviewloop.git.comparison import CompareSpec, open_comparison  # noqa: E402
from reviewloop.review.evidence import view_of  # noqa: E402
from reviewloop.review.selection import select  # noqa: E402

MOST_PER_100_LINES = 1.0
FEWEST_LINES = 5
EXTRAS = frozenset(tool.name for tool in TOOLS if not tool.core)


@dataclass
class Tally:
    """What was counted over all commits."""

    commits: int = 0
    lines: int = 0
    on_lines: Counter[str] = field(default_factory=Counter)
    new: Counter[str] = field(default_factory=Counter)
    nits: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def rate(self, counter: Counter[str]) -> float:
        """Return findings per 100 added lines."""
        return 100 * counter.total() / self.lines if self.lines else 0.0


def main() -> int:
    """Print the figures of a repository; return 1 if they are above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--commits", type=int, default=30)
    parser.add_argument("--show", action="store_true", help="print every red and yellow finding")
    parser.add_argument("--all-tools", action="store_true", help="use other tools found here, too")
    asked = parser.parse_args()
    tally = Tally()
    off = frozenset() if asked.all_tools else EXTRAS
    for commit in commits_of(asked.repository):
        if tally.commits == asked.commits:
            break
        count(asked.repository, commit, tally, off, show=asked.show)
    report(asked.repository, tally)
    return 0 if tally.commits and tally.rate(tally.new) < MOST_PER_100_LINES else 1


def commits_of(repository: Path) -> Iterator[str]:
    """Yield the commits of the checked out branch, newest first, merges left out."""
    argv = ["git", "-C", str(repository), "log", "--no-merges", "--format=%H", "--max-count=2000"]
    yield from subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()


def count(repository: Path, commit: str, tally: Tally, off: frozenset[str], *, show: bool) -> None:
    """Add a commit to the tally, if it adds enough lines that a review reads."""
    with open_comparison(repository, CompareSpec(commit=commit)) as two:
        change = two.private.change(two.old, two.new)
        selection = select(change, two.private, base=two.base)
        lines = sum(len(file.added_numbers) for file in selection.sources)
        if lines < FEWEST_LINES:
            return
        tally.commits += 1
        tally.lines += lines
        view = view_of(change, selection, two.private, Options())
        examination = examine(view, off=off)
        new = list(loud(examination.hits))
        tally.new.update(placed.rule.id for placed in new)
        tally.nits.update(p.rule.id for p in examination.hits if not is_loud(p))
        tally.failed.update(f"{r.name}: {r.reason}" for r in examination.failed)
        tally.on_lines.update(p.rule.id for p in on_lines(view, off))
    if show:
        for placed in new:
            where = f"{placed.hit.path}:{placed.hit.span.line if placed.hit.span else '-'}"
            severity = placed.hit.severity or placed.rule.severity
            print(f"{commit[:10]} {severity} {where} {placed.rule.id} {placed.hit.message}")


def is_loud(placed: LocatedHit) -> bool:
    """Whether a finding is red or yellow."""
    return (placed.hit.severity or placed.rule.severity) is not Severity.NIT


def loud(hits: Iterable[LocatedHit]) -> Iterator[LocatedHit]:
    """Yield the red and yellow hits."""
    return (placed for placed in hits if is_loud(placed))


def on_lines(view: ChangeView, off: frozenset[str]) -> Iterator[LocatedHit]:
    """Yield the hits on added lines if the base is unknown."""
    whole = {check.name for check in change_checks()}
    files = tuple(replace(file, status="A") for file in view.files)
    found = examine(replace(view, files=files), off=off | whole)
    return (placed for placed in loud(found.hits) if placed.on_change)


def report(repository: Path, tally: Tally) -> None:
    """Print the figures."""
    print(f"{repository}: {tally.commits} commits, {tally.lines} added lines")
    for name, counter in (("on added lines", tally.on_lines), ("new since base", tally.new)):
        figures = f"{counter.total():4} = {tally.rate(counter):.2f} per 100 lines"
        print(f"red and yellow, {name}: {figures}")
    print(f"nits: {tally.nits.total():4} = {tally.rate(tally.nits):.2f} per 100 lines")
    print("by rule (new / on lines):")
    for rule, _ in (tally.new + tally.on_lines).most_common():
        print(f"  {rule:40} {tally.new[rule]:4} {tally.on_lines[rule]:4}")
    print("nits by rule:", ", ".join(f"{rule} {n}" for rule, n in tally.nits.most_common(12)))
    for name, times in tally.failed.most_common():
        print(f"failed {times} times: {name[:300]}")


if __name__ == "__main__":
    sys.exit(main())
