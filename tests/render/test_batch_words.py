"""The words for a task in a report are unambiguous."""

import pytest

from reviewloop.domain.batch_report import Figures, FindingCounts
from reviewloop.render.batch import done_in
from reviewloop.store.batches import kept_run


@pytest.mark.parametrize(
    ("left", "must_fix", "words"),
    [
        (1, 0, "2 fix rounds, 1 finding left, 1 fixed"),
        (2, 0, "2 fix rounds, 2 findings left, 1 fixed"),
        (1, 1, "2 fix rounds, 1 must-fix finding left, 1 fixed"),
        (2, 2, "2 fix rounds, 2 must-fix findings left, 1 fixed"),
        (3, 1, "2 fix rounds, 3 findings left (1 must fix), 1 fixed"),
    ],
)
def test_it_is_findings_that_are_left_and_not_rounds(left, must_fix, words):
    found = FindingCounts(left=left, must_fix=must_fix, fixed=1)
    assert ", ".join(done_in(Figures(files=2, rounds=2, findings=found))) == f"2 files, {words}"


def test_rows_that_an_earlier_release_kept_can_be_read():
    row = {"state": "committed", "run": "1-a", "title": "One", "why": "", "files": 2, "rounds": 2}
    row |= {"findings": {"left": 1, "fixed": 0, "nits": 0}, "cost": {"calls": 1, "usd": 0.5}}
    kept = kept_run({**row, "tests": None, "before": {}})
    assert done_in(kept.figures)[-1] == "1 finding left"
    assert (kept.cost.usd, kept.before.usd, kept.created_at) == (0.5, 0, 0)
