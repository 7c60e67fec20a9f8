"""Reads what stands below a task line: the requirements it names, what it waits for."""

import re
from dataclasses import dataclass

_LEAD = r"^[\s>]*(?:[-*+•]\s+)?[_*]{0,3}"
_DEPENDS = re.compile(
    _LEAD
    + r"(?:depends(?:[ _]on)?|dependenc(?:y|ies)|blocked by)[_*]{0,3}\s*:[_*]{0,3}(?P<value>.*)$",
    re.IGNORECASE,
)
_DEPENDS_KIRO = re.compile(r"^[\s>]*(?:[-*+]\s+)?_depends(?:[ _]on)?:", re.IGNORECASE)
_REQUIREMENTS = re.compile(
    _LEAD + r"(?:requirements?|reqs?\.?|requirement ids?|validates|satisfies)"
    r"[_*]{0,3}\s*:[_*]{0,3}(?P<value>.*)$",
    re.IGNORECASE,
)
_BLOCKED = re.compile(_LEAD + r"blocked[_*]{0,3}\s*:[_*]{0,3}(?P<value>.*)$", re.IGNORECASE)
_INLINE_DEPENDS = re.compile(
    r"(?:\(|\s[—–|-]\s*)(?:depends(?: on)?|dependenc(?:y|ies)|deps|blocked by)\s*:?\s+"
    r"(?P<value>[^()]*\d[^()]*)(?:\)|$)",
    re.IGNORECASE,
)
CHECKLIST = re.compile(
    r"(?:acceptance|success) criteria|definition of done|done when|checklist|verification"
    r"|how to test",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Details:
    """The parts of a task's lines that mean something to the loop; values as written."""

    depends: tuple[str, ...] = ()
    declares_depends: bool = False
    fully_declared: bool = False  # written as a field of every task, not as Kiro's extra hint
    requirements: tuple[str, ...] = ()
    blocked: str = ""


def read_details(title: str, body: list[str]) -> Details:
    """Read the lines below a task; lines inside code were left out by the caller."""
    depends = [found["value"] for found in _INLINE_DEPENDS.finditer(title)]
    requirements: list[str] = []
    blocked = ""
    fully = False
    declared = bool(depends)
    for place, line in enumerate(body):
        if found := _DEPENDS.match(line):
            declared = True
            fully = fully or not _DEPENDS_KIRO.match(line)
            depends += _values(found["value"], body[place + 1 :])
        elif found := _REQUIREMENTS.match(line):
            requirements += _values(found["value"], body[place + 1 :])
        elif found := _BLOCKED.match(line):
            blocked = clean(found["value"]) or "no reason given"
    return Details(tuple(depends), declared, fully, tuple(requirements), blocked)


def clean(value: str) -> str:
    """Return a value without the emphasis marks around it."""
    return value.strip().strip("_*").strip()


def _values(value: str, following: list[str]) -> list[str]:
    """Return the value of a field, or the list items below it where its own line has none."""
    if clean(value):
        return [clean(value)]
    items = []
    for line in following:
        item = re.match(r"^\s*[-*+•]\s+(?P<item>[^_*].*)$", line)
        if not item or ":" in item["item"]:
            break
        items.append(item["item"])
    return items
