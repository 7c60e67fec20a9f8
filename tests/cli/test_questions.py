"""Questions at a terminal: Ctrl-C ends them whenever it comes."""

import os
import pty
import signal
import sys
import threading
import time
from pathlib import Path

import click
import pytest

from reviewloop.cli.consoles import confirm, read_line

_ASLEEP = 20  # looks in a row that find the thread that asks asleep: it waits for a line
_PATIENCE = 30  # seconds; only a question that Ctrl-C does not end takes them


@pytest.fixture
def typing(monkeypatch):
    """Put a terminal where answers are read from; yield the end at which a person types."""
    mine, theirs = pty.openpty()
    with open(theirs, encoding="utf-8") as stdin:  # noqa: PTH123 - a descriptor
        monkeypatch.setattr(sys, "stdin", stdin)
        yield mine
    os.close(mine)


def wait_until_asleep(thread: int) -> None:
    looks = 0
    while looks < _ASLEEP:
        state = Path(f"/proc/self/task/{thread}/stat").read_text().rpartition(") ")[2]
        looks = looks + 1 if state.startswith("S") else 0
        time.sleep(0.005)


@pytest.mark.parametrize("ask", [read_line, confirm])
def test_ctrl_c_that_does_not_reach_the_read_ends_a_question_without_another_key(typing, ask):
    """Taken by another thread it leaves the read alone, as one does that comes just before it."""
    asking, ended = threading.get_native_id(), threading.Event()
    keys: list[bytes] = []

    def interrupt() -> None:
        wait_until_asleep(asking)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        if not ended.wait(_PATIENCE):
            keys.append(b"y\n")
            os.write(typing, keys[0])

    other = threading.Thread(target=interrupt)
    with pytest.raises((KeyboardInterrupt, click.Abort)):
        other.start()
        try:
            ask("which? ")
        finally:
            ended.set()
    other.join()
    assert keys == []


def test_what_is_typed_is_read_though_a_signal_came_that_ends_nothing(typing):
    seen = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.set())
    asking = threading.get_native_id()

    def person() -> None:
        wait_until_asleep(asking)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        seen.wait()
        os.write(typing, b"yes\nno\n")

    other = threading.Thread(target=person)
    other.start()
    try:
        assert read_line("which? ") == "yes"
        assert not confirm("sure?", default=True)
    finally:
        other.join()
        signal.signal(signal.SIGUSR1, before)
