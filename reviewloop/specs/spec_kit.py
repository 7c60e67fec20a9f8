"""Reads a Spec Kit feature: tasks.md in phases, user stories of spec.md, plan.md and its notes.

The format: https://github.com/github/spec-kit, folder `templates`.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from reviewloop.domain.errors import NoTasksError
from reviewloop.domain.task import Spec, SpecRef, Task
from reviewloop.regex import regex
from reviewloop.specs.dialect import (
    DESIGN_FORM,
    PARTS,
    CheckedAs,
    Dialect,
    TaskSyntax,
    Writing,
)
from reviewloop.specs.files import Documents, Files, decode, fenced, inside, numbered_scenarios
from reviewloop.specs.general import general_parts, general_sections
from reviewloop.specs.kiro import introduction, unresolved_notices
from reviewloop.specs.lines import Line, read_document, sections
from reviewloop.specs.phases import (
    in_order,
    read_dependencies,
    read_phases,
    stories_of,
    texts_of,
    with_phases,
)
from reviewloop.specs.requirements import read_requirements, unnamed_notice, with_named
from reviewloop.specs.task_lines import read_task_line
from reviewloop.specs.tasks import cycles, read_tasks

FOLDER = "specs"
FILES = frozenset({"spec.md", "plan.md", "tasks.md"})
_POINTER = ".specify/feature.json"
_CONSTITUTION = ".specify/memory/constitution.md"
_PLACEHOLDER = regex(r"\[[A-Z][A-Z0-9_]+\]")
_NUMBERED = regex(r"^\d{3,}-")
_STORY_HEAD = regex(r"^[*_]*user story\s+(?P<number>\d+)\b", re.IGNORECASE)
_STATUS = regex(r"^\s*(?:[-*]\s+)?\*\*Status\*\*\s*:\s*(?P<status>.+?)\s*$", re.IGNORECASE)
_UNCLEAR = "[NEEDS CLARIFICATION"


def find_spec_kit(files: Files) -> list[SpecRef]:
    """Return the features below `specs/`, and the current one of Spec Kit wherever it is."""
    folders: dict[str, set[str]] = {}
    for path in files.paths(FOLDER):
        parts = path.split("/")
        if len(parts) == 3 and parts[2] in FILES:
            folders.setdefault("/".join(parts[:2]), set()).add(parts[2])
    pointed = _pointed(files)
    names = {name for name in FILES if pointed and files.read(f"{pointed}/{name}") is not None}
    if names:
        folders.setdefault(pointed, names)
    return [
        spec_kit_ref(folder, found)
        for folder, found in sorted(folders.items())
        if _NUMBERED.match(folder.rpartition("/")[2]) or len(found) > 1
    ]


def spec_kit_ref(folder: str, names: Iterable[str]) -> SpecRef:
    """Return the reference of a feature's folder with these files."""
    tasks = f"{folder}/tasks.md" if "tasks.md" in set(names) else ""
    return SpecRef(folder.rpartition("/")[2], "spec-kit", folder, tasks)


