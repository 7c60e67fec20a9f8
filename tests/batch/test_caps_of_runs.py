"""A cap raised in the settings while a run of a batch was stopped."""

import re

import pytest


@pytest.mark.slow
def test_a_batch_goes_on_with_a_run_under_a_cap_that_was_raised_since(shop):
    checkout = shop()
    low = {"REVIEWLOOP_LIMITS__TOKENS": "9000"}
    assert checkout.run("batch", "--tasks", "4", **low).code == 6
    (row,) = checkout.json("status")["batch"]["tasks"]
    assert re.search(r" of 9,000 tokens used", row["why"])
    paid = len(checkout.server.ledger)
    assert checkout.run("batch", "--tasks", "4").code == 4  # without it: the default
    assert len(checkout.server.ledger) > paid
    assert checkout.server.paid_twice() == []


def test_the_cap_that_is_proposed_lets_the_next_call_through(shop):
    checkout = shop()
    low = {"REVIEWLOOP_LIMITS__TOKENS": "1500"}
    assert checkout.run("batch", "--tasks", "4", **low).code == 6
    paid = len(checkout.server.ledger)
    (row,) = checkout.json("status")["batch"]["tasks"]
    (command,) = re.findall(r"`reviewloop (resume [^`]+)`", row["next"])
    checkout.run(*command.split(), **low)
    assert len(checkout.server.ledger) > paid
