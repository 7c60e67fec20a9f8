"""Builds the matrix of a workflow from the tasks that may start now: one job for each."""

from collections.abc import Iterable

from reviewloop.dataclass import dataclass
from reviewloop.domain.task import Spec, Task
from reviewloop.git.repository import UserRepo
from reviewloop.git.revisions import OURS, SideBranch, file_in, side_branches, task_name
from reviewloop.regex import regex
from reviewloop.render.untrusted import one_line
from reviewloop.specs.order import Order
from reviewloop.specs.tasks import read_tasks

MOST = 256
"""Jobs that one matrix may make (docs.github.com, "Actions limits")."""

_LONGEST_TITLE = 80
# A workflow may print a title anywhere, so no character is left that a shell or an expression
# reads.
_NOT_IN_TITLES = regex(r"[^\w .,:/+-]+")


@dataclass(frozen=True)
class Plan:
    """The matrix entries of a workflow, and notes about tasks that are left out."""

    include: tuple[dict[str, str], ...]
    notes: tuple[str, ...] = ()

    @property
    def matrix(self) -> dict[str, object]:
        """Return the value for `strategy.matrix`; GitHub refuses an empty one."""
        return {"include": list(self.include)}


def plan_of(user: UserRepo, spec: Spec, order: Order, most: int = MOST) -> Plan:
    """Return the tasks of an order that may start in this checkout, at most `most`.

    All tasks that they need are ticked here. A task ticked on a branch under `reviewloop/` is done
    there and waits for a user; branches count as last fetched.
    """
    ready = [step.task for step in order.steps if not step.needs and not step.after]
    proposed = _proposed(user, spec, ready)
    notes = [
        f"task {task.id} is done on {proposed[task.id]}: merge it, or delete that branch to have "
        "the task done again"
        for task in ready
        if task.id in proposed
    ]
    free = [task for task in ready if task.id not in proposed]
    if len(free) > most:
        notes.append(f"{_tasks(len(free) - most)} could start, too; a plan holds at most {most}")
    if later := len(order.steps) - len(ready):
        notes.append(f"{_tasks(later)} of {spec.path} may start once those before them are merged")
    return Plan(_entries(spec, free[:most]), (*order.left_out, *notes))


def _proposed(user: UserRepo, spec: Spec, ready: Iterable[Task]) -> dict[str, str]:
    """Return task id -> the branch that ticked it."""
    chosen = list(ready)
    branches = side_branches(user, OURS) if chosen else ()
    found: dict[str, str] = {}
    for branch in branches:
        done = _ticked(user, spec, branch)
        for task in chosen:
            if {task.id, task.line_hash} & done:
                found.setdefault(task.id, branch.name)
    return found


def _ticked(user: UserRepo, spec: Spec, branch: SideBranch) -> set[str]:
    """Return id and line of each task that a branch has ticked: a user may edit either."""
    data = file_in(user, branch, spec.tasks_path)
    listed = read_tasks(data or b"", spec.tasks_path, spec.dialect)
    ticked = [task for task in listed.tasks if task.state == "done"]
    return {task.id for task in ticked} | {task.line_hash for task in ticked}


def _entries(spec: Spec, tasks: Iterable[Task]) -> tuple[dict[str, str], ...]:
    """Return the matrix entry of each task; names are unique, ignoring case."""
    taken: set[str] = set()
    entries = []
    for task in tasks:
        plain = name = task_name(spec.path, task.id)
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.casefold())
        entries.append(
            {
                "task": task.id,
                "spec": spec.path,
                "branch": f"{OURS}/{name}",
                "artifact": f"reviewloop-handoff-{name}",
                "title": _title(task.title),
            }
        )
    return tuple(entries)


def _title(text: str) -> str:
    plain = " ".join(_NOT_IN_TITLES.sub(" ", one_line(text)).split())
    return plain if len(plain) <= _LONGEST_TITLE else f"{plain[: _LONGEST_TITLE - 1].rstrip()}…"


def _tasks(count: int) -> str:
    return "1 task more" if count == 1 else f"{count} tasks more"
