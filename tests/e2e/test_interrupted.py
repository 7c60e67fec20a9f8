"""Ctrl-C and SIGTERM: once waits for pending replies, twice ends at once; both can be resumed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import play
from support.bedrock import Received
from support.checkout import Said
from support.crash import WAITING, Site

INTERRUPTED = 130


class Holding:
    """Answers as the play says, but holds the replies to some agents until they are freed."""

    def __init__(self, agents: tuple[str, ...]) -> None:
        self.agents = agents
        self.free = threading.Event()

    def __call__(self, received: Received) -> object:
        if received.agent in self.agents:
            self.free.wait(100)
        return play.play(received)


@pytest.fixture
def holding() -> Holding:
    return Holding(play.REVIEWERS)


@pytest.fixture
def site(tmp_path: Path, holding: Holding) -> Iterator[Site]:
    with Site(tmp_path / "site", answers=holding) as site:
        yield site
        holding.free.set()


def asked_of_reviewers(site: Site) -> int:
    return sum(received.agent in play.REVIEWERS for received in site.server.ledger)


def until(happened: Callable[[], object]) -> None:
    while not happened():  # for ever, if need be: each test has a limit of its own
        time.sleep(0.02)


def stops(site: Site) -> bool:
    """Whether the run has said that it stops."""
    return any("stopping: " in event.get("text", "") for event in site.checkout.events("note"))


def interrupted(site: Site, *signals: int, then: Callable[[], object] = lambda: None) -> Said:
    """Start a run and send signals while a reviewer is asked; `then` is called once it stops."""
    over = threading.Event()  # a run that ended too early is told by what it said, not by a timeout

    def send(pid: int) -> None:
        until(lambda: asked_of_reviewers(site) or over.is_set())
        for number in signals:
            if over.is_set():
                return
            os.kill(pid, number)
            until(lambda: stops(site) or over.is_set())
        then()

    threads: list[threading.Thread] = []

    def on_start(pid: int) -> None:
        threads.append(threading.Thread(target=send, args=(pid,)))
        threads[0].start()

    said = site.call("run", "2.1", "--json", on_start=on_start)
    over.set()
    threads[0].join()
    return said


def test_the_first_ctrl_c_keeps_the_reply_that_is_on_its_way(site: Site, holding: Holding) -> None:
    said = interrupted(site, signal.SIGINT, then=holding.free.set)

    assert said.code == INTERRUPTED, said.err
    assert site.journalled() == len(site.server.ledger)  # nothing that was asked for is lost
    assert site.runs()[0]["status"] == "paused"
    assert site.call("resume").code == WAITING
    assert site.server.paid_twice() == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_reply_that_does_not_come_is_waited_for_no_longer_than_promised(
    site: Site, holding: Holding, number: int
) -> None:
    signals = (number,) if number == signal.SIGTERM else (number, number)
    said = interrupted(site, *signals)  # while which no reply comes

    assert said.code == INTERRUPTED, said.err
    assert f"interrupted; resume with: reviewloop resume {site.runs()[0]['run_id']}" in said.err
    holding.free.set()
    said = site.call("resume")
    assert said.code == WAITING, said.err
    assert len(site.server.ledger) - site.journalled() <= len(play.REVIEWERS)


PATIENT = """
import reviewloop.app.interrupts as interrupts, signal
class Context:
    events = models = property(lambda self: self)
    stop = lambda self: None
    emit = lambda self, kind, text: print(text, flush=True)
    wait_until_idle = lambda self, seconds: interrupts.time.sleep(seconds)
interrupts.PATIENCE = 10_000
with interrupts.all_interruptible(lambda: (Context(),), "go on so"):
    print("ready", flush=True)
    while True:
        signal.pause()
"""


def test_the_second_signal_is_not_patient() -> None:
    with subprocess.Popen([sys.executable, "-c", PATIENT], stdout=-1, stderr=-1) as process:
        assert process.stdout and process.stderr
        for expected in (b"ready\n", b"stopping: replies on their way are still taken in\n"):
            assert process.stdout.readline() == expected
            process.send_signal(signal.SIGINT)
        assert process.wait(100) == INTERRUPTED
        assert process.stderr.read() == b"\nreviewloop: go on so\n"
