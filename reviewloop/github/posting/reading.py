"""A finished review together with all that telling it takes from the code."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from reviewloop.app.review.review import Reviewed
from reviewloop.domain.finding import Finding
from reviewloop.git.located import Place
from reviewloop.github.api.model import SEVERITIES, PullRequest, State
from reviewloop.github.earlier.facts import Facts
from reviewloop.github.earlier.since import Since
from reviewloop.github.posting.anchors import Anchors
from reviewloop.render.report import ReviewReport


@dataclass(frozen=True)
class Reading:
    """What was found, and where it can be said."""

    report: ReviewReport
    facts: Facts = field(default_factory=Facts)
    rendered: Callable[[str], str] = str  # a finished text, checked once more for held secrets
    hide: Callable[[str], str] = str  # takes secrets out of a text of others


def reading_of(
    done: Reviewed,
    place: Place,
    state: State,
    pull: PullRequest,
    *,
    least: str = "nit",
    forgotten: Iterable[Finding] = (),
) -> Reading:
    """Return a review with its facts, while its context is open.

    `state` is what we remember of the pull request, `forgotten` what only our comments hold; a
    place on a line is looked up for findings of at least this severity.
    """
    report = done.report
    since = Since.last_review(done, place, state, pull)
    anchors = Anchors(done.change, done.compared.private, done.compared.new)
    rank = SEVERITIES[least].rank
    placed = {f.id: anchors.spot(f) for f in reversed(report.findings) if f.severity.rank <= rank}
    facts = Facts.of_code(
        (*report.findings, *report.silenced),
        state,
        read=done.text,
        changed=since.changed,
        touched=since.touched,
        renamed=since.renamed,
        confirmed=done.confirmed,
        spots={name: spot for name, spot in placed.items() if spot},
        forgotten=forgotten,
    )
    return Reading(report, facts, done.shown.rendered, done.masking.for_people)
