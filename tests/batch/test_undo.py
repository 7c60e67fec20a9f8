"""Taking back commits of a batch: those of its last run first, whichever began last."""

from support.checkout import Checkout


def committed(checkout: Checkout) -> dict[str, str]:
    """Return task -> run of what is committed."""
    rows = checkout.json("status")["batch"]["tasks"]
    return {row["task"]: row["run"] for row in rows if row["state"] == "committed"}


def test_undo_takes_the_commit_back_that_is_checked_out(shop):
    checkout = shop()
    assert checkout.run("batch", "--tasks", "1,4").code == 4
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
