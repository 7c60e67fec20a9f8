"""What a run's task says by now, compared with what the run was told when it began."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from reviewloop.app.held_values import masking_for
from reviewloop.app.project import Repository
from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.task import Dialect, Task
from reviewloop.loop.tick import WILL_NOT
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.select import why_unticked
from reviewloop.specs.task_lines import read_details
from reviewloop.specs.tasks import read_tasks
from reviewloop.specs.tick import locate
from reviewloop.store.blobs import Blobs
from reviewloop.store.runs import RunRecord

_TASK = TypeAdapter(Task)


def changed_since(repository: Repository, run: RunRecord) -> str:
    """Return how the task of a run was changed since the run began, "" where it was not.

    A new number, of the task or of one that it waits for, is no change; nor is one that is gone.
    """
    was, listed = _then_and_now(repository, run)
    if was is None:
        return ""
    try:
        now = locate(listed, was)
    except WorkspaceError:
        return ""  # nor is it ticked, which is told
    if _text(now) != _text(was) and _text_kept(repository, now) != _text(was):
        return f"the text of task {now.id} changed after its run began ({now.where})"
    if lacks := _new_need(run, was, now, listed):
        return f"task {now.id} waits for {lacks} now, as it did not when its run began"
    return ""


def foretold_untick(repository: Repository, run: RunRecord) -> str:
    """Return why approving a run cannot tick its task as the spec is now, "" where it can."""
    was, listed = _then_and_now(repository, run)
    if was is None:
        return ""
    try:
        locate(listed, was)
    except WorkspaceError as error:
        return WILL_NOT + why_unticked(repository.user, listed, was, error)
    return ""


def _then_and_now(repository: Repository, run: RunRecord) -> tuple[Task | None, tuple[Task, ...]]:
    """Return the task as the run was told it, and the list of tasks as it is on disk."""
    folder, brief = repository.run_folder(run.run_id) / "blobs", run.options.get("brief")
    here = run.task_id and run.branch == repository.user.branch
    if not (here and brief and (folder / brief).exists()):
        return None, ()
    was = _told(folder, brief)
    data = DiskFiles(repository.user.root).read(was.path) if was else None
    if was is None or data is None:
        return None, ()
    return was, _listed(data, was.path, was.dialect)


@lru_cache(maxsize=4096)
def _told(folder: Path, brief: str) -> Task | None:
    """Return the task of a brief; what an id names never changes."""
    found = Blobs(folder).get_json(brief)["spec_task"]
    return None if found is None else _TASK.validate_python(found)


@lru_cache(maxsize=4)
def _listed(data: bytes, path: str, dialect: Dialect) -> tuple[Task, ...]:
    return read_tasks(data, path, dialect).tasks


def _text(task: Task) -> list[str]:
    """Return the lines below a task without what it waits for: there stand numbers of others."""
    lines = [line.rstrip() for line in task.body.splitlines() if line.strip()]
    return [line for line in lines if not read_details("", [line]).declares_depends]


def _text_kept(repository: Repository, task: Task) -> list[str]:
    """Return the same as a run's files hold it, without secrets."""
    hide = masking_for(repository.user.root, repository.user.git_dir).held
    return [hide(line) for line in _text(task)]


def _new_need(run: RunRecord, was: Task, now: Task, listed: Sequence[Task]) -> str:
    """Return an open task that this one declares to wait for, and did not when its run began."""
    called = run.options.get("needs_called", {})
    by_id = {task.id: task for task in listed} if now.depends else {}
    done = {*run.options.get("done", ())}
    for need in now.depends:
        task = by_id.get(need)
        known = need in was.depends if need not in called else False
        if task is None or task.state == "done" or task.title in called.values():
            continue
        if not (known or need in done):
            return need
    return ""
