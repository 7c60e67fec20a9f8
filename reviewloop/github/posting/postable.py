"""Builds a review with all facts of the code that posting needs, while its context is open."""

from collections.abc import Callable, Iterable
from dataclasses import field

from reviewloop.app.review.review import ReviewResult
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Finding
from reviewloop.git.review_repository import ReviewRepository
from reviewloop.github.api.model import SEVERITIES, PullRequest, State
from reviewloop.github.posting.comment_location import Anchors
from reviewloop.github.rereview.matching import Facts
from reviewloop.github.rereview.plan import Since
from reviewloop.render.report import ReviewReport


@dataclass(frozen=True)
class PostableReview:
    """A finished review, with the facts of the code that posting needs."""

    report: ReviewReport
    facts: Facts = field(default_factory=Facts)
    rendered: Callable[[str], str] = str  # redacts a finished text again
    redact: Callable[[str], str] = str  # takes secrets out of an untrusted text


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

    `state` is the stored state of the pull request, `forgotten` findings only in our comments;
    comment locations are found for findings of at least the severity `least`.
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
