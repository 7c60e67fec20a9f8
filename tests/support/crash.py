"""Kill a run at a named point with SIGKILL, take it up again, and look at what is left.

A `Site` is one person's machine: checkout, home, state folder, temporary folder, and the stand-in
for Bedrock. `problems_of` says what a crash changed or left that it must not.
"""

import json
import os
import re
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import play, shop
from support.bedrock import BedrockServer
from support.checkout import Checkout, Said

KILLED = -signal.SIGKILL
WAITING = 4

# The tests of the shop without pytest: red and green as there, in a tenth of the time.
CHECKS = """import importlib.util, pathlib, sys
sys.path.insert(0, ".")
for path in sorted(pathlib.Path("tests").glob("test_*.py")):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in [name for name in vars(module) if name.startswith("test_")]:
        getattr(module, name)()
        print("passed", path, name)
"""

# Loaded by Python before the program: writes down every fault point that a process passes.
TRACER = """import os
from reviewloop.workspace import faults

def fault(name):
    with open(os.environ["PASSED"], "a") as file:
        file.write(name + chr(10))

faults.fault = fault
"""


@dataclass
class Ending:
    """What a run left: in the person's repository, in its own record, on the bill."""

    tree: str
    message: str
    parents: int
    branches: list[str]
    proposal: dict[str, Any]  # without times and names of this run
    state: list[str]  # what stands in the state folder, outside of what each run fills
    journalled: int
    asked: int  # requests that the server got


@dataclass
class Drive:
    """How a run came to its end: the processes that it took, and what was known at each kill."""

    exits: list[int] = field(default_factory=list)
    kills: int = 0
    journalled: int = 0  # replies recorded when the last process was killed
    asked: int = 0  # requests sent until then
    answered: bool = False  # from here on the checkout may change
    problems: list[str] = field(default_factory=list)

    @property
    def in_flight(self) -> int:
        """Replies asked for that the kills cut off; nobody can have them without asking again."""
        return self.asked - self.journalled


class Site:
    """One person's machine with the shop on it and models to ask."""

    def __init__(self, folder: Path, *, seconds: float = 0.0, first_byte: float = 0.0) -> None:
        self.folder = folder.resolve()
        self.temporary = self.folder / "tmp"
        shop_folder = self.folder / "shop"
        for path in (self.temporary, shop_folder):
            path.mkdir(parents=True)
        (shop_folder / "checks.py").write_text(CHECKS)
        shop.make_shop(shop_folder)
        self.server = BedrockServer(
            play.play, agent_of=play.agent_of, seconds=seconds, first_byte=first_byte
        )
        test = json.dumps([sys.executable, "-S", "checks.py"])
        settings = {
            "TMPDIR": str(self.temporary),
            "REVIEWLOOP_GATES__BUILD__ENABLED": "false",
            "REVIEWLOOP_GATES__TEST__COMMAND": test,
        }
        self.checkout = Checkout(shop_folder, self.folder / "home", self.server, settings)

    def __enter__(self) -> "Site":
        self.server.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.close()

    def call(self, *args: str, fault: str = "", right: Collection[int] = (0,)) -> Said:
        """Run a command; what is killed and what comes after it has a process of its own.

        `right` are the exit codes it may end with.
        """
        if fault or args[0] in {"run", "resume"}:
            said = self.checkout.forked(*args, **({"REVIEWLOOP_FAULT": fault} if fault else {}))
        else:
            said = self.checkout.run(*args)
        if said.code not in right:
            raise AssertionError(f"{args} ended with {said.code}: {said.err[-2000:]}")
        return said

    def drive(self, *faults: str) -> "Drive":
        """Run, resume and approve until the commit; the n-th fault is for the n-th process killed.

        A fault that a process does not come to goes on to the next process.
        """
        drive, before = Drive(), self.checkout.bytes()
        command = ["run", "2.1", "--json"]
        while True:
            fault = faults[drive.kills] if drive.kills < len(faults) else ""
            exit_code = self.call(*command, fault=fault, right=(0, WAITING, KILLED)).code
            drive.exits.append(exit_code)
            if exit_code == 0:
                return drive
            if not drive.answered and self.checkout.bytes() != before:
                drive.problems.append(f"{command[0]} touched the checkout or its .git")
            if exit_code == WAITING:
                command, drive.answered = ["approve", "--json"], True
            else:
                self._look_at_kill(drive)
                # A run that was killed before it had a record is simply not there.
                command = ["resume", "--json"] if self.runs() else ["run", "2.1", "--json"]

    def _look_at_kill(self, drive: "Drive") -> None:
        drive.kills += 1
        time.sleep(0.1)  # what the dead process had sent is still read by the server
        drive.journalled, drive.asked = self.journalled(), len(self.server.ledger)
        if not self.runs():  # killed before it had a record: only age tells that it is over
            for path in self.checkout.state.glob("repositories/*/**/"):
                os.utime(path, (0, 0))
            self.call("clean", "--yes")

    def runs(self) -> list[dict[str, Any]]:
        """Return the records; that this works at all says that nothing is locked."""
        found: list[dict[str, Any]] = json.loads(self.call("status", "--json").out)["runs"]
        return found

    def journalled(self) -> int:
        """Return how many replies of models are recorded."""
        count = 0
        for path in self.checkout.state.glob("repositories/*/runs/*/journal.sqlite"):
            with closing(sqlite3.connect(path, timeout=30)) as journal:
                question = "SELECT count(*) FROM calls WHERE kind = 'model'"
                count += journal.execute(question).fetchone()[0]
        return count

    def ending(self) -> Ending:
        """Return what is there now that the run is over."""
        git = self.checkout.git
        shown = json.loads(self.call("show", "--json").out)["proposal"]
        return Ending(
            tree=git("rev-parse", "HEAD^{tree}"),
            message=git("log", "-1", "--format=%B"),
            parents=len(git("log", "-1", "--format=%P").split()),
            branches=git("branch", "--format=%(refname)").split(),
            proposal=_timeless(shown),
            state=self._listed(),
            journalled=self.journalled(),
            asked=len(self.server.ledger),
        )

    def leftovers(self) -> list[str]:
        """Return what a crash left behind: processes, locks, temporary files, half edits."""
        root, git = self.checkout.root, self.checkout.git
        found = [f"in the temporary folder: {path.name}" for path in self.temporary.iterdir()]
        found += [f"lock: {path.name}" for path in (root / ".git").rglob("*.lock")]
        found += [f"git status: {line}" for line in git("status", "--short").splitlines()]
        deadline = time.monotonic() + 10
        while (processes := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)  # a gate's command is given a moment to end by itself
        return found + [f"process: {line}" for line in processes]

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

    def _listed(self) -> list[str]:
        """Return names in the state folder down to what each run's folder holds."""
        names = []
        for path in self.checkout.state.rglob("*"):
            name = path.relative_to(self.checkout.state).as_posix()
            name = re.sub(r"repositories/[^/]+", "repositories/R", name)
            name = re.sub(r"runs/[^/]+", "runs/X", name)
            if "__pycache__" not in name and len(name.split("/")) <= 5:
                names.append(name)
        return sorted(name for name in names if not name.endswith(("-wal", "-shm")))


