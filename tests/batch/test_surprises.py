"""Unexpected states: another branch, a changed spec, a broken run, an earlier batch."""

import json
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from support.checkout import Checkout
from support.many import SPEC, TASKS, files_of, many
from support.parts import Part, says
from support.play import done, reply, write
from support.terminal import Terminal

from reviewloop.app.batch.policy import why_a_user
from reviewloop.app.batch.run_batch import run_batch
from reviewloop.app.batch.start import BatchRequest
from reviewloop.app.interrupts import all_interruptible, interruptible_question
from reviewloop.app.project import Repository, open_repository
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import build_answer
from reviewloop.domain.errors import InterruptedByUserError
from reviewloop.domain.reason import NO_REASON
from reviewloop.store.locks import hold


def rows(checkout: Checkout) -> dict[str, dict]:
    return {row["task"]: row for row in checkout.json("status")["batch"]["tasks"]}


def commits(checkout: Checkout) -> list[str]:
    return checkout.git("log", "--reverse", "--format=%s").splitlines()[1:]


def meanwhile(number: int, act) -> Part:
    """Return the implementer of a task while which a person does something."""
    made = [write(path, text) for path, text in files_of(number).items()]
    usual = says(reply(*made), done("Wrote it.", f"Add part {number}"))

    def part(received):
        if received.turn == 0:
            act()
        return usual(received)

    return part


@pytest.mark.slow
def test_nothing_is_begun_for_a_branch_that_is_checked_out_meanwhile(shop):
    checkout = shop()
    away = meanwhile(1, lambda: checkout.git("switch", "-q", "-c", "other"))
    checkout.server.answer = many({1: away})
    branch = checkout.git("branch", "--show-current")
    said = checkout.run("batch", "--tasks", "1,4")
    assert said.code == 2
    assert f"the batch works on {branch}, and meanwhile other was checked out" in said.err
    assert len(list(checkout.state.glob("repositories/*/runs/*"))) == 1
    checkout.git("switch", "-q", branch)
    assert checkout.run("batch", "--tasks", "1,4").code == 4
    assert [row["state"] for row in rows(checkout).values()] == ["waiting"] * 2
    assert checkout.server.paid_twice() == []


def test_a_task_that_became_another_one_is_not_begun_and_the_exit_code_says_so(shop):
    checkout = shop()
    renamed = TASKS.replace("Fourth", "Quite another")
    checkout.server.answer = many({1: meanwhile(1, lambda: checkout.write(SPEC, renamed))})
    said = checkout.run("batch", "--tasks", "1,4")
    assert said.code == 2, said.err
    found = rows(checkout)
    assert [found[n]["state"] for n in "14"] == ["waiting", "open"]
    assert f"{SPEC}:9: task 4 was 'Fourth number' when the batch began" in found["4"]["why"]


@pytest.mark.with_tests
def test_autopilot_leaves_to_a_person_what_a_reviewer_did_not_see_and_what_cannot_be_ticked(shop):
    checkout = shop.waiting("1")
    clean = checkout.record()["proposal"]
    assert why_a_user(clean) == ""
    first, *others = clean["reviewers"]
    unseen = {**first, "reason": "shown without the diff of shop/part1.py"}
    why = why_a_user({**clean, "reviewers": [unseen, *others]})
    assert why == f"{first['name']}: shown without the diff of shop/part1.py"
    assert why_a_user({**clean, "spec_progress": None}) == "task 1 cannot be ticked"


def test_what_breaks_in_one_run_is_told_as_its_failure_and_stops_no_other(shop):
    checkout = shop()
    assert checkout.run("batch", "--tasks", "1,4", "--budget-usd", "0.000001").code == 6
    record = checkout.record()
    assert record["settings"]["limits"]["usd"] > 1  # the batch's cap is not kept as the run's
    [table] = checkout.state.glob("repositories/*/runs.sqlite")
    with closing(sqlite3.connect(table)) as runs:
        record = json.loads(runs.execute("SELECT record FROM runs").fetchone()[0])
        del record["options"]["team"]
        runs.execute("UPDATE runs SET record = ?", (json.dumps(record),))
        runs.commit()
    said = checkout.run("batch", "--tasks", "1,4", "--budget-usd", "5")
    assert said.code == 70
    found = rows(checkout)
    assert [found[n]["state"] for n in "14"] == ["stopped", "waiting"]
    assert "(KeyError); nothing is lost: " in found["1"]["why"]
    log = checkout.folder(record["run_id"]) / "logs" / "broken.txt"
    assert "KeyError: 'team'" in log.read_text()


class Quicker:
    """Whoever is told of the batch; rejects each run at the moment at which it is to be moved."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.said: list[str] = []

    def begun(self, task, run, below):
        advance(self.repository, run.run_id, answer=build_answer(run, "skip"))

    def settled(self, task, run, why):
        self.said.append(f"{task} {run.status}: {why}")

    def __getattr__(self, name):
        return lambda *args: None


@pytest.mark.with_tests
@pytest.mark.slow
def test_who_is_quicker_than_the_batch_stops_only_the_task_that_was_answered(shop):
    checkout = shop.waiting("1,4")
    first = rows(checkout)["1"]["run"]
    with checkout.inside():
        repository = open_repository()
        told = Quicker(repository)
        with hold(repository.run_lock(first), "run 1"):  # as while somebody approves it
            record, stopped = run_batch(
                repository, BatchRequest(tasks=("1",), mode="autopilot"), told
            )
    assert (stopped, record.because) == (None, NO_REASON)
    assert "is in use by process" in told.said[0]
    assert checkout.run("queue", "reject", first).code == 7
    with checkout.inside():
        repository = open_repository()
        told = Quicker(repository)
        record, stopped = run_batch(repository, BatchRequest(tasks=("4",)), told)
    assert (stopped, record.because) == (None, NO_REASON)
    [said] = told.said
    assert said.startswith("4 skipped: run 4-")
    assert "does not wait for" in said


@pytest.mark.slow
def test_who_leaves_the_first_question_is_asked_no_other(shop):
    checkout = shop.waiting("1,4")
    terminal = Terminal(checkout, "batch", "--mode", "each")
    terminal.expect("[d]iff >")
    terminal.type("q")
    terminal.expect("2 waiting, 4 open")
    assert terminal.end() == 4


def test_ctrl_c_reaches_all_runs_also_while_one_is_moved_and_ends_a_question():
    told, heard = [], threading.Event()

    def outer():
        told.append("outer")
        heard.set()
        return ()

    before = signal.getsignal(signal.SIGINT)
    with all_interruptible(outer, "reviewloop batch"):
        with all_interruptible(lambda: told.append("inner") or (), "reviewloop resume"):
            os.kill(os.getpid(), signal.SIGINT)
            assert heard.wait(10)
        for number in (signal.SIGINT, signal.SIGTERM):
            with pytest.raises(InterruptedByUserError), interruptible_question():
                os.kill(os.getpid(), number)
                time.sleep(10)
    assert signal.getsignal(signal.SIGINT) == before
    assert told == ["outer"]
