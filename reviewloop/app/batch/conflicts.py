"""Runs that turned out not to merge: remembered as long as they and what is below them stay."""

from collections.abc import Sequence
from contextlib import suppress
from shlex import quote

from reviewloop.app.batch.line import Waiting
from reviewloop.app.batch.stacking import chain_below
from reviewloop.app.project import Repository
from reviewloop.domain.errors import WorkspaceError
from reviewloop.store.locks import hold
from reviewloop.store.runs import CONFLICT, RunRecord


def keep_conflict(repository: Repository, run_id: str, onto: str, why: str) -> None:
    """Remember that a run does not merge with this commit."""
    lock = repository.run_lock(run_id)
    with suppress(WorkspaceError), hold(lock, f"run {run_id}"):  # else somebody moves it already
        run = repository.runs.find(run_id)
        run.options[CONFLICT] = [run.proposal, onto, why]
        repository.runs.save(run)


def conflict_below(repository: Repository, one: Waiting, waiting: Sequence[Waiting]) -> str:
    """Return why a run cannot be brought: it, or what it stands on, does not merge; "" if it may.

    In the words of the approval that found it, with the same next command.
    """
    there = {repository.user.head, *(other.commit for other in waiting)}
    for lower in chain_below(one, waiting):
        proposal, onto, why = lower.run.options.get(CONFLICT, ("", "", ""))
        if why and proposal == lower.run.proposal and onto in there:
            mine = lower.run.run_id == one.run.run_id
            place = "" if mine else f"builds on {lower.run.run_id}, which "
            following = after_conflict(repository, lower.run)
            return f"{place}does not merge: {why}; next: `{following}`"
    return ""


def conflict_with(run: RunRecord, head: str | None) -> str:
    """Return why a run does not merge with this commit as far as that was found out, else ""."""
    why = run.conflict_with(head or "")
    return f"does not merge: {why}" if why else ""


def after_conflict(repository: Repository, run: RunRecord) -> str:
    """Return the command for a run that does not merge: a batch does its task once more."""
    if not run.task_id or run.options.get("redo_of"):
        return f"reviewloop checkout {run.run_id} NAME"
    by_task = {
        one.task_id: one
        for one in repository.runs.all()
        if one.branch == run.branch and not one.status.over and one.spec_path == run.spec_path
    }
    tasks, todo = [], [run.task_id]
    while todo:  # a task is done only together with what it needs
        task = todo.pop()
        if task in by_task and task not in tasks:
            tasks.append(task)
            todo += by_task[task].options.get("needs", ())
    return f"reviewloop batch --spec {quote(run.spec_path)} --tasks {quote(','.join(tasks[::-1]))}"
