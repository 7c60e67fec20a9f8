"""A rebased change: what changed below it is reviewed with it, or nothing."""

import json

import pytest
from support.bedrock import Received, filtered
from support.checkout import Checkout
from support.many import files_of, many
from support.parts import finds, found, resolves, says
from support.play import REVIEWERS, calls, done, replace, reply, write

PRICES = "shop/prices.py"
OLD = (
    '"""Prices."""\n\n\ndef format_price(cents):\n    """Say it."""\n    return f"{cents / 100}"\n'
)
MOVED = "# The change builds on another commit now"
BELOW = "# What came below it, in files that it touches or uses"


def using(call: str = "prices.format_price(cents)") -> str:
    """Return the module of a task that calls what another one renames; no test reaches it."""
    return f'"""Labels."""\n\nfrom shop import prices\n\n\ndef label(cents):\n    return {call}\n'


def filler(tokens: int) -> str:
    """Return a module of about so many tokens, which has to do with nothing."""
    return "".join(
        f"row_{n} = {{'number': {n}, 'of': 'a long table'}}\n" for n in range(tokens // 12)
    )


def renames(number: int = 1) -> object:
    """Return the implementer that renames the function, where nothing of this commit calls it."""
    made = [write(path, text) for path, text in files_of(number).items()]
    edit = replace(PRICES, "format_price", "price_text")
    return says(reply(edit, *made), done("Renamed it.", f"Add part {number}"))


def labels(number: int = 4, tokens: int = 20_000) -> object:
    """Return the implementer that calls it by its old name, in a change of so many tokens."""
    files = {**files_of(number), "shop/labels.py": using(), "shop/rows.py": filler(tokens)}
    made = [write(path, text) for path, text in files.items()]
    return says(reply(*made), done("Wrote labels.", f"Add part {number}"))


def when_moved(*findings: object):
    """Return a reviewer that finds something only where a change stands on another commit."""

    def part(received: Received):
        return calls("report_findings", {"findings": list(findings) if moved(received) else []})

    return part


def moved(received: Received) -> bool:
    return MOVED in received.said


def cost(asked: list[Received]) -> float:
    """Return what requests cost in input tokens: write 1.25, read 0.1."""

    def total(name: str) -> int:
        return sum(one.usage.get(name, 0) for one in asked)

    written, read = total("cacheWriteInputTokens"), total("cacheReadInputTokens")
    return total("inputTokens") + 1.25 * written + 0.1 * read


def prefixes(asked: list[Received]) -> set[str]:
    """Return what the requests send up to their cache points."""
    return {
        json.dumps([b for b in one.body["messages"][0]["content"] if "text" in b][:-1])
        for one in asked
    }


def reviews(checkout: Checkout, *, of: str) -> list[Received]:
    asked = [r for r in checkout.server.ledger if r.agent in REVIEWERS]
    return (
        [r for r in asked if moved(r)]
        if of == "move"
        else [r for r in asked if not moved(r) and "row_1 = " in r.said]
    )


@pytest.mark.slow
def test_siblings_that_break_each_other_are_read_together_and_mended(shop):
    wrong = found(
        "must_fix", "format_price is gone", "prices.format_price(cents)", "shop/labels.py"
    )
    checkout = shop(
        many(
            {1: renames(), 4: labels()},
            review_maintainability=when_moved(wrong),
            fix=says(
                reply(replace("shop/labels.py", "format_price", "price_text")), done("Named it.")
            ),
            quick_review=resolves({"format_price is gone": "prices.price_text(cents)"}),
        ),
        **{PRICES: OLD},
    )
    chosen = ("batch", "--tasks", "1,4", "--max-parallel", "2")
    # All reviewers of the move have answered, and nothing of that is in the state yet.
    assert checkout.forked(*chosen, REVIEWLOOP_FAULT="collect.begin:3").code == -9
    said = checkout.run(*chosen)
    assert said.code == 4, said.err
    assert checkout.server.paid_twice() == []
    asked = reviews(checkout, of="move")
    assert sorted(one.agent for one in asked) == sorted(REVIEWERS)
    assert len(prefixes(asked)) == 1
    shown = asked[0].said.partition(BELOW)[2]
    assert "shop/prices.py: shop/labels.py" in shown
    assert "-def format_price(cents):" in shown
    assert "+    return prices.format_price(cents)" in shown
    assert "row_1 = " not in asked[0].said
    assert cost(asked) < 0.3 * cost(reviews(checkout, of="change"))
    rows = {row["task"]: row for row in checkout.json("queue")["runs"]}
    proposal = checkout.record(rows["4"]["run"])["proposal"]
    assert proposal["moved"].endswith("what it touches or uses (shop/prices.py)")
    rows = {row["task"]: row for row in checkout.json("status")["batch"]["tasks"]}
    assert (rows["1"]["moved"], rows["4"]["moved"]) == ("", proposal["moved"])
    assert proposal["moved"] in " ".join(checkout.run("status").out.split())
    assert [(f["title"], f["status"]) for f in proposal["findings"]] == [
        ("format_price is gone", "fixed")
    ]
    assert checkout.run("queue", "approve", "--all").code == 0
    assert checkout.read("shop/labels.py") == using("prices.price_text(cents)")


@pytest.mark.slow
def test_who_missed_what_moved_looks_at_it_next_time_and_who_missed_all_reads_all(shop):
    nit = found("nit", "Say which currency", "prices.format_price(cents)", "shop/labels.py")
    silent = says(filtered())
    checkout = shop(
        many({4: labels(tokens=200)}, review_security=finds(nit), review_performance=silent),
        **{PRICES: OLD},
    )
    assert checkout.run("batch", "--tasks", "4").code == 5
    first = len(checkout.server.ledger)
    checkout.server.answer = many(review_security=silent)
    commit(checkout, PRICES, OLD.replace("/ 100", "/ 1000"))
    assert checkout.run("queue", "approve", "--all").code == 5
    asked = [one for one in checkout.server.ledger[first:] if one.agent != "review-security"]
    assert [one.agent for one in asked if not moved(one)] == ["review-performance"]
    assert len(asked) == 4
    proposal = checkout.record()["proposal"]
    assert proposal["incomplete"] == ["review-security"]
    (failed,) = (one for one in proposal["reviewers"] if one["status"] == "failed")
    assert failed["reason"].startswith("read it before, but not what changed below it since: ")
    assert [one["title"] for one in proposal["findings"]] == [nit["title"]]

    second = len(checkout.server.ledger)
    checkout.server.answer = many()
    commit(checkout, "NOTES.md", "mine\n")
    assert checkout.run("queue", "approve", "--all").code == 4
    asked = checkout.server.ledger[second:]
    assert {one.agent for one in asked if "-    return f" in one.said} == set(REVIEWERS)
    assert checkout.record()["proposal"]["incomplete"] == []

    third = len(checkout.server.ledger)
    commit(checkout, "NOTES.md", "other\n")
    assert checkout.run("queue", "approve", "--all").code == 4
    proposal = checkout.record()["proposal"]
    assert "; nothing that it touches or uses has changed there" in proposal["moved"]
    assert [one["title"] for one in proposal["findings"]] == [nit["title"]]
    assert len(checkout.server.ledger) == third


@pytest.mark.slow
def test_what_moved_is_read_in_parts_and_what_has_no_room_is_told(shop):
    small = {"REVIEWLOOP_LIMITS__CONTEXT_TOKENS": "3000"}
    checkout = shop(many({4: labels(tokens=200)}), **{PRICES: OLD})
    assert checkout.run("batch", "--tasks", "4", **small).code == 4
    first = len(checkout.server.ledger)
    for name, tokens in (("one", 700), ("two", 700), ("far_too_long", 9000)):
        commit(checkout, f"shop/{name}.py", f"from shop import labels\n{filler(tokens)}")
    assert checkout.run("queue", "approve", "--all", **small).code == 4
    asked = checkout.server.ledger[first:]
    assert len(asked) == 2 * 5
    assert len(prefixes(asked)) == 2
    for number, name in ((1, "one"), (2, "two")):
        said = [one.said for one in asked if f"+++ b/shop/{name}.py" in one.said]
        assert len(said) == 5
        assert all(f"is read in 2 parts; this is part {number}" in one for one in said)
    rows = checkout.json("status")["batch"]["tasks"]
    assert "shop/far_too_long.py: its diff of" in rows[0]["why"]  # so autopilot leaves it, too


def commit(checkout: Checkout, path: str, text: str) -> None:
    """Commit a file below what waits."""
    checkout.write(path, text)
    checkout.git("add", path)
    checkout.git("commit", "-q", "-m", "Mine")
