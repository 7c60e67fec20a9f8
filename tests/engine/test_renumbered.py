"""An inserted task changes the ids of others: workers identify them by their titles."""

import re

import pytest
from support.many import SPEC, task_of
from support.team import Team

pytestmark = pytest.mark.needs_postgresql
EVERY = ("queue", "approve", "--all")
PAIR = """# Implementation Plan: many

- [ ] 1. First number
  - _Depends: none_
- [ ] 2. Second number
  - _Depends: 1_
"""
THREE = """# Implementation Plan: many

- [ ] 1. Fourth number
  - _Depends: none_
- [ ] 2. First number
  - _Depends: none_
- [ ] 3. Second number
  - _Depends: 2_
"""


def plan_anew(crew: Team) -> None:
    crew.person.write(SPEC, THREE)
    crew.person.git("commit", "-qam", "Plan anew")
    crew.person.git("push", "-q", "origin", crew.branch)


def implemented(crew: Team) -> list[int]:
    """Return the parts that an implementer was asked for, each once per task."""
    asked = [task_of(one) for one in crew.server.ledger if one.agent == "implement"]
    return list(dict.fromkeys(asked))


@pytest.mark.slow
def test_what_waits_under_an_old_id_is_not_done_again(team):
    crew = team(**{SPEC: PAIR})
    assert crew.enqueue("--budget-usd", "7").code == 0
    machine = crew.machine("one")
    assert crew.work(machine).code == 0
    first, second = (row["run"] for row in crew.person.json("queue")["runs"])
    plan_anew(crew)

    said = crew.enqueue()
    assert "1 task queued" in said.err, said.err
    assert "numbers its tasks otherwise than when batch-" in said.err
    assert f"2 First number: cannot begin: run {first} (waiting) is of 'First number'" in said.err
    told = crew.person.json("status")["batches"][0]
    assert told["budget_usd"] == 7
    assert [row["title"].split()[0] for row in told["tasks"]] == ["Fourth", "First", "Second"]
    assert f"run {first} (waiting) is of" in told["tasks"][1]["why"]
    paid = len(crew.server.ledger)
    assert crew.work(machine).code == 0
    assert {task_of(r) for r in crew.server.ledger[paid:] if r.agent == "implement"} == {4}

    # What the second one needs is the first one, not what has its number now.
    [fourth] = {row["run"] for row in crew.person.json("queue")["runs"]} - {first, second}
    said = crew.person.run("queue", "approve", second)
    assert f"{first}: first, others" in said.err
    assert fourth not in said.err
    assert crew.work(machine).code == 0
    for _ in range(2):
        assert crew.person.run(*EVERY).code == 0
        assert crew.work(machine).code == 0
    assert crew.history() == ["Plan anew", "Add part 1", "Add part 2", "Add part 4"]
    # The new batch knows what became of runs of the one before.
    told = crew.person.json("status")["batches"][0]
    assert told["counts"] == {"committed": 3}
    assert [row["run"] for row in told["tasks"]] == [fourth, first, second]
    assert [row["why"] for row in told["tasks"][1:]] == ["", ""]
    assert told["totals"]["usd"] == told["tasks"][0]["usd"]
    crew.person.git("pull", "-q", "origin", crew.branch)
    assert re.findall(r"\[(.)\]", crew.person.read(SPEC)) == ["x", "x", "x"]
    said = crew.enqueue()
    assert "0 tasks queued" in said.err
    assert "3 committed" in said.out
    # What was task 1 and what is it now are two; what only has another number now is one.
    assert "3 tasks in 3 runs" in crew.person.run("stats").out
    assert (said.code, "not finished" in said.out, "was not chosen" in said.out) == (
        0,
        False,
        False,
    )


@pytest.mark.slow
def test_what_held_a_task_is_told_as_it_is_now(team):
    crew = team(**{SPEC: PAIR})
    machine = crew.machine("one")
    assert crew.enqueue("--tasks", "1").code == 0
    assert crew.work(machine).code == 0
    [first] = (row["run"] for row in crew.person.json("queue")["runs"])
    plan_anew(crew)
    assert crew.enqueue("--tasks", "2,3").code == 0
    assert crew.person.run("reject", first, "-m", "no").code == 0
    assert crew.work(machine).code == 0
    told = {row["task"]: row for row in crew.person.json("status")["batches"][0]["tasks"]}
    assert (told["2"]["state"], told["2"]["why"]) == ("open", "")
    assert told["2"]["next"] == "the same `reviewloop batch` goes on"


@pytest.mark.slow
def test_a_task_that_has_another_id_before_a_worker_came_is_queued_anew(team):
    crew = team(**{SPEC: PAIR})
    assert crew.enqueue().code == 0
    plan_anew(crew)
    machine = crew.machine("one")
    said = crew.work(machine)
    assert "task 1 was 'First number' when it was queued and is 'Fourth number' now" in said.err
    assert crew.person.json("queue")["runs"] == []
    assert "3 tasks queued" in crew.enqueue().err
    assert crew.work(machine).code == 0
    told = crew.person.json("status")["batches"]
    assert [row["state"] for row in told[0]["tasks"]] == ["waiting"] * 3
    assert sorted(implemented(crew)) == [1, 2, 4]
    assert len(crew.person.json("queue")["runs"]) == 3
