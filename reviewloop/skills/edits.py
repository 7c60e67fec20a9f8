"""Targeted edits of a skill: each quotes the text it replaces, and a rewrite is refused."""

import difflib
from collections.abc import Sequence
from enum import StrEnum

from reviewloop.dataclass import dataclass

MOST_CHANGED = 0.4  # of the lines of a file
MANDATORY = "MANDATORY"


class Gap(StrEnum):
    """The reason to improve a skill."""

    OUTPUT = "output"  # the result was unexpected
    STEP = "step"  # a step had to be done by hand
    RULE = "rule"  # a rule was broken, or missing
    FORMAT = "format"  # the form of the output was wrong


GAPS = {
    Gap.OUTPUT: "the output diverged",
    Gap.STEP: "a step was missing",
    Gap.RULE: "a rule was broken or missing",
    Gap.FORMAT: "the format was wrong",
}


@dataclass(frozen=True)
class Edit:
    """The replacement of a text in a skill, its reason, and its evidence."""

    skill: str
    quote: str  # occurs once
    replacement: str
    gap: Gap
    evidence: str  # the id of a piece of evidence
    reason: str


def edit_problem(text: str, edit: Edit) -> str:
    """Return why an edit does not fit its skill, "" if it does."""
    count = text.count(edit.quote) if edit.quote.strip() else 0
    if count != 1:
        times = "is not in" if not count else f"stands {count} times in"
        return f"the quote {_short(edit.quote)!r} {times} {edit.skill}; quote lines that are unique"
    if edit.quote == edit.replacement:
        return f"the edit of {_short(edit.quote)!r} changes nothing"
    if edit.gap is Gap.RULE and MANDATORY not in edit.replacement:
        return f"{_short(edit.quote)!r}: a rule is strengthened visibly, with {MANDATORY}"
    return ""


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """Return a skill with these edits applied; each must fit."""
    for edit in edits:
        text = text.replace(edit.quote, edit.replacement, 1)
    return text


def share_changed(before: str, after: str) -> float:
    """Return the share of the old lines that were replaced, removed or added."""
    old, new = before.splitlines(), after.splitlines()
    changed = 0
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for kind, first, last, start, end in matcher.get_opcodes():
        if kind != "equal":
            changed += max(last - first, end - start)
    return changed / max(1, len(old))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
