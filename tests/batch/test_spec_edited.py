"""A spec that a person edits while its tasks are done: what is ticked, committed, and told."""

from support.checkout import Checkout
from support.many import SPEC

FIRST = """# Implementation Plan: many

- [ ] 1. First number
"""
FOURTH = "- [ ] 4. Fourth number\n"


def commit(checkout: Checkout, text: str) -> None:
    checkout.write(SPEC, text)
    checkout.git("commit", "-qam", "Plan")


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
