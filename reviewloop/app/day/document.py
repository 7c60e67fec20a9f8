"""Writes and reads the handoff document: nine sections in Markdown, and a record of the facts."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from reviewloop import __version__
from reviewloop.domain.errors import UsageError
from reviewloop.domain.handoff import Handoff, Left
from reviewloop.regex import regex
from reviewloop.render.text import counted

BEFORE, NEXT, STATE = "BEFORE RESUMING", "IMMEDIATE NEXT STEPS", "CURRENT STATE"
DONE, REMAINING, CLOUD = "WHAT WE DID THIS SESSION", "WHAT'S REMAINING", "AWS RESOURCES"
FILES, DECISIONS, PREFERENCES = "KEY FILES", "KEY DECISIONS", "STAKEHOLDER PREFERENCES"
SECTIONS = (BEFORE, NEXT, STATE, DONE, REMAINING, CLOUD, FILES, DECISIONS, PREFERENCES)
"""The headings, in order."""

_VERSION = 1
_TITLE = "# Session handoff"
_WRITTEN = "Written "
_RECORD = regex(r"^<!-- reviewloop-handoff (\{.*\}) -->$", re.MULTILINE)
_MARKS = regex(r"^(?:<{7}|>{7}|={7}(?=$))(?: |$)", re.MULTILINE)
_NONE = "none"


def document(
    handoff: Handoff, show: Callable[[str], str], done: Sequence[str] | None = None
) -> str:
    """Return the document; the same facts give the same text, except for the line with the time.

    `show` redacts secrets; `done` are shortened lines of what was done.
    """
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(handoff.at))
    head = f"{_TITLE}\n\n{_WRITTEN}{at} by reviewloop {__version__}.\n"
    body = "\n".join(f"## {name}\n\n{_lines(name, handoff, done)}\n" for name in SECTIONS)
    body = show(body)  # redacted as it is read back, or it would count as edited
    return f"{head}\n{body}\n{show(_record(handoff, body))}\n"


def _lines(name: str, handoff: Handoff, done: Sequence[str] | None) -> str:
    written = {
        BEFORE: lambda: _bullets(one.text for one in handoff.blockers),
        NEXT: lambda: _numbered(f"`{one.command}` — {one.why}" for one in handoff.steps),
        STATE: lambda: _bullets(_state(handoff)),
        DONE: lambda: _bullets(lines_done(handoff) if done is None else done),
        REMAINING: lambda: _remaining(handoff),
        CLOUD: lambda: _table(
            ("resource", "kind", "where"),
            ((f"`{one.name}`", one.kind, one.where) for one in handoff.cloud),
        ),
        FILES: lambda: _files(handoff),
        DECISIONS: lambda: _numbered(handoff.decisions),
        PREFERENCES: lambda: "\n".join(handoff.preferences),
    }[name]()
    return written or _NONE


def _state(handoff: Handoff) -> Iterator[str]:
    git = handoff.git
    yield f"branch: {git.branch or 'none, HEAD is detached'}"
    yield f"last commit: {git.head[:10]} {git.subject}"
    if git.dirty:
        yield f"uncommitted: {', '.join(git.dirty[:8])}{_more(len(git.dirty) - 8)}"
    else:
        yield "uncommitted: nothing"
    for one in handoff.progress:
        yield f"{one.name}: {one.done}/{one.total} tasks ({one.spec})"
    if handoff.tests:
        found = handoff.tests
        counts = f"{found.passed} passed, {found.failed} failed, {found.skipped} skipped"
        yield f"tests: {counts} (run {found.run})"
    else:
        yield "tests: not counted"
    yield from (f"live: {address}" for address in handoff.live)


def lines_done(handoff: Handoff) -> list[str]:
    """Return what was done in the session, one line each."""
    return [_one_line(line) for line in _work(handoff)]


def _work(handoff: Handoff) -> Iterator[str]:
    for one in reversed(handoff.done):
        task = f"task {one.task}: " if one.task else ""
        rounds = f"; {counted(one.rounds, 'round')}, {one.fixed} fixed, {one.left} left"
        cost = "" if one.cost_usd is None else f", ${one.cost_usd:.2f}"
        commit = f" as {one.commit[:10]}" if one.commit else ""
        why = f" ({one.reason})" if one.reason else ""
        yield f"{task}{one.title}: {one.state}{commit}{why}{rounds}{cost} (run {one.run})"
        yield from (f"run {one.run} fixed: {text}" for text in one.mended)
        yield from (f"run {one.run} left: {text}" for text in one.open)
    by_runs = {one.commit for one in handoff.done}
    for made in reversed(handoff.git.commits):
        if made.id not in by_runs:
            yield f"commit {made.id[:10]}: {made.subject}"


def _remaining(handoff: Handoff) -> str:
    rows = ((one.id, one.title, one.state, one.spec) for one in handoff.remaining)
    table = _table(("task", "title", "status", "spec"), rows)
    more = _more(handoff.more_remaining).strip(" ,")
    return f"{table}\n\n{more}; `reviewloop tasks` lists all" if more else table


def _files(handoff: Handoff) -> str:
    rows = []
    for area, files in groupby(handoff.files, key=lambda file: file.area):
        for number, one in enumerate(files):
            figures = f"+{one.added} −{one.removed}"
            rows.append((area if not number else "", f"`{one.path}`", figures, one.by))
    return _table(("area", "file", "lines", "run"), rows)


def _more(number: int) -> str:
    return f", and {number} more" if number > 0 else ""


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_one_line(line)}" for line in lines)


def _numbered(lines: Iterable[str]) -> str:
    return "\n".join(f"{number}. {_one_line(line)}" for number, line in enumerate(lines, 1))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    listed = [" | ".join(_cell(cell) for cell in row) for row in rows]
    if not listed:
        return ""
    return "\n".join(
        f"| {row} |" for row in (" | ".join(head), " | ".join("---" for _ in head), *listed)
    )


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")


def _one_line(text: str) -> str:
    """Return a text as one line that starts no heading, comment or fence."""
    return " ".join(text.split()).replace("<!--", "&lt;!--").replace("```", "'''")


# The record, by which `session resume` compares


def _record(handoff: Handoff, body: str) -> str:
    git = handoff.git
    kept = {
        "version": _VERSION,
        "at": handoff.at,
        "since": int(handoff.since),
        "branch": git.branch,
        "head": git.head,
        "dirty": list(git.dirty),
        "runs": handoff.states,
        "digest": _digest(body),
    }
    text = json.dumps(kept, ensure_ascii=True).replace(">", "\\u003e")
    return f"<!-- reviewloop-handoff {text} -->"


def _digest(body: str) -> str:
    return hashlib.sha256(body.strip().encode()).hexdigest()[:16]


def read(path: str, text: str) -> Left:
    """Return the content of a document; one without our record has its sections only.

    Raises `UsageError` for conflict marks in the file.
    """
    if found := _MARKS.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise UsageError(
            f"{path}:{line} has marks of a merge conflict; resolve it, or delete the file and let "
            "`reviewloop handoff` write it anew"
        )
    sections = _sections(text)
    records = _RECORD.findall(text)
    try:
        kept = json.loads(records[-1]) if records else {}
        if kept.get("version", _VERSION) > _VERSION:
            raise UsageError(
                f"{path} was written by a newer release of reviewloop (version {kept['version']}); "
                "use that one here, too"
            )
        if not kept:
            return Left(path, sections=sections)
        return Left(
            path,
            float(kept["at"]),
            float(kept["since"]),
            str(kept["branch"]),
            str(kept["head"]),
            tuple(map(str, kept["dirty"])),
            {str(run): str(state) for run, state in kept["runs"].items()},
            is_ours=True,
            is_edited=kept["digest"] != _digest(_body(text)),
            sections=sections,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Left(path, is_edited=True, sections=sections)


def _body(text: str) -> str:
    start, end = text.find("\n## "), text.rfind("<!-- reviewloop-handoff ")
    return text[start:end] if 0 <= start < end else ""


def _sections(text: str) -> dict[str, tuple[str, ...]]:
    """Return heading -> the lines below it; a line "none" counts as no line."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in _RECORD.sub("", text).splitlines():
        if line.startswith("## "):
            name = line[3:].strip()
            found[name] = []
        elif name and line.strip() and line.strip() != _NONE:
            found[name].append(line.rstrip())
    return {name: tuple(lines) for name, lines in found.items()}
