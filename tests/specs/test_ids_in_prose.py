from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import MemoryFiles

SPEC = b"""# Wishes

## Requirements

- FR-1: A wish has a name.
- FR-2: A wish can be granted.

## Task Plan

\xe2\x98\x90 Task 1: Store wishes
Scope: shop/wishes.py (FR-1)

\xe2\x98\x90 Task 2: Grant wishes
Requirements: FR-2
Scope: not FR-1

\xe2\x98\x90 Task 3: Tidy up
Scope: FR-11 is something else
"""


def test_requirements_named_in_a_tasks_prose_are_resolved_where_no_line_is_about_them():
    spec = open_spec(MemoryFiles({"docs/wishes-spec.md": SPEC}))
    assert [task.requirements for task in spec.tasks] == [("FR-1",), ("FR-2",), ()]
