"""The sections of an implementation plan: ours and the user's, with any line ends."""

import pytest

from reviewloop.specs.plan_file import CONSIDERATIONS, additions_in, edited_sections, plan_text

OURS = {"Analysis": "- size: small", "Dependencies": "- 2 after 1"}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_what_was_edited_is_an_addition(end: str) -> None:
    text = plan_text("Plan", "Head.", OURS, {})
    edited = text.replace("- 2 after 1", "- 2 after 1, by its data").replace("small", "tiny")

    assert additions_in(text.replace("\n", end)) == ""
    assert edited_sections(edited.replace("\n", end)) == {"Analysis", "Dependencies"}
    assert additions_in(edited.replace("\n", end)) == (
        "## Dependencies\n\n- 2 after 1, by its data"
    )


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_own_section_counts_in_any_plan(end: str) -> None:
    text = "# Plan\n\n## Risks\n\n- One\n\n## ADDITIONAL considerations\n\n- Limit calls\n"

    assert additions_in(text.replace("\n", end)) == f"## {CONSIDERATIONS}\n\n- Limit calls"
