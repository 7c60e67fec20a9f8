"""What a person who plans a batch wants to know of each task: may it start, else what it waits for.

It says what `order_tasks` does, so it agrees with a batch and with its plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from reviewloop.errors import UsageError
from reviewloop.specs.model import Spec, Task
from reviewloop.specs.order import Step, leaves_of, order_tasks, possible_steps, waves_of
from reviewloop.specs.select import is_done
from reviewloop.specs.tasks import comes_after, waits_for

Kind = Literal["task", "phase", "wave", "checkpoint", "order", "blocked"]

_Found = dict[tuple[Kind, str], list[str]]


@dataclass(frozen=True)
class Wait:
    """Tasks that come before another one, and what puts them there.

    task: it depends on them · phase, wave: theirs comes first, `name` says which · checkpoint: it
    stands between · order: they are listed before it · blocked: they cannot be done.
    """

    kind: Kind
    tasks: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True)
class Outlook:
    """What may start, what waits for what, and which wave a task is of."""

    ready: frozenset[str]
    waits: Mapping[str, tuple[Wait, ...]]  # of each open task that may not start
    waves: tuple[tuple[str, ...], ...]  # as `batch --wave` counts them; () when it refuses the spec
    refused: str = ""  # why a batch of all tasks begins nothing, when it is no problem of the spec

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The wave of each task, from 1; the first one where a spec lists it twice."""
        waves = [*enumerate(self.waves, 1)]
        return {task: number for number, wave in reversed(waves) for task in wave}


def outlook(spec: Spec) -> Outlook:
    """Return what is known about all tasks of a spec, also where a problem stops some."""
    refused = ""
    waves: tuple[tuple[str, ...], ...] = ()
    try:
        doing = {step.task.id for step in order_tasks(spec).steps}
        doing |= {task.id for task in spec.tasks if is_done(spec, task)}
        # What is left out keeps its place, too, but is of no wave: it is not chosen by its number.
        waves = spec.waves or tuple(
            tuple(one for one in wave if one in doing) for wave in waves_of(spec)
        )
    except UsageError as error:
        refused = "" if spec.problems else str(error)
    steps = {step.task.id: step for step in possible_steps(spec)}
    waits: dict[str, tuple[Wait, ...]] = {}
    for task in spec.tasks:
        if is_done(spec, task) or task.blocked:
            continue
        step = steps.get(task.id)
        found = _waits(spec, step) if step else _left_out(spec, task)
        if found:
            waits[task.id] = found
    ready = frozenset(one for one, step in steps.items() if not step.needs and not step.after)
    return Outlook(ready, waits, waves, refused)


def _waits(spec: Spec, step: Step) -> tuple[Wait, ...]:
    task = step.task
    declared = set(leaves_of(spec, waits_for(task, spec.by_id)))
    follows = set(leaves_of(spec, comes_after(task, spec.by_id))) - declared
    places = {one: number for number, wave in enumerate(spec.waves, 1) for one in wave}
    found: _Found = {}
    for one in (*step.needs, *step.after):
        other = spec.by_id[one]
        kind: Kind = "order"
        name = ""
        if one in declared:
            kind = "task"
        elif one in follows and other.phase != task.phase:
            kind, name = "phase", other.phase
        elif one in step.needs and one not in follows:
            kind, name = "wave", str(places[one])
        elif other.checkpoint:
            kind = "checkpoint"
        found.setdefault((kind, name), []).append(one)
    return _listed(found)


def _left_out(spec: Spec, task: Task) -> tuple[Wait, ...]:
    """Return what an optional task waits for, one with parts, and one that cannot be done."""
    found: _Found = {}
    for one in leaves_of(spec, comes_after(task, spec.by_id)):
        if one != task.id and not is_done(spec, spec.by_id[one]):
            kind: Kind = "blocked" if spec.by_id[one].blocked else "task"
            found.setdefault((kind, ""), []).append(one)
    return _listed(found)


def _listed(found: _Found) -> tuple[Wait, ...]:
    return tuple(Wait(kind, tuple(tasks), name) for (kind, name), tasks in found.items())
