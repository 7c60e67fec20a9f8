"""Dismissed findings: the waiting run asks again without them, and later ones omit them."""

import pytest
from support.parts import CLEAN, cast, finds, found, replaces, writes
from support.play import QUOTE_TEST, TEST

from reviewloop.app.batch.policy import why_a_user
from reviewloop.app.project import open_repository
from reviewloop.app.run.advance import advance
from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import fingerprint

DOC = '"""Search."""'
NOISE = found("should_fix", "The module's sentence says nothing", DOC)
GRAVE = found("must_fix", "Nobody checks the customer", "def items_of(db, customer):")
REVIEWS = {"review_maintainability": finds(NOISE), "review_security": finds(GRAVE)}
WHY = "the file's name says it"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def ident_of(finding):
    return fingerprint(finding["path"], finding["quote"], finding["title"])


def statuses(checkout):
    return {title: one["status"] for title, one in checkout.findings().items()}


def asked(checkout, since):
    return {request.agent for request in checkout.server.ledger[since:]}


@pytest.mark.slow
def test_a_dismissal_holds_in_the_waiting_run_in_its_commit_and_in_later_runs(shop):
    checkout = shop(cast(**REVIEWS))
    before = checkout.bytes()
    assert checkout.run("run", "2.1").code == 4
    first, listed = checkout.record(), checkout.findings()
    run, ident, grave = first["run_id"], ident_of(NOISE), ident_of(GRAVE)
    with checkout.inside():
        old = open_repository().runs.find(run).proposal
    requests, gates = len(checkout.server.ledger), len(checkout.events("gate"))
    assert f"id {ident[:8]}" in checkout.run("show").out
    assert f"id {ident[:8]}" in checkout.run("logs").out
    assert NOISE["title"] in checkout.run("explain", ident[:6]).out

    # The same change is proposed anew; nobody is asked and nothing is run for that.
    said = checkout.run("dismiss", ident[:6], "-m", WHY)
    assert said.code == 0, said.err
    assert f"{run} counts it as dismissed, 1 finding left" in said.out
    record, now = checkout.record(), checkout.findings()[NOISE["title"]]
    assert record["status"] == "waiting"
    assert (now["status"], now["note"]) == ("dismissed", f"dismissed: {WHY}")
    assert record["proposal"]["tree"] == first["proposal"]["tree"]
    assert record["proposal"]["commit"] != first["proposal"]["commit"]
    assert (len(checkout.server.ledger), len(checkout.events("gate"))) == (requests, gates)
    assert "1 must fix remaining; 0 fixed, 1 dismissed" in checkout.run("show").out
    assert "1 must-fix finding left, 1 dismissed" in checkout.run("queue").out
    assert checkout.bytes() == before
    answer = {"choice": "approve", "by": "ada", "text": "", "proposal": old}
    with checkout.inside(), pytest.raises(UsageError, match="has changed since you looked"):
        advance(open_repository(), run, answer=answer)

    # Taken back it stands as it did; the reason can be given anew.
    again = checkout.run("dismiss", "--undo", ident[:6])
    assert f"{run} counts it as left to you, 2 findings left" in again.out
    assert checkout.findings() == listed
    checkout.run("dismiss", ident, "-m", WHY)
    assert "no red or yellow finding left" in checkout.run("dismiss", grave, "-m", "trusted").out
    assert "left" not in why_a_user(checkout.record()["proposal"])
    figures = checkout.json("stats")["findings"]
    assert (figures["all"]["should_fix"]["dismissed"], figures["dismissed_by_people"]) == (1, 2)
    assert "100 % dismissed (2 by people)" in checkout.run("stats").out

    assert checkout.run("approve").code == 0
    message = checkout.git("log", "-1", "--format=%B")
    assert "2 findings, 0 fixed, 0 left open, 2 dismissed, 0 nits" in message
    assert f"Dismissed: 🟡 {NOISE['title']} (shop/search.py:1), by a person: {WHY}" in message
    assert "Left open" not in message
    told = {one["id"]: one["reason"] for one in checkout.record()["evidence"]["dismissed"]}
    assert told == {ident: WHY, grave: "trusted"}

    # A later run does not raise it again, and its fixer never hears of it.
    requests = len(checkout.server.ledger)
    more = writes({"shop/search.py": CLEAN + "\n\nMOST = 10\n"})
    checkout.server.answer = cast(**REVIEWS, implement=more)
    assert checkout.run("run", "-m", "Say how many at most").code == 4
    assert statuses(checkout) == {NOISE["title"]: "dismissed", GRAVE["title"]: "dismissed"}
    assert not {"fix", "quick-review"} & asked(checkout, requests)
    steps = checkout.events("step.start", checkout.record()["run_id"])
    assert "fix" not in {event["step"] for event in steps}
    assert checkout.run("dismiss", grave, "--undo").code == 0
    assert statuses(checkout) == {NOISE["title"]: "dismissed", GRAVE["title"]: "open"}
    assert checkout.findings()[GRAVE["title"]]["dismissal"] is None

    # Nor does a later round of the same run, which is about what was taken back only.
    requests = len(checkout.server.ledger)
    checkout.server.answer = cast(
        **REVIEWS, implement=replaces("shop/search.py", "MOST = 10", "MOST = 20")
    )
    assert checkout.run("modify", "-m", "Twenty.").code == 4
    fixes = [one.said for one in checkout.server.ledger[requests:] if one.agent == "fix"]
    assert fixes
    assert not any(NOISE["title"] in said for said in fixes)
    assert statuses(checkout)[NOISE["title"]] == "dismissed"


