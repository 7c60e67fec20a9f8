"""Waves, phases and groups of tasks in each dialect, and the order that they impose."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.task import Problem, Task
from reviewloop.regex import regex
from reviewloop.specs.lines import Line, fenced_blocks, outermost, sections
from reviewloop.specs.references import match_id, read_references
from reviewloop.specs.task_lines import is_outside

Waves = tuple[tuple[str, ...], ...]


def read_waves(lines: Sequence[Line], tasks: Sequence[Task], path: str) -> tuple[Waves, str]:
    """Return the waves as ids of leaf tasks, and a notice on an unusable list."""
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


_DEEPEST = 2  # headings below this one divide a phase, they open none


@dataclass
class Phase:
    """A heading with the tasks and the other text below it."""

    title: str
    line: int
    tasks: list[Task] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text besides the tasks: purpose, goal, how to test it, checkpoint."""
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self.lines)).strip()


def read_phases(lines: Sequence[Line], tasks: Sequence[Task]) -> tuple[Phase, ...]:
    """Return the phases with tasks, in order; tasks above the first heading are in none."""
    by_line = {task.line: task for task in tasks}
    title_line = _document_title(lines)
    phases = [Phase("", 0)]
    in_task, above = False, ""
    for line in lines:
        if line.number in by_line:
            phases[-1].tasks.append(by_line[line.number])
            in_task = True
        elif line.level:
            in_task = False
            if line.level <= _DEEPEST and line.number != title_line:
                phases.append(Phase(line.title, line.number))
        elif not in_task or is_outside(line, above):
            in_task = False
            if not line.code and line.text.strip() not in ("---", "***", "___"):
                phases[-1].lines.append(line.text)
        above = line.text
    return tuple(phase for phase in phases if phase.tasks)


def with_phases(tasks: Iterable[Task], phases: Sequence[Phase]) -> tuple[Task, ...]:
    """Return the tasks with the title of their phase."""
    titles = {task.line: phase.title for phase in phases for task in phase.tasks}
    return tuple(replace(task, phase=titles.get(task.line, "")) for task in tasks)


def texts_of(phases: Iterable[Phase]) -> dict[str, str]:
    """Return the text of each phase, by its title."""
    return {phase.title: phase.text for phase in phases if phase.title and phase.text}


def _document_title(lines: Iterable[Line]) -> int:
    tops = [line.number for line in lines if line.level == 1]
    return tops[0] if len(tops) == 1 else 0


_SECTION = regex(r"\bdependenc(?:y|ies)\b", re.IGNORECASE)
_BULLET = regex(r"^\s*(?:[-*+]\s+)?")
_MARKS = regex(r"[*_`]")
_STORY_LINE = regex(r"^(?:user story|us)\s*(?P<number>\d+)\b(?P<said>.*)$", re.IGNORECASE)
_CLAUSES = regex(r"[.;:()—]|\s[-–]\s")
_FREE = regex(
    r"no dependenc|(?:can )?starts? after|after foundational|after phase|independent", re.IGNORECASE
)
_APART = regex(r"\bno\b|independent|parallel|\bnot\b|n't\b|\bwithout\b|\bneither\b", re.IGNORECASE)
_NUMBERS = r"(?P<numbers>\d+(?:\s*(?:,|/|&|\+|and|or|to|-|–)\s*(?:US\s?)?\d+)*)"
_STORIES = regex(rf"\b(?:US\s?|User Stor(?:y|ies)\s){_NUMBERS}", re.IGNORECASE)
_PHASES = regex(rf"\bphases?\s{_NUMBERS}", re.IGNORECASE)
_TASK_LINE = regex(
    r"^(?P<task>T\d+[a-z]?)[*_`]*\s*:?\s*(?:depends on|requires|needs|blocked by|after)\s+"
    r"(?P<what>.*\d.*)$",
    re.IGNORECASE,
)
_CHAIN = regex(r"^T\d+[a-z]?(?:[,\s]+T\d+[a-z]?)*(?:\s*(?:→|->|=>)\s*T\d+[T\d\sa-z,]*)+$")
_PHASE_NUMBER = regex(r"^phase\s+(?P<number>\d+)\b", re.IGNORECASE)
_PHASE_STORY = regex(r"\buser story\s+(\d+)\b|\bUS(\d+)\b", re.IGNORECASE)