def read_spec_kit(files: Files, ref: SpecRef) -> Spec:
    """Read a feature; files missing beside tasks.md become notices."""
    documents = Documents(files)
    data = documents.read(ref.tasks_path) if ref.tasks_path else None
    if data is None:
        raise NoTasksError(
            ref.path,
            f"the spec {ref.path} has no tasks.md yet",
            "write its tasks there as '- [ ] T001 Title' (Spec Kit's tasks command does)",
        )
    lines = read_document(data).lines
    listed = read_tasks(data, ref.tasks_path, "spec-kit")
    notes = read_dependencies(lines, listed.tasks, ref.tasks_path)
    tasks = [
        replace(
            task, depends=tuple(dict.fromkeys((*task.depends, *notes.depends.get(task.id, ()))))
        )
        for task in listed.tasks
    ]
    spec_lines = read_document(documents.read(f"{ref.path}/spec.md") or b"").lines
    requirements = _requirements(spec_lines)
    phases = read_phases(lines, tasks)
    stories = {t.line: stories_of(phase) for phase in phases for t in phase.tasks}
    tasks = [_required(task, stories.get(task.line, ()), requirements) for task in tasks]
    problems = [one for one in (*listed.problems, *notes.problems) if one.kind != "cycle"]
    problems += cycles(tasks)
    ordered = tasks if problems else in_order(phases, tasks, notes)
    notices = [
        *listed.notices,
        *_missing(documents, ref),
        *_unclear(spec_lines, f"{ref.path}/spec.md"),
        *_checklists(documents, ref),
        *unresolved_notices(tasks, requirements),
        *filter(None, [unnamed_notice(tasks, _stories(requirements))]),
    ]
    plan = documents.read(f"{ref.path}/plan.md") or b""
    return Spec(
        name=ref.name,
        dialect="spec-kit",
        path=ref.path,
        tasks_path=ref.tasks_path,
        tasks=with_phases(ordered, phases),
        requirements=requirements,
        design=_design(documents, ref, spec_lines),
        general=general_parts(spec_lines),
        introduction=introduction(plan),
        fully_declared=True,
        problems=tuple(problems),
        notices=tuple(notices),
        stage=_status(spec_lines),
        phases=texts_of(phases),
        files=documents.digests,
    )


def _pointed(files: Files) -> str:
    """Return the folder of the current feature in Spec Kit's own state file."""
    try:
        found = json.loads(decode(files.read(_POINTER) or b"{}"))
    except (ValueError, RecursionError):
        return ""
    folder = found.get("feature_directory") if isinstance(found, dict) else None
    return (inside(folder.rstrip("/")) or "") if isinstance(folder, str) else ""


def _requirements(lines: Sequence[Line]) -> dict[str, str]:
    """Return user stories (US1), their acceptance scenarios (US1.1), and requirements (FR-001)."""
    stories: dict[str, str] = {}
    taken: set[int] = set()
    for part in sections(lines):
        if head := _STORY_HEAD.match(part.title):
            key = f"US{head['number']}"
            stories.setdefault(key, _without_rules(part.text))
            for number, text in numbered_scenarios(part.lines[1:]):
                stories.setdefault(f"{key}.{number}", text)
            taken |= {line.number for line in part.lines}
    return {**stories, **read_requirements([one for one in lines if one.number not in taken])}


def _stories(requirements: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in requirements.items() if re.match(r"US\d", key)}


def _without_rules(text: str) -> str:
    return re.sub(r"(?m)^(?:---|\*\*\*)\s*$", "", text).strip()


def _required(task: Task, of_phase: Sequence[str], requirements: Mapping[str, str]) -> Task:
    """Return the task with its user stories and the requirements it names."""
    named = with_named(task, requirements).requirements
    return replace(task, requirements=tuple(dict.fromkeys((*(task.stories or of_phase), *named))))


def _design(documents: Documents, ref: SpecRef, spec_lines: Sequence[Line]) -> str:
    """Return the plan, the text of spec.md besides its stories, the notes, and the constitution."""
    besides = _besides_stories(spec_lines)
    for part in general_sections(spec_lines):  # passed separately
        besides = besides.replace(part, "")
    parts = [documents.text(f"{ref.path}/plan.md"), besides]
    for name in ("data-model.md", "research.md", "quickstart.md"):
        parts.append(documents.text(f"{ref.path}/{name}"))
    for path in documents.below(f"{ref.path}/contracts"):
        parts.append(fenced(path, documents.text(path)))
    above = ref.path.rpartition(f"{FOLDER}/")[0] if f"/{FOLDER}/" in ref.path else ""
    rules = documents.text(f"{above}{_CONSTITUTION}") or documents.text(_CONSTITUTION)
    parts.append("" if _PLACEHOLDER.search(rules) else rules)
    return "\n\n".join(part for part in parts if part)


def _besides_stories(lines: Sequence[Line]) -> str:
    """Return the sections of spec.md that are no user stories: edge cases, requirements, ..."""
    kept: list[str] = []
    story_level = 0
    for line in lines:
        if line.level and (not story_level or line.level <= story_level):
            story_level = line.level if _STORY_HEAD.match(line.title) else 0
        if not story_level and not line.code:
            kept.append(line.text)
    return "\n".join(kept).strip()


