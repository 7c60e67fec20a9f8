"""Undoing commits of a batch: those of its last run first, whichever started last."""

import pytest
from support.checkout import Checkout


def committed(checkout: Checkout) -> dict[str, str]:
    """Return task -> run of what is committed."""
    rows = checkout.json("status")["batch"]["tasks"]
    return {row["task"]: row["run"] for row in rows if row["state"] == "committed"}


@pytest.mark.slow
def test_undo_takes_the_commit_back_that_is_checked_out(shop):
    checkout = shop.waiting("1,4")
    assert checkout.run("queue", "reject", "1").code == 7
    assert checkout.run("batch", "--tasks", "1,4").code == 4  # task 1 is the newest run now
    assert checkout.run("queue", "approve", "--all").code == 0
    runs = committed(checkout)
    first, last = checkout.git("log", "-2", "--format=%s").splitlines()[::-1]
    assert (first, last) == ("Add part 1", "Add part 4")

    said = checkout.run("undo", runs["1"])
    assert said.code == 2
    assert f"task 4 came after {runs['1']} on work; take it back first: " in said.err
    assert f"`reviewloop undo {runs['4']}`" in said.err
    said = checkout.run("undo")
    assert said.code == 0, said.err
    assert checkout.git("log", "-1", "--format=%s") == "Add part 1"

    checkout.git("commit", "-q", "--allow-empty", "-m", "Mine")
    said = checkout.run("undo")
    assert said.code == 2
    assert f"came after the commit of {runs['1']} on work; `git revert " in said.err
    checkout.git("reset", "-q", "--hard", "HEAD~2")
    said = checkout.run("undo")
    assert (said.code, "work does not hold it any more" in said.err) == (2, True)


@pytest.mark.slow
def test_a_need_that_was_taken_back_and_cleaned_away_is_still_told_as_that(shop):
    checkout = shop.waiting("1,2")
    assert checkout.run("queue", "approve", "1").code == 0
    assert checkout.run("undo", "1").code == 0
    status = checkout.json("status")
    rows = status["batch"]["tasks"]
    taken_back = "its commit was taken back (`reviewloop undo`)"
    run = next(run for run in status["runs"] if run["run"] == rows[0]["run"])
    assert (run["status"], run["reason"]) == ("undone", taken_back)
    assert (rows[0]["state"], rows[0]["why"]) == ("undone", taken_back)
    assert rows[1]["why"] == "it needs 1, which is undone"
    assert rows[1]["next"].startswith("`reviewloop batch` does 1 anew and rebases this onto it")
    assert "Deleted" in checkout.run("clean", "--older-than", "0", "--with-work", "--yes").err
    assert checkout.json("status")["batch"]["tasks"][0]["state"] == "undone"


@pytest.mark.slow
def test_a_task_names_the_run_with_which_the_command_can_do_something(shop):
    checkout = shop.waiting("1")
    assert checkout.run("queue", "reject", "1").code == 7
    assert checkout.run("batch", "--tasks", "1").code == 4
    assert checkout.run("approve", "1").code == 0
    for command in (("queue", "reject"), ("reject",)):
        said = checkout.run(*command, "1")
        assert said.code == 2
        assert "no run of task 1 is running, stopped, waiting or blocked: " in said.err
        assert "(committed; .kiro/specs/many, on work), 1-" in said.err
        assert "(rejected; " in said.err
    run = checkout.json("status")["batch"]["tasks"][0]["run"]
    for state, word in (("committed", "1"), ("undone", run)):
        shown = checkout.run("queue", "show", run).out
        assert f"This run is over ({state}); this is what it proposed." in shown
        assert "Proposed: 1 First number" in shown
        said = checkout.run("undo", word)
    assert said.code == 2
    assert f"run {run} has no commit to take back (it is undone)" in said.err
    said = checkout.run("undo", "1")
    assert "no run of task 1 is committed: 1-" in said.err
    assert "(undone; " in said.err
