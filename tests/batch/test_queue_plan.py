"""The plan that `queue` prints for `queue approve --all`, and that it is carried out."""

import pytest
from support.bedrock import Answer, Received
from support.many import many
from support.parts import finds, found

EVERY = "`reviewloop queue approve --all`"


def red(received: Received) -> Answer:
    """Return what security says: it has something against the fourth task."""
    about = "Fourth number" in received.said
    bad = found("must_fix", "Too short", '"""Part 4."""', "shop/part4.py")
    return (finds(bad) if about else finds())(received)


def done_by(told: dict) -> dict[str, list[str]]:
    """Return what an approval did, in the words of what was foreseen."""
    words = {"committed": "commits", "brought": "brings", "held": "holds"}
    did: dict[str, list[str]] = {"commits": [], "brings": [], "holds": []}
    for row in told["runs"]:
        did[words[row["what"]]].append(row["run"])
    return did


def foreseen(checkout) -> tuple[dict[str, list[str]], str]:
    every = checkout.json("queue")["approve_all"]
    said = every.pop("said")
    assert f"{EVERY} {said}" in checkout.run("queue").out
    return every, said


@pytest.mark.slow
def test_an_approval_of_all_does_what_the_queue_says(shop):
    checkout = shop(many(review_security=red))
    ended = checkout.run("batch", "--tasks", "1,2,4")
    assert f"lists what waits, and what {EVERY} does with it" in ended.out
    first, second, fourth = (row["run"] for row in checkout.json("queue")["runs"])
    seen, said = foreseen(checkout)
    assert seen == {"commits": [first, second], "brings": [], "holds": [fourth]}
    assert said.startswith("commits 2; it holds 1 (what has a must fix left, ")

    checkout.write("note.txt", "the branch moves\n")
    checkout.git("add", "note.txt")
    checkout.git("commit", "-qm", "Add a note")
    seen, said = foreseen(checkout)
    assert seen == {"commits": [], "brings": [first, second], "holds": [fourth]}
    assert said.startswith("rebases 2 onto work first, then asks you about them again; ")
    told = checkout.run("queue", "approve", "--all")  # says the same of the one it holds
    assert f"{fourth} held: 1 must fix left; naming it with --with-must-fix rebases" in told.err

    seen, said = foreseen(checkout)
    assert seen == {"commits": [first, second], "brings": [], "holds": [fourth]}
    assert done_by(checkout.json("queue", "approve", "--all")) == seen
    assert checkout.run("queue", "approve", fourth).code == 4
    told = checkout.run("queue", "approve", "--all")
    assert f"{fourth} held: 1 must fix left; naming it with --with-must-fix rebases" in told.err
    said = checkout.run("queue", "approve", fourth, "--with-must-fix")
    assert said.code == 0, said.err  # brought, and nothing met it
    assert "4 Fourth number: " in said.err
    assert checkout.run("queue", "approve", "--all", "--with-must-fix").code == 2
