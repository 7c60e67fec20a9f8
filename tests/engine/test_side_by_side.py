"""Batches of several branches and repositories in one database, run by two workers at once."""

import json
from pathlib import Path

import pytest
from support.many import many
from support.parts import says
from support.play import done
from support.processes import asked, until, worker
from support.team import Team

pytestmark = pytest.mark.needs_postgresql


def same_store(crew: Team, folder: Path) -> Team:
    """Return a team with a remote of its own that shares the database."""
    folder.mkdir()
    other = Team(folder, crew.postgres, crew.server)
    other.url = crew.url
    other.person.environ["REVIEWLOOP_STORE"] = crew.url
    return other


@pytest.mark.slow
def test_branches_and_repositories_do_not_meet_and_each_batch_keeps_to_its_caps(team, tmp_path):
    crew = team(many({1: says(done("There is nothing to do.", "Do nothing"))}))
    other = same_store(crew, tmp_path / "second")
    elsewhere = crew.machine("elsewhere")
    assert crew.enqueue("--tasks", "4").code == 0
    crew.person.git("switch", "-q", "-c", "side")
    crew.person.git("push", "-q", "origin", "side")
    assert crew.enqueue("--tasks", "4", "--budget-usd", str(_BUDGET)).code == 0
    report = tmp_path / "account.json"
    unlucky = ("--tasks", "1,4", "--until-failure", "--report", str(report))
    said = other.enqueue(*unlucky)
    assert said.code == 0, said.err
    assert json.loads(report.read_text())["counts"] == {"open": 2}

    with worker(crew.machine("one")), worker(crew.machine("two")):
        until(lambda: not asked(crew, _LEFT), "all jobs are done")
    assert asked(crew, _OVERLAPS) != [], "different branches are worked on at once"
    body = elsewhere.json("status")
    told = {(one["remote"], one["branch"]): one for one in body["batches"]}
    plain = told[str(crew.remote), "work"]
    capped = told[str(crew.remote), "side"]
    stopped = told[str(other.remote), "work"]
    assert [(t["task"], t["state"]) for t in plain["tasks"]] == [("4", "waiting")]
    assert [(t["task"], t["state"]) for t in capped["tasks"]] == [("4", "stopped")]
    assert "budget" in capped["reason"]
    calls = [r for r in crew.server.ledger if r.agent.startswith("review-")]
    assert 0 < capped["totals"]["usd"] <= _BUDGET
    assert 5 <= len(calls) < 10
    assert [(t["task"], t["state"]) for t in stopped["tasks"]] == [("1", "blocked"), ("4", "open")]
    assert "--until-failure" in stopped["reason"]
    assert set(stopped["tasks"][1]) == set(plain["tasks"][0])  # begun or not
    assert "without `--until-failure` goes on" in stopped["tasks"][1]["next"]
    assert len(body["runs"]) == 3

    local = crew.person.run("status", "--json", "--store", "").out
    assert set(json.loads(local)) | {"batches"} == set(body)  # as a machine tells of its own

    # The number of a task is no name where several have one; each answer goes to its branch.
    rows = {(row["remote"], row["branch"]): row for row in elsewhere.json("queue")["runs"]}
    said = elsewhere.run("approve", "4")
    assert said.code == 2
    assert f"on work of {crew.remote}" in said.err
    assert f"on side of {crew.remote}" in said.err
    assert elsewhere.run("approve", rows[str(crew.remote), "work"]["run"]).code == 0
    assert crew.work(crew.machine("one")).code == 0
    assert [crew.history(name) for name in ("work", "side")] == [["Add part 4"], []]
    assert other.history("work") == []

    # The same command queues nothing twice, and tells how far it is.
    crew.person.git("switch", "-q", "work")
    crew.person.git("pull", "-q", "origin", "work")
    said = crew.enqueue("--tasks", "4")
    assert said.code == 0, said.err
    assert ": 0 tasks queued" in said.err
    assert "1 committed" in said.out
    assert asked(crew, _LEFT) == []


_BUDGET = 0.015  # of a task that costs 0.025
_LEFT = "SELECT id FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
_OVERLAPS = """
WITH times AS (
    SELECT job_id, lock, min(at) FILTER (WHERE type = 'started') AS begun,
           max(at) FILTER (WHERE type IN ('succeeded', 'failed')) AS ended
    FROM procrastinate_events e JOIN procrastinate_jobs j ON j.id = e.job_id GROUP BY 1, 2
)
SELECT a.job_id, b.job_id FROM times a JOIN times b
ON a.lock <> b.lock AND a.begun < b.ended AND b.begun < a.ended
"""
