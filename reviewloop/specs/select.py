"""Finds the task that a user names, also under an earlier title, and checks whether it may
start.
"""

import difflib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from reviewloop.domain.errors import ReviewLoopError, UsageError
from reviewloop.domain.task import Problem, Spec, Task
from reviewloop.git.repository import UserRepo
from reviewloop.git.revisions import versions_with
from reviewloop.regex import regex
from reviewloop.specs.references import match_id, read_references
from reviewloop.specs.tasks import LineChangedError, ancestors, comes_after, read_tasks, waits_for

_FEW = 2  # one renamed and one written beside it; more is a different plan


def find_renamed(user: UserRepo, now: Sequence[Task], title: str) -> tuple[Task, ...] | None:
    """Return the current tasks that replace the one which had this title in an earlier version.

    A single task is certain; () if it was removed, None if that cannot be decided.
    """
    if not now:
        return None
    path, dialect = now[0].path, now[0].dialect
    for data in versions_with(user, path, title):
        before = read_tasks(data, path, dialect).tasks
        if any(task.title == title for task in before):
            return match_renamed(before, now, title)
    return None


def why_unticked(user: UserRepo, now: Sequence[Task], task: Task, error: ReviewLoopError) -> str:
    """Return why a task cannot be ticked, with its current line if that is certain."""
    found = find_renamed(user, now, task.title) if isinstance(error, LineChangedError) else None
    if found is None or len(found) != 1:
        return str(error)
    return f"{error} ({found[0].where}, '{found[0].title}' now)"


def match_renamed(
    before: Collection[Task], now: Collection[Task], title: str
) -> tuple[Task, ...] | None:
    """Return the tasks in the place of the one titled so `before`; see `find_renamed`."""
    old, new = _listed(before), _listed(now)
    positions = [position for position, task in enumerate(old) if task.title == title]
    kept = _kept(old, new)
    if len(positions) != 1 or title in kept:
        return None
    position, was = positions[0], old[positions[0]]
    first = next((n for n in range(position, 0, -1) if old[n - 1].title in kept), 0)
    last = next((n for n in range(position, len(old)) if old[n].title in kept), len(old))
    above = kept[old[first - 1].title] + 1 if first else 0
    below = kept[old[last].title] if last < len(old) else len(new)
    if above > below:
        return None  # its neighbours were moved
    known = {one.title for one in old}
    there = [one for one in new[above:below] if one.title not in known]
    same = [one for one in there if bool(one.children) == bool(was.children)]
    alike = [one for one in same if was.body and one.body == was.body]
    if len(alike) == 1:
        return (alike[0],)
    gone = old[first:last]
    if len(gone) == len(same):
        return (same[gone.index(was)],)
    return tuple(same) if len(gone) == 1 and len(same) <= _FEW else None


def _kept(old: Sequence[Task], new: Sequence[Task]) -> dict[str, int]:
    """Return the new positions of titles that both lists have exactly once."""
    count = Counter(one.title for one in old)
    again = Counter(one.title for one in new)
    return {
        one.title: position
        for position, one in enumerate(new)
        if count[one.title] == 1 and again[one.title] == 1
    }


def _listed(tasks: Collection[Task]) -> list[Task]:
    return sorted(tasks, key=lambda task: task.line)


UNREADABLE = frozenset({"no-tasks", "fence", "encoding"})
"""Kinds of problems that make every task unreliable."""


_BEFORE = (
    r"^(?:please\s+)?(?:(?:implement|do|start|run|execute|work on|go on with|continue with)\s+)?"
    r"(?:the\s+)?"
)
_NEXT = regex(rf"{_BEFORE}next(?:\s+(?:open\s+)?task)?[.!]?$", re.IGNORECASE)
_ONE = regex(rf"{_BEFORE}task\s+#?(?P<id>\S+?)[.!]?$", re.IGNORECASE)
_ALL = regex(
    rf"{_BEFORE}(?:all|every|everything)(?:\s+(?:of\s+)?(?:the\s+)?(?:(?:open|remaining)\s+)?tasks?)?"
    r"[.!]?$",
    re.IGNORECASE,
)
_SEVERAL = regex(
    rf"{_BEFORE}tasks\s+(?P<ids>#?\d[\w.]*(?:\s*(?:,|-|–|to|and|through)\s*#?\d[\w.]*)+)$",
    re.IGNORECASE,
)


