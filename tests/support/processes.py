"""Workers beside a test: started, stopped or killed, and what the store says meanwhile."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from support.checkout import Checkout, Said
from support.prepared import run_prepared
from support.team import WORKER, Team


class Worker(threading.Thread):
    """A worker's process, and how it ended."""

    def __init__(self, machine: Checkout, **environ: str) -> None:
        super().__init__()
        self._machine, self._environ = machine, {**machine.environ, **environ}
        self.begun = threading.Event()
        self.pid = 0
        self.said = Said(0, "", "")
        self.start()

    def run(self) -> None:
        self.said = Said(
            *run_prepared(WORKER, self._machine.root, self._environ, 100, self._on_start)
        )

    def _on_start(self, pid: int) -> None:
        self.pid = pid
        self.begun.set()

    def end(self, number: int = signal.SIGTERM) -> Said:
        if self.is_alive():
            assert self.begun.wait(20)
            os.kill(self.pid, number)
        self.join(30)
        return self.said


@contextmanager
def worker(machine: Checkout, **environ: str) -> Iterator[Worker]:
    """Run a worker beside the block."""
    process = Worker(machine, **environ)
    try:
        yield process
    finally:
        process.end(signal.SIGKILL)


def until(found: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 40
    while not found():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def asked(team: Team, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(team.url, options="-c search_path=reviewloop") as connection:
        return connection.execute(statement).fetchall()


def waiting(machine: Checkout) -> list[str]:
    return [row["task"] for row in machine.json("queue")["runs"] if row["state"] == "waiting"]
