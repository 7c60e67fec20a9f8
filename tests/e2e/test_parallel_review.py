"""Reviewers share one cached prefix: the first pays for writing it, the others read it."""

from pathlib import Path

from support.bedrock import BedrockServer
from support.checkout import QUIET_GATES, Checkout
from support.parts import cast
from support.play import REVIEWERS, agent_of
from support.shop import make_shop


def test_four_reviewers_read_the_prefix_that_the_first_wrote(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    with BedrockServer(cast(), agent_of=agent_of, over_http=True) as server:
        checkout = Checkout(make_shop(root), tmp_path / "home", server, QUIET_GATES)
        assert checkout.run("run", "2.1").code == 4

    asked = sorted((r for r in server.ledger if r.agent in REVIEWERS), key=lambda r: r.number)
    assert len(asked) == len(REVIEWERS)
    first, *others = asked
    written = first.usage["cacheWriteInputTokens"]
    assert first.usage["cacheReadInputTokens"] == 0 < written
    # All of what the first wrote that does not speak of its own part is read by each other one.
    assert [r.usage["cacheReadInputTokens"] > written // 2 for r in others] == [True] * 4
