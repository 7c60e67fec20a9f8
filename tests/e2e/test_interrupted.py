"""Ctrl-C and SIGTERM: once waits for replies on their way, twice leaves at once; both can go on."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import play
from support.bedrock import Received
from support.checkout import Said
from support.crash import WAITING, Site

INTERRUPTED = 130


class Holding:
    """Answers as the play says, but holds the replies to some agents for a while."""

    def __init__(self, agents: tuple[str, ...]) -> None:
        self.agents = agents
        self.seconds = 0.0
        self.free = threading.Event()

    def __call__(self, received: Received) -> object:
        if received.agent in self.agents and not self.free.is_set():
            self.free.wait(self.seconds)
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


def interrupted(site: Site, *signals: int) -> tuple[Said, float]:
    """Start a run and send signals while a reviewer is asked; return how it ended, and how soon."""
    sent: list[float] = []

    def send(pid: int) -> None:
        deadline = time.monotonic() + 50
        while not asked_of_reviewers(site) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.1)
        sent.append(time.monotonic())
        for number in signals:
            os.kill(pid, number)
            time.sleep(0.3)

    threads: list[threading.Thread] = []

    def on_start(pid: int) -> None:
        threads.append(threading.Thread(target=send, args=(pid,)))
        threads[0].start()

    said = site.call("run", "2.1", "--json", on_start=on_start)
    ended = time.monotonic()
    threads[0].join()
    return said, ended - sent[0]


def test_the_first_ctrl_c_keeps_the_reply_that_is_on_its_way(site: Site, holding: Holding) -> None:
    holding.seconds = 1.0
    said, seconds = interrupted(site, signal.SIGINT)

    assert said.code == INTERRUPTED, said.err
    assert 0.5 < seconds < 20
    assert site.journalled() == len(site.server.ledger)  # nothing that was asked for is lost
    assert site.runs()[0]["status"] == "paused"
    holding.free.set()
    assert site.call("resume").code == WAITING
    assert site.server.paid_twice() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_reply_that_does_not_come_is_waited_for_no_longer_than_promised(
    site: Site, holding: Holding, number: int
) -> None:
    holding.seconds = 60.0
    signals = (number,) if number == signal.SIGTERM else (number, number)
    said, seconds = interrupted(site, *signals)

    assert said.code == INTERRUPTED, said.err
    assert f"interrupted; resume with: reviewloop resume {site.runs()[0]['run_id']}" in said.err
    if len(signals) == 1:
        assert 5 <= seconds < 20
    else:
        assert seconds < 4  # at once
    holding.free.set()
    said = site.call("resume")
    assert said.code == WAITING, said.err
    assert len(site.server.ledger) - site.journalled() <= len(play.REVIEWERS)
