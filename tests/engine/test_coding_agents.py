"""Workers use the coding agents of their own machine, each in its cage there."""

import json
import sys
from pathlib import Path

import pytest
from support import play
from support.acp_workshop import CONSTANTS, ledger
from support.many import files_of
from support.processes import waiting

SUPPORT = Path(__file__).parents[1] / "support"
pytestmark = [pytest.mark.needs_postgresql, pytest.mark.needs_bubblewrap]


def settle(machine, port):
    """Write the settings of a machine's owner, with an agent that plays the first task."""
    data = machine.home / "play.json"
    constants = {name: getattr(play, name) for name in CONSTANTS}
    tasks = {"tasks": {"First number": files_of(1)}}
    data.write_text(json.dumps({**constants, "extra": tasks}))
    own = machine.home / ".config/reviewloop/config.toml"
    own.parent.mkdir(parents=True)
    command = [sys.executable, str(SUPPORT / "acp_writer.py"), str(data)]
    own.write_text(
        f"[acp.scripted]\ncommand = {json.dumps(command)}\n"
        f'hosts = ["localhost:{port}"]\nread = ["{SUPPORT}"]\nenv = ["LEDGER"]\n'
    )
    machine.environ["LEDGER"] = str(port)


@pytest.mark.slow
def test_a_worker_implements_and_reviews_by_its_own_agent(team):
    crew = team()
    with ledger() as (port, asked):
        settle(crew.person, port)
        said = crew.enqueue("--tasks", "1", "--model", "acp:scripted")
        assert said.code == 0, said.err
        assert asked == []
        machine = crew.machine("one")
        settle(machine, port)
        assert crew.work(machine).code == 0
        assert waiting(crew.person) == ["1"]
        assert sorted(one.partition("/")[0] for one in asked)[0] == "implement"
        assert len(asked) == len(set(asked)) == 6
        said = crew.person.forked("queue", "approve", "1")
        assert said.code == 0, said.err
        assert crew.work(machine).code == 0
        assert len(asked) == 6
    assert crew.history() == ["First number"]
    assert crew.server.ledger == []


def test_a_worker_without_the_agent_says_so_and_pays_nothing(team):
    crew = team()
    with ledger() as (port, asked):
        settle(crew.person, port)
        assert crew.enqueue("--tasks", "1", "--model", "acp:scripted").code == 0
        machine = crew.machine("one")
        said = crew.work(machine)
        shown = crew.person.forked("queue", "--json")
        assert "no agent is called 'scripted'" in said.err + shown.out, (said, shown)
        assert asked == []
    assert crew.history() == []
