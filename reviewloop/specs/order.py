"""Orders the open tasks of a spec by their dependencies, and finds those that may start."""

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import pairwise
from typing import Literal

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import Spec, Task
from reviewloop.specs.references import match_id
from reviewloop.specs.select import UNREADABLE, is_done, leaves, with_done
from reviewloop.specs.tasks import ancestors, comes_after, waits_for


def tasks_named(spec: Spec, selection: Sequence[str]) -> list[Task]:
    """Return the tasks that ids and patterns (`2.1`, `3.*`) select, in the order of the file.

    The number of a phase selects all of it. Raise `UsageError` for a selector without match.
    """
    names = [part.strip() for item in selection for part in item.split(",")]
    if "" in names:
        raise UsageError(
            f"--tasks {','.join(selection)!r}: an id is empty; name tasks as in 2.1,3.*, or leave "
            "--tasks out for all"
        )
    chosen: set[str] = set()
    for name in names:
        if any(sign in name for sign in "*?["):
            found = [one for one in spec.by_id if fnmatch.fnmatchcase(one, name)]
        else:
            known = match_id(name, spec.by_id)
            found = [known] if known else []
        if not found:
            found = _of_phase(spec, name)
        if not found:
            raise UsageError(
                f"there is no task '{name}' in {spec.tasks_path}; `reviewloop tasks` lists them all"
            )
        chosen.update(found)
    return [
        task
        for task in spec.tasks
        if (task.id in chosen or any(owner.id in chosen for owner in ancestors(task, spec.by_id)))
        and (not task.optional or task.id in chosen)
        and not any(not spec.by_id[child].optional for child in task.children)
    ]


def _of_phase(spec: Spec, name: str) -> list[str]:
    """Return the tasks below the heading with this number: "2" for those of "2. Second"."""
    return [one.id for one in spec.tasks if re.match(rf"{re.escape(name)}[.):]?\s", one.phase)]


@dataclass(frozen=True)
class Step:
    """One task to do, with the ids of the tasks before it."""

    task: Task
    needs: tuple[str, ...]  # declared, or of an earlier wave: they must succeed first
    after: tuple[str, ...] = ()  # only listed before it: they must end first, with any outcome


@dataclass(frozen=True)
class Order:
    """The tasks to do, in the order of their commits."""

    steps: tuple[Step, ...]
    waves: tuple[tuple[str, ...], ...]  # tasks that may run in parallel if all goes well
    left_out: tuple[str, ...] = ()  # open tasks that cannot run, each with the reason


def order_tasks(spec: Spec, selection: Sequence[str] = (), wave: int | None = None) -> Order:
    """Return the open required tasks in order, or those that `selection` names (`2.1`, `3.*`).

    `wave` (from 1) keeps the tasks of one wave. Raise `UsageError` for a problem in the spec (with
    file and line), an unknown id, a wave without any of these tasks, and a selected task that waits
    for one left out.
    """
    if spec.problems:
        raise UsageError(str(spec.problems[0]))
    named = tasks_named(spec, selection) if selection else leaves(spec)
    if selection and wave is not None:
        _require_common(spec, named, selection, wave)
    tasks = [task for task in named if not is_done(spec, task)]
    blocked = [task for task in tasks if task.blocked]
    left_out = tuple(f"{task.where}: task {task.id} is blocked: {task.blocked}" for task in blocked)
    if selection and left_out:
        raise UsageError(left_out[0])
    doing = [task for task in tasks if not task.blocked]
    doing, unreachable = _reachable(spec, doing, blocked)
    order = _ordered(_steps(spec, doing))
    waves = _waves(order)
    if wave is not None:
        order, waves = _of_wave(spec, order, wave)
    _require_needs(spec, order)
    return Order(tuple(order), waves, (*left_out, *unreachable))


def eligible(spec: Spec) -> tuple[Task, ...]:
    """Return the required tasks that may start now, in the order of the file."""
    ready = {step.task.id for step in possible_steps(spec) if not step.needs and not step.after}
    return tuple(task for task in spec.tasks if task.id in ready)


def newly_eligible(spec: Spec, after_task: Task | str) -> tuple[Task, ...]:
    """Return the tasks that may start only once the given task is done."""
    finished = after_task if isinstance(after_task, str) else after_task.id
    before = {task.id for task in eligible(spec)}
    later = eligible(with_done(spec, {finished}))
    return tuple(task for task in later if task.id not in before and task.id != finished)


def possible_steps(spec: Spec) -> list[Step]:
    """Return the steps of `order_tasks`, in any order.

    A problem blocks only the tasks that it concerns and those that wait for them.
    """
    if any(problem.kind in UNREADABLE for problem in spec.problems):
        return []
    concerned = {one for problem in spec.problems for one in problem.tasks}
    tasks = [task for task in leaves(spec) if not is_done(spec, task)]
    stuck = [
        task
        for task in tasks
        if task.blocked or concerned & {task.id, *(one.id for one in ancestors(task, spec.by_id))}
    ]
    doing, _ = _reachable(spec, [task for task in tasks if task not in stuck], stuck)
    steps = _steps(spec, doing)
    if any(step.after for step in steps):  # otherwise no order can contradict a declared one
        with suppress(UsageError):
            steps = _ordered(steps)
    return steps


