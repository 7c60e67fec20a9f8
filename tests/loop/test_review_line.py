"""The review in one line of the commit message: findings, and their outcome."""

import pytest

from reviewloop.domain.finding import Finding, Severity, Status
from reviewloop.loop.nodes.propose import review_line


def finding(ident, severity=Severity.MUST_FIX, status=Status.OPEN, agent="review-a"):
    return Finding(id=ident, agents=(agent,), severity=severity, title="t", status=status)


def state(failed=(), **more):
    names = [f"review-{letter}" for letter in "abcde"]
    reviewers = {n: {"status": "failed" if n in failed else "done"} for n in names}
    return {"reviewers": reviewers, **more}


@pytest.mark.parametrize(
    ("state", "findings", "line"),
    [
        (state(), [], "5 reviewers, 0 fix rounds; 0 findings, 0 fixed, 0 left open, 0 nits"),
        (
            state(round=1),
            [
                finding("1", status=Status.FIXED),
                finding("2", Severity.SHOULD_FIX, Status.UNRESOLVED),
                finding("3", status=Status.DISMISSED),
                finding("4", Severity.NIT),
                finding("5", status=Status.FIXED, agent="person"),
            ],
            "5 reviewers, 1 fix round; 3 findings, 1 fixed, 1 left open, 1 dismissed, 1 nit",
        ),
        (
            state(failed=["review-c"], round=3),
            [finding("1")],
            "4 of 5 reviewers, 3 fix rounds; 1 finding, 0 fixed, 1 left open, 0 nits",
        ),
    ],
)
def test_the_line_counts_what_reviewers_found(state, findings, line):
    assert review_line(state, findings) == line


def test_a_failed_re_review_does_not_count_among_the_reviewers():
    given = state()
    given["reviewers"]["quick-review"] = {"status": "failed"}
    assert review_line(given, []).startswith("5 reviewers,")
