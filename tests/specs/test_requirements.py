"""Requirements are found by id wherever people put the id."""

from reviewloop.specs.lines import read_document
from reviewloop.specs.requirements import read_requirements, resolve


def read(text: str) -> dict[str, str]:
    return read_requirements(read_document(text.encode()).lines)


def test_criteria_get_the_number_of_their_requirement():
    found = read(
        "### Requirement 2: Import\n\n#### Acceptance Criteria\n\n1. WHEN a, THE X SHALL b\n"
        "   - with a sub-item\n2. IF c, THEN THE X SHALL d\n"
    )
    assert found["2.1"].splitlines() == ["WHEN a, THE X SHALL b", "- with a sub-item"]
    assert found["2.2"] == "IF c, THEN THE X SHALL d"
    assert found["2"].startswith("### Requirement 2: Import")
    assert "THE X SHALL d" in found["2"]


def test_numbered_lists_before_the_criteria_are_not_criteria():
    found = read(
        "## Requirement 1: A\n\n1. background\n\n### Acceptance Criteria\n\n1. THE X SHALL b\n"
    )
    assert found["1.1"] == "THE X SHALL b"


def test_bold_lines_work_as_headings():
    found = read("**FR-1: Login**\nPeople log in.\n\n**FR-2** Logout\nPeople log out.\n")
    assert "People log in." in found["FR-1"] and "log out" not in found["FR-1"]
    assert "People log out." in found["FR-2"]


def test_list_forms():
    found = read(
        "- FR-1: one\n- **FR-2:** two\n* `FR-3` - three\n1. FR-4: four\n- [ ] FR-5: five\n"
    )
    assert found == {"FR-1": "one", "FR-2": "two", "FR-3": "three", "FR-4": "four", "FR-5": "five"}


def test_an_example_in_a_fence_defines_nothing():
    assert "FR-9" not in read("### Requirement 1: A\n\n```\n- FR-9: no\n```\n")


def test_resolve_tells_found_from_missing():
    found, missing = resolve(("1.1", "FR-7"), {"1": "a", "1.1": "b"})
    assert found == {"1.1": "b"} and missing == ("FR-7",)


def test_all_requirements_means_the_top_ones():
    found, _ = resolve(("all",), {"1": "a", "1.1": "b", "FR-2": "c"})
    assert list(found) == ["1", "FR-2"]
