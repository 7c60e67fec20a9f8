"""Checks a phase of a spec with its dialect's own reader, before it is written.

A phase with a problem goes back to its agent once; one that a user edited cannot be approved.
"""

import re
from collections.abc import Iterable, Mapping

from reviewloop.domain.task import Spec
from reviewloop.regex import regex
from reviewloop.specs.checks.view import read_view
from reviewloop.specs.dialect import dialect_named
from reviewloop.specs.files import Overlay
from reviewloop.specs.own_headings import foreign_headings
from reviewloop.specs.requirements import resolve, whole_requirements
from reviewloop.specs.writing import TITLES, SpecFiles

_CODED = regex(r"[A-Z]{1,6}(?:-[A-Z]{1,6})?-\d+[a-z]?")
_NAMED = regex(
    r"(?:requirements?|validates)\W+"
    r"((?:(?:\d+(?:\.\d+)*|US\d+(?:\.\d+)?|(?:FR|NFR)-\d+)\b\s*(?:,|and)?\s*)+)",
    re.IGNORECASE,
)
_IDENT = regex(r"(?:US|N?FR-)?\d+(?:\.\d+)*")
_NOT_SERVED = ("SC-", "AC-", "EC-")  # success criteria and edge cases, which no task serves alone


def with_texts(spec: SpecFiles, texts: Mapping[str, str]) -> SpecFiles:
    """Return the files of a spec as they would be with these phases written."""
    for phase, text in texts.items():
        made = spec.with_phase(phase, text)
        encoded = {path: one.encode("utf-8", "surrogateescape") for path, one in made.items()}
        spec = SpecFiles(Overlay(spec.files, encoded), spec.form, spec.path)
    return spec


def phase_problem(phase: str, spec: SpecFiles, text: str, done: Iterable[str] = ()) -> str:
    """Return what is wrong with a phase, or ""; `done` are titles of tasks done before."""
    if not text.strip():
        return "`document` is empty"
    if spec.parts and spec.text_of(phase) and (others := foreign_headings(text, phase, TITLES)):
        return f"`## {others[0]}` is no heading of this phase; keep the headings that are there"
    written = with_texts(spec, {phase: text})
    found = read_view(written.files, written.ref).spec
    if phase == "requirements":
        return _of_requirements(found)
    required = served(found)
    if phase == "tasks":
        return _of_tasks(found, required, done)
    return _of_design(text, found.requirements)


def served(spec: Spec) -> dict[str, str]:
    """Return the requirements that tasks must serve."""
    return {
        key: text
        for key, text in whole_requirements(spec.requirements).items()
        if not key.startswith(_NOT_SERVED)
    }


def counts(spec: Spec) -> tuple[int, int]:
    """Return the numbers of functional and of other requirements of a spec."""
    keys = list(served(spec))
    others = sum(key.startswith("NFR") for key in keys)
    coded = [key for key in keys if not key.startswith(("US", "NFR"))]
    return len(coded) or len(keys) - others, others


def _of_requirements(spec: Spec) -> str:
    required = served(spec)
    if not required:
        return "no requirement has an id: write '### Requirement 1: Title' and numbered criteria"
    for key in required:
        own = any(one.startswith(f"{key}.") for one in spec.requirements)
        if not own and not _CODED.fullmatch(key):
            return f"requirement {key} has no numbered acceptance criteria"
    by_story = dialect_named(spec.dialect).checks.by_story
    if by_story and not any(key.startswith("US") for key in required):
        return "no user story: write '### User Story 1 - Title (Priority: P1)' and its scenarios"
    return ""


def _of_design(text: str, required: Mapping[str, str]) -> str:
    named = [one for listed in _NAMED.findall(text) for one in _IDENT.findall(listed)]
    unknown = resolve(list(dict.fromkeys(named)), required)[1]
    return f"the design names requirement {unknown[0]}, which nobody wrote" if unknown else ""


def _of_tasks(spec: Spec, required: Mapping[str, str], done: Iterable[str]) -> str:
    if spec.problems:
        first = spec.problems[0]
        return f"line {first.line}: {first.message}"
    reached: set[str] = set()
    for task in spec.tasks:
        found, missing = resolve(task.requirements, spec.requirements)
        if missing:
            return f"task {task.id} names requirement {missing[0]}, which nobody wrote"
        for key in found:
            while key:
                reached.add(key)
                key = key.rpartition(".")[0]
    left = [key for key in required if key not in reached]
    if left:
        return f"no task serves requirement {left[0]}"
    ticked = {task.title for task in spec.tasks if task.state == "done"}
    undone = [task for task in spec.tasks if task.title in set(done) - ticked]
    if undone:
        return f"task {undone[0].id} '{undone[0].title}' was done; it keeps its tick"
    return spec.notices[0] if spec.notices else ""
