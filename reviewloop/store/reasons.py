"""Stores reasons as kind and parameters, and reads the sentences of older records."""

import json
import re
from collections.abc import Mapping
from typing import TypedDict

from reviewloop.domain.reason import NO_REASON, Param, Reason, ReasonKind, reason
from reviewloop.regex import regex

VERSION = 1


class StoredReason(TypedDict):
    """A reason as JSON-plain values; the record also has its sentence."""

    version: int
    kind: str
    params: Mapping[str, str | int | float | bool | list[str]]


# Sentences of releases without kinds, by what they start with or hold; only for reading. Nothing is
# added here: new records have kinds.
_BEFORE: tuple[tuple[ReasonKind, re.Pattern[str]], ...] = (
    (ReasonKind.CHANGE_EMPTY, regex(r"the change is empty")),
    (
        ReasonKind.CAP_REACHED,
        regex(
            r"the cap (?P<cap>\S+) of this run is reached"
            r"(?:.*`reviewloop resume (?P<flag>--[\w-]+) (?P<needed>[\d.]+)`)?",
            re.DOTALL,
        ),
    ),
    (
        ReasonKind.COMMIT_REFUSED,
        regex(r"(?P<why>.*; (?P<obstacle>commit, revert or move )(?:it|them)\b)", re.DOTALL),
    ),
    (
        ReasonKind.COMMIT_REFUSED,
        regex(r"(?P<why>.*?), then `reviewloop approve", re.DOTALL),
    ),
)


def stored_reason(given: Reason) -> StoredReason:
    """Return the JSON-plain values of a reason."""
    values = {n: [*v] if isinstance(v, tuple) else v for n, v in given.params.items()}
    return {"version": VERSION, "kind": str(given.kind), "params": values}


def read_reason(stored: object, sentence: str) -> Reason:
    """Return the reason that `stored_reason` wrote beside its sentence.

    Without one, or for one of a later release, only the sentence is known: it becomes the reason's
    `text`, with the kind that older releases would have seen in it, or LEGACY.
    """
    if isinstance(stored, Mapping) and stored.get("version") == VERSION:
        kind, params = str(stored.get("kind")), stored.get("params")
        known = kind in set(ReasonKind) and (kind or not sentence)
        if known and isinstance(params, Mapping):
            values = {str(n): _param(v) for n, v in params.items()}
            return reason(ReasonKind(str(kind)), **{**_in_brief(values.get("text")), **values})
    return _read_sentence(sentence) if sentence else NO_REASON


def stored_note(because: Reason, sentence: str) -> str:
    """Return a reason and its sentence as the text of a column, "" for none."""
    return json.dumps({**stored_reason(because), "sentence": sentence}) if because else ""


def read_note(stored: str) -> Reason:
    """Return the reason that `stored_note` wrote; earlier releases stored its sentence alone.

    Such a sentence is shown as it is, and no decision reads it.
    """
    try:
        note = json.loads(stored or "{}")
    except ValueError:
        note = None
    if isinstance(note, dict):
        return read_reason(note, str(note.get("sentence", "")))
    return reason(ReasonKind.LEGACY, text=stored)


def _param(value: object) -> Param:
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    return value if isinstance(value, str | int | float | bool) else str(value)


def _read_sentence(sentence: str) -> Reason:
    for kind, pattern in _BEFORE:
        if found := pattern.match(sentence):
            values: dict[str, Param] = {n: v for n, v in found.groupdict().items() if v is not None}
            if "needed" in values:
                values["needed"] = float(found["needed"].rstrip("."))
            if "obstacle" in values:
                values["obstacle"] = str(ReasonKind.FILES_IN_THE_WAY)
            return reason(kind, text=sentence, **_in_brief(sentence), **values)
    return reason(ReasonKind.LEGACY, text=sentence, **_in_brief(sentence))


_SUMS = regex(r" \(all in all [^)]*\)(?=; |$)")


def _in_brief(sentence: object) -> dict[str, str]:
    """Return the part of an older sentence before its advice, where it has both."""
    if not isinstance(sentence, str):
        return {}
    short = _SUMS.sub("", sentence.partition("; nothing is lost")[0])
    return {} if short == sentence else {"brief": short}


# The sentences from which releases without kinds made decisions; the first match counts.
_OF_BATCHES: tuple[tuple[ReasonKind, re.Pattern[str]], ...] = (
    (ReasonKind.NOT_CHOSEN, regex(r"\Awas not chosen this time")),
    (ReasonKind.NEED_OPEN, regex(r"\Awaits for ")),
    (ReasonKind.NOT_COMMITTED, regex(r"\Acould not be committed: (?P<why>.*)", re.DOTALL)),
    (ReasonKind.STILL_BLOCKED, regex(r"\Atask (?P<task>.+) is blocked still")),
    (ReasonKind.FAILURE_STOPS, regex(r"--until-failure")),
    (
        ReasonKind.CAP_REACHED,
        regex(r"`reviewloop resume (?P<flag>--[\w-]+) (?P<needed>[\d.]+)`"),
    ),
    (ReasonKind.BATCH_CAP, regex(r"--budget-usd|--deadline")),
    (ReasonKind.BUILDS_ON, regex(r"it builds on |what it was built on ")),
)


def legacy_reason(sentence: str) -> Reason:
    """Return the reason of a sentence that a release without kinds stored of a run or a task."""
    if not sentence:
        return NO_REASON
    for kind, pattern in _OF_BATCHES:
        if found := pattern.search(sentence):
            values: dict[str, Param] = {"text": sentence, **_in_brief(sentence)}
            values |= found.groupdict()
            if kind is ReasonKind.BATCH_CAP:
                values["flags"] = tuple(dict.fromkeys(pattern.findall(sentence)))
            if "why" in values:
                values["obstacle"] = read_reason(None, str(values["why"])).text("obstacle")
            return reason(kind, **values)
    return read_reason(None, sentence)
