"""`status` and `undo` after `clean`, for runs without records."""

import pytest
from support.checkout import Checkout
from support.many import many

CLEAN = ("clean", "--older-than", "0", "--with-work", "--yes")


@pytest.fixture
def cleaned(shop) -> Checkout:
    """Return a checkout with two committed tasks of a batch and no run any more."""
    checkout = shop.waiting("1,4")
    assert checkout.run("queue", "approve", "--all").code == 0
    assert checkout.run(*CLEAN).code == 0
    return checkout


@pytest.mark.slow
def test_status_says_that_the_runs_of_a_batch_were_cleaned_and_shows_its_account(cleaned):
    batch = cleaned.json("status")["batch"]["batch"]
    shown = cleaned.run("status").out
    assert f"no runs any more: those of {batch} were cleaned away; `reviewloop run`" in shown
    assert "2 committed" in shown


@pytest.mark.slow
def test_undo_says_what_is_left_to_do_for_a_commit_whose_run_was_cleaned(cleaned):
    last, first = cleaned.git("log", "-2", "--format=%H").splitlines()
    for words, commit in (((), last), (("1",), first), (("4",), last)):
        said = cleaned.run("undo", *words)
        assert said.code == 2
        assert "were cleaned away" in said.err
        assert f"`git revert {commit[:12]}` undoes it on work" in said.err
    cleaned.git("reset", "-q", "--hard", "HEAD~1")
    assert "there is no run '4'" in cleaned.run("undo", "4").err


def test_undo_names_the_commit_of_a_single_run_that_was_cleaned(shop):
    checkout = shop(many())
    assert "has a commit to take back\n" in checkout.run("undo").err
    assert checkout.run("run", "1").code == 4
    assert checkout.run("approve").code == 0
    assert checkout.run(*CLEAN).code == 0
    head = checkout.git("rev-parse", "HEAD")[:12]
    said = checkout.run("undo")
    assert said.code == 2
    assert f"{head} (Add part 1) were cleaned away: `git revert {head}` undoes it" in said.err


def test_approving_all_where_nothing_waits_is_no_error(shop):
    checkout = shop()
    said = checkout.run("approve", "--all")
    assert (said.code, said.out) == (0, "")
    assert said.err == "nothing waits on work; `reviewloop status` lists the runs\n"
    told = checkout.json("approve", "--all")
    assert (told["runs"], told["committed"]) == ([], 0)
    assert checkout.run("queue", "approve", "1").code == 2
    said = checkout.run("approve", "1", "2", "-m", "words")
    assert (said.code, "-m, -F and --without are for one run" in said.err) == (2, True)


@pytest.mark.slow
def test_several_runs_are_rejected_and_approved_by_one_command(shop):
    checkout = shop.waiting("1,4,5")
    assert checkout.run("reject", "4", "5", "-m", "not now").code == 7
    assert checkout.run("approve", "--all").code == 0
    assert checkout.git("log", "-1", "--format=%s").strip() == "Add part 1"
    rows = checkout.json("status")["runs"]
    assert [row["status"] for row in rows].count("skipped") == 2
