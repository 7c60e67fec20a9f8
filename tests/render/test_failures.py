"""Six reviewers that fail for the same reason are one sentence with six names."""

from support.sample_review import sample_report

from reviewloop.domain.errors import NoAnswerError
from reviewloop.render.report import ReviewerReport
from reviewloop.render.review_words import grouped_failures
from reviewloop.render.text import Failure, by_reason

NAMES = [f"review-{n}" for n in range(6)]
WHY = "m did not answer: the key is wrong"


def test_same_reason_is_told_once_with_all_names():
    agents = tuple(ReviewerReport(name, "failed", 1.0, 0, reason=WHY) for name in NAMES)
    report = sample_report(agents=agents, analysers=(), outcome="incomplete")
    assert grouped_failures(report) == [(", ".join(NAMES), WHY)]


def test_reason_that_names_who_failed_is_the_same_reason():
    errors = [NoAnswerError.by(name, "gave no answer within its caps") for name in NAMES[:2]]
    lost = [Failure(n, str(e), e.unnamed) for n, e in zip(NAMES, errors, strict=False)]
    assert by_reason(lost) == [("review-0, review-1", "it gave no answer within its caps")]
    assert by_reason(lost[:1]) == [("review-0", "review-0 gave no answer within its caps")]


def test_name_in_a_reason_is_no_ground_to_take_it_for_another():
    """Words are shown, not matched: a tool's own text may hold the name of a reviewer."""
    lost = [Failure(name, f"{name}: no such file") for name in NAMES[:2]]
    assert by_reason(lost) == [(one.name, one.reason) for one in lost]


def test_other_reasons_stay_apart():
    lost = [Failure("a", "x"), Failure("b", "y"), Failure("c", "x")]
    assert by_reason(lost) == [("a, c", "x"), ("b", "y")]
