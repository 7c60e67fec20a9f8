"""Real coding agents from npm, each in the real cage, against a model on this machine.

`.ci/run` installs the two light ones; the others run where ALL_AGENTS is set and they are found.
"""

import json
import os
import shutil
from pathlib import Path

import pytest
from support.agent_models import AgentModel, reviewer
from support.checkout import QUIET_GATES, Checkout
from support.npm_agents import AGENTS, left_in
from support.shop import make_shop
from support.untouched import photograph

from reviewloop.acp.agents import require_agent

CODE = '''import hashlib


def digest(data: bytes) -> str:
    """Return the checksum."""

    return hashlib.md5(data).hexdigest()
'''
pytestmark = [pytest.mark.needs_bubblewrap, pytest.mark.slow]
LIGHT = [
    pytest.param("qwen", marks=pytest.mark.needs_qwen),
    pytest.param("gemini", marks=pytest.mark.needs_gemini),
]
HEAVY = ["claude", "codex", "opencode"]


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root, branch="work")
    (root / "shop/digest.py").write_text(CODE)
    return Checkout(root, tmp_path / "home", settings=QUIET_GATES)


def require_asked_for(name):
    if name not in HEAVY:
        return
    if not os.environ.get("ALL_AGENTS"):
        pytest.skip("ALL_AGENTS is not set")
    program = AGENTS[name].program
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def reviewed(name, checkout, model, *more, **environ):
    agent = AGENTS[name]
    environ = {**agent.set_up(checkout, model), **environ}
    said = checkout.run("review", "--model", agent.full_name, "--json", *more, **environ)
    return said.code, json.loads(said.out) if said.out else {}, said.err


def reasons(report):
    return {one["name"]: one["reason"] for one in report["agents"] if one["status"] != "done"}


@pytest.mark.parametrize("name", [*LIGHT, *HEAVY])
def test_five_caged_reviewers_find_what_the_model_finds(name, checkout):
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


@pytest.mark.parametrize("name", [*LIGHT, *HEAVY])
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
