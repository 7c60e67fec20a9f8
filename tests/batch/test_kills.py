"""Killed or interrupted anywhere, the same command resumes; nothing is paid or done twice."""

import os
import signal
import threading
import time

import pytest
from support.checkout import Checkout
from support.many import SPEC, many
from support.prepared import run_prepared

pytestmark = pytest.mark.with_tests

TASKS = ("--tasks", "1,4,5")
BESIDE = (*TASKS, "--max-parallel", "2")
SIBLINGS = ("--tasks", "1,4", "--max-parallel", "2")
# Nothing is on its way to a model at these points, so nothing may be asked for again.
KILLS = {
    TASKS: (
        "begin.files:2",
        "implement.end:2",
        "checkpoint.after:2",
    ),
    SIBLINGS: (  # of which none works any more when one is brought onto the other
        "rebase.ready:1",  # a waiting run is about to be brought onto another
        "approve.end:1",  # and has heard so
        "guard.begin:1",  # and is judged there
    ),
}


def commits(checkout: Checkout) -> list[str]:
    return checkout.git("log", "--reverse", "--format=%s").splitlines()[1:]


@pytest.mark.slow
@pytest.mark.parametrize(("chosen", "kills"), KILLS.items(), ids=["one by one", "beside"])
def test_killed_at_any_moment_the_same_command_ends_in_the_same_state(shop, chosen, kills):
    checkout = shop()
    before = checkout.bytes()
    for fault in kills:
        assert checkout.forked("batch", *chosen, REVIEWLOOP_FAULT=fault).code == -9, fault
    said = checkout.run("batch", *chosen)
    assert said.code == 4, said.err
    assert checkout.bytes() == before
    tasks = chosen[1].split(",")
    found = checkout.json("queue")["runs"]
    assert [(row["task"], row["state"]) for row in found] == [(n, "waiting") for n in tasks]
    assert checkout.server.paid_twice() == []
    assert checkout.run("queue", "approve", "--all").code == 0
    assert commits(checkout) == [f"Add part {n}" for n in tasks]
    assert checkout.read(SPEC).count("[x]") == len(tasks)


@pytest.mark.slow
def test_killed_in_the_middle_of_a_commit_that_is_finished_before_anything_else_begins(shop):
    checkout = shop()
    chosen = ("batch", "--mode", "autopilot", "--tasks", "1,4")
    # The spec is ticked on disk by then, and the branch does not have it yet.
    assert checkout.forked(*chosen, REVIEWLOOP_FAULT="promote.ref:1").code == -9
    assert commits(checkout) == []
    said = checkout.run(*chosen)
    assert said.code == 0, said.err
    assert commits(checkout) == ["Add part 1", "Add part 4"]
    assert checkout.git("status", "--porcelain") == ""
    assert checkout.server.paid_twice() == []


@pytest.mark.slow
def test_ctrl_c_pauses_all_runs_that_are_at_work(shop):
    quiet, told = many(), threading.Event()

    def held(received):
        told.wait(30)
        return quiet(received).after(0.2)

    checkout = shop(held)

    def interrupt(pid: int) -> None:
        deadline = time.monotonic() + 40
        while len(checkout.server.ledger) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(pid, signal.SIGINT)
        told.set()

    threads: list[threading.Thread] = []

    def on_start(pid: int) -> None:
        threads.append(threading.Thread(target=interrupt, args=(pid,)))
        threads[0].start()

    code, _, err = run_prepared(("batch", *BESIDE), checkout.root, checkout.environ, 60, on_start)
    threads[0].join()
    assert code == 130, err
    assert "the same command goes on" in err
    checkout.server.answer = quiet
    states = [run["status"] for run in checkout.json("status")["runs"]]
    assert states == ["paused", "paused"]
    assert checkout.run("batch", *BESIDE).code == 4
    assert checkout.server.paid_twice() == []
