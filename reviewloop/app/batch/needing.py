"""Which runs do what another one's task needs; a task is known by its title, not by its number."""

from collections.abc import Iterable

from reviewloop.store.runs import RunRecord


def needed_of(run: RunRecord, others: Iterable[RunRecord]) -> dict[str, str]:
    """Return {run id: id under which the task of `run` needs its task} of those it needs.

    Ids are given anew when somebody inserts a task, so that another task may have this one by now.
    """
    called = run.options.get("needs_called", {})
    mine = [one for one in others if one.spec_path == run.spec_path and one.run_id != run.run_id]
    found: dict[str, str] = {}
    for need in run.options.get("needs", ()):
        title = called.get(need, "")
        same_id = [one for one in mine if one.task_id == need and title in {"", one.title}]
        named = [one for one in mine if title and one.title == title]
        found |= {one.run_id: need for one in same_id or named}
    return found
