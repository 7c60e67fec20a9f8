"""`ask`: an answer with quotes checked against the files; paid once, and nothing is written."""

import json

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.shop import make_shop
from support.spec_script import written
from support.untouched import photograph

RIGHT = {"path": "shop/cart.py", "quote": "def total"}


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root, branch="work")
    (root / "shop/cart.py").write_text("def total(prices):\n    return sum(prices)\n")
    found = Checkout(root, tmp_path / "home", settings=QUIET_GATES)
    found.git("add", "-A")
    found.git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "cart")
    return found


def script(checkout, *answers):
    """Return a model that gives these answers, a turn each."""
    entries = [
        {
            **{"agent": "ask", "step": "ask", "turn": turn},
            "tool_calls": [{"name": "answer", "args": {"answer": answer, "quotes": quotes}}],
        }
        for turn, (answer, quotes) in enumerate(answers)
    ]
    return written(checkout.home, entries)


def test_quotes_have_their_line_and_the_same_question_is_paid_once(checkout):
    model = script(checkout, ("In `total`, by `sum`.", [RIGHT]))
    before = photograph(checkout.root)
    said = checkout.run("ask", "Where is the sum made?", "shop", "--model", model)
    assert (said.code, said.err) == (0, "")
    assert said.out == "In `total`, by `sum`.\n  shop/cart.py:1: def total\n"
    assert photograph(checkout.root) == before
    again = checkout.run(
        *("ask", "Where is the sum made?", "shop", "--model", model),
        "--json",
    )
    assert json.loads(again.out)["spent"]["calls"] == 1


def test_what_stands_nowhere_is_sent_back_once_and_then_marked(checkout):
    wrong = {"path": "shop/cart.py", "quote": "def tax"}
    model = script(checkout, ("By tax.", [wrong]), ("By tax.", [RIGHT, wrong]))
    said = checkout.run("ask", "How?", "--model", model)
    assert said.code == 0
    assert "  NOT FOUND in shop/cart.py: def tax\n" in said.out
    nothing = script(checkout, ("By magic.", [wrong]), ("By magic.", [wrong]))
    said = checkout.run("ask", "How really?", "--model", nothing, "--json")
    report = json.loads(said.out)
    assert (said.code, report["quotes"][0]["found"], report["quotes"][0]["line"]) == (
        5,
        False,
        None,
    )


def test_uncommitted_work_is_not_looked_at_and_that_is_told(checkout):
    (checkout.root / "shop/cart.py").write_text("def other(): ...\n")
    said = checkout.run("ask", "What?", "--model", script(checkout, ("So.", [RIGHT])))
    assert said.code == 0
    assert "uncommitted work was not looked at" in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("  ",), "the text is empty"),
        (("What?", "nowhere.py"), "nowhere.py is not in the commit that is checked out"),
        (("What?", "/etc/passwd"), "outside of this repository"),
        (("What?", "--model", "none"), "this needs a model"),
    ],
)
def test_bad_input_is_one_sentence(checkout, arguments, words):
    model = () if "--model" in arguments else ("--model", script(checkout, ("x", [RIGHT])))
    said = checkout.run("ask", *arguments, *model)
    assert (said.code, words in said.err) == (2, True), said.err


def test_what_the_agents_file_names_is_given(checkout):
    agent = {"name": "ask", "prompt": "Answer.", "resources": ["file://docs/words.md"]}
    for path, text in (
        (".kiro/agents/ask.json", json.dumps(agent)),
        ("docs/words.md", "A cart is a basket.\n"),
    ):
        (checkout.root / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout.root / path).write_text(text)
    checkout.git("add", "-A")
    checkout.git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "words")
    call = {"name": "answer", "args": {"answer": "In `total`.", "quotes": [RIGHT]}}
    entry = {"agent": "ask", "step": "ask", "turn": 0, "when_last": "A cart is a basket."}
    model = written(checkout.home, [{**entry, "tool_calls": [call]}])
    said = checkout.run("ask", "Where is the sum made?", "--model", model)
    assert (said.code, said.err) == (0, "")
