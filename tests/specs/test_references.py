"""Lists of ids in prose."""

import pytest

from reviewloop.specs.references import match_id, read_references


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("1.1, 2.3", ["1.1", "2.3"]),
        ("Task 1, Task 2", ["1", "2"]),
        ("Tasks 4-8", ["4", "5", "6", "7", "8"]),
        ("Task 4–6", ["4", "5", "6"]),
        ("Tasks 4 to 6 and 9", ["4", "5", "6", "9"]),
        ("Task 4 — Task 6", ["4", "5", "6"]),
        ("T002-T004", ["T002", "T003", "T004"]),
        ("FR-1, FR-2..FR-4", ["FR-1", "FR-2", "FR-3", "FR-4"]),
        ("FR-2-4", ["FR-2", "FR-3", "FR-4"]),
        ("NFR-01", ["NFR-01"]),
        ("REQ-1 (must), REQ-2", ["REQ-1", "REQ-2"]),
        ("1.1-1.3", ["1.1", "1.2", "1.3"]),
        ("Requirements 1.2", ["1.2"]),
        ("Requirement 1.2 and Requirement 3", ["1.2", "3"]),
        ("Task 1 (the parser), #2", ["1", "2"]),
        ("1.1 Create the module", ["1.1"]),
        ("`1.1`; **2.2**", ["1.1", "2.2"]),
        ("none", []), ("None (can start at once)", []), ("n/a", []), ("-", []), ("—", []), ("", []),
    ],
)  # fmt: skip
def test_lists_of_ids(value, ids):
    found = read_references(value)
    assert list(found.ids) == ids
    assert found.unclear == ()


@pytest.mark.parametrize("value", ["boto3", "3 other libraries", "the design", "8-4"])
def test_what_is_no_id_is_said(value):
    assert read_references(value).unclear == (value,)


def test_a_range_over_several_levels_follows_the_order_of_the_file():
    known = ["1", "1.1", "1.2", "2", "2.1", "2.2"]
    assert read_references("1.2-2.1", known).ids == ("1.2", "2", "2.1")


def test_written_ids_find_their_task_in_other_spellings():
    assert match_id("Task 3", ["1", "3"]) == "3"
    assert match_id("03", ["3"]) == "3"
    assert match_id("fr-1", ["FR-001"]) == "FR-001"
    assert match_id("REQ-1", ["1", "1.1"]) == "1"
    assert match_id("3", ["T003", "T004"]) == "T003"
    assert match_id("FR-1", ["NFR-1"]) is None
