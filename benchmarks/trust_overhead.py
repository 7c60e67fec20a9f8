"""Measure the cost of safety and durability: sandbox, journal, snapshots, and their share of a run.

python benchmarks/trust_overhead.py [--files N] [--runs N]
"""

import argparse
import contextlib
import functools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.crash import Site  # noqa: E402

from reviewloop.checkout.workspace import Workspace  # noqa: E402
from reviewloop.git.private import PrivateRepo  # noqa: E402
from reviewloop.git.repository import discover  # noqa: E402
from reviewloop.sandbox import choose as ladder  # noqa: E402
from reviewloop.sandbox import run as running  # noqa: E402
from reviewloop.sandbox.base import Confinement, Grants, Sandbox, Unconfined  # noqa: E402
from reviewloop.sandbox.proof import escapes  # noqa: E402
from reviewloop.store.journal import CallKey, Journal  # noqa: E402

REPLY_SECONDS = 1.0
FIRST_BYTE_SECONDS = 0.05
REQUEST_CHARACTERS = 40_000  # about the size of a reviewer's prompt
MOST_SHARE = 0.01


class Cost(NamedTuple):
    """Milliseconds of one call: of a clock (median, 95 of 100), and of processors."""

    p50: float
    p95: float
    cpu: float


def main() -> int:
    """Print a table; return 1 if the share of a run is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000, help="of the repository of snapshots")
    parser.add_argument("--runs", type=int, default=100, help="how often each is done")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table: dict[str, Cost] = {}
        for level, work in commands(folder).items():
            table[f"command, {level}"] = cost(work, given.runs)
        table["start proof, once a process"] = cost(lambda _: trial(), 5)
        with written_journal(folder) as write:
            table["journal, a reply with fsync"] = cost(write, given.runs)
        with kept_trees(folder / "repository", given.files) as (snapshot, reset):
            table[f"snapshot, {given.files} files"] = cost(snapshot, given.runs)
            table[f"workspace reset, {given.files} files"] = cost(reset, max(5, given.runs // 5))
        print(f"{'ms':<34}{'p50':>8}{'p95':>8}{'cpu':>8}")
        for name, (p50, p95, cpu) in table.items():
            print(f"{name:<34}{p50:>8.1f}{p95:>8.1f}{cpu:>8.1f}")
        return share(folder / "site", table)


def cost(work: Callable[[int], object], runs: int) -> Cost:
    """Return the cost of one call."""
    work(-1)
    times, before = [], _processor()
    for number in range(runs):
        started = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - started)
    used = (_processor() - before) / runs
    times.sort()
    p95 = times[min(len(times) - 1, len(times) * 95 // 100)]
    return Cost(statistics.median(times) * 1000, p95 * 1000, used * 1000)


def _processor() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def commands(folder: Path) -> dict[str, Callable[[int], object]]:
    """Return functions that run `true` at each level that works here, and with fewer layers."""
    work = folder / "work"
    work.mkdir()
    env = {"PATH": os.defpath}

    def run(sandbox: Sandbox) -> Callable[[int], object]:
        confine = Confinement(lambda: sandbox, Grants(work))
        return lambda _: running.run_command(
            ["true"], cwd=work, env=env, timeout_seconds=20, log=folder / "log", confine=confine
        )

    found: dict[str, Callable[[int], object]] = {
        "bare": lambda _: subprocess.run(["true"], env=env, check=True),
        "launcher, no sandbox": run(Sandbox(Unconfined())),
    }
    for level in ("bubblewrap", "landlock", "sandbox-exec"):
        sandbox = ladder.choose(requested=level)
        if sandbox.is_proven:
            found[level] = run(sandbox)
    return found


def trial() -> None:
    """Try to escape the current level, as the first command of a process does."""
    problem = escapes(ladder.choose())
    if problem:
        raise SystemExit(problem)


@contextlib.contextmanager
def written_journal(folder: Path) -> Iterator[Callable[[int], object]]:
    """Yield a function that writes a reply as a run does: durable before it is used."""
    journal = Journal(folder / "journal.sqlite")
    request = {"messages": ["x y z " * (REQUEST_CHARACTERS // 6)]}
    yield lambda number: journal.record(
        CallKey("agent", "review", turn=number),
        str(number),
        "model",
        request=request,
        reply={"text": "a reply " * 200},
        usage={"input": 1},
        seconds=1.0,
    )
    journal.close()


Work = Callable[[int], object]


@contextlib.contextmanager
def kept_trees(folder: Path, files: int) -> Iterator[tuple[Work, Work]]:
    """Yield functions that store a tree with one edit, and that reset the workspace to such a
    tree.
    """
    for number in range(files):
        path = folder / f"package{number % 50}" / f"module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"VALUE = {number}\n")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    for args in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "base"]):
        subprocess.run(["git", *args], cwd=folder, check=True)
    private = PrivateRepo.create(folder.parent / "private", discover(folder))
    base = private.tree_of(private.head)
    workspace = Workspace(private, folder.parent / "workspace")
    trees = [base]

    def snapshot(number: int) -> None:
        new = private.edit(base, {"package1/module1.py": f"VALUE = -{number}\n".encode()})
        private.keep(new, "run", f"step-{number}")
        trees.append(new)

    yield snapshot, lambda number: workspace.reset(trees[number % len(trees)])
    private.close()


# Part of a run -> the row of the table with its processor cost.
_ROWS = {
    "start proof": "start proof",
    "journal": "journal",
    "snapshots": "snapshot",
    "workspace resets": "workspace reset",
}


class Tally:
    """The number of uses of each part in a run, and their duration."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = defaultdict(int)
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside = threading.local()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its calls counted, without those nested in others."""

        @functools.wraps(function)
        def wrapper(*args: Any, **more: Any) -> Any:
            if getattr(self._inside, "it", False):
                return function(*args, **more)
            self._inside.it = True
            started = time.perf_counter()
            try:
                return function(*args, **more)
            finally:
                self._inside.it = False
                self.calls[name] += 1
                self.seconds[name] += time.perf_counter() - started

        return wrapper


def share(folder: Path, table: dict[str, Cost]) -> int:
    """Run the play of the end-to-end tests with slow replies; return the share of safety."""
    tally = Tally()
    parts = {
        "start proof": (ladder, "escapes"),
        "journal": (Journal, "record"),
        "snapshots": (PrivateRepo, "keep"),
        "workspace resets": (Workspace, "reset"),
    }
    with Site(folder, seconds=REPLY_SECONDS, first_byte=FIRST_BYTE_SECONDS) as site:
        ladder._tried.clear()
        with contextlib.ExitStack() as stack:
            for name, (owner, attribute) in parts.items():
                before = getattr(owner, attribute)
                stack.callback(setattr, owner, attribute, before)
                setattr(owner, attribute, tally.timed(name, before))
            started_by = running._start
            stack.callback(setattr, running, "_start", started_by)
            running._start = tally.timed("commands", started_by)
            started = time.monotonic()
            said = site.checkout.run("run", "2.1")
            wall = time.monotonic() - started
        replies = len(site.server.ledger)
    if said.code != 4:
        raise SystemExit(f"the run ended with {said.code}:\n{said.err}")
    level = str(ladder.choose().level)
    confined, free = table[f"command, {level}"], table["command, launcher, no sandbox"]
    bare = table["command, bare"]
    count = tally.calls["commands"]
    added = {
        f"sandbox ({level}), {count} commands": (
            count * (confined.p50 - free.p50) / 1000,
            count * (confined.cpu - free.cpu) / 1000,
        ),
        f"launcher, {count} commands": (
            count * (free.p50 - bare.p50) / 1000,
            count * (free.cpu - bare.cpu) / 1000,
        ),
        **{
            f"{name}, {tally.calls[name]}": (
                tally.seconds[name],
                tally.calls[name] * table[row].cpu / 1000,
            )
            for name, row in _ROWS.items()
            for row in [next(key for key in table if key.startswith(row))]
        },
    }
    print(f"\na run of {wall:.1f} s, {replies} replies of {REPLY_SECONDS:.0f} s")
    print(f"{'':<38}{'s':>8}{'share':>9}{'cpu s':>9}{'share':>9}")
    # Supervising commands and resetting files is not part of the target.
    besides = [name for name in added if name.startswith(("launcher", "workspace resets"))]
    judged = [costs for name, costs in added.items() if name not in besides]
    everything = list(added.values())
    total = (sum(seconds for seconds, _ in judged), sum(cpu for _, cpu in judged))
    added = {name: added[name] for name in [*(n for n in added if n not in besides), *besides]}
    added["sandbox, proof, journal, snapshots"] = total
    added["with launcher and resets"] = (
        sum(seconds for seconds, _ in everything),
        sum(cpu for _, cpu in everything),
    )
    for name, (seconds, cpu) in added.items():
        print(f"{name:<38}{seconds:>8.3f}{seconds / wall:>9.2%}{cpu:>9.3f}{cpu / wall:>9.2%}")
    print(f"the aim is under {MOST_SHARE:.0%} for sandbox, proof, journal and snapshots")
    return 0 if total[0] / wall < MOST_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
