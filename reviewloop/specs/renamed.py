"""Finds the task that had another title before: by what is listed above and below it still."""

from collections import Counter
from collections.abc import Collection, Sequence

from reviewloop.errors import ReviewLoopError
from reviewloop.specs.model import Task
from reviewloop.specs.tasks import read_tasks
from reviewloop.specs.tick import LineChangedError
from reviewloop.workspace.file_history import versions_with
from reviewloop.workspace.userrepo import UserRepo

_FEW = 2  # one was renamed and one written beside it; more is another plan


def called_now(user: UserRepo, now: Sequence[Task], title: str) -> tuple[Task, ...] | None:
    """Return the tasks of a list one of which had this title, which no task has any more.

    It is certain where that is one; there is none where the task was removed. None: nobody knows.
    """
    if not now:
        return None
    path, dialect = now[0].path, now[0].dialect
    for data in versions_with(user, path, title):
        before = read_tasks(data, path, dialect).tasks
        if any(task.title == title for task in before):
            return renamed(before, now, title)
    return None


def why_unticked(user: UserRepo, now: Sequence[Task], task: Task, error: ReviewLoopError) -> str:
    """Return why a task of a list cannot be ticked; with its line now, where that is certain."""
    found = called_now(user, now, task.title) if isinstance(error, LineChangedError) else None
    if found is None or len(found) != 1:
        return str(error)
    return f"{error} ({found[0].where}, '{found[0].title}' now)"


def renamed(before: Collection[Task], now: Collection[Task], title: str) -> tuple[Task, ...] | None:
    """Return what stands now where a task with this title stood `before`; see `called_now`."""
    old, new = _listed(before), _listed(now)
    places = [place for place, task in enumerate(old) if task.title == title]
    kept = _kept(old, new)
    if len(places) != 1 or title in kept:
        return None
    place, was = places[0], old[places[0]]
    first = next((n for n in range(place, 0, -1) if old[n - 1].title in kept), 0)
    last = next((n for n in range(place, len(old)) if old[n].title in kept), len(old))
    above = kept[old[first - 1].title] + 1 if first else 0
    below = kept[old[last].title] if last < len(old) else len(new)
    if above > below:
        return None  # what stood around it was moved
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
    """Return the places now of titles that both lists have once."""
    count = Counter(one.title for one in old)
    again = Counter(one.title for one in new)
    return {
        one.title: place
        for place, one in enumerate(new)
        if count[one.title] == 1 and again[one.title] == 1
    }


def _listed(tasks: Collection[Task]) -> list[Task]:
    return sorted(tasks, key=lambda task: task.line)
