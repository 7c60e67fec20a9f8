"""Make a run fail at named points, take it up again each time, and look at what is left.

A `Site` is one person's machine: checkout, home, state folder, temporary folder, and the stand-in
for Bedrock. `Site.drive` brings a run to its commit through the faults it is given;
`support.invariants` says what they changed or left that they must not.
"""

import base64
import json
import os
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import play, shop
from support.bedrock import BedrockServer
from support.checkout import Checkout, Said
from support.prepared import run_prepared

from reviewloop.faults import EXIT

_LONGEST = 300.0  # seconds of one command

KILLED = -signal.SIGKILL
WAITING = 4
OVER = ("committed", "skipped", "undone")

# What a process that a fault ended may answer; actions that are not here end nothing.
ENDS = {
    "kill": {KILLED},
    "torn": {KILLED},
    "term": {-signal.SIGTERM, 130},
    "int": {-signal.SIGINT, 130},
    "exit": {EXIT},
    "raise": {70},
    "enospc": {2},
}

# The tests of the shop without pytest: red and green as there, in a tenth of the time. It imports
# next to nothing, for hundreds of gates run it.
CHECKS = """import os, sys
sys.path.insert(0, ".")
for name in sorted(os.listdir("tests")):
    if name.startswith("test_") and name.endswith(".py"):
        path = os.path.join("tests", name)
        with open(path) as file:
            code = compile(file.read(), path, "exec")
        module = {"__name__": name.removesuffix(".py"), "__file__": path}
        exec(code, module)
        for test in [one for one in module if one.startswith("test_")]:
            module[test]()
            print("passed", path, test)
"""

SECRET = "-".join(("held", "by", "this", "person", "4b1d" * 4))
"""Stands in the environment of every process of a site, and nowhere else."""


def action_of(fault: str) -> str:
    """Return what a fault does."""
    return fault.partition("=")[2] or "kill"


@dataclass
class Drive:
    """How a run came to its end: the processes that it took, and what was known at each kill."""

    exits: list[int] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)  # the faults that ended a process
    journalled: int = 0  # replies recorded when the last process ended before its time
    asked: int = 0  # requests sent until then
    problems: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """How many processes a fault ended."""
        return len(self.fired)

    @property
    def in_flight(self) -> int:
        """Replies asked for that the kills cut off; nobody can have them without asking again."""
        return self.asked - self.journalled


