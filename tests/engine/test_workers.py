"""The same loop on many machines: queued in a database, done by workers, approved from anywhere."""

import pytest

pytestmark = pytest.mark.needs_postgresql


def test_one_task_from_the_queue_to_the_remote(team):
    crew = team()
    said = crew.enqueue("--tasks", "1")
    assert said.code == 0, said.err
    machine = crew.machine("one")
    said = crew.work(machine)
    assert said.code == 0, said.err
    print(said.err)
    elsewhere = crew.machine("elsewhere")
    rows = elsewhere.json("queue")["runs"]
    assert [(row["task"], row["state"]) for row in rows] == [("1", "waiting")]
    said = elsewhere.run("approve")
    assert said.code == 0, said.err
    said = crew.work(crew.machine("two"))
    assert said.code == 0, said.err
    print(said.err)
    assert crew.history() == ["Add part 1"]