@dataclass(frozen=True)
class DependencyNotes:
    """Dependencies in their own section that go beyond the order of the phases."""

    # Stories without a fixed order -> the stories and phases ("3") they wait for.
    stories: Mapping[str, frozenset[str]]
    depends: Mapping[str, tuple[str, ...]]  # task -> tasks
    problems: tuple[Problem, ...] = ()


def read_dependencies(lines: Sequence[Line], tasks: Sequence[Task], path: str) -> DependencyNotes:
    """Read the section on dependencies, if there is one; prose that cannot be parsed is ignored."""
    known = [task.id for task in tasks]
    stories: dict[str, frozenset[str]] = {}
    depends: dict[str, list[str]] = {}
    problems: list[Problem] = []
    found = outermost(sections(lines), lambda part: bool(_SECTION.search(part.title)))
    for line in (line for part in found for line in part.lines[1:] if not line.code):
        text = _MARKS.sub("", _BULLET.sub("", line.text)).rstrip(" .")
        if match := _STORY_LINE.match(text):
            _add_story(match["number"], match["said"], stories)
        for task, needed in _pairs(text, known):
            names = [match_id(one, known) for one in (task, needed)]
            if None in names:
                missing = task if names[0] is None else needed
                message = f"'{missing}' is no task of this file (in '{text}'); correct it"
                about = (names[0],) if names[0] else ()
                problems.append(Problem("unknown", path, line.number, message, about))
            else:
                depends.setdefault(names[0] or "", []).append(names[1] or "")
    return DependencyNotes(
        stories, {one: tuple(ids) for one, ids in depends.items()}, tuple(problems)
    )


def in_order(
    phases: Sequence[Phase], tasks: Sequence[Task], notes: DependencyNotes
) -> tuple[Task, ...]:
    """Return the tasks with the tasks that the order of the phases puts before each.

    Declared dependencies win: an order that contradicts them is dropped. The tasks must have
    distinct ids and no cycles.
    """
    rank = {task.id: number for number, task in enumerate(tasks)}
    edges = _Edges(tasks)
    before: list[set[int]] = []
    ends: list[list[str]] = []
    for index, phase in enumerate(phases):
        awaited = _awaited(index, phases, notes, before)
        before.append(awaited | {inner for one in awaited for inner in before[one]})
        nearest = awaited - {inner for one in awaited for inner in before[one]}
        barrier = [task for one in sorted(nearest) for task in ends[one]]
        ends.append(_chained(phase, barrier, edges))
    return tuple(
        replace(
            task,
            follows=tuple(sorted(edges.of[task.id] - set(task.depends), key=rank.__getitem__)),
            declares_depends=True,
        )
        for task in tasks
    )


def stories_of(phase: Phase) -> tuple[str, ...]:
    """Return the user stories of a phase."""
    found = _PHASE_STORY.findall(phase.title)
    return tuple(dict.fromkeys(f"US{one or other}" for one, other in found))


def _add_story(number: str, text: str, stories: dict[str, frozenset[str]]) -> None:
    """Parse a line about a story: every story and phase that it mentions comes first.

    A part of the sentence that negates it ("no dependencies on US1") does not count.
    """
    waits: set[str] = set()
    for clause in _CLAUSES.split(text):
        if not _APART.search(clause):
            waits |= {f"US{one}" for found in _STORIES.finditer(clause) for one in _each(found)}
            waits |= {one for found in _PHASES.finditer(clause) for one in _each(found)}
    waits -= {f"US{number}"}
    if waits or _FREE.search(text):
        stories[f"US{number}"] = stories.get(f"US{number}", frozenset()) | waits


