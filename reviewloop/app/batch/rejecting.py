"""Rejecting runs of the queue; all of them can be, before the first is."""

from collections.abc import Iterator, Sequence

from reviewloop.app.batch.queue import queue_of
from reviewloop.app.batch.stacking import chain_below
from reviewloop.app.project import Repository
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import give_up, is_stopped, worded
from reviewloop.app.run.branches import on_branch
from reviewloop.render.batch import anew_or_not
from reviewloop.store.runs import RunRecord


def reject_each(
    repository: Repository, runs: Sequence[RunRecord], text: str
) -> Iterator[tuple[RunRecord, tuple[RunRecord, ...]]]:
    """Reject runs; yield each with the runs that stood on it and now wait in vain."""
    for run in runs:
        above = _above(repository, run)
        if is_stopped(run):
            yield give_up(repository, run, text), above
        else:
            yield advance(repository, run.run_id, answer=worded(run, "skip", text)), above


def after_reject(run: RunRecord, other: RunRecord, standing: Sequence[RunRecord]) -> str:
    """Return what goes on with a run that stood on a rejected one; `standing` are all that did."""
    lost: set[str] = set()
    for one in standing:  # from below, so what each stands on has been looked at before it
        if run.task_id in one.options.get("needs", ()) or one.options.get("stands_on") in lost:
            lost.add(one.run_id)
    if other.run_id in lost:
        return anew_or_not(run.task_id, other.run_id)
    approve = f"`reviewloop queue approve {other.run_id}`"
    return f"{approve} rebases it onto {other.branch} first, then asks you again"


def _above(repository: Repository, run: RunRecord) -> tuple[RunRecord, ...]:
    there = on_branch(repository, run.branch)
    waiting = queue_of(there).waiting if there else ()
    return tuple(
        one.run
        for one in waiting
        if any(below.run.run_id == run.run_id for below in chain_below(one, waiting)[:-1])
    )
