"""The findings of a run are counted in one way, wherever the numbers are shown."""

from reviewloop.domain.finding import Finding
from reviewloop.render.counts import Counts, count, count_records

BOOK = [
    Finding(id=str(number), agents=(agent,), severity=severity, status=status, title="t")
    for number, (severity, status, agent) in enumerate(
        [
            ("must_fix", "fixed", "r"),
            ("must_fix", "unresolved", "r"),
            ("should_fix", "open", "r"),
            ("should_fix", "dismissed", "r"),
            ("should_fix", "suppressed", "r"),
            ("nit", "open", "r"),
            ("nit", "fixed", "r"),
            ("should_fix", "open", "person"),
        ]
    )
]


def test_each_finding_is_counted_once_and_a_wish_is_none():
    counts = count(BOOK)
    assert counts == Counts(must_fix=1, should_fix=1, nits=1, fixed=2, dismissed=1)
    assert (counts.left, counts.found) == (2, 5)
    assert counts.words == "1 must fix, 1 should fix remaining; 2 fixed, 1 dismissed, 1 nit"


def test_records_and_events_carry_the_same_counts():
    counts = count(BOOK)
    assert count_records(finding.model_dump(mode="json") for finding in BOOK) == counts
    assert Counts.of_event(counts.facts()) == counts