@pytest.mark.slow
def test_a_run_that_stopped_before_its_fixes_goes_on_without_what_was_dismissed(shop):
    checkout = shop(cast(**REVIEWS))
    assert checkout.forked("run", "2.1", REVIEWLOOP_FAULT="fix.begin:1=kill").code != 0
    ident = ident_of(NOISE)
    said = checkout.run("dismiss", ident, "-m", WHY)
    assert said.code == 0, said.err
    assert "leaves it out when it goes on: reviewloop resume" in said.out
    checkout.run("dismiss", ident_of(GRAVE), "-m", "trusted")
    requests = len(checkout.server.ledger)
    assert checkout.run("resume").code == 4
    assert set(statuses(checkout).values()) == {"dismissed"}
    assert checkout.record()["proposal"]["rounds"]["used"] == 0
    assert asked(checkout, requests) == set()


def test_what_a_guard_rail_stops_stays_blocked_and_says_what_is_next(shop):
    leaky = CLEAN + f'\n\nKEY = "{TOKEN}"\n'
    files = {"shop/search.py": leaky, "tests/test_search.py": TEST + QUOTE_TEST}
    checkout = shop(cast(implement=writes(files)))
    assert checkout.run("run", "2.1").code == 3
    run = checkout.record()["run_id"]
    (one,) = checkout.record()["proposal"]["findings"]
    said = checkout.run("dismiss", one["id"], "-m", "a sample")
    assert "guard-rails are not dismissed. The run is blocked: secrets: " in said.out
    assert f"reviewloop modify {run} -m '...', reviewloop reject {run}" in said.out
    assert checkout.record()["status"] == "blocked"
    assert checkout.run("approve").code == 2

    # Of a store nothing can be dismissed, which is said where it was meant.
    named = "postgresql://nobody@127.0.0.1:1/none"
    refused = checkout.run("dismiss", one["id"], "-m", "x", "--store", named)
    assert refused.code == 2
    assert "What workers found cannot be dismissed yet" in refused.err
    elsewhere = checkout.run("dismiss", "ffff", "-m", "x", REVIEWLOOP_STORE=named)
    assert "What workers found cannot be dismissed yet" in elsewhere.err
    assert checkout.run("dismiss", "--list", REVIEWLOOP_STORE=named).out.startswith(one["id"])