def _reachable(
    spec: Spec, tasks: list[Task], blocked: list[Task]
) -> tuple[list[Task], tuple[str, ...]]:
    """Leave out the tasks that need a blocked one, with a sentence for each."""
    if not blocked:
        return tasks, ()
    gone = {task.id for task in blocked}
    left = {task.id: leaves_of(spec, comes_after(task, spec.by_id)) for task in tasks}
    explained: list[str] = []
    before = -1
    while before != len(gone):
        before = len(gone)
        for one in [one for one in left if one not in gone]:
            if not gone.isdisjoint(left[one]):
                stuck = next(need for need in left.pop(one) if need in gone)
                gone.add(one)
                where = spec.by_id[one].where
                explained.append(f"{where}: task {one} waits for {stuck}, which is blocked")
    return [task for task in tasks if task.id not in gone], tuple(explained)


def _steps(spec: Spec, tasks: list[Task]) -> list[Step]:
    waves = {one: number for number, wave in enumerate(spec.waves) for one in wave}
    by_number = [one for one in tasks if not _declares_itself(spec, one) and one.id not in waves]
    after = _one_after_the_other(by_number)
    rank = {one.id: number for number, one in enumerate(spec.tasks)}
    listed = {one.id for one in tasks}
    steps = []
    for task in tasks:
        needs = [
            one
            for one in leaves_of(spec, comes_after(task, spec.by_id))
            if one != task.id and (one in listed or not is_done(spec, spec.by_id[one]))
        ]
        if task.id in waves and not _declares_itself(spec, task):
            earlier = spec.waves[: waves[task.id]]
            needs += [one for wave in earlier for one in wave if one in listed]
        ordered = tuple(sorted(dict.fromkeys(needs), key=lambda one: rank[one]))
        follows = tuple(one for one in after.get(task.id, ()) if one not in ordered)
        steps.append(Step(task, ordered, follows))
    return steps


def _declares_itself(spec: Spec, task: Task) -> bool:
    """Whether a task, or one that it is part of, declares dependencies."""
    family = (task, *ancestors(task, spec.by_id))
    return spec.fully_declared or any(one.declares_depends for one in family)


def _one_after_the_other(tasks: Sequence[Task]) -> dict[str, tuple[str, ...]]:
    """Return for each task those just above it; marked neighbours run in parallel."""
    groups: list[list[Task]] = []
    for task in tasks:
        last = groups[-1][-1] if groups else None
        if last and last.parallel and task.parallel and last.parent == task.parent:
            groups[-1].append(task)
        else:
            groups.append([task])
    before: dict[str, tuple[str, ...]] = {}
    for above, group in pairwise(groups):
        before |= {task.id: tuple(one.id for one in above) for task in group}
    return before


def leaves_of(spec: Spec, ids: Iterable[str]) -> list[str]:
    """Replace tasks with parts among the ids by the ids of their leaves."""
    found: list[str] = []
    for one in ids:
        task = spec.by_id[one]
        parts = [child for child in task.children if not spec.by_id[child].optional]
        found += leaves_of(spec, parts) if parts else [one]
    return list(dict.fromkeys(found))


def _ordered(steps: list[Step]) -> list[Step]:
    """Sort steps by their dependencies, else in the order of the file."""
    rest = {step.task.id: step for step in steps}
    before = {one: ({*step.needs, *step.after} & rest.keys()) for one, step in rest.items()}
    needed = {one: set(step.needs) & rest.keys() for one, step in rest.items()}
    done: set[str] = set()
    order: list[Step] = []
    while rest:
        found = next((one for one in rest if before[one] <= done), None)
        if found is None:  # numbering and dependencies disagree: declared ones count
            found = next((one for one in rest if needed[one] <= done), None)
            if found is None:
                raise UsageError(_ring([*rest.values()]))
            first = rest[found]
            waiting = tuple(one for one in first.after if one in done)
            rest[found] = Step(first.task, first.needs, waiting)
        done.add(found)
        order.append(rest.pop(found))
    return order


def _ring(rest: Sequence[Step]) -> str:
    """Return which tasks wait for each other by their waves; cycles of dependencies are known
    already.
    """
    needs = {step.task.id: step.needs for step in rest}
    path = [rest[0]]
    while path[-1] not in path[:-1]:
        following = next(one for one in path[-1].needs if one in needs)
        path.append(next(step for step in rest if step.task.id == following))
    ring = path[path.index(path[-1]) :]
    shown = " -> ".join(step.task.id for step in ring)
    return (
        f"{ring[0].task.where}: by their waves and dependencies these tasks wait for each other: "
        f"{shown}; correct one of the two"
    )


