"""Reads and writes the data in our comments, kept in HTML comments: the state, and findings."""

import base64
import binascii
import contextlib
import hashlib
import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from reviewloop.domain.finding import Finding, Severity
from reviewloop.github.api.answers import IssueComment, ReviewComment
from reviewloop.github.api.model import PullRequest, State
from reviewloop.regex import regex

Entry = Mapping[str, object]
"""The remembered state of a finding.

status: open, reported (only in the summary), fixed or dismissed; severity; path; comment_id: of its
comment, or None; reason: who dismissed it and why; code: see `matching.Codeprints`; by: the rule,
or the reviewers separated by commas.
"""

MOST_KEPT = 600  # findings
STATUSES = ("fixed", "reported", "open", "dismissed")  # the first status is dropped first
_SEVERITIES = tuple(Severity)
_MOST_TEXT = 160  # characters of a reason
_MOST_PATH = 1000
_MOST_REFUSED = 50  # people
_SHA = regex(r"(?:[0-9a-f]{40}|[0-9a-f]{64})?")
_FINGERPRINT = regex(r"[0-9a-f]{12}")
_CODE = regex(r"(?:[0-9]{1,3}:[0-9a-f]{8}|file|none)?")


class Damaged(Exception):  # noqa: N818 - internal: callers turn it into a note
    """The data is nothing that we wrote for this pull request; the message says why."""


def keep_newest(findings: Mapping[str, Entry], most: int) -> dict[str, Entry]:
    """Return at most so many of the findings, in their order: the newest of the most important."""
    if len(findings) <= most:
        return dict(findings)
    ranks = {status: rank for rank, status in enumerate(STATUSES)}
    order = sorted(
        enumerate(findings),
        key=lambda item: (ranks.get(str(findings[item[1]].get("status")), 0), item[0]),
    )
    stay = {name for _, name in order[len(order) - max(most, 0) :]}
    return {name: entry for name, entry in findings.items() if name in stay}


def pack_state(state: State, pull: PullRequest) -> dict[str, Any]:
    """Return the state as JSON-plain values bound to the pull request; each path once."""
    paths: dict[str, int] = {}
    sources: dict[str, int] = {}
    rows = []
    for name, entry in state.findings.items():
        path = str(entry.get("path", ""))[:_MOST_PATH].encode("utf-8", "replace").decode()
        by = str(entry.get("by", ""))[:_MOST_TEXT]
        row: list[object] = [
            name,
            STATUSES.index(str(entry["status"])),
            _SEVERITIES.index(Severity(str(entry["severity"]))),
            paths.setdefault(path, len(paths)),
            entry.get("comment_id") or 0,
            str(entry.get("code", "")),
            sources.setdefault(by, len(sources)),
        ]
        reason = str(entry.get("reason", ""))[:_MOST_TEXT].encode("utf-8", "replace").decode()
        rows.append([*row, reason] if reason else row)
    return {
        **{"repo": pull.repo.full.lower(), "pull": pull.number},
        **{"head": state.reviewed_sha, "base": state.base_sha, "paused": state.paused},
        **{"usd": round(state.spent_usd, 6), "tokens": state.spent_tokens},
        **({"refused": list(state.refused[-_MOST_REFUSED:])} if state.refused else {}),
        **{"paths": list(paths), "by": list(sources), "findings": rows},
    }


def unpack_state(data: object, pull: PullRequest) -> State:
    """Return the state that was packed for this pull request; raise Damaged for anything else."""
    if not isinstance(data, dict):
        raise Damaged("it is damaged")
    if data.get("repo") != pull.repo.full.lower() or data.get("pull") != pull.number:
        raise Damaged("it belongs to another pull request")
    try:
        return State(
            reviewed_sha=_fitting(_SHA, data["head"]),
            base_sha=_fitting(_SHA, data["base"]),
            findings=_entries(data),
            paused=_flag(data["paused"]),
            spent_usd=_amount(data["usd"]),
            spent_tokens=_number(data["tokens"]),
            refused=_logins(data.get("refused", [])),
        )
    except (KeyError, IndexError, TypeError, ValueError):
        raise Damaged("it is damaged") from None


