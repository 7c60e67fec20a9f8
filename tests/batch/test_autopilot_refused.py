"""Commits refused in autopilot: the report gives the reason once, also after later changes."""

import pytest
from support.bedrock import Answer, Received
from support.many import many
from support.parts import finds, found

pytestmark = pytest.mark.with_tests

OPEN = finds(found("should_fix", "One number", '"""Part 1."""', "shop/part1.py"))


def reviewer(received: Received) -> Answer:
    """Return what a reviewer says who has something against task 1, and nobody mends it."""
    return OPEN(received) if "part1.py" in received.said else finds()(received)


@pytest.mark.slow
def test_what_stood_in_the_way_of_a_commit_stays_in_the_account(shop):
    checkout = shop(many(review_security=reviewer))
    checkout.write("shop/part4.py", "mine = 1\n")
    said = checkout.run("batch", "--tasks", "1,4,5", "--mode", "autopilot")
    assert said.code == 4, said.err
    rows = {row["task"]: row for row in checkout.json("status")["batch"]["tasks"]}
    place = f"it builds on {rows['1']['run']}, which waits for a person"
    why = f"could not be committed: shop/part4.py in {checkout.root} was edited meanwhile; commit, "
    assert rows["4"]["why"] == f"{why}revert or move it; {place}"
    assert rows["5"]["why"] == f"it builds on {rows['4']['run']}, which {why}revert or move it"

    (checkout.root / "shop/part4.py").unlink()
    rows = {row["task"]: row for row in checkout.json("status")["batch"]["tasks"]}
    assert rows["4"]["why"] == place
    assert rows["5"]["why"] == f"it builds on {rows['4']['run']}, which waits for a person"


@pytest.mark.slow
def test_what_a_run_stands_on_is_said_once(shop):
    checkout = shop()
    checkout.write("shop/part4.py", "mine = 1\n")
    assert checkout.run("batch", "--tasks", "4,5", "--mode", "autopilot").code == 2
    rows = {row["task"]: row for row in checkout.json("status")["batch"]["tasks"]}
    assert rows["4"]["why"].startswith("not committed when it was approved: shop/part4.py in ")
    assert rows["5"]["why"].count("it builds on ") == 1
    assert "which could not be committed: shop/part4.py in " in rows["5"]["why"]


@pytest.mark.slow
def test_going_on_tells_once_of_what_was_rebased_and_why_a_person_is_needed(shop):
    checkout = shop(many(review_security=reviewer))
    chosen = ("batch", "--tasks", "1", "--mode", "autopilot")
    assert checkout.run(*chosen).code == 4
    checkout.git("commit", "-q", "--allow-empty", "-m", "Mine")
    said = checkout.run(*chosen)
    assert said.code == 4, said.err
    [told] = [line for line in said.err.splitlines() if ": waiting" in line]
    assert told.startswith("1 First number: waiting: 1 should fix left; 2 files, tests passed, ")
