"""Scheduling of long specs: each dependency is visited once, not once per path."""

from types import SimpleNamespace

import pytest
from support.growth import grows_too_fast, steps

from reviewloop.app.batch.queue import with_all_below
from reviewloop.app.batch.schedule import Snapshot
from reviewloop.app.batch.stack import Beginnings, Waiting
from reviewloop.app.batch.status import TaskRun, TaskStatus
from reviewloop.specs.order import Order, Step
from reviewloop.store.runs import RunRecord


def order_of(needs: dict[str, tuple[str, ...]], after: dict[str, tuple[str, ...]]) -> Order:
    steps = [Step(SimpleNamespace(id=one), needs[one], after.get(one, ())) for one in needs]
    return Order(tuple(steps), ())


def still(order: Order, tasks: dict[str, TaskRun], tried: str = "", busy: str = "") -> frozenset:
    return Snapshot(order, tasks, (), "head", tried=set(tried), busy=set(busy.split())).still


def in_waves(waves: int, width: int) -> dict[str, tuple[str, ...]]:
    """Return needs: each task of a wave needs all of the waves before it."""
    names = [[f"{wave}.{place}" for place in range(width)] for wave in range(waves)]
    return {
        one: tuple(before for earlier in names[:number] for before in earlier)
        for number, wave in enumerate(names)
        for one in wave
    }


CHAIN = {str(n): (str(n - 1),) if n else () for n in range(1200)}


@pytest.mark.parametrize("needs", [in_waves(15, 6), CHAIN], ids=["waves", "chain"])
def test_what_stands_still_is_found_in_one_pass(needs):
    first, *others = needs
    order = order_of(needs, {})
    stands = {task: TaskRun(TaskStatus.OPEN) for task in needs}
    failed = stands | {first: TaskRun(TaskStatus.BLOCKED)}

    def look() -> None:
        assert still(order, stands) == frozenset()
        assert still(order, stands | {first: TaskRun(TaskStatus.WAITING)}) == {first}
        assert still(order, failed) == {first, *(one for one in others if needs[one])}
        assert still(order, failed, busy=first) == frozenset()

    arrows = sum(map(len, needs.values()))
    steps(look, most=4 * 10 * (len(needs) + arrows))  # raises where it takes more


def test_what_only_follows_a_failed_task_may_begin_and_what_needs_it_never_does():
    needs = {"1": (), "2": ("1",), "3": (), "4": ("3",)}
    order = order_of(needs, {"3": ("2",)})
    stands = {task: TaskRun(TaskStatus.OPEN) for task in needs}
    assert still(order, stands) == frozenset()
    assert still(order, stands, tried="1") == {"1", "2"}
    assert still(order, stands, tried="13") == {"1", "2", "3", "4"}


def test_a_long_chain_begins_without_any_run_being_brought_and_siblings_do_not():
    chain = Beginnings(order_of(CHAIN, {}))
    assert len(chain.before("1199")) == 1199
    assert chain.alone("1199")
    both = {"1": (), "2": (), "3": ("1", "2"), "4": ("3",)}
    siblings = Beginnings(order_of(both, {}))
    assert [siblings.alone(task) for task in both] == [True, True, False, False]
    listed = Beginnings(order_of({"1": (), "2": (), "3": ()}, {"2": ("1",), "3": ("2",)}))
    assert listed.before("3") == {"1", "2"}
    assert listed.alone("3")


def test_what_a_long_stack_needs_is_found_once_for_all_that_are_named():
    def stack(count: int) -> list[Waiting]:
        runs = [
            RunRecord(f"{n}-a", "", "", f"commit-{n - 1}", "work", task_id=str(n), spec_path="spec")
            for n in range(count)
        ]
        runs[9].base_commit, runs[9].options["needs"] = "elsewhere", ["5"]
        return [Waiting(run, f"commit-{n}") for n, run in enumerate(runs)]

    waiting = stack(600)
    assert len(with_all_below(waiting, waiting)) == 600
    stacks = {size: stack(size) for size in (75, 150, 600)}
    assert not grows_too_fast(lambda size: with_all_below(stacks[size], stacks[size]), 600)
    assert with_all_below([waiting[11]], waiting) == {
        *(f"{n}-a" for n in (11, 10, 9)),
        *(f"{n}-a" for n in range(6)),
    }
