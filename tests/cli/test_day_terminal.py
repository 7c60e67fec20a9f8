"""`handoff` and `session resume` at a terminal: questions and answers."""

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.terminal import Terminal

MEMORY = ".reviewloop/steering/memory.md"
ASKED = "go on with 1? Enter, another number, or what comes first instead > "


@pytest.fixture
def here(repo, tmp_path):
    """Return a checkout in which a dismissal was given a reason, twice."""
    checkout = Checkout(repo, tmp_path / "home", settings=QUIET_GATES)
    (repo / "deploy.sh").write_text("#!/bin/sh\nset -e\nchmod 777 out\nchmod 777 in\n")
    checkout.environ["REVIEWLOOP_REVIEW__ANALYSERS_OFF"] = '["shellcheck", "python*"]'
    rows = checkout.json("review", "--model", "none")["findings"]
    for number, row in enumerate(rows):
        assert checkout.run("dismiss", row["id"], "-m", f"reason {number}").code == 0
    assert len(rows) == 2
    return checkout


def test_after_a_handoff_each_line_is_asked_for_and_later_is_no_never(here):
    terminal = Terminal(here, "handoff", "--offline")
    terminal.expect("2 lines to remember, each in your own words:")
    for word in ("what?", ""):
        terminal.expect("remember it? [y]es, [n]ever, Enter for later, [q]uit > ")
        terminal.type(word)
    terminal.expect("remember it?")
    terminal.type("y")
    terminal.expect(f"{MEMORY}: 1 line more")
    terminal.expect("skills that need refining?")
    assert terminal.end() == 0
    assert "reason 0" in (here.root / MEMORY).read_text()
    assert "reason 1" not in (here.root / MEMORY).read_text()

    terminal = Terminal(here, "memory")  # the other one is proposed again, until never is said
    terminal.expect("reason 1")
    terminal.type("n")
    assert terminal.end() == 0
    assert here.run("memory").code == 0


@pytest.mark.slow_but(every=2)
@pytest.mark.parametrize(
    ("typed", "answered"),
    [
        ("", "it begins with: reviewloop review"),
        ("1", "it begins with: reviewloop review"),
        ("fix the login's page", "at once: reviewloop run -m 'fix the login'\"'\"'s page'"),
        ("7", "with a spec first: reviewloop spec new -m 7"),
    ],
)
def test_the_question_is_answered_with_the_command_that_begins_it(here, typed, answered):
    assert here.run("handoff", "--offline").code == 0
    terminal = Terminal(here, "session", "resume", "--offline")
    terminal.expect(ASKED)
    terminal.type(typed)
    terminal.expect(answered)
    assert terminal.end() == 0


def test_who_leaves_at_the_question_was_shown_all_and_nothing_failed(here):
    assert here.run("handoff", "--offline").code == 0
    terminal = Terminal(here, "session", "resume", "--offline")
    terminal.expect(ASKED)
    terminal.leave()
    assert terminal.end() == 0


def test_what_doctor_says_at_length_is_cut_to_a_line(here):
    assert here.run("handoff", "--offline").code == 0
    lines = here.run("session", "resume", "--offline").out.splitlines()
    [line] = [line for line in lines if line.startswith("blocked: models: ")]
    assert line.endswith(" ... (`reviewloop doctor` says all of it)")
    assert len(line) < 200
    body = here.json("session", "resume", "--offline")
    assert max(map(len, body["blockers"])) > 200