def _entries(data: Mapping[str, Any]) -> dict[str, Entry]:
    rows = data["findings"]
    if not isinstance(rows, list) or len(rows) > MOST_KEPT:
        raise ValueError
    paths = [_text(path, _MOST_PATH) for path in data["paths"]]
    sources = [_text(by, _MOST_TEXT) for by in data["by"]]
    found: dict[str, Entry] = {}
    for row in rows:
        name, status, severity, path, comment, code, by, *reason = row
        found[_fitting(_FINGERPRINT, name)] = {
            "status": STATUSES[_number(status)],
            "severity": str(_SEVERITIES[_number(severity)]),
            "path": paths[_number(path)],
            "comment_id": _number(comment) or None,
            "reason": _text(reason[0], _MOST_TEXT) if reason else "",
            "code": _fitting(_CODE, code),
            "by": sources[_number(by)],
        }
    return found


def _logins(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MOST_REFUSED:
        raise ValueError
    return tuple(_text(each, _MOST_TEXT) for each in value)


def _fitting(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError
    return value


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        raise ValueError
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError
    return value


def _amount(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not 0 <= value < 1e9:  # neither is it for values that are no number
        raise ValueError
    return float(value)


VERSION = 1
MOST_CHARACTERS = 20_000  # of a marker: the comment of at most 65,536 has more text
_MOST_BYTES = 1_000_000  # after unpacking
_STATE = "<!-- reviewloop:state:v"

_FINDING = regex(r"<!-- reviewloop:finding ([0-9a-f]{12}) -->")
_ANSWER = regex(r"<!-- reviewloop:answer ([0-9a-f]{12}) ([a-z]{1,20}) -->")
_COMMAND = regex(r"<!-- reviewloop:command ([0-9]{1,20}) -->")
_DISMISSED = regex(r"<!-- reviewloop:dismissed ([0-9a-f]{12}) ([A-Za-z0-9_-]{1,1200}) -->")
_REOPENED = regex(r"<!-- reviewloop:reopened ([0-9a-f]{12}) -->")
ANY = "<!-- reviewloop:"


def is_ours(comment: IssueComment | ReviewComment, me: str) -> bool:
    """Whether we wrote the comment: `me` is the login of our token, with [bot] for a program's."""
    same = bool(me) and comment.author.casefold() == me.casefold()
    return same and comment.author_is_bot == me.endswith("[bot]")


def finding_marker(fingerprint: str) -> str:
    """Return the marker line that names a finding at the start of its comment."""
    return f"<!-- reviewloop:finding {fingerprint} -->"


def findings_in(body: str) -> tuple[str, ...]:
    """Return the fingerprints in the marker lines at the start of a comment.

    Further down they come from quoted text.
    """
    matches = map(_FINDING.fullmatch, _first_marks(body.strip().splitlines()))
    return tuple(dict.fromkeys(match[1] for match in matches if match))


def answer_marker(fingerprint: str, answer: str) -> str:
    """Return the marker line at the end of our reply; `answer` is one word: fixed or back."""
    return f"<!-- reviewloop:answer {fingerprint} {answer} -->"


def parse_reply(body: str) -> tuple[str, str]:
    """Return (fingerprint, word) of a reply of ours, ("", "") for any other comment."""
    lines = body.strip().splitlines()
    match = _ANSWER.fullmatch(lines[-1].strip()) if lines else None
    return (match[1], match[2]) if match else ("", "")


def command_marker(comment: int) -> str:
    """Return the marker line at the start of the answer to the command in that comment."""
    return f"<!-- reviewloop:command {comment} -->"


def commands_in(body: str) -> tuple[int, ...]:
    """Return the comments with the commands that a comment of ours answers."""
    matches = map(_COMMAND.fullmatch, _first_marks(body.strip().splitlines()))
    return tuple(int(match[1]) for match in matches if match)


def dismissal_marker(fingerprint: str, word: str) -> str:
    """Return the marker line that records who dismissed a finding by a command, and why."""
    data = base64.urlsafe_b64encode(word.encode("utf-8", "replace")).decode().rstrip("=")
    return f"<!-- reviewloop:dismissed {fingerprint} {data} -->"


def dismissal_in(body: str) -> tuple[str, str]:
    """Return (fingerprint, who and why) of an answer of ours, ("", "") for any other comment."""
    for line in _first_marks(body.strip().splitlines()):
        if match := _DISMISSED.fullmatch(line):
            with contextlib.suppress(binascii.Error):
                word = base64.b64decode(match[2] + "=" * (-len(match[2]) % 4), b"-_")
                return match[1], word.decode("utf-8", "replace")
    return "", ""


def reopened_marker(fingerprint: str) -> str:
    """Return the marker line that takes back the dismissals of a finding in this thread."""
    return f"<!-- reviewloop:reopened {fingerprint} -->"


def reopened_in(body: str) -> str:
    """Return the fingerprint in an answer of ours that took a dismissal back, else ""."""
    matches = map(_REOPENED.fullmatch, _first_marks(body.strip().splitlines()))
    return next((match[1] for match in matches if match), "")


def state_marker(state: State, pull: PullRequest) -> str:
    """Return the marker line with a state, at most MOST_CHARACTERS long.

    If it is too long, entries are dropped in this order, the oldest first in each: fixed, only in
    the summary, with a comment of their own, dismissed by users.
    """
    most = MOST_KEPT
    while True:
        some = replace(state, findings=keep_newest(state.findings, most))
        text = json.dumps(pack_state(some, pull), separators=(",", ":"), ensure_ascii=True)
        data = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
        line = f"{_STATE}{VERSION} {data} {_digest(data)}{_END}"
        if len(line) <= MOST_CHARACTERS or not some.findings:
            return line
        most = min(most - 1, len(some.findings)) * 4 // 5


def read_state(comments: Sequence[IssueComment], me: str, pull: PullRequest) -> State:
    """Return the state in our own comment on this pull request, else an empty one with a note why.

    Never raises: a marker that is damaged, foreign, too large or of a newer version counts as none.
    """
    return find_state(comments, me, pull)[0]


def find_state(
    comments: Sequence[IssueComment], me: str, pull: PullRequest
) -> tuple[State, IssueComment | None]:
    """Return the same with the comment that holds it, or that should have held it."""
    problems = []
    for comment in sorted(comments, key=lambda each: each.id):
        line = _state_line(comment.body) if is_ours(comment, me) else ""
        if not line:
            continue
        try:
            return unpack_state(_opened(line), pull), comment
        except Damaged as problem:
            note = f"what an earlier review remembered is not used: {problem}"
            problems.append((State(note=note), comment))
    return problems[0] if problems else (State(), None)


def with_state(body: str, state: State, pull: PullRequest) -> str:
    """Return a comment with its state replaced and its text unchanged."""
    lines = body.replace("\r\n", "\n").strip().split("\n")
    first = len(_first_marks(lines))
    stay = [line for n, line in enumerate(lines) if n >= first or _STATE not in line]
    return "\n".join([state_marker(state, pull), *stay])


def _state_line(body: str) -> str:
    lines = body.strip().splitlines()
    return next((line for line in _first_marks(lines) if line.startswith(_STATE)), "")


def _first_marks(lines: Iterable[str]) -> list[str]:
    stripped = (line.strip() for line in lines)
    return list(itertools.takewhile(lambda line: line.startswith(ANY), stripped))


def _opened(line: str) -> object:
    """Return the JSON in a marker."""
    if len(line) > MOST_CHARACTERS or not line.endswith(_END):
        raise Damaged("it is longer than any that we write" if line.endswith(_END) else "it is cut")
    version, *parts = line.removeprefix(_STATE).removesuffix(_END).split(" ")
    if version != str(VERSION):
        raise Damaged("it was written by another version of reviewloop")
    if len(parts) != 2 or _digest(parts[0]) != parts[1]:
        raise Damaged("it is damaged")
    try:
        data = base64.b64decode(parts[0] + "=" * (-len(parts[0]) % 4), b"-_", validate=True)
        opening = zlib.decompressobj()
        text = opening.decompress(data, _MOST_BYTES)
        if not opening.eof:
            raise Damaged("it is longer than any that we write")
        return json.loads(text)
    except (ValueError, binascii.Error, zlib.error, RecursionError):
        raise Damaged("it is damaged") from None


def _digest(data: str) -> str:
    # Detects damage, not forgery: the author of the comment is checked for that.
    return hashlib.sha256(data.encode("utf-8", "replace")).hexdigest()[:16]


def own_comments(comments: Iterable[ReviewComment], me: str) -> dict[str, list[ReviewComment]]:
    """Return our root comments of threads by each finding they name, oldest first."""
    found: dict[str, list[ReviewComment]] = {}
    for comment in sorted(comments, key=lambda each: each.id):
        if comment.reply_to is None and is_ours(comment, me):
            for fingerprint in findings_in(comment.body):
                found.setdefault(fingerprint, []).append(comment)
    return found


MOST_FINDING_CHARACTERS = 6000  # of the line
_MOST_FINDING_BYTES = 200_000  # after unpacking
_START = f"{ANY}data "
_END = " -->"
_LINE = regex(r"<!-- reviewloop:data ([A-Za-z0-9_-]+) -->")
_WORDS = ("title", "why", "suggestion", "note", "category", "rule", "url")
_LIMITS = ((4000, 10), (1500, 6), (600, 3), (200, 1), (60, 0))  # characters of a text, evidence
_MOST_TITLE = 300


def data_marker(finding: Finding, redact: Callable[[str], str]) -> str:
    """Return the line that holds a finding, at most MOST_CHARACTERS long; "" if nothing fits.

    `redact` takes secrets out of its texts. Long texts are cut; code is never cut or changed: it is
    left out where it is too long or holds a secret.
    """
    for most, pieces in _LIMITS:
        text = json.dumps(_plain(finding, redact, most, pieces), separators=(",", ":"))
        data = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
        line = f"{_START}{data}{_END}"
        if len(line) <= MOST_FINDING_CHARACTERS:
            return line
    return ""


def finding_from(body: str) -> Finding | None:
    """Return the finding in a comment, None if it holds none or another than it names.

    The caller checks that the comment is ours. The line counts only as the last one, which holds no
    untrusted text, or (earlier releases) among the first marker lines. Never raises.
    """
    named, lines = findings_in(body), [line.strip() for line in body.strip().splitlines()]
    begin = itertools.takewhile(lambda line: line.startswith(ANY), lines)
    for line in (*begin, *lines[-1:]):
        if match := _LINE.fullmatch(line):
            found = _opened_finding(match[1]) if len(match[0]) <= MOST_FINDING_CHARACTERS else None
            return found if found and found.id in named else None
    return None


def without_data(body: str) -> str:
    """Return a comment without such a line at its end."""
    text, _, last = body.rstrip().rpartition("\n")
    return text.rstrip() if last.startswith(_START) else body


def _plain(
    finding: Finding, redact: Callable[[str], str], most: int, pieces: int
) -> dict[str, Any]:
    """Return the fields that are not empty, as JSON-plain values."""
    plain = finding.model_dump(mode="json", exclude_defaults=True)
    for name in _WORDS:
        if name in plain:
            plain[name] = _cut(
                redact(plain[name]), min(most, _MOST_TITLE) if name == "title" else most
            )
    for name in ("quote", "replacement"):
        if name in plain and (len(plain[name]) > most or redact(plain[name]) != plain[name]):
            del plain[name]
    if "replacement" not in plain:
        plain.pop("fix_safe", None)
    if "evidence" in plain:
        plain["evidence"] = [_cut_piece(one, redact, most) for one in plain["evidence"][:pieces]]
    if "note_from" in plain:
        plain["note_from"] = _cut_piece(plain["note_from"], redact, most)
    plain["path"] = redact(plain.get("path", ""))
    return plain


def _cut_piece(
    piece: Mapping[str, object], redact: Callable[[str], str], most: int
) -> dict[str, object]:
    return {
        name: _cut(redact(value), most) if isinstance(value, str) else value
        for name, value in piece.items()
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _opened_finding(data: str) -> Finding | None:
    try:
        packed = base64.b64decode(data + "=" * (-len(data) % 4), b"-_", validate=True)
        opening = zlib.decompressobj()
        text = opening.decompress(packed, _MOST_FINDING_BYTES)
        return Finding.model_validate_json(text) if opening.eof else None
    except (ValueError, binascii.Error, zlib.error, RecursionError, ValidationError):
        return None


def entry_of(root: ReviewComment, code: str = "") -> dict[str, object]:
    """Return the entry of a finding of which only the comment is known; see `Entry`."""
    finding = finding_from(root.body)
    severity = finding.severity if finding else Severity.SHOULD_FIX
    by = (finding.rule or ",".join(finding.agents)) if finding else ""
    return {
        **{"status": "open", "severity": str(severity), "path": root.path},
        **{"comment_id": root.id, "reason": "", "code": code, "by": by},
    }


def unremembered_findings(
    roots: Mapping[str, Sequence[ReviewComment]], state: State
) -> tuple[Finding, ...]:
    """Return the findings in our comments that the state lacks, at the paths of the comments."""
    listed = {name: (some[-1].path, finding_from(some[-1].body)) for name, some in roots.items()}
    return tuple(
        found.model_copy(update={"path": path})
        for name, (path, found) in listed.items()
        if found and found.id == name and name not in state.findings
    )
