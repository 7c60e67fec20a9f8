"""What our comments carry for the next run, in HTML comments that nobody sees.

A comment is believed for who wrote it, not for a signature: anybody may copy a marker, nobody else
writes under our name. Who may edit our comments on GitHub has write permission, and may dismiss
findings anyway. Other programs share the name github-actions[bot] and may repeat what strangers
say: so a marker counts only alone on its line at the start of a comment (the data of a finding and
the word of an answer as its last line), and the oldest comment with a state wins.
"""

import base64
import binascii
import contextlib
import hashlib
import itertools
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from reviewloop.github.api.answers import IssueComment, ReviewComment
from reviewloop.github.api.model import PullRequest, State
from reviewloop.github.comments.stored import MOST_KEPT, Damaged, kept, packed, unpacked

VERSION = 1
MOST_CHARACTERS = 20_000  # of a marker: the comment of at most 65,536 has more to say
_MOST_BYTES = 1_000_000  # of what it unpacks to
_STATE = "<!-- reviewloop:state:v"
_END = " -->"
_FINDING = re.compile(r"<!-- reviewloop:finding ([0-9a-f]{12}) -->")
_SAID = re.compile(r"<!-- reviewloop:answer ([0-9a-f]{12}) ([a-z]{1,20}) -->")
_COMMAND = re.compile(r"<!-- reviewloop:command ([0-9]{1,20}) -->")
_DISMISSED = re.compile(r"<!-- reviewloop:dismissed ([0-9a-f]{12}) ([A-Za-z0-9_-]{1,1200}) -->")
_REOPENED = re.compile(r"<!-- reviewloop:reopened ([0-9a-f]{12}) -->")
ANY = "<!-- reviewloop:"


def is_ours(comment: IssueComment | ReviewComment, me: str) -> bool:
    """Whether we wrote it: `me` is the login of our token, with [bot] for a program's."""
    same = bool(me) and comment.author.casefold() == me.casefold()
    return same and comment.author_is_bot == me.endswith("[bot]")


def finding_marker(fingerprint: str) -> str:
    """Return the line that names a finding at the start of its comment."""
    return f"<!-- reviewloop:finding {fingerprint} -->"


def findings_in(body: str) -> tuple[str, ...]:
    """Return the fingerprints in the marker lines that begin a comment.

    Further down they come from a text that is quoted.
    """
    matches = map(_FINDING.fullmatch, _first_marks(body.strip().splitlines()))
    return tuple(dict.fromkeys(match[1] for match in matches if match))


def answer_marker(fingerprint: str, said: str) -> str:
    """Return the line that ends an answer of ours; `said` is one word: fixed or back."""
    return f"<!-- reviewloop:answer {fingerprint} {said} -->"


def answered(body: str) -> tuple[str, str]:
    """Return (fingerprint, word) of an answer of ours, ("", "") for any other comment."""
    lines = body.strip().splitlines()
    match = _SAID.fullmatch(lines[-1].strip()) if lines else None
    return (match[1], match[2]) if match else ("", "")


def command_marker(comment: int) -> str:
    """Return the line that begins the answer to a command, given in that comment."""
    return f"<!-- reviewloop:command {comment} -->"


def commands_in(body: str) -> tuple[int, ...]:
    """Return the comments whose commands a comment of ours answers."""
    matches = map(_COMMAND.fullmatch, _first_marks(body.strip().splitlines()))
    return tuple(int(match[1]) for match in matches if match)


def dismissal_marker(fingerprint: str, word: str) -> str:
    """Return the line that says who dismissed a finding by a command, and why."""
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
    """Return the line that says that the dismissals of a finding in this thread were taken back."""
    return f"<!-- reviewloop:reopened {fingerprint} -->"


def reopened_in(body: str) -> str:
    """Return the fingerprint in an answer of ours that took a dismissal back, else ""."""
    matches = map(_REOPENED.fullmatch, _first_marks(body.strip().splitlines()))
    return next((match[1] for match in matches if match), "")


def state_marker(state: State, pull: PullRequest) -> str:
    """Return the line that remembers a state, at most MOST_CHARACTERS long.

    Where there is too much, what is fixed goes first, then what was only in the summary, then what
    stands in comments of its own, and what people dismissed last; in each the oldest first.
    """
    most = MOST_KEPT
    while True:
        some = replace(state, findings=kept(state.findings, most))
        text = json.dumps(packed(some, pull), separators=(",", ":"), ensure_ascii=True)
        data = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
        line = f"{_STATE}{VERSION} {data} {_digest(data)}{_END}"
        if len(line) <= MOST_CHARACTERS or not some.findings:
            return line
        most = min(most - 1, len(some.findings)) * 4 // 5


def read_state(comments: Sequence[IssueComment], me: str, pull: PullRequest) -> State:
    """Return what our own comment on this pull request remembers; its note says why nothing.

    Never raises: a marker that is damaged, foreign, too large or of a newer version is none.
    """
    return found_state(comments, me, pull)[0]


def found_state(
    comments: Sequence[IssueComment], me: str, pull: PullRequest
) -> tuple[State, IssueComment | None]:
    """Return the same with the comment it stands in, or in which it should have stood."""
    problems = []
    for comment in sorted(comments, key=lambda each: each.id):
        line = _state_line(comment.body) if is_ours(comment, me) else ""
        if not line:
            continue
        try:
            return unpacked(_opened(line), pull), comment
        except Damaged as problem:
            note = f"what an earlier review remembered is not used: {problem}"
            problems.append((State(note=note), comment))
    return problems[0] if problems else (State(), None)


def with_state(body: str, state: State, pull: PullRequest) -> str:
    """Return a comment that remembers another state, and else says what it said."""
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
    # Tells damage, not forgery: the author of the comment vouches for it.
    return hashlib.sha256(data.encode("utf-8", "replace")).hexdigest()[:16]


def own(comments: Iterable[ReviewComment], me: str) -> dict[str, list[ReviewComment]]:
    """Return our comments that began a thread, by each finding they name, oldest first."""
    found: dict[str, list[ReviewComment]] = {}
    for comment in sorted(comments, key=lambda each: each.id):
        if comment.reply_to is None and is_ours(comment, me):
            for fingerprint in findings_in(comment.body):
                found.setdefault(fingerprint, []).append(comment)
    return found
