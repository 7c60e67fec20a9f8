"""The six hooks that guides print, in one run: all are accepted, and each does what it says."""

import json
from pathlib import Path

import pytest
from support.bedrock import calls, reply
from support.checkout import QUIET_GATES
from support.parts import cast, says, writes
from support.play import done, write
from support.shop import PLAIN_PYTEST

pytestmark = [pytest.mark.needs_bubblewrap, pytest.mark.slow]
PRINTED = Path(__file__).parents[1] / "data/hooks"
NAMES = ("auto-doc", "auto-test", "pre-commit-review", "dependency-check", "auto-optimize")
HOOKS = {
    f".reviewloop/hooks/{name}.yaml": (PRINTED / f"{name}.yaml").read_text()
    for name in (*NAMES, "aws-tagging")
}
SEARCH, BIG, UNIT = "src/shop_search.py", "src/shop_big.py", "tests/unit/test_shop_search.py"
STACK, WANTED = "infra/template.yaml", "requirements.txt"
CODE = "def items_of(rows):\n    return [row[0] for row in rows]\n"
LOOP = "    count = 0\n    for row in rows:\n        count += row\n    return count\n"
LARGE = f"def total(rows):\n{LOOP}\n# {'x' * 11_000}\n"
SUM = LARGE.replace(LOOP, "    return sum(rows)\n")
BROKEN = SUM.replace("sum(rows)", "rows[0]")
BUCKET = "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n"
TAGGED = BUCKET + "    Properties:\n      Tags: [{Key: Owner, Value: shop}]\n"
TESTED = """import sys

sys.path.insert(0, "src")
from shop_search import items_of


def test_items():
    assert items_of([("pen",)]) == ["pen"]
"""
TOTALS = """import sys

sys.path.insert(0, "src")
from shop_big import total


def test_total():
    assert total([1, 2]) == 3
"""
DOCUMENTED = CODE.replace(":\n", ':\n    """Return the first of each row."""\n', 1)
WRITTEN = {SEARCH: CODE, BIG: LARGE, "tests/test_big.py": TOTALS, STACK: BUCKET, WANTED: "a==1\n"}


def ended(summary, blocks=False):
    return calls("finish_hook", {"summary": summary, "blocks": blocks})


def agent(asked, optimised):
    """Return what the agents of the six answer; `asked` is told which was asked about what."""

    def answer(received):
        said = received.said.partition("# The change so far")[0]
        if received.turn == 0:
            asked.append(next(line for line in said.splitlines()[2:] if line))
        if f"{SEARCH} was just saved" in said:
            return (reply(write(SEARCH, DOCUMENTED)), ended("Described."))[min(received.turn, 1)]
        if f"Test {SEARCH}" in said:
            return (reply(write(UNIT, TESTED)), ended("Tested."))[min(received.turn, 1)]
        if f"Make {BIG} simpler" in said:
            return (reply(write(BIG, optimised)), ended("Simpler."))[min(received.turn, 1)]
        if f"in {STACK} has the tags" in said:
            missing = "Value: shop" not in received.said
            return ended("Bucket has no Owner." if missing else "All tagged.", missing)
        if "Which packages" in said:
            return ended("a: 1 → 2, nothing breaks.")
        if "about to be committed" in said:
            assert "# @workspace" in received.said
            return ended("Nothing critical.")
        return ended("Nothing to do.")

    return answer


def play(asked, optimised=SUM):
    hooks = agent(asked, optimised)
    parts = cast(
        implement=writes(WRITTEN), repair=says(reply(write(STACK, TAGGED)), done("Tagged it."))
    )
    return lambda received: (hooks if "finish_hook" in received.tools else parts)(received)


@pytest.mark.parametrize("optimised", [SUM, BROKEN])
def test_the_six_printed_hooks_do_what_they_say(shop, optimised):
    asked: list[str] = []
    settings = {**QUIET_GATES, "REVIEWLOOP_GATES__TEST__ENABLED": "true"}
    checkout = shop(play(asked, optimised), files={**HOOKS, **PLAIN_PYTEST}, settings=settings)
    said = checkout.run("hooks", "validate")
    assert (said.code, said.out) == (0, "6 hooks, 0 errors\n")
    assert checkout.run("trust", "--yes").code == 0
    said = checkout.run("run", "next")
    assert said.code == 4, said.err
    proposal = checkout.record()["proposal"]
    files = [one["path"] for one in proposal["files"]]
    assert {*files} == {*WRITTEN, UNIT}
    diff = checkout.run("show", "--diff").out
    assert "Return the first of each row." in diff
    assert ("return sum(rows)" in diff) is (optimised == SUM), "red tests take an edit back"
    assert "rows[0]" not in diff
    assert "Value: shop" in diff
    reasons = json.dumps(proposal["governance"])
    assert f"the hook Auto-Documentation edited {SEARCH} and asks for your approval" in reasons
    assert f"the hook Auto-Test Generation edited {UNIT} and asks for your approval" in reasons
    [repair] = [one for one in checkout.server.of("repair") if one.turn == 0]
    assert "Bucket has no Owner." in repair.said
    rows = checkout.json("hooks", "logs")["hooks"]
    fired = [(row["name"], row["path"]) for row in rows]
    assert fired.count(("Auto-Documentation", SEARCH)) == 1
    assert fired.count(("Dependency Freshness Check", WANTED)) == 1
    optimising = [path for name, path in fired if name == "Auto-Optimization"]
    assert {*optimising} == {BIG}, "only what is large"
    tagging = [row["exit_code"] for row in rows if row["name"] == "AWS Resource Tagging"]
    assert tagging == [2, 0]
    assert fired[-1][0] == "Pre-Commit Code Review"
    assert all(row["usd"] > 0 and row["calls"] for row in rows)
    assert sum(f"Which packages of {WANTED}" in one for one in asked) == 1
