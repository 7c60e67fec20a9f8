"""A change of a spec as text: its edits, its impact, and its report."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from reviewloop.domain.impact import KINDS, FileKind, Impact, ImpactedFile
from reviewloop.domain.spec_delta import SpecDelta
from reviewloop.render.text import counted

_MOST_LISTED = 40  # files of one part of an impact
_TITLES: Mapping[FileKind, str] = {
    "spec": "spec",
    "code": "code",
    "schema": "schemas",
    "settings": "settings",
    "test": "tests",
    "document": "documents",
    "diagram": "diagrams",
}


class ChangeGate(TypedDict, total=False):
    """What a change asks about: the impact of its sentence, then its delta, too."""

    notes: list[str]
    reasons: list[str]  # why the impact is asked about first
    impact: Mapping[str, object]  # `Impact.plain()`
    delta: Mapping[str, Any]  # `SpecDelta.plain()`
    words: Mapping[str, str]  # path -> its edits as text


def gate_lines(asks: ChangeGate) -> Iterator[str]:
    """Yield the lines of a gate: the impact alone, or with the delta."""
    for note in asks.get("notes", ()):
        yield f"note: {note}"
    for reason in asks.get("reasons", ()):
        yield f"asks first: {reason}"
    if plain_delta := asks.get("delta"):
        delta = SpecDelta.from_plain(plain_delta)
        yield f"== {delta.spec}: {summary(delta)} =="
        for path, words in asks["words"].items():
            yield path
            yield words
        yield from (f"  {one.words}" for one in delta.changes)
    yield from impact_lines(Impact.from_plain(asks["impact"]), is_decided="delta" in asks)


def summary(delta: SpecDelta) -> str:
    """Return the size of a delta, in a few words."""
    parts = [
        counted(len(delta.edits), "edit"),
        counted(len(delta.requirements), "requirement or criterion", "requirements and criteria"),
        counted(len(delta.tasks), "task"),
    ]
    return ", ".join(parts)


def impact_lines(impact: Impact, *, is_decided: bool) -> Iterator[str]:
    """Yield the impact of a change by kind; files that stay unchanged come last, with the reason.

    Before there is a delta nothing `is_decided`: files only mention the subject of the sentence.
    """
    order = {kind: position for position, kind in enumerate(KINDS)}
    files = sorted(impact.files, key=lambda one: order[one.kind])
    for title, rows in (
        ("reached", [one for one in files if one.task]),
        (
            "open: no task names them" if is_decided else "mention it",
            [one for one in files if one.is_open],
        ),
    ):
        if rows:
            yield f"== {counted(len(rows), 'file')} {title} =="
        for one in rows[:_MOST_LISTED]:
            by = f"task {one.task}; " if one.task else ""
            yield f"  {_TITLES[one.kind]} {_location(one)}: {by}{one.reason}"
        yield from _more(rows)
    if stays := [one for one in files if one.stays]:
        yield f"== {counted(len(stays), 'file')} that mention it and stay =="
        yield from (f"  {_location(one)}: {one.stays}" for one in stays[:_MOST_LISTED])
        yield from _more(stays)
    if impact.common_files:
        names = ", ".join(impact.common)
        yield f"{counted(impact.common_files, 'more file')} only mention {names}, as many do"
    if impact.left_out:
        yield f"not looked into: {counted(impact.left_out, 'file')} (too large, or no text)"


def _more(rows: Sequence[ImpactedFile]) -> Iterator[str]:
    if len(rows) > _MOST_LISTED:
        yield f"  and {len(rows) - _MOST_LISTED} more; `reviewloop change show --json` lists all"


def account_lines(
    commits: Sequence[tuple[str, str]],
    touched: Mapping[FileKind, Sequence[str]],
    left: Sequence[ImpactedFile],
) -> Iterator[str]:
    """Yield the report: commits, the files they touched by kind, and what is open."""
    yield from (f"{commit[:10]} {subject}" for commit, subject in commits)
    for kind in KINDS:
        if paths := touched.get(kind):
            yield f"{_TITLES[kind]}: {', '.join(paths)}"
    for one in left[:_MOST_LISTED]:
        by = f"task {one.task} names it" if one.task else one.reason
        yield f"open: {_location(one)}: {by}, and nothing touched it"
    yield from _more(left)


def _location(one: ImpactedFile) -> str:
    return f"{one.path}:{one.line}" if one.line else one.path
