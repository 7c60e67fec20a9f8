"""What a waiting change needs is there before it reaches the branch, behind a store, too."""

import pytest

pytestmark = pytest.mark.needs_postgresql


def test_what_needs_a_rejected_task_is_not_pushed(team):
    crew = team()
    assert crew.enqueue("--tasks", "1,2").code == 0
    machine = crew.machine("one")
    assert crew.work(machine).code == 0
    first, second = (row["run"] for row in crew.person.json("queue")["runs"])
    assert crew.person.run("reject", first, "-m", "no good").code == 0
    assert crew.work(machine).code == 0
    for _ in range(2):
        assert crew.person.run("approve", second).code == 0
        assert crew.work(machine).code == 0
        [row] = crew.person.json("queue")["runs"]
        assert "task 2 needs task 1, which is neither done nor waiting below it" in row["why"]
        assert crew.history() == []
