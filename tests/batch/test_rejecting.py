"""`queue reject` on a run with others stacked on it: how each continues."""

import re
import shlex

import pytest
from support.checkout import Checkout
from support.terminal import Terminal


@pytest.mark.slow
def test_what_needs_a_rejected_task_is_brought_by_the_batch(shop) -> None:
    checkout: Checkout = shop.waiting("1,2,4")
    rows = {row["task"]: row["run"] for row in checkout.json("queue")["runs"]}
    said = checkout.run("queue", "reject", "1")
    assert said.code == 7
    assert f"checkout {rows['1']} NAME; `reviewloop batch` does its task anew" in said.err
    for task in "24":  # the fourth builds on the second, which needs the first
        line = f"{rows[task]} builds on it, so it cannot be approved as it is: `reviewloop batch` "
        assert f"{line}does 1 anew and rebases this onto it, or reject this, too" in said.err
    runs = {run["run"]: run["status"] for run in checkout.json("status")["runs"]}
    assert runs[rows["1"]] == "skipped"
    shown = checkout.run("status").out.splitlines()
    assert next(line for line in shown if line.startswith(rows["1"])).split()[1] == "rejected"


@pytest.mark.slow
def test_what_does_not_need_it_is_brought_by_approving_it(shop) -> None:
    checkout: Checkout = shop.waiting("1,4")
    said = checkout.run("queue", "reject", "1")
    command = re.search(r"as it is: `reviewloop (.+)` rebases it onto work first", said.err)[1]
    assert checkout.run(*shlex.split(command)).code == 0


@pytest.mark.slow
def test_reject_says_what_queue_reject_says_of_a_run_of_a_batch(shop):
    checkout: Checkout = shop.waiting("1,4")
    for task, command in (("4", "reject"), ("1", "queue reject")):
        said = checkout.run(*command.split(), task)
        assert (said.code, "; `reviewloop batch` does its task anew" in said.err) == (7, True)
    assert checkout.run("run", "4", "--again").code == 4
    assert "anew" not in checkout.run("reject", checkout.record()["run_id"]).err  # of no batch


@pytest.mark.slow
def test_giving_up_a_run_that_was_cut_off_says_it_too(shop):
    checkout: Checkout = shop()
    cut_off = checkout.forked("batch", "--tasks", "4", REVIEWLOOP_FAULT="propose.begin:1")
    assert cut_off.code == -9
    assert "; `reviewloop batch` does its task anew" in checkout.run("reject", "4").err


@pytest.mark.slow
def test_a_person_at_a_terminal_is_asked_why(shop):
    checkout: Checkout = shop.waiting("1")
    terminal = Terminal(checkout, "queue", "reject", "1")
    terminal.expect("why? (one line; Enter for none) >")
    terminal.type("It counts twice.")
    assert terminal.end() == 7
    assert checkout.record()["reason"] == "It counts twice."
