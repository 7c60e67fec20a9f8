"""Recognises the sections of a spec by usual headings, and collects its general parts."""

import re
from collections.abc import Callable, Sequence
from typing import Literal

from reviewloop.regex import regex
from reviewloop.specs.lines import Line, Section
from reviewloop.specs.requirements import is_requirement_head, is_requirement_item

Kind = Literal["tasks", "design", "requirements", "introduction"]

_NAMES: dict[Kind, re.Pattern[str]] = {
    "design": regex(
        r"\b(?:(?:high|low)[- ]?level|detailed|technical|system)\s+design\b|\bhld\b|\blld\b"
        r"|\bdesign\b|\barchitecture\b"
    ),
    "tasks": regex(
        r"\btask (?:plan|list|breakdown)\b|\btasks\b|\b(?:implementation|work|delivery) plan\b"
        r"|\bto-?do\b|^plan$"
    ),
    "requirements": regex(r"\brequirements?\b|\buser stories\b|\bacceptance criteria\b"),
    "introduction": regex(
        r"^(?:introduction|overview|summary|background|problem|goals?|context|purpose)\b"
    ),
}


def kind_of(title: str) -> Kind | None:
    """Return the part of a spec that a heading opens: the first matching word decides."""
    clean = re.sub(r"[*_`]", "", title).casefold()
    clean = re.sub(
        r"^\W*(?:(?:phase|section|part|step)\s*)?\d*(?:\.\d+)*[.):]?\s*[-–—:]*\s*", "", clean
    )
    found = [(hit.start(), kind) for kind, name in _NAMES.items() if (hit := name.search(clean))]
    return min(found, key=lambda one: one[0])[1] if found else None


def is_named(kind: Kind, lines: Sequence[Line]) -> Callable[[Section], bool]:
    """Return a test for sections of one kind; the title of the whole document does not match."""
    tops = [line.number for line in lines if line.level == 1]
    document_title = tops[0] if len(tops) == 1 else 0
    return lambda section: (
        section.lines[0].number != document_title and kind_of(section.title) == kind
    )


_ALWAYS = regex(
    r"non-?\s?functional|constraint|\btest|success|dependenc|assumption|out of scope|non-goals"
    r"|edge cases?|glossary|compatib|quality",
    re.IGNORECASE,
)
_CONSTRAINTS = regex(r"non-?\s?functional|\bconstraints?\b", re.IGNORECASE)
_OTHER = regex(
    r"^\W*(?:user story \d|waves?\b|execution order)"
    r"|\btasks? dependenc|dependenc\w+ (?:between|of|graph)|\bphase dependenc",
    re.IGNORECASE,
)


def general_parts(lines: Sequence[Line]) -> str:
    """Return the sections of a spec that hold for every task, as one text."""
    return "\n\n".join(general_sections(lines))


def general_sections(lines: Sequence[Line]) -> list[str]:
    """Return the sections of requirements that concern no single one, as written.

    These are constraints, non-functional requirements, testing, success criteria, dependencies.
    Sections of design, tasks and introduction are not among them.
    """
    tops = [line.number for line in lines if line.level == 1]
    title = tops[0] if len(tops) == 1 else 0
    kept: list[str] = []
    trail: list[Line] = []
    part: list[Line] = []
    ends: list[Line | None] = [*lines, None]
    for line in ends:
        if line is None or line.level:
            if trail and _is_general(trail, part):
                kept.append("\n".join(one.text for one in part).strip())
            if line is None:
                break
            trail = [one for one in trail if one.level < line.level]
            trail += [line] if line.number != title else []
            part = []
        part.append(line)
    return kept


def constraints_in(lines: Sequence[Line]) -> str:
    """Return the sections of a design that hold for every task."""
    parts: list[str] = []
    level = 0
    for line in lines:
        if line.level and (not level or line.level <= level):
            level = line.level if _CONSTRAINTS.search(line.title) else 0
            if level:
                parts.append(line.text)
        elif level:
            parts[-1] += f"\n{line.text}"
    return "\n\n".join(part.strip() for part in parts)


def _is_general(trail: Sequence[Line], part: Sequence[Line]) -> bool:
    """Whether the text right below the last heading of a trail concerns no single requirement."""
    body = part[1:]
    if not any(line.text.strip() for line in body):
        return False
    if any(_OTHER.match(line.title) or is_requirement_head(line.title) for line in trail):
        return False
    # Some users tick criteria like tasks.
    if kind_of(trail[-1].title) != "requirements" and any(_is_task(line) for line in body):
        return False
    above = {kind_of(line.title) for line in trail[:-1]}
    if above & {"design", "tasks"}:
        return False
    if any(_ALWAYS.search(line.title) for line in trail):
        return True
    kind = kind_of(trail[-1].title)
    if kind in {"design", "tasks", "introduction"} or "introduction" in above:
        return False
    ordered = "requirements" in {kind, *above}
    return not any(is_requirement_item(line, ordered=ordered) for line in body)


def _is_task(line: Line) -> bool:
    return re.match(r"\s*[-*] \[[ xX~-]\]\*? ", line.text) is not None and not line.code
