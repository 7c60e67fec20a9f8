"""Kills a batch at random moments, starts it again each time, and counts what that repeated.

The batch is that of `support.many`: six tasks, two requests of the implementer and five reviewers'
for each. 30 % of all requests are throttled and 5 % of the streams are cut. What a kill may repeat
is what was on its way then: requests without a whole reply, and replies that the process had no
time to record. A reply that its journal holds is never asked for again, and the server counts that.
"""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from batch.conftest import opened
from support.batch_ends import bill_of, leftovers, not_cleaned, red_alone, usage_rows
from support.bedrock import Received, breaks_off, throttle
from support.checkout import Checkout
from support.many import SPEC, many
from support.prepared import run_prepared

KILLED = -signal.SIGKILL
REPLIES = 6 * 7
MOST_IN_FLIGHT = 16  # `models.concurrency`: so many requests all runs of a batch have under way
_THROTTLED, _CUT = 0.3, 0.05
_LONGEST_REPLY = 0.2
_LATEST = 4.0  # seconds after its start at which a process is killed


@dataclass
class Toll:
    """What the kills of some batches came to."""

    batches: int = 0
    kills: int = 0
    replies: int = 0  # that the server sent whole
    unrecorded: int = 0  # of these, sent at a kill, so that nobody recorded them
    broken_off: int = 0  # requests whose reply was not whole when the process was killed
    most: int = 0  # of both, at one kill
    problems: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the figures for people."""
        asked = self.replies - self.unrecorded
        return [
            f"{self.batches} batches of 6 tasks, {self.kills} kills: {len(self.problems)} problems",
            f"replies recorded            {asked}, each asked for once",
            f"on their way at a kill      {self.unrecorded} whole and not yet recorded, "
            f"{self.broken_off} in part; at most {self.most} at one kill",
            *self.problems,
        ]


def storm(folder: Path, kills: int, seed: int, mode: str) -> Toll:
    """Kill batches, four tasks side by side, so often in all; return what came of it."""
    chance, lock, toll = random.Random(seed), threading.Lock(), Toll()
    quiet = many()

    def play(received: Received) -> Any:
        with lock:
            drawn, seconds = chance.random(), chance.random() * _LONGEST_REPLY
        if drawn < _THROTTLED:
            return throttle(0.02)
        return breaks_off() if drawn < _THROTTLED + _CUT else quiet(received).after(seconds)

    while toll.kills < kills:
        toll.batches += 1
        place = folder / str(toll.batches)
        temporary = place / "tmp"
        temporary.mkdir(parents=True)
        with opened(place, True, play) as checkout:
            checkout.environ["TMPDIR"] = str(temporary)
            # Of six tries, all fail for one call in 500: a reviewer less, but no kill's doing.
            checkout.environ["REVIEWLOOP_MODELS__MAX_ATTEMPTS"] = "12"
            before = checkout.bytes()
            _to_the_end(checkout, mode, kills - toll.kills, chance, toll)
            if mode == "queue" and checkout.bytes() != before:
                toll.problems.append("the checkout or its .git was touched before the approval")
            toll.problems += _looked_at(checkout, mode, temporary)
    return toll


def _to_the_end(
    checkout: Checkout, mode: str, most: int, chance: random.Random, toll: Toll
) -> None:
    """Run the same command until it ends by itself."""
    assert checkout.server
    server, killed, lost, cut = checkout.server, 0, 0, 0
    while True:
        ending = threading.Event()
        seconds = chance.random() * _LATEST if killed < most else None
        command = ("batch", "--mode", mode, "--max-parallel", "4")
        code, _, err = run_prepared(
            *(command, checkout.root, checkout.environ, 300),
            partial(_kill_later, ending=ending, seconds=seconds),
        )
        ending.set()
        _let_replies_end(server.ledger)
        bill, rows = bill_of(server.ledger), Counter(_recorded(checkout))
        unrecorded, broken = bill.replies - rows[False] - lost, bill.cut - rows[True] - cut
        if code != KILLED:
            if code != (4 if mode == "queue" else 0):
                toll.problems.append(f"ended with {code}: {err[-1000:]}")
            if (unrecorded, broken) != (0, 0):
                toll.problems.append(f"{unrecorded} and {broken} replies lost without a kill")
            if rows[False] != REPLIES:
                toll.problems.append(f"{rows[False]} replies are recorded, not {REPLIES}")
            toll.replies += bill.replies
            return
        killed, lost, cut = killed + 1, lost + unrecorded, cut + broken
        toll.kills += 1
        toll.unrecorded += unrecorded
        toll.broken_off += broken
        toll.most = max(toll.most, unrecorded + broken)
        if not 0 <= unrecorded + broken <= MOST_IN_FLIGHT or min(unrecorded, broken) < 0:
            toll.problems.append(f"{unrecorded} and {broken} replies on their way at one kill")


def _kill_later(pid: int, ending: threading.Event, seconds: float | None) -> None:
    """Kill a process in so many seconds unless it has ended by then."""

    def kill() -> None:
        if seconds is not None and not ending.wait(seconds):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()


def _let_replies_end(ledger: list[Received]) -> None:
    """Wait until the server knows what became of every reply."""
    until = time.monotonic() + 10
    while any(one.ended_at is None for one in ledger) and time.monotonic() < until:
        time.sleep(0.02)


def _recorded(checkout: Checkout) -> list[bool]:
    """Return of each recorded call whether it is an estimate: its stream was cut."""
    runs = [path.name for path in checkout.state.glob("repositories/*/runs/*")]
    return [row["estimated"] for run in runs for row in usage_rows(checkout, run)]


def _looked_at(checkout: Checkout, mode: str, temporary: Path) -> list[str]:
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
    problems += red_alone(checkout, checkout.git("rev-list", "HEAD").splitlines())
    return problems + leftovers(checkout, temporary) + not_cleaned(checkout)