def parse_selection(selection: str) -> str:
    """Return the id or "next" in words such as `implement task 3` or `next task`.

    Raise `UsageError` for words that name several tasks; other words are returned unchanged.
    """
    words = " ".join(selection.split())
    if not words or _NEXT.match(words):
        return "next"
    if several := _SEVERAL.match(words):
        ids = ",".join(read_references(several["ids"]).ids)
        raise UsageError(
            f"'{words}' is more than one task: `reviewloop batch --tasks {ids}` does them, each "
            "with its reviews and a commit of its own"
        )
    if _ALL.match(words):
        raise UsageError(
            f"'{words}' is more than one task: `reviewloop batch` does all open tasks, each with "
            "its reviews and a commit of its own"
        )
    one = _ONE.match(words)
    return one["id"] if one else selection


class MissingDependenciesError(UsageError):
    """A task cannot start before those in `waiting` are done."""

    def __init__(self, sentence: str, waiting: Collection[Task]) -> None:
        super().__init__(f"{sentence}; do that first")
        self.sentence, self.waiting = sentence, tuple(waiting)


def pick(spec: Spec, selection: str = "next") -> Task:
    """Return the task named by an id, by words of its title, or by "next".

    Raise UsageError if there is no such task or it cannot start: done already, blocked, made of
    other tasks, waiting for one, or part of a problem that the spec's author has to solve.
    """
    _refuse_unreadable(spec)
    selection = parse_selection(selection)
    if selection == "next":
        return _next(spec)
    task = _named(spec, selection.strip())
    _refuse_problem(spec, task)
    if parts := _open_parts(spec, task):
        raise UsageError(
            f"task {task.id} '{task.title}' is made of other tasks; run the next of them: "
            f"{parts[0].id} '{parts[0].title}' ({parts[0].where})"
        )
    if is_done(spec, task):
        raise UsageError(
            f"task {task.id} '{task.title}' is done already ({task.where}); "
            "untick it there to run it again, or choose another one (reviewloop tasks)"
        )
    if task.blocked:
        raise UsageError(f"task {task.id} '{task.title}' is blocked ({task.where}): {task.blocked}")
    if waiting := missing_dependencies(spec, task):
        shown = ", ".join(f"{one.id} '{one.title}' ({_words(one)})" for one in waiting)
        raise MissingDependenciesError(
            f"task {task.id} '{task.title}' depends on work that is not done: {shown}", waiting
        )
    return task


def with_done(spec: Spec, done: Collection[str]) -> Spec:
    """Return the spec with these tasks ticked as well."""
    if not done:
        return spec
    finished = frozenset(done)  # runs store it as a list
    return replace(spec, tasks=tuple(_ticked(t) if t.id in finished else t for t in spec.tasks))


def _ticked(task: Task) -> Task:
    if task.state == "done":
        return task
    found = object.__new__(Task)  # a tenth of the time of `replace`: lists can be long
    found.__dict__.update(task.__dict__, state="done")
    return found


def progress(spec: Spec) -> tuple[int, int]:
    """Return the numbers of done and of all required tasks, without parent tasks."""
    required = leaves(spec)
    return sum(is_done(spec, task) for task in required), len(required)


def optional_progress(spec: Spec) -> tuple[int, int]:
    """Return the same for the optional tasks."""
    found = [task for task in spec.tasks if task.optional and not _required_parts(spec.by_id, task)]
    found = [task for task in found if not task.children]
    return sum(is_done(spec, task) for task in found), len(found)


def leaves(spec: Spec) -> list[Task]:
    """Return the required tasks without parts."""
    return [
        task for task in spec.tasks if not task.optional and not _required_parts(spec.by_id, task)
    ]


def is_done(spec: Spec, task: Task) -> bool:
    """Whether a task is ticked, or all its required parts are."""
    parts = _required_parts(spec.by_id, task)
    return task.state == "done" or (bool(parts) and all(is_done(spec, part) for part in parts))


def missing_dependencies(spec: Spec, task: Task) -> list[Task]:
    """Return the declared dependencies of a task that are not done."""
    waited = (spec.by_id.get(one) for one in waits_for(task, spec.by_id))
    return [one for one in waited if one is not None and not is_done(spec, one)]


def _missing_before(spec: Spec, task: Task) -> list[Task]:
    """Return what is not done of all that comes first, by declaration or by phase."""
    before = (spec.by_id.get(one) for one in comes_after(task, spec.by_id))
    return [one for one in before if one is not None and not is_done(spec, one)]


