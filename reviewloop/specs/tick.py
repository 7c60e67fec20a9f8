"""Changes the mark of a task line, one character and nothing else, if the line is unchanged."""

from collections.abc import Mapping
from dataclasses import replace

from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.task import DialectName, Task
from reviewloop.specs.task_lines import DONE_MARK
from reviewloop.specs.tasks import read_tasks

UNTICKED = "unticked"
"""Of the evidence of a commit: why its task was not ticked, so that a person has to do it."""

_BOX: Mapping[DialectName, str] = {"spec-kit": "X"}  # what its own `implement` command writes


class LineChangedError(WorkspaceError):
    """No line is certainly that of a task any more."""


def tick(data: bytes, task: Task, *, parents: bool = True) -> bytes:
    """Return the file with the task ticked, and with `parents` the tasks it completes.

    The line may have moved, and have another number; if it says something else now, or is ticked
    already, WorkspaceError.
    """
    tasks = _read(data, task)
    found = locate(tasks, task)
    if found.state == "done":
        raise WorkspaceError(
            f"task {task.id} is ticked already in {found.where}; nothing was written there"
        )
    done = {found.line}
    if parents and not found.optional:
        done |= {parent.line for parent in _completed(tasks, found)}
    for one in tasks:
        if one.line in done:
            data = _write(data, one, DONE_MARK.get(one.mark) or _BOX.get(one.dialect, "x"))
    return data


def mark_in_progress(data: bytes, task: Task) -> bytes:
    """Return the file with `[-]` on the task, or unchanged where its dialect has no such mark."""
    if not task.has_in_work_mark:
        return data
    found = locate(_read(data, task), task)
    return _write(data, found, "-") if found.state in ("open", "queued") else data


def restore_mark(data: bytes, task: Task) -> bytes:
    """Return the file with the mark the task had when it was read, if `[-]` stands there now."""
    found = locate(_read(data, task), task)
    return _write(data, found, task.mark) if found.state == "in_progress" else data


def _read(data: bytes, task: Task) -> tuple[Task, ...]:
    listed = read_tasks(data, task.path, task.dialect, in_work_mark=task.has_in_work_mark)
    return listed.tasks


def locate(tasks: tuple[Task, ...], task: Task) -> Task:
    """Return a task of a list as it was read before, which may have another line and number now.

    Raises `LineChangedError` where its line says something else, or where two could be meant.
    """
    same = [one for one in tasks if one.line_hash == task.line_hash]
    if len(same) > 1:
        same = [one for one in same if one.id == task.id and one.line == task.line]
    elif not same:
        # Somebody inserted a task above: no other line may look like this one.
        same = [one for one in tasks if one.title == task.title]
        if len(same) == 1 and _scope(same[0]) != _scope(task):
            same = []
    if len(same) != 1:
        raise LineChangedError(
            f"the line of task {task.id} changed since it was read as '{task.title}'; "
            "nothing was written there: tick the task by hand"
        )
    return same[0]


def _scope(task: Task) -> tuple[tuple[str, ...], bool]:
    """Return what must not have changed for a task to be the same under another number."""
    return task.requirements, bool(task.children)


def _completed(tasks: tuple[Task, ...], ticked: Task) -> list[Task]:
    """Return the tasks whose last required part the ticked one was, nearest first."""
    by_id = {one.id: one for one in reversed(tasks)}
    by_id[ticked.id] = replace(ticked, state="done")
    completed: list[Task] = []
    parent = by_id.get(ticked.parent or "")
    while parent is not None and parent.state != "done":
        if not _parts_done(parent, by_id):
            break
        completed.append(parent)
        by_id[parent.id] = replace(parent, state="done")
        parent = by_id.get(parent.parent or "")
    return completed


def _parts_done(task: Task, by_id: Mapping[str, Task]) -> bool:
    required = [by_id[child] for child in task.children if not by_id[child].optional]
    return all(
        part.state == "done" or (bool(part.children) and _parts_done(part, by_id))
        for part in required
    )


def _write(data: bytes, task: Task, mark: str) -> bytes:
    old, new = task.mark.encode(), mark.encode()
    start, end = task.mark_offset, task.mark_offset + len(old)
    if data[start:end] != old or len(new) != len(old):
        raise WorkspaceError(f"the mark of task {task.id} is not where it was read ({task.where})")
    return data[:start] + new + data[end:]
