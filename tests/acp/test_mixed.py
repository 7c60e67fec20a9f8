"""Teams of models and coding agents: each runs in its own way, is recorded and replayed."""

import json
import sys
from pathlib import Path

import pytest
from support.bedrock import BedrockServer
from support.checkout import QUIET_GATES, Checkout
from support.crash import WAITING
from support.parts import cast, finds, found
from support.play import agent_of
from support.shop import make_shop

AGENT = Path(__file__).parents[1] / "support" / "acp_agent.py"
CODE = '''import hashlib


def digest(data: bytes) -> str:
    """Return the checksum."""

    return hashlib.md5(data).hexdigest()
'''
QUOTE = "def digest(data: bytes) -> str:"
NIT = found("nit", "The name says little", QUOTE, "shop/digest.py")
BEDROCK = "bedrock:anthropic.claude-sonnet-4-20250514-v1:0"
pytestmark = pytest.mark.needs_bubblewrap


@pytest.fixture
def server():
    play = cast(review_maintainability=finds(NIT))
    with BedrockServer(play, agent_of=agent_of) as running:
        yield running


@pytest.fixture
def checkout(tmp_path, server):
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root, branch="work")
    (root / "shop/digest.py").write_text(CODE)
    return Checkout(root, tmp_path / "home", server, settings=QUIET_GATES)


def settle(checkout, part):
    folder = checkout.home / ".config/reviewloop"
    folder.mkdir(parents=True, exist_ok=True)
    command = json.dumps([sys.executable, "-I", str(AGENT), part])
    (folder / "config.toml").write_text(
        f"""[acp.scripted]
command = {command}
[models]
reasoning = "{BEDROCK}"
per_agent = {{ review-security = "acp:scripted" }}
"""
    )


def reported(run):
    return [(one["title"], one["agents"]) for one in run["proposal"]["findings"]]


def test_one_reviewer_is_an_agent_and_four_are_models(checkout, server):
    settle(checkout, "good")
    said = checkout.run("review", "--model", BEDROCK, "--json")
    report = json.loads(said.out)
    assert (said.code, said.err) == (1, "")
    by = {one["title"]: one["agents"] for one in report["findings"]}
    assert by == {
        "The checksum is made with MD5": ["review-security"],
        "The name says little": ["review-maintainability"],
    }
    assert {one["name"]: one["model"] for one in report["agents"]} == {
        **dict.fromkeys({one.agent for one in server.ledger}, BEDROCK),
        "review-security": "acp:scripted",
    }
    assert len(server.ledger) == 4


def test_the_failure_of_the_agent_is_no_failure_of_the_others(checkout):
    settle(checkout, "dies")
    said = checkout.run("review", "--model", BEDROCK, "--json")
    report = json.loads(said.out)
    states = {one["name"]: one["status"] for one in report["agents"]}
    assert said.code == 5
    assert states.pop("review-security") == "failed"
    assert set(states.values()) == {"done"}
    assert [one["title"] for one in report["findings"]] == ["The name says little"]


def test_a_mixed_run_is_recorded_and_replayed_without_its_agent(checkout, server, tmp_path):
    settle(checkout, "good")
    calls = tmp_path / "calls.jsonl"
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "work")
    ended = checkout.run("run", "2.1", "--record", str(calls))
    assert ended.code == WAITING, ended.err
    first = checkout.json("show")
    recorded = [json.loads(line) for line in calls.read_text().splitlines()]
    by = {one.get("key", {}).get("agent") for one in recorded}
    assert "review-security" in by, ended.err
    asked = len(server.ledger)
    settle(checkout, "dies")
    said = checkout.run("run", "2.1", "--again", "--model", f"replay:{calls}")
    again = checkout.json("show")
    assert len(server.ledger) == asked
    assert again["status"] == first["status"] == "waiting", said.err
    assert reported(again) == reported(first) != []
