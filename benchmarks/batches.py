"""Measure what a batch adds to the time of models and gates, and kill one at random moments.

python benchmarks/batches.py [--tasks N] [--parallel N] | --kills K [--seed S] [--mode MODE]
"""

import argparse
import contextlib
import json
import os
import random
import resource
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from batch.conftest import opened  # noqa: E402
from support.bedrock import Received, breaks_off, throttle  # noqa: E402
from support.checkout import QUIET_GATES, Checkout  # noqa: E402
from support.many import SPEC, many  # noqa: E402
from support.prepared import run_prepared  # noqa: E402
from support.shop import make_shop  # noqa: E402

PROMISED_SECONDS = 1.5  # per task, without models and gates
CHAIN = 5  # tasks that need each other
KILLED = -signal.SIGKILL


def main() -> int:
    """Print figures; return 1 when a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--kills", type=int, default=0, help="kill a batch so often instead")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=("queue", "autopilot"), default="queue")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.kills:
            return storm(Path(folder), asked.kills, asked.seed, asked.mode)
        return overhead(Path(folder), asked.tasks, asked.parallel)


def overhead(folder: Path, count: int, parallel: int) -> int:
    """Do many small tasks with a model that answers at once and gates that run nothing."""
    checkout = many_tasks(folder, count)
    before = size_of(checkout.state) if checkout.state.exists() else 0
    began, used = time.monotonic(), time.process_time()
    said = checkout.run("batch", "--mode", "queue", "--max-parallel", str(parallel))
    wall, used = time.monotonic() - began, time.process_time() - used
    if said.code != 4:
        raise SystemExit(f"the batch did not come to its queue: {said.code} {said.err[-500:]}")
    (place,) = checkout.state.glob("repositories/*/runs.sqlite")
    with sqlite3.connect(place) as database:
        records = [json.loads(row[0]) for row in database.execute("SELECT record FROM runs")]
    ends = sorted(record["updated_at"] for record in records)
    tenth = max(2, count // 10)
    first, last = (ends[tenth] - ends[0]) / tenth, (ends[-1] - ends[-1 - tenth]) / tenth
    grown = (size_of(checkout.state) - before) / count / 1024
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.monotonic()
    if checkout.run("queue", "approve", "--all").code:
        raise SystemExit("the queue could not be approved")
    approving = (time.monotonic() - began) / count
    print(f"{count} tasks, {parallel} side by side: {wall:.1f} s, {used / count:.2f} s processor")
    print(f"per task            {wall / count:.2f} s; first tenth {first:.2f}, last {last:.2f} s")
    print(f"approving           {approving:.2f} s per task")
    print(f"state               {grown:.0f} KiB per task; memory {memory:.0f} MiB in all")
    return int(wall / count > PROMISED_SECONDS)


def many_tasks(folder: Path, count: int) -> Checkout:
    """Return a checkout whose spec has so many tasks, and a script that does them."""
    lines = ["# Plan", ""]
    replies: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        needs = "none" if number % CHAIN == 1 else str(number - 1)
        lines += [f"- [ ] {number}. Make part {number:04d}", f"  - _Depends: {needs}_"]
        text = {"path": f"shop/part{number:04d}.py", "file_text": f"x = {number}\n"}
        call = {"name": "fs_write", "args": {"command": "create", **text}}
        task = f"Task {number}: Make part {number:04d}"
        replies.append({"agent": "implement", "turn": 0, "when": task, "tool_calls": [call]})
    end = {"name": "finish", "args": {"summary": "made it", "subject": "Add a part"}}
    replies.append({"agent": "implement", "turn": 1, "tool_calls": [end]})
    replies.append({"tool_calls": [{"name": "report_findings", "args": {"findings": []}}]})
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


def size_of(folder: Path) -> int:
    """Return how many bytes the files below a folder take."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def storm(folder: Path, kills: int, seed: int, mode: str) -> int:
    """Kill a batch of six tasks, four side by side, again and again; look at what comes of it."""
    chance, quiet = random.Random(seed), many()

    def play(received: Received) -> Any:
        drawn = chance.random()
        if drawn < 0.3:
            return throttle(0.02)
        return breaks_off() if drawn < 0.35 else quiet(received).after(chance.random() * 0.2)

    rounds = done = 0
    problems: list[str] = []
    while done < kills:
        rounds += 1
        place = folder / str(rounds)
        place.mkdir()
        with opened(place, play) as checkout:
            done += to_the_end(checkout, mode, kills - done, chance)
            problems += looked_at(checkout, mode)
    print(f"{rounds} batches of 6 tasks, {done} kills: {len(problems)} problems")
    print("\n".join(problems))
    return int(bool(problems))


def to_the_end(checkout: Checkout, mode: str, most: int, chance: random.Random) -> int:
    """Run the same command until it ends by itself; return how often it was killed."""
    killed = 0
    while True:
        ending = threading.Event()
        seconds = chance.random() * 4 if killed < most else None
        command = ("batch", "--mode", mode, "--max-parallel", "4")
        code, _, err = run_prepared(
            *(command, checkout.root, checkout.environ, 300),
            lambda pid, ending=ending, seconds=seconds: kill_later(pid, ending, seconds),
        )
        ending.set()
        if code != KILLED:
            if code not in (0, 2, 4):
                print(f"ended with {code}: {err[-1000:]}")
            return killed
        killed += 1


def kill_later(pid: int, ending: threading.Event, seconds: float | None) -> None:
    """Kill a process in so many seconds unless it has ended by then."""

    def kill() -> None:
        if seconds is not None and not ending.wait(seconds):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()


def looked_at(checkout: Checkout, mode: str) -> list[str]:
    """Return what is wrong with the end state of a batch."""
    problems = []
    if mode == "queue" and checkout.run("queue", "approve", "--all").code:
        problems.append("the queue could not be approved")
    subjects = checkout.git("log", "--reverse", "--format=%s").splitlines()[1:]
    if subjects != [f"Add part {number}" for number in range(1, 7)]:
        problems.append(f"the history is {subjects}")
    if checkout.read(SPEC).count("[x]") != 6 or checkout.git("status", "--porcelain"):
        problems.append("the checkout is not as the commits say")
    runs = checkout.json("status")["runs"]
    if len(runs) != 6 or {run["status"] for run in runs} != {"committed"}:
        problems.append(f"runs: {[(run['task'], run['status']) for run in runs]}")
    # A stream that broke off stands there with an estimate of what it cost.
    journalled = 0
    for place in checkout.state.glob("repositories/*/runs/*/journal.sqlite"):
        with sqlite3.connect(place) as journal:
            rows = journal.execute("SELECT usage FROM calls WHERE kind = 'model'")
            journalled += sum(not json.loads(usage)["estimated"] for (usage,) in rows)
    if journalled != 6 * 7:  # two of the implementer and five reviewers for each task
        problems.append(f"{journalled} replies are recorded")
    return problems


if __name__ == "__main__":
    raise SystemExit(main())
