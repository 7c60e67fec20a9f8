"""An approval in another process at the end of a batch."""

import json
import signal
from contextlib import ExitStack, contextmanager

import pytest
from support.many import many, writes_parts

from reviewloop.app.batch.queue import queue_of
from reviewloop.app.batch.run_batch import run_batch
from reviewloop.app.batch.start import BatchRequest
from reviewloop.app.project import open_repository
from reviewloop.app.run.branches import reread_repository
from reviewloop.faults import VARIABLE


class Hearing:
    """Whoever is told of the batch; lets the other process go on once the batch waits for it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.other = None

    def opened(self, sentence):
        self.said.append(sentence)
        if sentence.startswith("waits for the end of task 1, which process "):
            self.other.send_signal(signal.SIGCONT)

    def __getattr__(self, name):
        return lambda *args: None


@contextmanager
def approving(checkout):
    """Approve what waits, task 1, in a process that is stopped while it brings it."""
    with checkout.start("queue", "approve", "--all", **{VARIABLE: "advance.begin=sleep"}) as other:
        while status_of(checkout, "1") != "running":
            assert other.poll() is None
        other.send_signal(signal.SIGSTOP)
        try:
            yield other
        finally:
            other.send_signal(signal.SIGCONT)


def status_of(checkout, task):
    runs = json.loads(checkout.forked("status", "--json").out)["runs"]
    return next(run["status"] for run in runs if run["task"] == task)


@pytest.mark.slow
def test_a_batch_waits_at_its_end_for_an_approval_and_brings_all_behind_it(shop):
    checkout, told = shop(), Hearing()

    def commits(received):
        if received.turn == 0:
            checkout.git("commit", "-q", "--allow-empty", "-m", "Mine")
            told.other = stack.enter_context(approving(checkout))
        return writes_parts()(received)

    checkout.server.answer = many({4: commits})
    with checkout.inside(), ExitStack() as stack:
        repository = open_repository()
        record, stopped = run_batch(repository, BatchRequest(tasks=("1", "4", "5")), told)
        assert (stopped, record.ended) == (None, True)
        found = queue_of(reread_repository(repository))
        assert [one.run.task_id for one in found.stacked] == ["1", "4", "5"]
        assert found.stale == ()
        assert told.said[-1].startswith("waits for the end of task 1, which process "), told.said
    assert told.other.returncode == 4  # brought to the branch, where it asks again
    assert checkout.run("queue", "approve", "--all").code == 0
    log = checkout.git("log", "-3", "--format=%s").splitlines()
    assert log == ["Add part 5", "Add part 4", "Add part 1"]
