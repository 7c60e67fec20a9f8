"""The summary as comments of the conversation: packed into as few as hold it, updated in place."""

import re
from collections.abc import Iterable, Sequence

from reviewloop.github.api.answers import IssueComment
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import AnswerLost, NotFound
from reviewloop.github.api.model import PullRequest
from reviewloop.github.api.pace import Pace
from reviewloop.github.comments.bodies import LONGEST, clipped
from reviewloop.github.comments.marker import ANY, is_ours
from reviewloop.render.text import counted

LONGEST_BLOCK = 30_000  # characters; with a head and the longest marker it still fits
_MOST_PARTS = 10
_LIMIT = 65_536  # GitHub's own
_TRIES = 3
_PART = re.compile(r"<!-- reviewloop:summary (\d{1,3}) -->")
_STATE = f"{ANY}state:"

Block = tuple[str, int]
"""A piece of Markdown that stays together, and how many findings are told in it."""


def packed(head: str, blocks: Iterable[Block], state_marker: str = "") -> list[str]:
    """Return the bodies of the comments, each at most `LONGEST` characters, the marker first.

    What is longer than ten comments is counted instead of told.
    """
    mark = f"{state_marker}\n" if state_marker else ""
    parts = [f"{mark}{_mark(1)}\n{clipped(head, LONGEST_BLOCK)}"]
    room = LONGEST - 300  # for the last words
    left = 0
    for text, findings in blocks:
        text = clipped(text, LONGEST_BLOCK)
        if len(parts[-1]) + len(text) + 2 > room:
            if left or len(parts) == _MOST_PARTS:
                left += findings
                continue
            number = len(parts) + 1
            parts.append(f"{_mark(number)}\n_reviewloop: the summary goes on, part {number}._")
        if left:
            left += findings
        else:
            parts[-1] += f"\n\n{text}"
    if left:
        more = counted(left, "more finding")
        parts[-1] += f"\n\n_… and {more}, which do not fit here: the report of the run has them._"
    return parts


def upsert(
    client: GitHub,
    pull: PullRequest,
    parts: Sequence[str],
    mine: Sequence[IssueComment],
    *,
    pace: Pace | None = None,
) -> tuple[IssueComment, ...]:
    """Bring the summary up to date and return its comments; what it no longer needs is deleted.

    `mine` are our own comments on the pull request. Raises a GitHubError when it cannot be done.
    """
    work = _Upsert(client, pull.number, pace or Pace())
    old = parts_in(mine)
    if 1 not in old:
        # Another run may have begun it while this one was reviewing.
        old = parts_in(work.ours())
    made = [
        work.written(number, clipped(body, _LIMIT), old.get(number, [None])[0])
        for number, body in enumerate(parts, 1)
    ]
    kept = {comment.id for comment in made}
    for comment in (each for some in old.values() for each in some):
        if comment.id not in kept:
            client.delete_issue_comment(comment.id)
    return tuple(made)


def parts_in(comments: Iterable[IssueComment]) -> dict[int, list[IssueComment]]:
    """Return the comments of a summary by the number of their part, the oldest first."""
    found: dict[int, list[IssueComment]] = {}
    for comment in sorted(comments, key=lambda each: each.id):
        if number := _number(comment.body):
            found.setdefault(number, []).append(comment)
    return found


class _Upsert:
    def __init__(self, client: GitHub, number: int, pace: Pace) -> None:
        self._client, self._number, self._pace = client, number, pace

    def ours(self) -> list[IssueComment]:
        """Return our comments as they are now."""
        me = self._client.me()
        return [c for c in self._client.issue_comments(self._number) if is_ours(c, me)]

    def written(self, number: int, body: str, old: IssueComment | None) -> IssueComment:
        """Return the comment that holds a part now."""
        if old is None:
            return self._created(number, body)
        if _same(old.body, body):
            return old
        self._pace.wait()
        try:
            return self._client.update_issue_comment(old.id, body)
        except NotFound:  # somebody deleted it
            return self._created(number, body)

    def _created(self, number: int, body: str) -> IssueComment:
        for attempt in range(1, _TRIES + 1):
            self._pace.wait()
            try:
                return self._client.create_issue_comment(self._number, body)
            except AnswerLost:
                self._pace.sleep(2.0 * attempt)
                there = [c for c in self.ours() if _same(c.body, body)]
                if there:
                    return there[0]
                if attempt == _TRIES:
                    raise
        raise AssertionError


def _mark(number: int) -> str:
    return f"<!-- reviewloop:summary {number} -->"


def _number(body: str) -> int:
    """Return which part of a summary a comment of ours is, 0 for none."""
    lines = [line.strip() for line in body.strip().splitlines()[:2]]
    if found := next((match for line in lines if (match := _PART.fullmatch(line))), None):
        return int(found[1])
    return int(bool(lines) and lines[0].startswith(_STATE))


def _same(one: str, other: str) -> bool:
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()
