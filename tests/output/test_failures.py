"""Six reviewers that fail for the same reason are one sentence with six names."""

from support.sample_review import sample_report

from reviewloop.render.report import ReviewerReport
from reviewloop.render.review_words import grouped_failures
from reviewloop.render.text import by_reason

NAMES = [f"review-{n}" for n in range(6)]
WHY = "m did not answer: the key is wrong"


def test_same_reason_is_told_once_with_all_names():
    agents = tuple(ReviewerReport(name, "failed", 1.0, 0, reason=WHY) for name in NAMES)
    report = sample_report(agents=agents, analysers=(), outcome="incomplete")
    assert grouped_failures(report) == [(", ".join(NAMES), WHY)]


def test_reason_that_names_who_failed_is_the_same_reason():
    pairs = [(name, f"{name} gave no answer within its caps") for name in NAMES[:2]]
    assert by_reason(pairs) == [("review-0, review-1", "it gave no answer within its caps")]
    assert by_reason(pairs[:1]) == pairs[:1]


def test_other_reasons_stay_apart():
    pairs = [("a", "x"), ("b", "y"), ("c", "x")]
    assert by_reason(pairs) == [("a, c", "x"), ("b", "y")]
