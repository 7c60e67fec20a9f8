"""Tells the result of a review: plans what to say, says it, and draws the end from that.

The job that reviews and posts, and the job that only posts, both go through here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from reviewloop.github.api.errors import GitHubError, StaleHead
from reviewloop.github.api.model import Status
from reviewloop.github.job.outcome import (
    NEVER,
    Ended,
    exit_code_of,
    failed,
    reason_of,
    status_of,
    without_dismissed,
)
from reviewloop.github.posting.reading import Reading
from reviewloop.github.reviewing.conversation import Conversation, Manner

CommentsMode = Literal["inline", "summary", "none"]


@dataclass(frozen=True)
class Telling:
    """How a result is told."""

    comments: CommentsMode = "inline"
    least: str = "should"  # severity that is said on a line: must, should or nit
    most: int = 30  # comments
    fail_on: str = NEVER
    run_url: str = ""

    @property
    def manner(self) -> Manner:
        """Return what the conversation has to know of it."""
        return Manner(self.comments == "inline", self.least, self.most, self.run_url)


def tell(
    talk: Conversation,
    reading: Reading,
    wanted: Telling,
    *,
    told: Callable[[str], None] = lambda _: None,
) -> Ended:
    """Post a review and return how that ended; raises StaleHead if there is a newer head.

    What could not be posted stands in the summary of the end, for the page of the run.
    """
    try:
        return _said(talk, reading, wanted, told)
    except GitHubError as error:
        if isinstance(error, StaleHead):
            raise
        words = talk.unposted(reading, wanted.manner)
        return replace(failed(error, talk.pull), report=reading.report, summary=words)


def _said(
    talk: Conversation, reading: Reading, wanted: Telling, told: Callable[[str], None]
) -> Ended:
    told("comparing with what was said before")
    planned = talk.plan(reading)
    counting = [one for name, one in planned.open.items() if name not in planned.harmless]
    status = status_of(
        reading.report,
        wanted.fail_on,
        open_=planned.open.values(),
        counting=counting,
        untrusted=talk.pull.is_fork,
    )
    reason = reason_of(reading.report, status)
    report = without_dismissed(reading.report, planned.dismissed)
    nothing = status is Status.SKIPPED
    ended = Ended(status, reason, exit_code_of(status), talk.pull, report, nothing=nothing)
    if wanted.comments == "none":
        return replace(ended, summary=talk.unposted(reading, wanted.manner))
    told("posting")
    said = talk.say(planned, reading, report, wanted.manner)
    if said.problems:
        incomplete = reason if status is Status.REVIEW_ERROR else ""
        why = "; ".join(filter(None, (incomplete, *said.problems)))
        ended = replace(ended, status=Status.REVIEW_ERROR, reason=why, exit_code=said.exit_code)
    summary = "\n\n".join(said.parts)
    return replace(ended, posted=said.posted, summary=summary, summary_url=said.url)