def _next(spec: Spec) -> Task:
    order = leaves(spec)
    if spec.waves:
        positions = _wave_positions(spec)
        order.sort(key=lambda task: positions[task.id])
    remaining = [task for task in order if not is_done(spec, task)]
    for task in remaining:
        if not task.blocked and not _missing_before(spec, task):
            _refuse_problem(spec, task)
            return task
    if not remaining:
        optional = [task.id for task in spec.tasks if task.optional and not is_done(spec, task)]
        more = f"; optional ones are open: {', '.join(optional)}" if optional else ""
        raise UsageError(f"every required task of {spec.path} is done{more}")
    for task in remaining:
        _refuse_problem(spec, task)
    first = remaining[0]
    why = first.blocked or ", ".join(one.id for one in _missing_before(spec, first))
    kind = "is blocked" if first.blocked else "waits for"
    raise UsageError(f"no task can start: task {first.id} ({first.where}) {kind}: {why}")


def _named(spec: Spec, selection: str) -> Task:
    known = match_id(selection, spec.by_id)
    if known is not None:
        return spec.by_id[known]
    plain = selection.casefold()
    exact = [task for task in spec.tasks if task.title.casefold() == plain]
    found = exact or [task for task in spec.tasks if plain in task.title.casefold()]
    if len(found) == 1 and (exact or len(plain) > 2):
        return found[0]
    if len(found) > 1 and len(plain) > 2:
        shown = ", ".join(f"{task.id} '{task.title}'" for task in found[:5])
        raise UsageError(f"'{selection}' could mean several tasks: {shown}; name one by its number")
    titles = {task.title.casefold(): task for task in reversed(spec.tasks)}
    near = difflib.get_close_matches(selection, spec.by_id, 1, 0.5)
    near += [titles[one].id for one in difflib.get_close_matches(plain, titles, 1, 0.5)]
    hint = f"did you mean {near[0]} '{spec.by_id[near[0]].title}'? " if near else ""
    if re.search(r"\bnext\b", plain):
        hint = "did you mean `reviewloop run next`? "
    elif re.search(r"\b(?:all|open) tasks\b", plain):
        hint = "did you mean `reviewloop batch`? "
    raise UsageError(
        f"there is no task '{selection}' in {spec.tasks_path}; {hint}"
        "reviewloop tasks lists them all"
    )


def _refuse_unreadable(spec: Spec) -> None:
    for problem in spec.problems:
        if problem.kind in UNREADABLE:
            raise UsageError(str(problem))


def _refuse_problem(spec: Spec, task: Task) -> None:
    """Raise for a problem that concerns a task, its parent, or a dependency."""
    concerned: list[str] = []
    todo = [task.id]
    while todo:
        current = todo.pop()
        if current in concerned or current not in spec.by_id:
            continue
        concerned.append(current)
        found = spec.by_id[current]
        if current == task.id or not is_done(spec, found):
            todo += [
                *waits_for(found, spec.by_id),
                *(one.id for one in ancestors(found, spec.by_id)),
            ]
    problem = _first_problem(spec, concerned)
    if problem:
        raise UsageError(str(problem))


def _first_problem(spec: Spec, concerned: list[str]) -> Problem | None:
    return next((one for one in spec.problems if set(one.tasks) & set(concerned)), None)


def _wave_positions(spec: Spec) -> dict[str, float]:
    """Return the position of each task; one without a wave comes after the tasks above it."""
    listed = {task: float(position) for position, wave in enumerate(spec.waves) for task in wave}
    positions: dict[str, float] = {}
    latest = -1.0
    for task in spec.tasks:
        if task.id in listed:
            latest = max(latest, listed[task.id])
        positions[task.id] = listed.get(task.id, latest + 0.5)
    return positions


def _open_parts(spec: Spec, task: Task) -> list[Task]:
    parts = [one for one in leaves(spec) if task in ancestors(one, spec.by_id)]
    return [one for one in parts if not is_done(spec, one)]


def _required_parts(by_id: Mapping[str, Task], task: Task) -> list[Task]:
    if not task.children:
        return []
    found = (by_id.get(child) for child in task.children)
    return [child for child in found if child is not None and not child.optional]


def _words(task: Task) -> str:
    return task.state.replace("_", " ")
