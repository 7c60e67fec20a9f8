"""The text of a rejection reaches the next run of the task."""

import pytest
from support.checkout import Checkout

WORDS = "XYZZY return two"
HEAD = "# A person rejected earlier changes for this task"


def first_prompts(checkout: Checkout, since: int = 0) -> list[str]:
    """Return what the implementer was told at the beginning of each run."""
    asked = checkout.server.ledger[since:]
    return [one.said for one in asked if one.agent == "implement" and one.turn == 0]


@pytest.mark.slow
def test_the_implementer_is_told_why_the_change_before_was_rejected(shop):
    checkout: Checkout = shop()
    assert checkout.run("batch", "--tasks", "4").code == 4
    before = checkout.record()["run_id"]
    assert HEAD not in first_prompts(checkout)[0]
    assert checkout.run("queue", "reject", "4", "-m", WORDS).code == 7
    paid = len(checkout.server.ledger)

    assert checkout.run("batch", "--tasks", "4").code == 4
    (prompt,) = first_prompts(checkout, paid)
    told = prompt.partition(HEAD)[2]
    assert "<<<request " in told
    assert told.index("<<<request ") < told.index(WORDS) < told.index(">>>")
    run = checkout.record()["run_id"]
    for shown in (checkout.run("show", run).out, checkout.run("queue", "show", run).out):
        (line,) = [line for line in shown.splitlines() if line.startswith("told ")]
        assert before in line
        assert WORDS in line
    assert WORDS in checkout.run("logs", run).out

    assert checkout.run("reject", "4", "-m", "and three").code == 7
    paid = len(checkout.server.ledger)
    assert checkout.run("batch", "--tasks", "4").code == 4
    (prompt,) = first_prompts(checkout, paid)
    assert prompt.index(WORDS) < prompt.index("and three")  # what was said first holds still


@pytest.mark.slow
def test_what_was_said_before_a_commit_of_the_task_is_heard(shop):
    checkout: Checkout = shop()
    assert checkout.run("run", "4").code == 4
    assert checkout.run("reject", "4", "-m", WORDS).code == 7
    said = checkout.run("run", "4")
    assert said.code == 4
    assert WORDS in said.err
    assert WORDS in first_prompts(checkout)[1]
    assert checkout.run("approve", "4").code == 0
    spec = checkout.root / ".kiro/specs/many/tasks.md"
    spec.write_text(spec.read_text().replace("- [x] 4.", "- [ ] 4."))
    checkout.git("commit", "-qam", "Do 4 once more")
    assert checkout.run("run", "4").code in (3, 4)
    assert WORDS not in first_prompts(checkout)[2]


@pytest.mark.slow
def test_secrets_in_the_words_stay_here(shop):
    checkout: Checkout = shop()
    secret = "ghp_" + "Q7f2Lk9Xw3Rb8Nd1Vt6Ym4Hc0Zs5Jp2Ae7Gu"
    interrupted = checkout.forked("batch", "--tasks", "4", REVIEWLOOP_FAULT="propose.begin:1")
    assert interrupted.code == -9
    assert checkout.run("reject", "4", "-m", f"it holds {secret}").code == 7  # given up on its way
    assert secret not in checkout.run("status", "--json").out
    paid = len(checkout.server.ledger)
    assert checkout.run("batch", "--tasks", "4").code == 4
    (prompt,) = first_prompts(checkout, paid)
    assert "it holds " in prompt.partition(HEAD)[2]
    assert secret not in prompt
    assert secret not in checkout.run("show").out