def _missing(documents: Documents, ref: SpecRef) -> list[str]:
    used = {
        "spec.md": "the implementer is told no user stories",
        "plan.md": "the implementer is told no plan",
    }
    return [
        f"{ref.path}/{name} does not exist: {what}"
        for name, what in used.items()
        if documents.read(f"{ref.path}/{name}") is None
    ]


def _unclear(lines: Iterable[Line], path: str) -> list[str]:
    return [
        f"{path}:{line.number}: something is still to be clarified here"
        for line in lines
        if _UNCLEAR in line.text and not line.code
    ]


def _checklists(documents: Documents, ref: SpecRef) -> list[str]:
    """Return a notice for every checklist with open items: Spec Kit asks before it continues."""
    notices = []
    for path in documents.below(f"{ref.path}/checklists"):
        items = list(map(read_task_line, read_document(documents.read(path) or b"").lines))
        marks = [item.state for item in items if item is not None]
        open_ones = sum(mark != "done" for mark in marks)
        if open_ones:
            notices.append(f"{path}: {open_ones} of {len(marks)} items of this checklist are open")
    return notices


def _status(lines: Iterable[Line]) -> str:
    found = (_STATUS.match(line.text) for line in lines)
    return next((one["status"] for one in found if one), "")


_FORMS: Mapping[str, str] = {
    "requirements": """\
This project writes specs as Spec Kit does, so in the place of the headings that you know:

- `# Feature Specification: TITLE`, then `## User Scenarios & Testing`: for each
  `### User Story N - Title (Priority: P1)` what it is for, and below `**Acceptance Scenarios**:` a
  numbered list `1. **Given** state, **When** action, **Then** outcome`. `### Edge Cases`.
- `## Requirements`, `### Functional Requirements`: a list `- **FR-001**: System MUST ...`;
  `### Non-Functional Requirements`: `- **NFR-001**: ...`; `### Key Entities`.
- `## Success Criteria`: `- **SC-001**: ...`. `## Decisions`, `## Assumptions`, `## Out of Scope`.
""",
    "high_level": f"""\
This project writes designs as Spec Kit does: `# Implementation Plan: TITLE`, `## Summary`,
`## Technical Context`. Requirements are named `Validates: FR-001, US1`. {DESIGN_FORM}""",
    "tasks": """\
This project writes tasks as Spec Kit does, so in the place of numbers: `# Tasks: TITLE`, then
`## Phase 1: Setup`, `## Phase 2: Foundational` where there is such work, and for each story
`## Phase 3: User Story 1 - Title (Priority: P1)`. Below them
`- [ ] T001 [P] [US1] Title with its file (FR-001, FR-002) (depends on T002)`: [P] where it touches
no file of another open task, [US1] in phases of stories only, and every FR and NFR in one task.
""",
}


def _new(files: Files, name: str) -> str:
    """Return the folder of a feature with the next number."""
    parts = [path.removeprefix(f"{FOLDER}/").split("-")[0] for path in files.paths(FOLDER)]
    numbers = [int(one) for one in parts if one.isdigit() and len(one) < 5]
    return f"{FOLDER}/{max(numbers, default=0) + 1:03d}-{name}"


SPEC_KIT = Dialect(
    "spec-kit",
    find_spec_kit,
    read_spec_kit,
    "specs/<number>-<feature>/tasks.md",
    at=lambda path, names: spec_kit_ref(path, names) if names & {"spec.md", "plan.md"} else None,
    numbered=True,
    tasks=TaskSyntax(ids=r"T\d{3,}[a-z]?", indented=True, done="X"),
    # Checklists say what a spec has to be, in words that are faults in a spec.
    checks=CheckedAs({**PARTS, "checklists/": "other"}, by_story=True),
    writing=Writing(
        _new, ("spec.md", "plan.md", "plan.md", "tasks.md"), set_up=".specify", forms=_FORMS
    ),
)