def _each(found: re.Match[str]) -> list[str]:
    """Return the numbers of "1, 2 and 4" or "3-5"."""
    numbers = re.findall(r"\d+", found["numbers"])
    if len(numbers) == 2 and re.search(r"\d\s*(?:-|–|to)\s*(?:US\s?)?\d", found["numbers"]):
        return [str(one) for one in range(int(numbers[0]), min(int(numbers[1]), 99) + 1)]
    return numbers


def _pairs(text: str, known: Sequence[str]) -> list[tuple[str, str]]:
    """Return (task, its dependency) of a line, as written."""
    if match := _TASK_LINE.match(text):
        named = read_references(match["what"], known).ids
        return [(match["task"], one) for one in named if one[:1] in "Tt"]
    if not _CHAIN.match(text):
        return []
    links = [re.findall(r"T\d+[a-z]?", part) for part in re.split(r"→|->|=>", text)]
    return [
        (later, earlier)
        for first, second in pairwise(links)
        for later in second
        for earlier in first
    ]


def _awaited(
    index: int, phases: Sequence[Phase], notes: DependencyNotes, before: Sequence[set[int]]
) -> set[int]:
    """Return the phases that end before this one begins."""
    own = stories_of(phases[index])
    if not own or not all(story in notes.stories for story in own):
        return set(range(index))
    needed = {one for story in own for one in notes.stories[story]}
    first_story = next(n for n, phase in enumerate(phases) if stories_of(phase))
    return {
        n
        for n in range(index)
        if n < first_story or not stories_of(phases[n]) or needed & _names(phases[n])
    }


def _names(phase: Phase) -> set[str]:
    """Return the names of a phase in sentences: its stories, and its number."""
    number = _PHASE_NUMBER.match(phase.title)
    return {*stories_of(phase), *([number["number"]] if number else [])}


class _Edges:
    """The dependencies of each task; an order that contradicts declared ones is not added."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.of = {task.id: set(task.depends) for task in tasks}
        self._position = _positions_of(tasks)

    def add(self, task: str, earlier: Iterable[str]) -> None:
        # All edges lead to an earlier place, so they never close a cycle.
        self.of[task].update(one for one in earlier if self._position[one] < self._position[task])


def _positions_of(tasks: Sequence[Task]) -> dict[str, int]:
    """Return the positions of tasks in the file, changed only by declared dependencies."""
    rank = {task.id: number for number, task in enumerate(tasks)}
    waiting = {task.id: set(task.depends) for task in tasks}
    after: dict[str, list[str]] = {}
    for task in tasks:
        for one in task.depends:
            after.setdefault(one, []).append(task.id)
    ready = [rank[task.id] for task in tasks if not task.depends]
    positions: dict[str, int] = {}
    while ready:
        current = tasks[heappop(ready)].id
        positions[current] = len(positions)
        for later in after.get(current, ()):
            waiting[later].discard(current)
            if not waiting[later]:
                heappush(ready, rank[later])
    return positions


def _chained(phase: Phase, barrier: Sequence[str], edges: _Edges) -> list[str]:
    """Order the tasks of a phase after the barrier; return those without a successor in it."""
    base, group = list(barrier), list[str]()
    for task in phase.tasks:
        if task.children:
            continue
        if not task.parallel and group:
            base, group = _not_followed(group, edges), []
        edges.add(task.id, base)
        if task.optional:
            continue  # no task waits for it
        group.append(task.id)
        if not task.parallel:
            base, group = group, []
    return _not_followed(group, edges) if group else base


def _not_followed(ids: Sequence[str], edges: _Edges) -> list[str]:
    followed = {earlier for one in ids for earlier in edges.of[one]}
    return [one for one in ids if one not in followed]
