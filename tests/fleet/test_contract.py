"""The contract of a fleet: the same tests on both adapters."""

from collections.abc import Mapping
from typing import Any

import pytest

from reviewloop.app.fleet.port import Caps
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.store.runs import RunStatus


class Nobody:
    """Agrees to what is clean, and must never be shown a run."""

    def sure(self, run_id: str, red: int) -> bool:
        return not red

    agrees = sure

    def move(self, *given: Any, **more: Any) -> ExitCode:
        raise AssertionError("nothing is to be moved")

    ended = sent = queued = move


def test_a_run_is_found_by_its_name_its_beginning_or_its_task(holder):
    holder.put(run_id="1-aa")
    holder.put(run_id="2-bb", task_id="2", title="Second")
    found = {name: holder.fleet.find(name).run_id for name in ("1-aa", "2-b", "2")}
    assert found == {"1-aa": "1-aa", "2-b": "2-bb", "2": "2-bb"}
    assert holder.fleet.find(None).run_id == "2-bb"
    with pytest.raises(UsageError, match="there is no run 'nope'"):
        holder.fleet.find("nope")


def test_of_several_runs_of_a_task_the_open_one_is_meant_else_it_is_asked_which(holder):
    holder.put(run_id="1-aa", status=RunStatus.COMMITTED)
    holder.put(run_id="1-bb", status=RunStatus.WAITING)
    assert holder.fleet.find("1").run_id == "1-bb"
    holder.put(run_id="1-cc", status=RunStatus.BLOCKED)
    with pytest.raises(UsageError, match=r"there are several runs of task 1: .*name the run"):
        holder.fleet.find("1")


def test_without_a_run_that_is_said(holder):
    with pytest.raises(UsageError, match=r"there are no runs in this (repository|store) yet"):
        holder.fleet.find(None)
    for choice in ("approve", "modify", "skip"):
        with pytest.raises(UsageError, match="there is no run to"):
            holder.fleet.answer(None, choice, "", Nobody())
    with pytest.raises(UsageError, match="there is no run to resume"):
        holder.fleet.resume(None, Caps(), Nobody())
    with pytest.raises(UsageError, match=r"commit to take back"):
        holder.fleet.undo(None)
    assert (holder.fleet.overview().runs, list(holder.fleet.metrics())) == ((), [])


def test_a_run_that_proposed_nothing_has_nothing_to_show(holder):
    run = holder.put(run_id="1-aa")
    assert holder.fleet.proposal(run) is None
    with (
        pytest.raises(UsageError, match=r"nothing to show yet \(it is running\); `reviewloop logs"),
        holder.fleet.opened(run),
    ):
        pass


def test_what_a_run_did_is_told_in_order(holder):
    events: tuple[Mapping[str, Any], ...] = tuple(
        {"kind": "step.start", "step": step} for step in ("implement", "guard", "review")
    )
    run = holder.put(run_id="1-aa", status=RunStatus.WAITING, events=events)
    for follow in (False, True):
        assert list(holder.fleet.events(run, follow=follow)) == list(events)


def test_a_run_that_nobody_moves_is_stopped(holder):
    holder.put(run_id="1-aa")
    holder.put(run_id="2-bb", status=RunStatus.WAITING, task_id="2")
    stands = {one.run.run_id: one.state for one in holder.fleet.overview().runs}
    assert stands == {"1-aa": "stopped", "2-bb": "waiting"}


def test_what_is_over_is_neither_answered_nor_gone_on_with(holder):
    holder.put(run_id="1-aa", status=RunStatus.COMMITTED, commit="c" * 40)
    for choice in ("approve", "modify", "skip"):
        with pytest.raises(UsageError, match=r"does not wait for an answer \(it is committed\)"):
            holder.fleet.answer("1-aa", choice, "", Nobody())
    with pytest.raises(UsageError, match=r"run 1-aa is over \(it is committed\)"):
        holder.fleet.resume("1-aa", Caps(), Nobody())
    said = r"does not wait any more \(it is committed\); nothing was done"
    with pytest.raises(UsageError, match=said):
        list(holder.fleet.approve_queued(["1-aa"], "", Nobody()))
    with pytest.raises(UsageError, match=said):
        list(holder.fleet.reject_queued(["1-aa"], ""))


def test_which_of_several_is_answered_has_to_be_said(holder):
    for run in ("1-aa", "2-bb"):
        holder.put(run_id=run, task_id=run[0], status=RunStatus.WAITING)
    with pytest.raises(UsageError, match="name the one to approve"):
        holder.fleet.answer(None, "approve", "", Nobody())


def test_what_is_blocked_is_not_approved(holder):
    holder.put(run_id="1-aa", status=RunStatus.BLOCKED, reason="its tests fail")
    with pytest.raises(UsageError, match=r"run 1-aa is blocked \(its tests fail\); modify it"):
        holder.fleet.answer("1-aa", "approve", "", Nobody())


def test_only_old_runs_that_are_over_are_deleted(holder):
    holder.put(run_id="1-aa", status=RunStatus.COMMITTED, commit="c" * 40)
    holder.put(run_id="2-bb", status=RunStatus.WAITING, task_id="2")
    assert holder.fleet.cleaning(30_000, with_work=False, metrics=False).count == 0
    found = holder.fleet.cleaning(0, with_work=False, metrics=False)
    assert found.lines == ("1-aa committed First",)
    assert [one.run.run_id for one in holder.fleet.overview().runs] == ["2-bb", "1-aa"]
    found.delete()
    assert [one.run.run_id for one in holder.fleet.overview().runs] == ["2-bb"]


def test_an_empty_queue_has_no_runs(holder):
    listing = holder.fleet.waiting("")
    assert listing.report.entries == ()
