"""Real coding agents from npm, each in the real cage, against a model on this machine.

`.ci/run` installs the two light ones: one is five reviewers, the other is one. Where ALL_AGENTS is
set, all that are found are five, and the doctor is asked about each.
"""

import json
from pathlib import Path

import pytest
from support.agent_models import AgentModel, reviewer
from support.model_server import KEY
from support.npm_agents import AGENTS, left_in, project, reasons, require_asked_for, reviewed
from support.untouched import photograph

from reviewloop.acp.agents import require_agent

pytestmark = [pytest.mark.needs_bubblewrap, pytest.mark.slow]
HEAVY = ["claude", "codex", "opencode"]


def require_light_or_asked_for(name):
    if name in HEAVY:
        require_asked_for(name)


@pytest.fixture
def checkout(tmp_path):
    return project(tmp_path)


@pytest.mark.parametrize(
    "name", [pytest.param("gemini", marks=pytest.mark.needs_gemini), "claude", "codex"]
)
def test_a_persons_key_stays_outside(name, checkout):
    """By the row of the table alone: the person's settings name the program only."""
    require_light_or_asked_for(name)
    with AgentModel(reviewer) as model:
        agent = AGENTS[name]
        environ = agent.set_up(checkout, model)
        environ["OPENAI_BASE_URL"] = f"{model.url}/v1"  # codex's other tests name it in a file
        settings = checkout.home / ".config/reviewloop/config.toml"
        settings.write_text("".join(settings.read_text().splitlines(keepends=True)[:2]))
        wanted = ("review", "--model", agent.full_name, "--agents", "review-security", "--json")
        said = checkout.run(*wanted, **environ)
        report = json.loads(said.out)
        assert (said.code, reasons(report), said.err) == (1, {}, "")
        assert [one["line"] for one in report["findings"]] == [7]
        assert model.refused == 0
        assert len(model.ledger) >= 3
        assert not any(KEY in json.dumps(one.sent) for one in model.ledger)


@pytest.mark.parametrize(
    "name", [pytest.param("qwen", marks=pytest.mark.needs_qwen), "gemini", *HEAVY]
)
def test_five_caged_reviewers_find_what_the_model_finds(name, checkout):
    if name != "qwen":
        require_asked_for(name)
    before = photograph(checkout.root)
    with AgentModel(reviewer) as model:
        code, report, err = reviewed(name, checkout, model)
        ledger = list(model.ledger)
    assert (code, reasons(report), err) == (1, {}, "")
    [finding] = report["findings"]
    assert (finding["path"], finding["line"], finding["agents"]) == (
        *("shop/digest.py", 7),
        ["review-security"],
    )
    assert len(report["agents"]) == 5
    assert any("worked in a cage: bubblewrap, proven" in note for note in report["notes"])
    assert photograph(checkout.root) == before
    assert left_in(checkout.root.parent) == []
    told = sum(one["tokens"]["input"] + one["tokens"]["output"] for one in report["agents"])
    paid = sum(one.usage["totalTokens"] for one in ledger)
    if name in ("qwen", "gemini"):  # Claude names its sessions beside, and does not count that
        assert told == paid
    elif not require_agent(name, {}).counts:
        assert any("so it is a guess" in note for note in report["notes"])


@pytest.mark.parametrize("name", AGENTS)
def test_doctor_knows_the_version(name, checkout):
    require_asked_for(name)
    with AgentModel(reviewer) as model:
        environ = AGENTS[name].set_up(checkout, model)
        said = checkout.run("doctor", "--model", AGENTS[name].full_name, **environ)
        assert model.ledger == []
    tried = require_agent(name, {}).tried
    assert any(f"{AGENTS[name].full_name} {version}" in said.out for version in tried), said.out


def test_the_light_ones_are_of_versions_that_the_table_says():
    pinned = (Path(__file__).parents[2] / ".ci/agents").read_text().split()
    versions = [package.rpartition("@")[2] for package in pinned]
    tried = [require_agent(name, {}).tried for name in ("qwen", "gemini")]
    assert all(one in known for one, known in zip(versions, tried, strict=True))
