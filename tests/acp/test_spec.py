"""`reviewloop spec new --model acp:NAME`: each phase is a turn of a coding agent in its cage."""

import json
import sys
from pathlib import Path

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.spec_script import FORMS

SUPPORT = Path(__file__).parents[1] / "support"
TITLES = ("Requirements", "High-Level Design", "Low-Level Design", "Task Plan")
pytestmark = pytest.mark.needs_bubblewrap


@pytest.fixture
def checkout(repo, tmp_path):
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps(dict(zip(TITLES, FORMS["kiro"], strict=True))))
    command = json.dumps([sys.executable, str(SUPPORT / "acp_spec_agent.py"), str(texts)])
    checkout = Checkout(repo, tmp_path / "home", settings=QUIET_GATES)
    own = checkout.home / ".config/reviewloop/config.toml"
    own.parent.mkdir(parents=True)
    own.write_text(f'[acp.scripted]\ncommand = {command}\nread = ["{SUPPORT}", "{texts}"]\n')
    return checkout


def test_a_coding_agent_writes_a_spec_turn_by_turn(checkout):
    model = ("--model", "acp:scripted")
    begun = checkout.run("spec", "new", "notify", "-m", "tell members", *model)
    assert begun.code == 4, begun.err
    ends = [checkout.run("spec", "approve", "--json") for _ in range(4)]
    assert [one.code for one in ends] == [4, 4, 4, 0], ends[-1].err
    assert json.loads(ends[-1].out)["spent"]["calls"] == 5
    folder = checkout.root / ".kiro/specs/notify"
    assert (folder / "tasks.md").read_text() == FORMS["kiro"][3]


def test_turns_are_capped_and_an_agent_that_only_a_repository_names_is_refused(checkout):
    capped = checkout.run(
        "spec", "new", "notify", "-m", "tell members", "--model", "acp:scripted", "--turns", "1"
    )
    assert capped.code == 6, capped.err
    assert "reviewloop spec resume notify --turns" in capped.err
    assert checkout.run("spec", "resume", "--turns", "9").code == 4

    (checkout.home / ".config/reviewloop/config.toml").unlink()
    settings = '[models]\nreasoning = "acp:claude"\ngeneration = "acp:claude"\n'
    (checkout.root / "reviewloop.toml").write_text(settings)
    refused = checkout.run("spec", "new", "other", "-m", "x")
    assert refused.code == 2
    assert "acp:claude is named by the repository" in refused.err
