"""Checks of a whole change: what became of its tests, and whether it has any."""

from collections.abc import Iterator

from reviewloop.analysis.contract import ChangeView, Hit
from reviewloop.rules.tests.changed_tests import changed_tests
from reviewloop.rules.tests.untested_change import untested_change


def check(view: ChangeView) -> Iterator[Hit]:
    """Yield what is wrong with the tests of a change."""
    yield from changed_tests(view)
    yield from untested_change(view)
