"""Hooks of runs on workers: with the consent of the user who enqueued, or disabled there."""

import json

import pytest
from support.team import Team

pytestmark = [pytest.mark.needs_postgresql, pytest.mark.needs_bubblewrap]
HOOK = """\
name: stops
trigger:
  event: task.start
action:
  command: echo not today; exit 1
  blocking: true
"""
FILE = {".reviewloop/hooks/stops.yaml": HOOK}


def ended(crew: Team) -> list[tuple[str, str]]:
    """Return status and reason of each run that a worker left."""
    rows = crew.person.json("status")["runs"]
    return [(row["status"], row["reason"]) for row in rows]


@pytest.mark.slow
def test_a_worker_fires_the_hooks_that_whoever_enqueued_trusts(team):
    crew = team(**FILE)
    assert crew.person.run("trust", "--yes").code == 0
    assert crew.person.run("batch", "--tasks", "1").code == 0
    crew.work(crew.machine("one"), "--heartbeat", "0.1")
    [(status, reason)] = ended(crew)
    assert (status, "hook 'stops' says: not today" in reason) == ("blocked", True)
    assert crew.server.ledger == []


def test_without_their_consent_a_hook_that_blocks_is_refused_and_no_hooks_runs_without(team):
    crew = team(**FILE)
    assert crew.person.run("batch", "--tasks", "1").code == 0
    said = crew.work(crew.machine("one"), "--heartbeat", "0.1")
    assert "1 hook that blocks is not trusted: stops" in said.err
    assert crew.server.ledger == []
    assert crew.person.run("batch", "--tasks", "1", "--no-hooks").code == 0
    crew.work(crew.machine("one"), "--heartbeat", "0.1")
    [(status, _)] = ended(crew)
    assert status == "waiting"
    assert "hooks were switched off by --no-hooks: stops" in json.dumps(
        crew.person.json("show")["proposal"]
    )
