"""The spec's reviewer: when it runs, and what its prompt contains."""

import json

from support.checkout import QUIET_GATES
from support.parts import cast, finds, found
from support.play import REVIEWERS
from support.shop import CRITERIA

CRITERION = "THE Shop SHALL return that customer's items in the order they came"
UNMET = found("nit", "1.1: the newest item comes last", "def items_of(db, customer):")
OWN = {"name": "review-spec", "prompt": "Look at the spec as our team does.", "tools": ["read"]}


def reviewers_of(checkout) -> set[str]:
    return {one.agent for one in checkout.server.ledger if one.agent.startswith("review-")}


def changed(checkout) -> None:
    checkout.write("shop/search.py", "def items_of(db, customer):\n    return []\n")


def test_a_run_of_a_task_with_criteria_is_read_by_six(shop):
    checkout = shop(cast(review_spec=finds(UNMET)), QUIET_GATES, files=CRITERIA)
    planned = checkout.json("run", "2.1", "--preflight")
    assert planned["reviewers"] == sorted((*REVIEWERS, "review-spec"))
    assert checkout.run("run", "2.1").code == 4
    (asked,) = checkout.server.of("review-spec")
    assert CRITERION in asked.said
    assert "Ask of each criterion" in asked.said
    (finding,) = checkout.findings().values()
    assert (finding["agents"], finding["title"]) == (["review-spec"], UNMET["title"])


def test_a_run_without_criteria_and_a_plain_review_are_read_by_five(shop):
    checkout = shop(cast(), QUIET_GATES)
    assert checkout.run("run", "2.1").code == 4
    assert reviewers_of(checkout) == {*REVIEWERS}
    assert len([one for one in checkout.server.ledger if one.agent in REVIEWERS]) == 5

    checkout.write(*next(iter(CRITERIA.items())))  # the spec has criteria, but nobody names it
    checkout.server.ledger.clear()
    changed(checkout)
    assert checkout.run("review", "--model", "bedrock:some.model").code == 0
    assert sorted(one.agent for one in checkout.server.ledger) == sorted(REVIEWERS)


def test_a_review_by_a_spec_is_read_by_six_and_all_are_told_of_it(shop):
    checkout = shop(cast(), QUIET_GATES, files=CRITERIA)
    changed(checkout)
    model = ("--model", "bedrock:some.model")
    said = checkout.run("review", "--spec", "orders", *model)
    assert said.code == 0, said.err
    assert sorted(one.agent for one in checkout.server.ledger) == sorted(
        (*REVIEWERS, "review-spec")
    )
    assert all(CRITERION in one.said for one in checkout.server.ledger)
    # The same again is paid for by nobody; without the spec it is another review.
    checkout.run("review", "--spec", "orders", *model)
    assert len(checkout.server.ledger) == 6
    checkout.run("review", "--spec", "orders", "--agents", "security", "--again", *model)
    assert {one.agent for one in checkout.server.ledger[6:]} == {"review-security", "review-spec"}


def test_without_a_model_it_says_what_was_not_judged(shop):
    checkout = shop(cast(), QUIET_GATES, files=CRITERIA)
    changed(checkout)
    body = checkout.json("review", "--spec", "orders", "--model", "none")
    (one,) = [one for one in body["agents"] if one["name"] == "review-spec"]
    assert (one["status"], one["findings"]) == ("skipped", 0)
    assert one["reason"] == "not judged: the 1 criterion of orders; that needs a model"
    assert "not judged: the 1 criterion" in checkout.run("review", "--spec", "orders").out


def test_a_spec_that_cannot_judge_is_refused(shop):
    checkout = shop(cast(), QUIET_GATES)
    changed(checkout)
    for options, words in (
        (("--spec", "orders"), "has no criteria to judge a change by"),
        (("--spec", "nowhere"), "nowhere"),
        (("--agents", "spec"), "review-spec judges a change by a spec; name one with --spec NAME"),
    ):
        said = checkout.run("review", *options, "--model", "bedrock:some.model")
        assert said.code == 2
        assert words in said.err
    assert checkout.server.ledger == []


def test_it_is_replaceable_like_the_others(shop):
    own = {".reviewloop/agents/review-spec.json": json.dumps(OWN)}
    checkout = shop(cast(), QUIET_GATES, files={**CRITERIA, **own})
    (listed,) = [a for a in checkout.json("agents", "list")["agents"] if a["name"] == OWN["name"]]
    assert listed["file"] == ".reviewloop/agents/review-spec.json"
    assert "only tasks whose spec has criteria" in listed["notes"][0]
    assert checkout.run("run", "2.1").code == 4
    (asked,) = checkout.server.of("review-spec")
    assert OWN["prompt"] in asked.said
