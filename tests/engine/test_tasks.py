"""`reviewloop tasks` with a store: what workers did, have in hand and will take up."""

import pytest

pytestmark = pytest.mark.needs_postgresql


@pytest.mark.slow
def test_tasks_tells_what_is_done_waits_and_is_queued_in_the_store(team):
    crew = team()
    rows = crew.person.json("tasks")["tasks"]
    assert [row["id"] for row in rows if row["eligible"]] == ["1", "4"]
    assert crew.enqueue("--tasks", "1,2,4").code == 0
    machine = crew.machine("one")
    assert crew.work(machine).code == 0
    first, second, fourth = (row["run"] for row in crew.person.json("queue")["runs"])
    assert crew.person.run("approve", first).code == 0
    assert crew.work(machine).code == 0
    assert crew.enqueue("--tasks", "4,5").code == 0

    told = {row["id"]: row for row in crew.person.json("tasks")["tasks"]}
    assert {task: (row["run"], row["run_status"]) for task, row in told.items()} == {
        "1": (first, "committed"),
        "2": (second, "waiting"),
        "3": ("", ""),
        "4": (fourth, "waiting"),
        "5": ("", "queued"),
        "6": ("", ""),
    }
    assert not any(row["eligible"] for row in told.values())
    out = crew.person.run("tasks").out
    assert f"[-] 1 First number  committed: run {first}; `git pull` brings it" in out
    assert f"[-] 2 Second number  waits for you: run {second}" in out
    assert "[ ] 5 Fifth number  queued for workers" in out

    # What is pulled says it itself; and what this machine alone knows is asked for as ever.
    crew.person.git("pull", "-q", "origin", crew.branch)
    told = {row["id"]: row for row in crew.person.json("tasks")["tasks"]}
    assert (told["1"]["state"], told["1"]["run"]) == ("done", "")
    rows = crew.person.json("tasks", "--store", "")["tasks"]
    assert {row["run"] for row in rows} == {""}
    # On another branch none of it is at work.
    crew.person.git("switch", "-q", "-c", "other")
    assert {row["run_status"] for row in crew.person.json("tasks")["tasks"]} == {""}
