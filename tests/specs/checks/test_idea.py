"""Open points of a description become questions; a complete one has none."""

import pytest
from support.ideas import NAMES, idea_of

from reviewloop.specs.checks.idea import OUTCOME, SUBJECT, USER, open_points

OPEN = {
    "make it better": [SUBJECT, USER, OUTCOME],
    "Build an app for our users": [SUBJECT, OUTCOME],
    "notifications": [USER, OUTCOME],
    "implement authentication": [USER, OUTCOME],
    "The system should be fast and user-friendly": [SUBJECT, USER, OUTCOME, "user-friendly"],
    "A fast search of orders for clerks": ["fast"],
    "A list of orders, customers etc. for clerks": ["etc."],
    "Modern charts for clerks. Easy filters for admins. Robust exports.": ["modern", "easy"],
}
ENOUGH = (
    "email and in-app notifications",
    "tell members of replies",
    "An API that shows clerks their orders fast, within 200 ms",
    "Export invoices, one CSV file a month",
    "通知",  # the words of other languages are not ours to judge
)


@pytest.mark.parametrize("idea", OPEN)
def test_what_a_description_leaves_open(idea):
    points = open_points(idea)
    assert [one.about for one in points] == OPEN[idea]
    assert all(one.question.endswith((".", "?")) for one in points)


@pytest.mark.parametrize("idea", [*ENOUGH, *(idea_of(name)["idea"] for name in NAMES)])
def test_a_description_that_says_enough_is_left_to_the_agent(idea):
    assert open_points(idea) == ()
