"""`[-]` in the person's spec while a run works on a task: only where the settings ask for it."""

from collections.abc import Callable
from dataclasses import replace

from reviewloop.errors import ReviewLoopError
from reviewloop.specs.model import Task
from reviewloop.specs.tick import mark_in_progress, restore_mark
from reviewloop.workspace.disk import Disk, Kind
from reviewloop.workspace.userrepo import UserRepo


def show_in_work(user: UserRepo, task: Task) -> str:
    """Write `[-]` on the task; return a note when that was not possible, else nothing."""
    return _rewrite(user, task, mark_in_progress)


def show_free(user: UserRepo, task: Task) -> str:
    """Give the task the mark back that it had before the run."""
    return _rewrite(user, task, restore_mark)


def _rewrite(user: UserRepo, task: Task, change: Callable[[bytes, Task], bytes]) -> str:
    disk = Disk(user.root)
    content = disk.read(task.path)
    if content.kind is not Kind.FILE:
        return f"{task.path} is no regular file, so the task is not marked there"
    try:
        changed = change(content.data, task)
    except ReviewLoopError as error:
        return str(error)
    if changed != content.data:
        name = task.path.rpartition("/")[2]
        disk.write(task.path, replace(content, data=changed), f".{name}.reviewloop")
    return ""
