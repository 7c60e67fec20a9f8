"""A spec edited while its tasks run: ticks, commits and reports."""

import pytest
from support.checkout import Checkout
from support.many import SPEC

pytestmark = pytest.mark.with_tests

FIRST = """# Implementation Plan: many

- [ ] 1. First number
"""
FOURTH = "- [ ] 4. Fourth number\n"


def commit(checkout: Checkout, text: str) -> None:
    checkout.write(SPEC, text)
    checkout.git("commit", "-qam", "Plan")


@pytest.mark.slow
def test_a_task_that_was_added_and_committed_after_its_run_began_is_finished_and_ticked(shop):
    checkout = shop()
    commit(checkout, FIRST)
    checkout.write(SPEC, FIRST + FOURTH)
    assert checkout.run("batch", "--tasks", "4", "--budget-usd", "0.000001").code == 6
    checkout.git("commit", "-qam", "Plan the fourth")
    said = checkout.run("batch", "--tasks", "4", "--budget-usd", "none")
    assert said.code == 4, said.err  # it waits, brought onto the new commit
    said = checkout.run("queue", "approve", "--all")
    assert said.code == 0, said.err
    assert "not ticked" not in said.out + said.err
    assert "[x] 4. Fourth number" in checkout.git("show", f"HEAD:{SPEC}")
    assert checkout.git("status", "--porcelain") == ""
    assert checkout.server.paid_twice() == []


def rows(checkout: Checkout) -> dict[str, dict]:
    return {row["task"]: row for row in checkout.json("status")["batch"]["tasks"]}


def begun_with_another_text(checkout: Checkout, text: str) -> None:
    """Leave task 4 stopped on its way, and the spec edited since."""
    commit(checkout, FIRST + FOURTH)
    assert checkout.run("batch", "--tasks", "4", "--budget-usd", "0.000001").code == 6
    commit(checkout, text)


@pytest.mark.slow
def test_autopilot_leaves_to_a_person_what_was_asked_for_in_other_words(shop):
    checkout = shop()
    begun_with_another_text(checkout, FIRST + FOURTH + "  - Keep it small\n")
    again = ("batch", "--tasks", "4", "--budget-usd", "none")
    said = checkout.run(*again, "--mode", "autopilot")
    assert said.code == 4, said.err
    why = f"the text of task 4 changed after its run began ({SPEC}:4)"
    assert why in said.err
    assert why in rows(checkout)["4"]["why"]
    (waits,) = checkout.json("queue")["runs"]
    assert waits["why"] == why
    commit(checkout, checkout.read(SPEC).replace("  - Keep it small\n", ""))
    assert checkout.run(*again, "--mode", "autopilot").code == 0  # it is as it was told


@pytest.mark.slow
def test_autopilot_leaves_to_a_person_what_waits_for_more_since_its_run_began(shop):
    checkout = shop()
    begun_with_another_text(checkout, FIRST + FOURTH + "  - _Depends: 1_\n")
    run = checkout.record()["run_id"]
    assert checkout.run("resume", run).code == 4
    why = "task 4 waits for 1 now, as it did not when its run began"
    assert checkout.json("queue")["runs"][0]["why"] == why
    commit(checkout, "# Plan\n\n- [ ] 1. New\n- [x] 2. First number\n- [ ] 4. Fourth number\n")
    assert checkout.json("queue")["runs"][0]["why"] == ""


@pytest.mark.slow
def test_another_number_of_what_a_task_waits_for_is_no_change_of_it(shop):
    checkout = shop()
    commit(checkout, FIRST + FOURTH + "- [ ] 5. Fifth number\n  - _Depends: 4_\n")
    assert checkout.run("batch", "--tasks", "4,5").code == 4
    numbered = "- [ ] 5. Fourth number\n- [ ] 6. Fifth number\n  - _Depends: 5_\n"
    commit(checkout, FIRST + "- [ ] 4. New\n" + numbered)
    assert [row["why"] for row in checkout.json("queue")["runs"]] == ["", ""]
