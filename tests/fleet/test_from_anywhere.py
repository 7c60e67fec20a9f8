"""Features of a shared store: runs are shown, queued and answered without their files."""

import pytest
from support.team import Team

pytestmark = pytest.mark.needs_postgresql


def row_of(team: Team, task: str) -> dict[str, object]:
    [found] = [row for row in team.person.json("status")["batch"]["tasks"] if row["task"] == task]
    return dict(found)


@pytest.mark.slow
def test_tasks_are_queued_and_committed_where_the_checkout_is_not_yet(team):
    runs = {row["task"]: row["run"] for row in team.person.json("queue")["runs"]}
    assert team.person.run("approve", runs["1"]).code == 0
    assert team.work(team.machine("one")).code == 0
    assert team.enqueue("--tasks", "4,5").code == 0
    listed = {row["id"]: row for row in team.person.json("tasks")["tasks"]}
    assert {task: (row["run"], row["run_status"]) for task, row in listed.items()} == {
        "1": (runs["1"], "committed"),
        "2": (runs["2"], "waiting"),
        "3": ("", ""),
        "4": (runs["4"], "waiting"),
        "5": ("", "queued"),
        "6": ("", ""),
    }
    assert not any(row["eligible"] for row in listed.values())
    out = team.person.run("tasks").out
    assert f"[-] 1 First number  committed: run {runs['1']}; `git pull` brings it" in out
    assert f"[-] 2 Second number  waits for you: run {runs['2']}" in out
    assert "[ ] 5 Fifth number  queued for workers" in out

    # What is pulled says it itself; and what this machine alone knows is asked for as ever.
    team.person.git("pull", "-q", "origin", team.branch)
    listed = {row["id"]: row for row in team.person.json("tasks")["tasks"]}
    assert (listed["1"]["state"], listed["1"]["run"]) == ("done", "")
    rows = team.person.json("tasks", "--store", "")["tasks"]
    assert {row["run"] for row in rows} == {""}
    # On another branch none of it is at work.
    team.person.git("switch", "-q", "-c", "other")
    assert {row["run_status"] for row in team.person.json("tasks")["tasks"]} == {""}


@pytest.mark.slow
def test_a_rejected_task_is_queued_once_and_reported_as_queued(team):
    run = row_of(team, "4")["run"]
    assert team.person.run("reject", str(run), "-m", "not now").code == 0
    assert team.work(team.machine("one")).code == 0
    ended = team.enqueue("--tasks", "4")
    assert "1 task queued" in ended.err, ended.err
    assert "no worker is at work" in team.person.run("status").err
    row = row_of(team, "4")
    assert (row["state"], row["why"], row["next"]) == ("open", "queued", "")
    assert team.work(team.machine("one")).code == 0
    assert row_of(team, "4")["state"] == "waiting"
    # Said again, there is nothing to do, and what is reported of the batch stays true.
    assert ": 0 tasks queued" in team.enqueue("--tasks", "4").err
    assert team.person.json("status")["batch"]["state"] == "ended"


@pytest.mark.slow
def test_a_run_is_looked_at_without_a_clone_and_its_commit_not_taken_back(team):
    runs = {row["task"]: row["run"] for row in team.person.json("queue")["runs"]}
    elsewhere = team.machine("elsewhere")
    shown = elsewhere.run("queue", "show", runs["1"], "--diff")
    assert (shown.code, "+++ b/shop/part1.py" in shown.out) == (0, True)
    assert elsewhere.run("approve", runs["1"]).code == 0
    assert elsewhere.run("reject", runs["4"]).code == 0
    assert team.work(team.machine("one")).code == 0
    body = elsewhere.json("show", runs["1"])
    assert (body["status"], body["proposal"]["files"][0]["path"]) == ("committed", "shop/part1.py")
    logs = elsewhere.run("logs", "-f", runs["1"]).out
    assert "committed" in logs
    assert logs == elsewhere.run("logs", runs["1"]).out
    ended = elsewhere.run("undo", runs["1"])
    assert (ended.code, "`git revert" in ended.err) == (2, True)
    assert "to take back (it is skipped)" in elsewhere.run("undo", runs["4"]).err
    other = team.machine("other")
    other.git("init", "-q")
    login = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    other.git(*login, "commit", "-q", "--allow-empty", "-m", "Begin")
    ended = other.run("checkout", runs["4"], "saved")
    assert ended.code == 2
    assert f"is about {team.branch} of {team.remote}" in ended.err
