"""`handoff --model`: a model shortens the text; it adds nothing, and loses no fact."""

import json

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.shop import make_shop
from support.spec_script import written

DOCUMENT = ".kiro/context/session-handoff.md"
SUBJECT = "cart: add up the prices that people see, and do not round them"


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root, branch="work")
    found = Checkout(root, tmp_path / "home", settings=QUIET_GATES)
    (root / "cart.txt").write_text("cart\n")
    found.git("add", "-A")
    found.git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", SUBJECT)
    return found


def done(checkout):
    """Return the lines of what was done, without their bullets."""
    text = (checkout.root / DOCUMENT).read_text()
    part = text.partition("## WHAT WE DID THIS SESSION")[2].partition("\n## ")[0]
    return [line[2:] for line in part.splitlines() if line.startswith("- ")]


def script(checkout, lines):
    call = {"name": "shorten", "args": {"lines": lines}}
    return written(
        checkout.home, [{"agent": "ask", "step": "ask", "turn": 0, "tool_calls": [call]}]
    )


def handoff(checkout, *arguments):
    return checkout.run("handoff", "--offline", "--json", *arguments)


def test_words_are_left_out_and_none_is_added(checkout):
    assert handoff(checkout, "--model", "none").code == 0
    long = done(checkout)
    at = next(number for number, line in enumerate(long) if SUBJECT in line)
    short = long[at].replace(" that people see,", "")
    model = script(checkout, [{"number": at + 1, "text": short}])
    said = handoff(checkout, "--model", model)
    assert (said.code, json.loads(said.out)["shortened"]) == (0, 1), said.err
    assert done(checkout) == [*long[:at], short, *long[at + 1 :]]
    again = handoff(checkout, "--model", model)
    assert again.code == 0
    assert not (checkout.root / f"{DOCUMENT}.bak").exists()  # ours, not edited by hand


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize(
    "change",
    [
        lambda line: line + " The tests are green.",
        lambda line: line.replace(" do not round", " do round"),
        lambda line: line.replace("prices", "taxes"),
        lambda line: line.replace(line.split()[1], ""),  # the commit
        lambda line: "",
        lambda line: "## KEY DECISIONS",
    ],
)
def test_what_says_something_else_is_dropped_and_that_is_told(checkout, change):
    assert handoff(checkout).code == 0
    long = done(checkout)
    at = next(number for number, line in enumerate(long) if SUBJECT in line)
    model = script(checkout, [{"number": at + 1, "text": change(long[at])}])
    said = checkout.run("handoff", "--offline", "--model", model)
    assert said.code == 0
    assert "1 line of the model dropped" in said.err
    assert done(checkout) == long


def test_without_an_answer_it_is_written_in_full(checkout):
    assert handoff(checkout).code == 0
    long = done(checkout)
    (checkout.root / DOCUMENT).unlink()
    said = checkout.run("handoff", "--offline", "--model", written(checkout.home, []))
    assert said.code == 5
    assert "it is written in full" in said.err
    assert done(checkout) == long


def test_a_budget_needs_a_model(checkout):
    said = handoff(checkout, "--budget-usd", "1")
    assert (said.code, "--budget-usd is for a model" in said.err) == (2, True)
    assert not (checkout.root / DOCUMENT).exists()
