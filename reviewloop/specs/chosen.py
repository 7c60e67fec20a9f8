"""Which tasks a person chose for a batch, by ids, patterns and phases."""

import fnmatch
import re
from collections.abc import Sequence

from reviewloop.errors import UsageError
from reviewloop.specs.model import Spec, Task
from reviewloop.specs.references import match_id
from reviewloop.specs.tasks import ancestors


def tasks_named(spec: Spec, wanted: Sequence[str]) -> list[Task]:
    """Return the tasks that ids and patterns (`2.1`, `3.*`) name, in the order of the file.

    The number of a phase names all of it. Raises `UsageError` for what names nothing.
    """
    names = [part.strip() for item in wanted for part in item.split(",")]
    if "" in names:
        raise UsageError(
            f"--tasks {','.join(wanted)!r}: an id is empty; name tasks as in 2.1,3.*, or leave "
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
