"""Matching a task that had another title before, by its neighbours."""

import pytest

from reviewloop.specs.select import match_renamed
from reviewloop.specs.tasks import read_tasks


def tasks(*titles: str):
    listed = "".join(f"- [ ] {place}. {title}\n" for place, title in enumerate(titles, 1))
    return read_tasks(listed.encode(), "tasks.md", "kiro").tasks


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (("One", "New two", "Three"), ["New two"]),
        (("Zero", "One", "New two", "Three"), ["New two"]),
        (("One", "Inserted", "New two", "Three"), ["Inserted", "New two"]),
        (("One", "Three"), []),
        (("Another",), None),  # two were removed, which nobody knows
        (("Three", "New two", "One"), None),  # what stood around it was moved
        (("Quite", "another", "plan", "of", "tasks"), None),
        (("One", "Two", "Three"), None),  # it is called the same
    ],
)
def test_a_renamed_task_is_found_between_the_others(now, found):
    told = match_renamed(tasks("One", "Two", "Three"), tasks(*now), "Two")
    assert (told if told is None else [task.title for task in told]) == found


def test_what_is_written_below_a_task_tells_it_from_one_inserted_beside_it():
    before = tasks("One", "Two\n  - Add up\n  - all of it", "Three")
    now = tasks("One", "Inserted\n  - Else", "New two\n  - Add up\n  - all of it", "Three")
    assert [task.title for task in match_renamed(before, now, "Two") or ()] == ["New two"]