def _waves(order: Sequence[Step]) -> tuple[tuple[str, ...], ...]:
    depth: dict[str, int] = {}
    waves: list[list[str]] = []
    for step in order:
        before = [depth[one] for one in (*step.needs, *step.after) if one in depth]
        position = max(before, default=-1) + 1
        depth[step.task.id] = position
        waves += [[] for _ in range(position + 1 - len(waves))]
        waves[position].append(step.task.id)
    return tuple(map(tuple, waves))


def waves_of(spec: Spec) -> tuple[tuple[str, ...], ...]:
    """Return the waves in which tasks are numbered; done tasks keep their wave.

    They are those that the spec lists, else those of all required tasks. Raise `UsageError` if
    tasks wait for each other.
    """
    return spec.waves or _waves(_ordered(_steps(spec, leaves(spec))))


def _of_wave(
    spec: Spec, order: list[Step], wave: int
) -> tuple[list[Step], tuple[tuple[str, ...], ...]]:
    """Keep the tasks of one wave."""
    listed = _wave(spec, wave)
    kept = [step for step in order if step.task.id in listed]
    ids = {step.task.id for step in kept}
    alone = [Step(s.task, s.needs, tuple(one for one in s.after if one in ids)) for s in kept]
    return alone, (tuple(step.task.id for step in alone),)


def _wave(spec: Spec, wave: int) -> tuple[str, ...]:
    """Return the tasks of the wave with this number, done ones included."""
    listed = waves_of(spec)
    if not listed:
        raise UsageError(f"there is no wave {wave}: {spec.tasks_path} has no required task")
    if not 1 <= wave <= len(listed):
        raise UsageError(f"there is no wave {wave}: {spec.tasks_path} has waves 1 to {len(listed)}")
    return listed[wave - 1]


def _require_common(spec: Spec, named: Iterable[Task], selection: Sequence[str], wave: int) -> None:
    """Raise for tasks and a wave with nothing in common: the result would look done."""
    listed = _wave(spec, wave)
    if not any(task.id in listed for task in named):
        raise UsageError(
            f"no task is both in --tasks {','.join(selection)} and in --wave {wave}; "
            "`reviewloop tasks` shows the wave of each"
        )


def _require_needs(spec: Spec, order: Sequence[Step]) -> None:
    chosen = {step.task.id for step in order}
    for step in order:
        missing = [one for one in step.needs if one not in chosen]
        if missing:
            raise UsageError(
                f"{step.task.where}: task {step.task.id} waits for {', '.join(missing)}, which "
                "is not done and not among the chosen tasks; choose it as well"
            )


Kind = Literal["task", "phase", "wave", "checkpoint", "order", "blocked"]

_Found = dict[tuple[Kind, str], list[str]]


@dataclass(frozen=True)
class Wait:
    """Tasks that come before another one, and the reason.

    task: it depends on them · phase, wave: theirs comes first, `name` is its name · checkpoint: it
    is between them · order: they are listed before it · blocked: they cannot run.
    """

    kind: Kind
    tasks: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True)
class Outlook:
    """What may start, what waits for what, and the wave of each task."""

    ready: frozenset[str]
    waits: Mapping[str, tuple[Wait, ...]]  # of each open task that may not start
    waves: tuple[tuple[str, ...], ...]  # as in `batch --wave`; () for a spec that it refuses
    refused: str = ""  # why a batch of all tasks cannot start, if it is no problem of the spec

    @cached_property
    def waves_of_tasks(self) -> Mapping[str, int]:
        """The wave of each task, from 1; the first one where a spec lists it twice."""
        waves = [*enumerate(self.waves, 1)]
        return {task: number for number, wave in reversed(waves) for task in wave}


def outlook(spec: Spec) -> Outlook:
    """Return the outlook on all tasks of a spec, even if a problem blocks some."""
    refused = ""
    waves: tuple[tuple[str, ...], ...] = ()
    try:
        doing = {step.task.id for step in order_tasks(spec).steps}
        doing |= {task.id for task in spec.tasks if is_done(spec, task)}
        # Tasks left out keep their place, too, but have no wave: they cannot be chosen by its
        # number.
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
    waves = {one: number for number, wave in enumerate(spec.waves, 1) for one in wave}
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
            kind, name = "wave", str(waves[one])
        elif other.checkpoint:
            kind = "checkpoint"
        found.setdefault((kind, name), []).append(one)
    return _listed(found)


def _left_out(spec: Spec, task: Task) -> tuple[Wait, ...]:
    """Return what an optional task, one with parts, or a blocked one waits for."""
    found: _Found = {}
    for one in leaves_of(spec, comes_after(task, spec.by_id)):
        if one != task.id and not is_done(spec, spec.by_id[one]):
            kind: Kind = "blocked" if spec.by_id[one].blocked else "task"
            found.setdefault((kind, ""), []).append(one)
    return _listed(found)


def _listed(found: _Found) -> tuple[Wait, ...]:
    return tuple(Wait(kind, tuple(tasks), name) for (kind, name), tasks in found.items())
