"""Measure what a batch adds to the time of models and gates, and kill one at random moments.

python benchmarks/batches.py [--tasks N] [--parallel N] | --kills K [--seed S] [--mode MODE]
"""

import argparse
import bisect
import json
import os
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.batch_kills import storm  # noqa: E402
from support.checkout import QUIET_GATES, Checkout  # noqa: E402
from support.many import SPEC  # noqa: E402
from support.shop import make_shop  # noqa: E402

PROMISED_SECONDS = 1.5  # per task, without models and gates
MOST_GROWTH = 1.5  # of a task's processor time from the first tenth to the last
CHAIN = 5  # tasks that need each other


def main() -> int:
    """Print figures; return 1 if one is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--kills", type=int, default=0, help="kill a batch so often instead")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=("queue", "autopilot"), default="queue")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.kills:
            return kill(Path(folder), asked.kills, asked.seed, asked.mode)
        return overhead(Path(folder), asked.tasks, asked.parallel)


def overhead(folder: Path, count: int, parallel: int) -> int:
    """Run many small tasks with a model that answers at once and gates that run nothing."""
    checkout = many_tasks(folder, count)
    with Meter() as meter:
        said = checkout.run("batch", "--mode", "queue", "--max-parallel", str(parallel))
    if said.code != 4:
        raise SystemExit(f"the batch did not come to its queue: {said.code} {said.err[-500:]}")
    with sqlite3.connect(one_of(checkout, "runs.sqlite")) as database:
        records = [json.loads(row[0]) for row in database.execute("SELECT record FROM runs")]
    ends = sorted(record["updated_at"] for record in records)
    grown = {name: size_of(checkout.state, name) / count / 1024 for name in ("*.sqlite*", "*")}
    tenth = max(2, count // 10)
    first, last = (
        meter.between(ends[at], ends[at + tenth]).over(tenth) for at in (0, count - 1 - tenth)
    )
    whole = meter.all().over(count)
    print(f"{count} tasks, {parallel} side by side: {whole.seconds * count:.0f} s")
    print(f"per task            {whole.seconds:.2f} s, {whole.processor:.2f} s processor")
    for name, part in (("first", first), ("last", last)):
        print(
            f"{name + ' tenth':20}{part.seconds:.2f} s, {part.processor:.2f} s processor; "
            f"memory {part.memory:.0f} MiB at its end"
        )
    databases = grown["*.sqlite*"]
    print(f"state               {grown['*']:.0f} KiB per task, {databases:.0f} of it databases")
    sys.stdout.flush()
    began = time.monotonic()
    if checkout.run("queue", "approve", "--all").code:
        raise SystemExit("the queue could not be approved")
    approving = (time.monotonic() - began) / count
    print(f"approving           {approving:.2f} s per task")
    # Figures of few tasks mean little: other load on the machine doubles one of them.
    steep = count >= 50 and last.processor > MOST_GROWTH * first.processor
    return int(whole.seconds > PROMISED_SECONDS or steep)


class Taken(NamedTuple):
    """The cost of a part of a batch, and the memory in use at its end."""

    seconds: float
    processor: float  # of this process and its children
    memory: float  # MiB

    def over(self, count: int) -> "Taken":
        """Return the cost per task."""
        return Taken(self.seconds / count, self.processor / count, self.memory)


class Meter:
    """Records every tenth of a second what this process has used so far."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, float, float]] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Meter":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ending.set()
        self._thread.join()

    def all(self) -> Taken:
        """Return the usage from the beginning to the end."""
        return self.between(self._samples[0][0], self._samples[-1][0])

    def between(self, begin: float, end: float) -> Taken:
        """Return the usage between two moments since the epoch."""
        at = [bisect.bisect_left(self._samples, (moment,)) for moment in (begin, end)]
        first, last = (self._samples[min(place, len(self._samples) - 1)] for place in at)
        return Taken(end - begin, last[1] - first[1], last[2])

    def _sample(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        going_on = True
        while going_on:
            going_on = not self._ending.wait(0.1)
            used = sum(os.times()[:4])
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self._samples.append((time.time(), used, pages * page / 2**20))


def one_of(checkout: Checkout, name: str) -> Path:
    """Return the file of this name in the only repository."""
    (place,) = checkout.state.glob(f"repositories/*/{name}")
    return place


def many_tasks(folder: Path, count: int) -> Checkout:
    """Return a checkout with a spec of so many tasks, and a script that does them."""
    lines = ["# Plan", ""]
    for number in range(1, count + 1):
        needs = "none" if number % CHAIN == 1 else str(number - 1)
        lines += [f"- [ ] {number}. Make part {number:04d}", f"  - _Depends: {needs}_"]
    text = {"path": "shop/part${part}.py", "file_text": "x = '${part}'\n"}
    call = {"name": "fs_write", "args": {"command": "create", **text}}
    asked = {"part": r"Task \d+: Make part (\d+)"}
    end = {"name": "finish", "args": {"summary": "made it", "subject": "Add a part"}}
    replies: list[dict[str, Any]] = [  # few, because a model's time is not measured here
        {"agent": "implement", "turn": 0, "capture": asked, "tool_calls": [call]},
        {"agent": "implement", "turn": 1, "tool_calls": [end]},
        {"tool_calls": [{"name": "report_findings", "args": {"findings": []}}]},
    ]
    script = folder / "script.json"
    script.write_text(json.dumps({"replies": replies}))
    root = folder / "project"
    root.mkdir()
    make_shop(root, files={SPEC: "\n".join(lines) + "\n"})
    model = {
        f"REVIEWLOOP_MODELS__{kind}": f"script:{script}" for kind in ("REASONING", "GENERATION")
    }
    settings = {**QUIET_GATES, **model, "REVIEWLOOP_SPEC__PATH": ".kiro/specs/many"}
    return Checkout(root, folder / "home", None, settings)


def size_of(folder: Path, names: str) -> int:
    """Return how many bytes the files of these names below a folder take."""
    return sum(path.lstat().st_size for path in folder.rglob(names) if path.is_file())


def kill(folder: Path, kills: int, seed: int, mode: str) -> int:
    """Kill batches at random moments and print the results."""
    toll = storm(folder, kills, seed, mode)
    print(*toll.lines(), sep="\n")
    return int(bool(toll.problems))


if __name__ == "__main__":
    raise SystemExit(main())
