"""A spec renumbered while runs wait: ticks, new runs and reports."""

import re

import pytest
from support.checkout import Checkout
from support.many import PAIR, SPEC, TASKS, with_a_new_task_above


def renumber(checkout: Checkout, text: str) -> None:
    checkout.write(SPEC, text)
    checkout.git("commit", "-qam", "Plan anew")


@pytest.mark.slow
def test_what_waited_under_an_old_number_is_ticked_under_its_new_one(shop):
    checkout = shop()
    checkout.write(SPEC, PAIR)
    checkout.git("commit", "-qam", "Plan")
    assert checkout.run("batch").code == 4
    renumber(checkout, with_a_new_task_above(PAIR))
    assert checkout.run("queue", "approve", "--all").code == 4  # brought onto the new commit
    said = checkout.run("queue", "approve", "--all")
    assert said.code == 0, said.err
    assert "not ticked" not in said.out + said.err
    assert re.findall(r"\[(.)\]", checkout.read(SPEC)) == [" ", "x", "x"]
    assert checkout.git("status", "--porcelain") == ""
    assert checkout.run("batch").code == 4
    told = checkout.json("status")["batch"]["tasks"]
    assert [(row["task"], row["title"], row["state"]) for row in told] == [
        ("1", "Fifth number", "waiting")
    ]


@pytest.mark.slow
def test_a_committed_task_that_could_not_be_ticked_is_not_done_again(shop):
    checkout = shop.waiting("1")
    run = checkout.json("status")["batch"]["tasks"][0]["run"]
    twice = "1. New\n- [ ] 7. First number\n- [ ] 8. First number"
    renumber(checkout, TASKS.replace("1. First number", twice))
    said = checkout.run("batch", "--tasks", "7")
    assert said.code == 2
    assert "approved, tick its task by hand, then the same command" in said.err
    said = checkout.run("queue", "approve", run)
    assert said.code == 0, said.err
    assert "was not ticked: the line of task 1 changed" in said.err
    assert "tick the task by hand" in said.err
    assert "tick the task by hand" in checkout.json("status")["batch"]["tasks"][0]["why"]
    paid = len(checkout.server.ledger)
    said = checkout.run("batch", "--tasks", "7")
    assert said.code == 2
    assert f"run {run} committed 'First number' (" in said.err
    assert f"tick {SPEC}:" in said.err
    assert checkout.run("batch", "--tasks", "7", "--mode", "autopilot").code == 2
    assert len(checkout.server.ledger) == paid
    held = {task["id"]: task for task in checkout.json("tasks")["tasks"]}["7"]
    assert f"run {run} committed 'First number'" in str(held)


@pytest.mark.slow
def test_what_a_change_needs_is_known_by_its_title_when_the_numbers_are_others(shop):
    needs = (
        "- [ ] {}. First number\n  - _Depends: none_\n- [ ] {}. Second number\n  - _Depends: {}_\n"
    )
    checkout = shop()
    checkout.write(SPEC, f"# Plan\n\n{needs.format(1, 2, 1)}")
    checkout.git("commit", "-qam", "Plan")
    assert checkout.run("batch").code == 4
    first, second = (row["run"] for row in checkout.json("status")["batch"]["tasks"])
    assert checkout.run("queue", "reject", first).code == 7
    renumber(checkout, f"# Plan\n\n- [x] 1. Done by hand\n{needs.format(2, 3, 2)}")
    said = checkout.run("queue", "approve", second)
    assert said.code == 4
    assert "'Second number' needs task 2, which is neither done nor waiting below it" in said.err
    renumber(checkout, checkout.read(SPEC).replace("[x] 1", "[ ] 1").replace("[ ] 2", "[x] 2"))
    said = checkout.run("queue", "approve", second)  # now it is the new first task that is open
    assert "needs task" not in said.err


@pytest.mark.slow
def test_the_queue_foretells_that_an_approval_cannot_tick_and_no_wrong_line_is_named(shop):
    checkout = shop()
    checkout.write(SPEC, PAIR.replace("[ ] 1.", "[x] 1."))
    checkout.git("commit", "-qam", "Plan")
    assert checkout.run("batch", "--tasks", "4").code == 4
    (run,) = (row["run"] for row in checkout.json("queue")["runs"])
    renamed = checkout.read(SPEC).replace("Fourth number", "A Fourth number")
    renumber(checkout, renamed.replace("- [ ] 4.", "- [x] 4. By hand\n- [ ] 5."))
    will_not = "the task will not be ticked: the line of task 4 changed since it was read as 'Fou"
    (row,) = checkout.json("queue")["runs"]
    assert will_not in row["note"]
    assert f"{SPEC}:" not in row["note"]
    said = checkout.run("queue", "approve", run)
    assert "was not ticked: the line of task 4 changed since it was read as 'Fourth" in said.err
    assert f"{SPEC}:" not in said.err


@pytest.mark.slow
def test_the_line_to_tick_by_hand_is_named_where_it_is_certain(shop):
    checkout = shop()
    checkout.write(SPEC, PAIR.replace("[ ] 1.", "[x] 1."))
    checkout.git("commit", "-qam", "Plan")
    assert checkout.run("batch", "--tasks", "4").code == 4
    (run,) = (row["run"] for row in checkout.json("queue")["runs"])
    renamed = checkout.read(SPEC).replace("4. Fourth number", "5. Grand totals")
    renumber(checkout, renamed.replace("- [x] 1", "- [x] 0. Before\n- [x] 1"))
    said = checkout.run("queue", "approve", run)
    assert said.code == 0, said.err
    assert f"tick the task by hand ({SPEC}:5, 'Grand totals' now)" in said.err


@pytest.mark.slow
def test_a_renamed_task_whose_commit_was_taken_back_is_done_anew(shop):
    checkout = shop.waiting("4")
    run = checkout.json("status")["batch"]["tasks"][0]["run"]
    renumber(checkout, TASKS.replace("4. Fourth number", "4. The Fourth number"))
    assert checkout.run("queue", "approve", run).code == 0  # brought onto the new commit first
    assert checkout.run("batch", "--tasks", "4").code == 2
    assert checkout.run("undo", run).code == 0
    said = checkout.run("batch", "--tasks", "4")
    assert said.code == 4, said.err
    (row,) = checkout.json("status")["batch"]["tasks"]
    assert (row["title"], row["state"]) == ("The Fourth number", "waiting")
