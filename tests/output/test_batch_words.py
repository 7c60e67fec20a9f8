"""What the account says of a task: words that cannot be taken for others."""

import pytest

from reviewloop.render.batch import done_in

ROW = {"files": 2, "tests": None, "coverage": None, "rounds": 2}


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
    found = {"left": left, "must_fix": must_fix, "fixed": 1, "dismissed": 0, "nits": 0}
    assert ", ".join(done_in({**ROW, "findings": found})) == f"2 files, {words}"


def test_rows_that_an_earlier_release_kept_can_be_read():
    found = {"left": 1, "fixed": 0, "nits": 0}
    assert done_in({**ROW, "findings": found})[-1] == "1 finding left"
