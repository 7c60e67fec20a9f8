"""The base commit of a task: its dependencies are in the branch or in waiting runs below it."""

import pytest

from reviewloop.app.batch.stack import Waiting, base_for, line_up, listed_above
from reviewloop.app.batch.status import TaskRun, TaskStatus
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import MemoryFiles
from reviewloop.specs.order import order_tasks
from reviewloop.store.runs import RunRecord, RunStatus

TEXT = """- [ ] 1. A
  - _Depends: none_
- [ ] 2. B
  - _Depends: none_
- [ ] 3. C
  - _Depends: 1, 2_
- [ ] 4. D
  - _Depends: none_
"""
FILES = MemoryFiles({".kiro/specs/a/tasks.md": TEXT.encode()})
STEPS = {step.task.id: step for step in order_tasks(open_spec(FILES)).steps}


def waiting(task: str, base: str) -> Waiting:
    run = RunRecord(task, "", "", base, "work", task_id=task, status=RunStatus.WAITING)
    return Waiting(run, f"commit-{task}")


def below(task: str, *runs: Waiting, committed: str = "", deep: bool = False) -> list[str] | None:
    stands = {one: TaskRun(TaskStatus.OPEN) for one in STEPS}
    stands |= {one: TaskRun(TaskStatus.COMMITTED) for one in committed}
    stands |= {one.run.task_id: TaskRun(TaskStatus.WAITING, one.run) for one in runs}
    place = base_for(STEPS[task], stands, runs, head="head", deep=deep)
    return None if place is None else [one.run.task_id for one in place.chain]


def test_a_task_stands_on_what_it_needs_and_in_a_queue_on_all_that_waits():
    line = (waiting("1", "head"), waiting("2", "commit-1"))
    assert below("3", *line) == ["1", "2"]
    assert below("4", *line) == []
    assert below("4", *line, deep=True) == ["1", "2"]


def test_nothing_holds_two_needs_that_stand_side_by_side():
    assert below("3", waiting("1", "head"), waiting("2", "head")) is None


def test_where_one_need_is_committed_the_other_has_to_stand_on_it():
    assert below("3", waiting("2", "older"), committed="1") is None
    assert below("3", waiting("2", "head"), committed="1") == ["2"]
    assert below("4", waiting("2", "older"), deep=True) == []


@pytest.mark.parametrize("first", ["1", "2"])
def test_of_two_on_one_commit_the_first_given_is_in_the_line(first):
    runs = sorted((waiting("1", "head"), waiting("2", "head")), key=lambda w: w.run.run_id != first)
    line = line_up("head", runs)
    assert [one.run.run_id for one in line.stacked] == [first]
    assert len(line.stale) == 1


def test_a_task_stands_on_what_is_listed_above_it_as_far_as_one_commit_holds_that():
    text = "- [ ] 1. A\n- [ ] 2. (P) B\n- [ ] 3. (P) C\n- [ ] 4. D\n"
    order = order_tasks(open_spec(MemoryFiles({".kiro/specs/a/tasks.md": text.encode()})))
    steps = {step.task.id: step for step in order.steps}
    runs = [waiting("1", "head"), waiting("2", "commit-1"), waiting("3", "commit-1")]
    stands = {one.run.task_id: TaskRun(TaskStatus.WAITING, one.run) for one in runs}
    stands["4"] = TaskRun(TaskStatus.OPEN)

    def chain(task: str, *, loose: bool = False, runs: list[Waiting] = runs) -> list[str] | None:
        above = listed_above(order, steps[task])
        options = {"head": "head", "deep": False, "above": above, "loose": loose}
        place = base_for(steps[task], stands, runs, **options)
        return None if place is None else [one.run.task_id for one in place.chain]

    assert chain("3") == ["1"]  # and not on 2, which stands beside it
    assert chain("4") is None  # until 3 was brought onto 2
    assert chain("4", loose=True) == ["1", "2"]
    assert chain("4", runs=[*runs[:2], waiting("3", "commit-2")]) == ["1", "2", "3"]
    stands["2"] = stands["3"] = TaskRun(TaskStatus.BLOCKED)
    assert chain("4", runs=runs[:1]) == ["1"]
