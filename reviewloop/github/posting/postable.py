"""A finished review with all that posting it takes from the code, while its context is open."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from reviewloop.app.review.review import ReviewResult
from reviewloop.domain.finding import Finding
from reviewloop.git.review_repository import ReviewRepository
from reviewloop.github.api.model import SEVERITIES, PullRequest, State
from reviewloop.github.earlier.rereview import Since
from reviewloop.github.earlier.sameness import Facts
from reviewloop.github.posting.comment_location import Anchors
from reviewloop.render.report import ReviewReport


@dataclass(frozen=True)
class PostableReview:
    """A finished review, with what posting it needs to know of the code."""

    report: ReviewReport
    facts: Facts = field(default_factory=Facts)
    rendered: Callable[[str], str] = str  # a finished text, checked once more for held secrets
    redact: Callable[[str], str] = str  # takes secrets out of a text of others


def postable_review(
    done: ReviewResult,
    repository: ReviewRepository,
    state: State,
    pull: PullRequest,
    *,
    least: str = "nit",
    forgotten: Iterable[Finding] = (),
) -> PostableReview:
    """Return a review with its facts, while its context is open.

    `state` is what we remember of the pull request, `forgotten` what only our comments hold; a
    location on a line is looked up for findings of at least this severity.
    """
    report = done.report
    since = Since.last_review(done, repository, state, pull)
    anchors = Anchors(done.change, done.compared.private, done.compared.new)
    rank = SEVERITIES[least].rank
    located = {
        f.id: anchors.locate(f) for f in reversed(report.findings) if f.severity.rank <= rank
    }
    facts = Facts.of_code(
        (*report.findings, *report.silenced),
        state,
        read=done.text,
        changed=since.changed,
        touched=since.touched,
        renamed=since.renamed,
        confirmed=done.confirmed,
        locations={name: location for name, location in located.items() if location},
        forgotten=forgotten,
    )
    return PostableReview(report, facts, done.shown.rendered, done.redactor.for_people)