def points_of(folder: Path) -> list[str]:
    """Return every fault point that a run passes from its start to its commit, as `name:k`."""
    counted: Counter[str] = Counter()
    with Site(folder) as site:
        (folder / "tracer").mkdir()
        (folder / "tracer/sitecustomize.py").write_text(TRACER)
        path = os.pathsep.join([str(folder / "tracer"), site.checkout.environ["PYTHONPATH"]])
        for command in (("run", "2.1"), ("approve",)):
            said = site.checkout.process(*command, PYTHONPATH=path, PASSED=str(folder / "passed"))
            assert said.code in (0, WAITING), said.err
    points = []
    for name in (folder / "passed").read_text().split():
        counted[name] += 1
        points.append(f"{name}:{counted[name]}")
    return points


def differences(clean: Ending, seen: Ending) -> list[str]:
    """Return how the ending of a crashed run differs from that of an undisturbed one."""
    names = ("tree", "message", "parents", "branches", "proposal", "journalled")
    found = [
        f"{name}: {getattr(seen, name)!r} instead of {getattr(clean, name)!r}"
        for name in names
        if getattr(seen, name) != getattr(clean, name)
    ]
    more, less = Counter(seen.state), Counter(clean.state)
    found += [f"left in the state folder: {name}" for name in (more - less).elements()]
    return found + [f"not in the state folder: {name}" for name in (less - more).elements()]


def problems_of(site: Site, drive: Drive, clean: Ending) -> list[str]:
    """Return all that is wrong after a run that was killed; nothing is, if the promise holds."""
    seen = site.ending()
    found = drive.problems + differences(clean, seen) + site.leftovers()
    asked_since = seen.asked - drive.asked
    paid_again = asked_since - (clean.journalled - drive.journalled)
    if drive.kills and paid_again:
        found.append(f"{paid_again} recorded replies were asked for again")
    if len(site.server.paid_twice()) > drive.in_flight:
        found.append("the server sent a reply twice that had been received")
    if drive.in_flight > len(play.REVIEWERS) * drive.kills:
        found.append(f"{drive.in_flight} requests were in flight")
    return found


def _timeless(proposal: dict[str, Any]) -> dict[str, Any]:
    kept = ("title", "task", "files", "tests", "coverage", "rounds", "findings", "message")
    result = {name: proposal[name] for name in (*kept, "incomplete", "blocked", "tree", "warnings")}
    result["reviewers"] = [(r["name"], r["status"], r["findings"]) for r in proposal["reviewers"]]
    result["gates"] = [(g["name"], g["status"], g["summary"]) for g in proposal["gates"]]
    result["calls"] = proposal["usage"]["calls"]
    return result
