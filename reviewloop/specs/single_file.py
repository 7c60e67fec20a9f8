"""Reads a spec that is one Markdown file, and its prose about dependencies."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePosixPath

from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import Problem, Spec, SpecRef, Task
from reviewloop.regex import regex
from reviewloop.specs.dialect import Dialect, TaskSyntax, Writing
from reviewloop.specs.files import Files, digest
from reviewloop.specs.general import general_parts, is_named
from reviewloop.specs.kiro import introduction, unresolved_notices
from reviewloop.specs.lines import Line, outermost, read_document, sections
from reviewloop.specs.phases import read_waves
from reviewloop.specs.plan_file import is_plan
from reviewloop.specs.references import match_id, read_references
from reviewloop.specs.requirements import (
    is_requirement_head,
    is_requirement_item,
    read_requirements,
    unnamed_notice,
    with_named,
)
from reviewloop.specs.task_lines import read_task_line
from reviewloop.specs.tasks import ancestors, comes_after, cycles, read_tasks

_SECTION = regex(r"\btasks? dependenc|\bdependenc\w+ (?:between|of|among|graph)\b", re.IGNORECASE)
_BULLET = regex(r"^\s*(?:[-*+]\s+|\d+[.)]\s+(?=\D))?")
_DEPENDS = regex(
    r"^(?P<tasks>tasks?\b.*?\d.*?)[\s:]+(?:depends? on|requires?|needs?|(?:is |are )?blocked by"
    r"|comes? after|(?:must |should )?(?:starts?|runs?|follows?) after|follows?)\s+(?P<what>.+)$",
    re.IGNORECASE,
)
_BEFORE = regex(
    r"^(?P<what>tasks?\b.*?\d.*?)\s+(?:must|should|has to|have to)\s+(?:be\s+)?"
    r"(?:completed?|done|finished?|run|come)\s+before\s+(?P<tasks>.+)$",
    re.IGNORECASE,
)
_FREE = regex(
    r"^(?P<tasks>tasks?\b.*?\d.*?)\s+(?:(?:has|have) no dependenc\w+|(?:is|are) independent\b.*)$",
    re.IGNORECASE,
)
_PARALLEL = regex(
    r"^(?P<tasks>tasks?\b.*?\d.*?)\s+(?:can|may)\s+(?:all\s+)?(?:be\s+)?(?:run|go|done|start\w*"
    r"|worked on|executed)\b.*\b(?:parallel|together|concurrently|simultaneously)\b.*$",
    re.IGNORECASE,
)
_ARROW = regex(r"\s*(?:→|->|=>)\s*")


def with_stated_order(
    tasks: Sequence[Task], lines: Sequence[Line], path: str
) -> tuple[tuple[Task, ...], list[Problem], list[str]]:
    """Return the tasks with the dependencies in prose, their cycles, and a notice for each bad id.

    A sentence that cannot be parsed is ignored: its tasks keep the order of the file.
    """
    known = [task.id for task in tasks]
    stated: dict[str, list[str]] = {}
    notices: list[str] = []
    found = outermost(sections(lines), lambda part: bool(_SECTION.search(part.title)))
    for line in (line for part in found for line in part.lines[1:] if not line.code):
        text = re.sub(r"[*_`]", "", _BULLET.sub("", line.text))
        text = re.sub(r"\s*\([^)]*\)", "", text).rstrip(" .")
        for one, needed in _pairs(text, known):
            names = [match_id(name, known) if name else "" for name in (one, needed)]
            if None in names:
                missing = one if names[0] is None else needed
                notices.append(
                    f"{path}:{line.number}: '{missing}' is no task of this file, so this "
                    "dependency is not used"
                )
            elif names[0] != names[1]:
                stated.setdefault(names[0] or "", []).extend(filter(None, [names[1]]))
    if not stated:
        return tuple(tasks), [], notices
    updated = [_with_stated(task, stated) for task in tasks]
    rings = cycles(updated)
    return tuple(updated if rings else _rest_in_order(updated)), rings, notices


def _with_stated(task: Task, stated: dict[str, list[str]]) -> Task:
    if task.id not in stated:
        return task
    depends = tuple(dict.fromkeys((*task.depends, *stated[task.id])))
    return replace(task, depends=depends, declares_depends=True)


def _rest_in_order(tasks: list[Task]) -> list[Task]:
    """Return the tasks so that one without stated dependencies comes after all above it."""
    by_id = {task.id: task for task in tasks}
    for position, task in enumerate(tasks):
        owners = ancestors(task, by_id)
        if task.children or any(one.declares_depends for one in (task, *owners)):
            continue
        above = [one.id for one in tasks[:position] if not one.children]
        free = tuple(one for one in above if not _waits(one, {task.id}, by_id))
        by_id[task.id] = replace(task, follows=free, declares_depends=True)
    return [by_id[task.id] for task in tasks]


def _waits(start: str, needed: set[str], by_id: Mapping[str, Task]) -> bool:
    """Whether a task waits for one of these, directly or not."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        current = todo.pop()
        if current in needed:
            return True
        if current in by_id and current not in seen:
            seen.add(current)
            todo += comes_after(by_id[current], by_id)
    return False