class Site:
    """One person's machine with the shop on it and models to ask."""

    def __init__(
        self,
        folder: Path,
        *,
        seconds: float = 0.0,
        first_byte: float = 0.0,
        answers: Any = play.play,
        agent_of: Any = play.agent_of,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.temporary = self.folder / "tmp"
        shop_folder = self.folder / "shop"
        for path in (self.temporary, shop_folder):
            path.mkdir(parents=True)
        shop.make_shop(shop_folder, files={"checks.py": CHECKS})
        self.server = BedrockServer(
            answers, agent_of=agent_of, seconds=seconds, first_byte=first_byte
        )
        values = {
            "TMPDIR": str(self.temporary),
            "SHOP_SERVICE_TOKEN": SECRET,
            "REVIEWLOOP_GATES__BUILD__ENABLED": "false",
            "REVIEWLOOP_GATES__COVERAGE__ENABLED": "false",
            "REVIEWLOOP_GATES__TEST__COMMAND": json.dumps([sys.executable, "-S", "checks.py"]),
            "REVIEWLOOP_REVIEW__ANALYSERS_OFF": '["*"]',
            **(settings or {}),
        }
        self.checkout = Checkout(shop_folder, self.folder / "home", self.server, values)

    def __enter__(self) -> "Site":
        self.server.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.close()

    def call(
        self, *args: str, fault: str = "", on_start: Callable[[int], None] = lambda pid: None
    ) -> Said:
        """Run a command in a process of its own; `on_start` gets its id."""
        environ = {**self.checkout.environ, **({"REVIEWLOOP_FAULT": fault} if fault else {})}
        return Said(*run_prepared(args, self.checkout.root, environ, _LONGEST, on_start))

    def drive(self, *faults: str, task: tuple[str, ...] = ("2.1",)) -> Drive:
        """Run, resume and approve until the commit; the n-th fault is for the n-th process ended.

        A fault that a process does not come to goes on to the next process.
        """
        drive, before = Drive(), self.checkout.bytes()
        answered, command = False, ["run", *task]
        while True:
            fault = faults[drive.kills] if drive.kills < len(faults) else ""
            said = self.call(*command, "--json", fault=fault)
            drive.exits.append(said.code)
            if said.code == 0:
                return drive
            if not answered and self.checkout.bytes() != before:
                drive.problems.append(f"{command[0]} touched the checkout or its .git")
            if said.code != WAITING:
                expected = ENDS.get(action_of(fault), set()) if fault else set()
                if said.code not in expected or len(drive.exits) > 20:
                    raise AssertionError(f"{command} {fault}: {said.code} {said.err[-2000:]}")
                drive.fired.append(fault)
                self._look_at(drive)
            command = self._next(task)
            answered = answered or command[0] == "approve"

    def _next(self, task: tuple[str, ...]) -> list[str]:
        """Return the command that a person would give now."""
        runs = self.runs()
        if not runs:  # it was killed before it had a record
            self.call("clean", "--yes")
            return ["run", *task]
        waiting = runs[0]["status"] == "waiting" and not runs[0]["reason"]
        return ["approve"] if waiting else ["resume"]

    def _look_at(self, drive: Drive) -> None:
        time.sleep(0.05)  # what the dead process had sent is still read by the server
        drive.journalled, drive.asked = self.journalled(), len(self.server.ledger)

    def runs(self) -> list[dict[str, Any]]:
        """Return the records as they stand in the database, the newest first."""
        found = []
        for path in self.checkout.state.glob("repositories/*/runs.sqlite"):
            question = "SELECT record FROM runs ORDER BY created_at DESC"
            found += [json.loads(row[0]) for row in rows_of(path, question)]
        return found

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield what stands in the journals about calls of models."""
        names = ("agent", "step", "finding", "cycle", "round", "attempt", "turn", "usage")
        question = f"SELECT {', '.join(names)} FROM calls WHERE kind = 'model' ORDER BY rowid"
        for path in self.checkout.state.glob("repositories/*/runs/*/journal.sqlite"):
            for row in rows_of(path, question):
                yield dict(zip(names, row, strict=True))

    def journalled(self) -> int:
        """Return how many replies of models are recorded."""
        return sum(1 for _ in self.rows())

    def processes(self) -> list[str]:
        """Return the command lines of processes that belong to this site; none without /proc."""
        mark, found = os.fsencode(self.folder), []
        for place in Path("/proc").glob("[0-9]*"):
            if place.name == str(os.getpid()):
                continue
            try:
                line = (place / "cmdline").read_bytes()
                texts = (
                    line,
                    (place / "environ").read_bytes(),
                    os.readlink(os.fsencode(place / "cwd")),
                )
            except OSError:
                continue
            if line and any(mark in text for text in texts):
                found.append(line.replace(b"\0", b" ").decode("utf-8", "replace"))
        return found

    def secrets(self) -> list[bytes]:
        """Return what must stand in no file of the state: the held value, and forms of it."""
        held = SECRET.encode()
        return [held, held.hex().encode(), base64.b64encode(held).rstrip(b"=")]


def rows_of(path: Path, question: str) -> list[tuple[Any, ...]]:
    """Return rows of a database that somebody else may have open; none if it has no such table."""
    with closing(sqlite3.connect(path, timeout=30)) as database:
        try:
            return database.execute(question).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise


def points_of(folder: Path) -> list[str]:
    """Return every fault point that a run passes from its start to its commit, as `name:k`.

    k counts within one command: a point of `run` and one of `approve` may have the same name.
    """
    passed = folder / "passed"
    points: list[str] = []
    with Site(folder / "site") as site:
        for command in (("run", "2.1"), ("approve",)):
            assert site.call(*command, fault=f"@{passed}").code in (0, WAITING)
            counted: Counter[str] = Counter()
            for name in passed.read_text().split():
                counted[name] += 1
                points.append(f"{name}:{counted[name]}")
            passed.unlink()
    return list(dict.fromkeys(points))
