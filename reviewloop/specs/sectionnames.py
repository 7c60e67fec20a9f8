"""Knows what people call the sections of a single-file spec."""

import re
from collections.abc import Callable, Sequence
from typing import Literal

from reviewloop.specs.lines import Line, Section

Kind = Literal["tasks", "design", "requirements", "introduction"]

_NAMES: dict[Kind, re.Pattern[str]] = {
    "design": re.compile(
        r"\b(?:(?:high|low)[- ]?level|detailed|technical|system)\s+design\b|\bhld\b|\blld\b"
        r"|\bdesign\b|\barchitecture\b"
    ),
    "tasks": re.compile(
        r"\btask (?:plan|list|breakdown)\b|\btasks\b|\b(?:implementation|work|delivery) plan\b"
        r"|\bto-?do\b|^plan$"
    ),
    "requirements": re.compile(r"\brequirements?\b|\buser stories\b|\bacceptance criteria\b"),
    "introduction": re.compile(
        r"^(?:introduction|overview|summary|background|problem|goals?|context|purpose)\b"
    ),
}


def kind_of(title: str) -> Kind | None:
    """Return which part of a spec a heading opens: the word that comes first in it decides."""
    clean = re.sub(r"[*_`]", "", title).casefold()
    clean = re.sub(
        r"^\W*(?:(?:phase|section|part|step)\s*)?\d*(?:\.\d+)*[.):]?\s*[-–—:]*\s*", "", clean
    )
    found = [(hit.start(), kind) for kind, name in _NAMES.items() if (hit := name.search(clean))]
    return min(found, key=lambda one: one[0])[1] if found else None


def is_named(kind: Kind, lines: Sequence[Line]) -> Callable[[Section], bool]:
    """Return a test for sections of one kind; the title of the whole document is none."""
    tops = [line.number for line in lines if line.level == 1]
    document_title = tops[0] if len(tops) == 1 else 0
    return lambda section: (
        section.lines[0].number != document_title and kind_of(section.title) == kind
    )
