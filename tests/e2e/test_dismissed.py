"""What a person dismissed: the waiting run asks anew without it, and later ones leave it out."""

from support.parts import cast, finds, found

DOC = '"""Search."""'
NOISE = found("should_fix", "The module's sentence says nothing", DOC)
GRAVE = found("must_fix", "Nobody checks the customer", "def items_of(db, customer):")
WHY = "the file's name says it"
LATER = "Find the items of a customer once more"


def agents(checkout, since=0):
    return {request.agent for request in checkout.server.ledger[since:]}


def test_a_dismissal_holds_in_the_waiting_run_in_its_commit_and_in_later_runs(shop):
    checkout = shop(cast(review_maintainability=finds(NOISE), review_security=finds(GRAVE)))
    before = checkout.bytes()
    assert checkout.run("run", "2.1").code == 4
    first = checkout.record()
    run, ident = first["run_id"], checkout.findings()[NOISE["title"]]["id"]
    grave = checkout.findings()[GRAVE["title"]]["id"]
    asked, gates = len(checkout.server.ledger), len(checkout.events("gate"))
    assert f"id {ident[:8]}" in checkout.run("show").out

    # The same change is proposed anew; nobody is asked and nothing is run for that.
    said = checkout.run("dismiss", ident[:6], "-m", WHY)
    assert said.code == 0, said.err
    assert f"{run} counts it as dismissed, 1 finding left" in said.out
    record, findings = checkout.record(), checkout.findings()
    assert record["status"] == "waiting"
    assert findings[NOISE["title"]]["status"] == "dismissed"
    assert findings[NOISE["title"]]["note"] == f"dismissed: {WHY}"
    assert record["proposal"]["tree"] == first["proposal"]["tree"]
    assert record["proposal"]["commit"] != first["proposal"]["commit"]
    assert (len(checkout.server.ledger), len(checkout.events("gate"))) == (asked, gates)
    assert "1 must fix remaining; 0 fixed, 1 dismissed" in checkout.run("show").out
    (row,) = checkout.json("queue")["runs"]
    assert (row["findings"]["left"], row["findings"]["dismissed"]) == (1, 1)
    assert "1 left, 1 dismissed" in checkout.run("queue").out
    assert checkout.bytes() == before

    # Taken back it stands as it did; the reason can be given anew.
    again = checkout.run("dismiss", "--undo", ident[:6])
    assert f"{run} counts it as left to you, 2 findings left" in again.out
    assert (
        checkout.findings()[NOISE["title"]]
        == {f["title"]: f for f in first["proposal"]["findings"]}[NOISE["title"]]
    )
    checkout.run("dismiss", ident, "-m", WHY)
    assert "no red or yellow finding left" in checkout.run("dismiss", grave, "-m", "trusted").out
    assert checkout.json("stats")["findings"]["all"]["should_fix"]["dismissed"] == 1

    assert checkout.run("approve").code == 0
    message = checkout.git("log", "-1", "--format=%B")
    assert "2 findings, 0 fixed, 0 left open, 2 dismissed, 0 nits" in message
    assert f"Dismissed: 🟡 {NOISE['title']} (shop/search.py:1), by a person: {WHY}" in message
    assert "Left open" not in message
    told = {one["id"]: one["reason"] for one in checkout.record()["evidence"]["dismissed"]}
    assert told == {ident: WHY, grave: "trusted"}
    assert len(checkout.run("dismiss", "--list").out.splitlines()) == 2
