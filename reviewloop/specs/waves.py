"""Reads the waves of a task list: which tasks Kiro would start together, and in which order."""

import json
from collections.abc import Sequence
from typing import Any

from reviewloop.domain.task import Task
from reviewloop.specs.lines import Line, fenced_blocks
from reviewloop.specs.references import match_id

Waves = tuple[tuple[str, ...], ...]


def read_waves(lines: Sequence[Line], tasks: Sequence[Task], path: str) -> tuple[Waves, str]:
    """Return the waves as ids of leaf tasks, and a notice where a list is there but unusable."""
    for number, info, content in fenced_blocks(lines):
        if '"waves"' not in content:
            continue
        try:
            listed = _listed(json.loads(content, strict=False))
        except (ValueError, RecursionError):
            return (), _ignored(path, number, f"its {info or 'json'} cannot be read")
        if listed is None:
            return (), _ignored(path, number, "it has none of the known shapes")
        return _checked(listed, tasks, path, number)
    return (), ""


def _listed(found: Any) -> list[list[str]] | None:
    waves = found.get("waves") if isinstance(found, dict) else None
    if not isinstance(waves, list) or not waves:
        return None
    result: list[list[str]] = []
    for wave in waves:
        ids = wave.get("tasks") if isinstance(wave, dict) else wave
        if not isinstance(ids, list) or not all(isinstance(one, str | int | float) for one in ids):
            return None
        result.append([str(one) for one in ids])
    return result


def _checked(
    listed: list[list[str]], tasks: Sequence[Task], path: str, line: int
) -> tuple[Waves, str]:
    by_id = {task.id: task for task in reversed(tasks)}
    seen: set[str] = set()
    waves: list[tuple[str, ...]] = []
    for ids in listed:
        wave: list[str] = []
        for one in ids:
            known = match_id(one, by_id)
            if known is None:
                return (), _ignored(path, line, f"there is no task {one}")
            wave += [leaf for leaf in _leaves(known, by_id) if leaf not in seen]
            seen.update(wave)
        waves.append(tuple(wave))
    missing = [task.id for task in tasks if _must_be_listed(task) and task.id not in seen]
    if missing:
        return (), _ignored(path, line, f"task {missing[0]} is in none of them")
    return tuple(waves), ""


def _leaves(task_id: str, by_id: dict[str, Task]) -> list[str]:
    children = by_id[task_id].children
    if not children:
        return [task_id]
    return [leaf for child in children if child in by_id for leaf in _leaves(child, by_id)]


def _must_be_listed(task: Task) -> bool:
    return not task.children and not task.optional and "checkpoint" not in task.title.casefold()


def _ignored(path: str, line: int, why: str) -> str:
    return f"{path}:{line}: the waves are not used, tasks go by their numbers: {why}"
