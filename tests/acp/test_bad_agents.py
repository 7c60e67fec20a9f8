"""Well-meant but unexpected behaviour of agents in a review is refused and reported."""

import json
import sys
from pathlib import Path

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.shop import make_shop
from support.untouched import photograph

from reviewloop.acp.agents import KnownAgent

AGENT = Path(__file__).parents[1] / "support" / "acp_agent.py"
pytestmark = pytest.mark.needs_bubblewrap


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root, branch="work")
    (root / "shop/digest.py").write_text("import hashlib\n\nMD5 = hashlib.md5\n")
    return Checkout(root, tmp_path / "home", settings=QUIET_GATES)


def reviewed(checkout, part, agents, more="", **environ):
    """Review by agents that play a part; return the exit code, the report and what was said."""
    folder = checkout.home / ".config/reviewloop"
    folder.mkdir(parents=True, exist_ok=True)
    command = json.dumps([sys.executable, "-I", str(AGENT), part])
    (folder / "config.toml").write_text(f"[acp.scripted]\ncommand = {command}\n{more}")
    said = checkout.run(
        *("review", "--model", "acp:scripted", "--json", "--agents", agents), **environ
    )
    return said.code, json.loads(said.out), said.err


@pytest.mark.slow
def test_two_agents_that_want_one_port_have_one_each(checkout):
    code, report, _ = reviewed(checkout, "serves", "security,performance")
    assert [one["status"] for one in report["agents"]] == ["done", "done"], report["agents"]
    assert code == 1


@pytest.mark.needs_landlock
def test_where_ports_are_the_machines_a_port_of_its_own_is_refused_and_named(checkout):
    level = {"REVIEWLOOP_SANDBOX__LEVEL": "landlock"}
    code, report, _ = reviewed(checkout, "serves", "security", **level)
    [agent] = report["agents"]
    assert (code, agent["status"]) == (5, "failed")
    assert "Permission denied" in agent["reason"]


def test_an_agent_that_installs_packages_gets_none_and_that_is_told(checkout):
    code, report, _ = reviewed(checkout, "installs", "security")
    assert (code, [one["title"] for one in report["findings"]]) == (1, ["nothing was installed"])
    refused = "the cage of acp:scripted refused it a connection to packages.example:443"
    assert refused in report["notes"]


@pytest.mark.slow
def test_what_an_agent_makes_of_its_settings_goes_with_its_home(checkout):
    own = checkout.home / ".agent/settings.json"
    own.parent.mkdir()
    own.write_text("{}")
    before = photograph(checkout.home / ".agent")
    code, report, _ = reviewed(
        checkout, "edits-settings", "security", 'home = [".agent/settings.json"]\n'
    )
    assert (code, [one["status"] for one in report["agents"]]) == (1, ["done"])
    assert photograph(checkout.home / ".agent") == before


def test_a_login_is_here_by_a_variable_or_a_file_of_the_home(tmp_path):
    agent = KnownAgent("x", ("x",), env=("X_KEY",), home=(".x/auth.json",))
    assert not agent.has_login({}, tmp_path)
    assert agent.has_login({"X_KEY": "1"}, tmp_path)
    (tmp_path / ".x").mkdir()
    (tmp_path / ".x/auth.json").write_text("{}")
    assert agent.has_login({}, tmp_path)
    assert KnownAgent("x", ("x",)).has_login({}, tmp_path)  # nobody knows what it would be