def _pairs(text: str, known: Sequence[str]) -> list[tuple[str, str]]:
    """Return (task, its dependency) of a sentence; "" for no dependency."""
    if match := _PARALLEL.match(text):
        group = _ids(match["tasks"], known)
        first = known.index(group[0]) if group and group[0] in known else 0
        before = known[first - 1] if first else ""  # adds nothing to the order of the file
        return [(one, before) for one in group]
    if match := _FREE.match(text):
        return [(one, "") for one in _ids(match["tasks"], known)]
    if match := _BEFORE.match(text) or _DEPENDS.match(text):
        tasks = _ids(match["tasks"], known)
        needed = _ids(match["what"], known) or _all_but(match["what"], tasks, known)
        return [(one, other) for one in tasks for other in needed]
    links = [_ids(part, known) for part in _ARROW.split(text)]
    if len(links) < 2 or not all(links):
        return []
    return [(late, early) for first, then in pairwise(links) for late in then for early in first]


def _all_but(text: str, tasks: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the tasks in "all implementation tasks" for these: those above, or all the others."""
    read = read_references(text, known)
    if not tasks or tasks[0] not in known or not (read.everything or read.all_earlier):
        return []
    above = known[: known.index(tasks[0])]
    meant = known if re.search(r"\bothers?\b", text, re.IGNORECASE) else above
    return [one for one in meant if one not in tasks]


def _ids(text: str, known: Sequence[str]) -> list[str]:
    """Return the ids of a list, none if a part of it is no id."""
    read = read_references(text, known)
    return [] if read.unclear or read.everything or read.all_earlier else list(read.ids)


def read_single_file(files: Files, ref: SpecRef) -> Spec:
    """Read a single-file spec; headings are matched by their meaning, not their exact words."""
    data = files.read(ref.path)
    if data is None:
        raise UsageError(f"the spec file {ref.path} does not exist; name one with --spec PATH")
    lines = read_document(data).lines
    headed = sections(lines)
    listed = read_tasks(data, ref.path, "single-file")
    design = outermost(headed, is_named("design", lines))
    required = outermost(headed, is_named("requirements", lines))
    # The heading of each part closes the requirement above it; its number is no requirement's.
    heads = (replace(part.lines[0], text="", title="") for part in required)
    parts = zip(heads, required, strict=True)
    requirements = read_requirements([line for head, p in parts for line in (head, *p.lines[1:])])
    tasks, rings, stated = with_stated_order(listed.tasks, lines, ref.path)
    if not any(problem.kind == "cycle" for problem in listed.problems):
        listed = replace(listed, tasks=tasks, problems=(*listed.problems, *rings))
    listed = replace(listed, tasks=tuple(with_named(task, requirements) for task in listed.tasks))
    waves, wave_notice = read_waves(lines, listed.tasks, ref.path)
    notices = (
        *listed.notices,
        wave_notice,
        *stated,
        *unresolved_notices(listed.tasks, requirements),
        unnamed_notice(listed.tasks, requirements),
    )
    return Spec(
        name=ref.name,
        dialect="single-file",
        path=ref.path,
        tasks_path=ref.path,
        files={ref.path: digest(data)},
        tasks=listed.tasks,
        requirements=requirements,
        design="\n\n".join(section.text for section in design),
        general=general_parts(lines),
        introduction=introduction(data),
        waves=waves,
        fully_declared=listed.fully_declared,
        problems=listed.problems,
        notices=tuple(notice for notice in notices if notice),
    )


SUFFIX = "-spec.md"
_OF_ITS_OWN = "specs"  # a folder of Spec Kit's, whose specs are folders in it, or of single files


def _find(files: Files) -> list[SpecRef]:
    """Return files with tasks; without any yet, those that have a requirement with an id."""
    paths = [path for path in files.paths("docs") if path.endswith(SUFFIX)]
    paths += [path for path in files.paths(_OF_ITS_OWN) if path.endswith(".md")]
    found = []
    for path in (path for path in paths if path.count("/") == 1 and not is_plan(path)):
        lines = read_document(files.read(path) or b"").lines
        if any(map(read_task_line, lines)):
            found.append(_ref(path))
        elif any(
            is_requirement_head(line.title) or is_requirement_item(line, ordered=False)
            for line in lines
        ):
            found.append(replace(_ref(path), tasks_path=""))
    return found


def _ref(path: str) -> SpecRef:
    name = PurePosixPath(path).name
    return SpecRef(name.removesuffix(SUFFIX).removesuffix(".md"), "single-file", path, path)


SINGLE_FILE = Dialect(
    "single-file",
    _find,
    read_single_file,
    f"docs/<feature>{SUFFIX}, {_OF_ITS_OWN}/<feature>.md",
    at=lambda path, names: None if names else _ref(path),
    one_file=True,
    tasks=TaskSyntax(in_plan=True),
    writing=Writing(lambda files, name: f"docs/{name}{SUFFIX}", suffix=SUFFIX, adopts_plans=True),
)
