"""Merge conflicts: the queue repeats the approval's reason as long as it holds."""

import pytest


@pytest.mark.slow
def test_the_queue_tells_a_conflict_until_something_below_it_changes(shop):
    checkout = shop.waiting("4,5")
    checkout.write("shop/part4.py", "B = 2\n")
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "Mine")
    fourth = checkout.json("queue")["runs"][0]
    assert "approving rebases it first" in fourth["note"]

    said = checkout.run("queue", "approve", "--all")
    assert said.code == 4, said.err
    told = checkout.json("queue", "approve", "--all")["runs"]
    assert [(row["what"], row["exit_code"]) for row in told] == [("conflict", 4), ("held", 4)]
    words = f"does not merge: {told[0]['why']}; next: `{told[0]['next']}`"
    notes = [row["note"] for row in checkout.json("queue")["runs"]]
    assert notes == [words, f"builds on {fourth['run']}, which {words}"]

    checkout.git("commit", "-q", "--allow-empty", "-m", "More of mine")
    notes = [row["note"] for row in checkout.json("queue")["runs"]]
    assert all("approving rebases it first" in note for note in notes)


def test_a_conflict_that_approve_met_is_remembered_as_well(shop):
    checkout = shop.waiting("4")
    checkout.write("shop/part4.py", "B = 2\n")
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "Mine")
    (row,) = checkout.json("queue")["runs"]
    refused = checkout.run("approve", row["run"])
    assert "nothing was touched" in refused.err
    (row,) = checkout.json("queue")["runs"]
    assert row["note"].startswith("does not merge: ")
    assert "approving rebases" not in checkout.run("status").out
