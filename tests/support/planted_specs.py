"""A spec without faults, and forty-two faults planted into it, each with its rule.

The texts are ours; a fault replaces words of one document, adds lines, or leaves lines out.
"""

from typing import NamedTuple

FOLDER = ".kiro/specs/notify"
REQUIREMENTS = """\
# Requirements

## Introduction

Members choose how they are told of a reply.

## Requirements

### Requirement 1: Preferences

**User Story:** As a member, I want to choose a channel, so that I am told where I look.

#### Acceptance Criteria

1. WHEN a member saves the channel "email" THEN the system SHALL store it within 300 ms
2. IF the channel is unknown THEN the system SHALL answer 422 and name the known channels
3. WHEN nothing was saved yet THEN the system SHALL use the channel "none"

### Requirement 2: Delivery

#### Acceptance Criteria

1. WHEN a reply is posted THEN the system SHALL send one message within 60 seconds
2. IF the mail server refuses a message THEN the system SHALL try again 3 times
3. THE stored channel record SHALL expire after 90 days without a visit

## Security

1. THE system SHALL change preferences of the signed-in member only and answer 403 otherwise

## Out of Scope

Messages by SMS.
"""
DESIGN = """\
# Design

## Preferences store

`src/store.py` keeps one row per member.

## Sender

Validates: Requirements 2.1, 2.2
"""
TASKS = """\
# Tasks

- [ ] 1. Keep one channel per member
  - Create src/notify/channels.py with `save` and `load`
  - Test an unknown channel
  - _Requirements: 1.1, 1.2, 1.3_
- [ ] 2. Send a message for each reply
  - Update src/store.py so that replies are queued
  - _Requirements: 2.1, 2.2_
  - _Depends: 1_
- [ ] 3. Check who asks before anything is changed
  - _Requirements: 2.3_
"""
FILES = {
    f"{FOLDER}/requirements.md": REQUIREMENTS,
    f"{FOLDER}/design.md": DESIGN,
    f"{FOLDER}/tasks.md": TASKS,
    "src/store.py": "ROWS = {}\n",
}


class Fault(NamedTuple):
    """A fault: in `document`, `old` becomes `new`; the rule `spec/<rule>` has to see it."""

    rule: str
    document: str
    old: str
    new: str


_FIRST = "store it within 300 ms"
_LAST_TASK = "- [ ] 3. Check who asks before anything is changed\n  - _Requirements: 2.3_\n"


def _said(rule: str, *sentences: str) -> list[Fault]:
    return [Fault(rule, "requirements", _FIRST, sentence) for sentence in sentences]


FAULTS = [
    *_said(
        "vague",
        "store it fast",
        "store it in a user-friendly way",
        "store it, send it, etc.",
        "store it as needed",
        "show an intuitive page",
        "be reachable for many members",
        "store it quickly",
        "use best practices",
        "answer efficiently",
        "give a seamless experience",
        "store it if possible",
    ),
    *_said("soft-word", "show an appropriate message", "close the page gracefully"),
    *_said(
        "not-testable",
        "work correctly",
        "be user-friendly",
        "behave as expected",
        "handle all errors gracefully",
        "be reliable",
    ),
    *_said("placeholder", "store it for TBD days", "store it within ??? seconds"),
    *_said("needs-clarification", "store it [NEEDS CLARIFICATION: for how long?]"),
    *_said("no-api", "store it and tell all callers of the REST API"),
    Fault("no-data-model", "design", "keeps one row per member", "keeps them"),
    Fault("unknown-requirement", "tasks", "2.3_", "2.9_"),
    Fault("unknown-requirement", "tasks", "2.3_", "7.1_"),
    Fault("requirement-without-task", "tasks", "_Requirements: 2.1, 2.2_\n  - _Depends: 1_\n"
          + _LAST_TASK, "_Requirements: 1.1_\n"),
    Fault("task-without-requirement", "tasks", "\n  - _Requirements: 2.3_", ""),
    Fault("cycle", "tasks", "1.1, 1.2, 1.3_", "1.1_\n  - _Depends: 2_"),
    Fault("duplicate-task", "tasks", "- [ ] 3.", "- [ ] 2."),
    Fault("unknown-dependency", "tasks", "_Depends: 1_", "_Depends: 8_"),
    Fault("open-fence", "tasks", "- [ ] 3.", "```\n- [ ] 3."),
    Fault("no-task", "tasks", TASKS, "# Tasks\n\nKeep one channel per member.\n"),
    Fault("task-too-vague", "tasks", _LAST_TASK, "- [ ] 3. security\n"),
    Fault("task-too-vague", "tasks", _LAST_TASK, "- [ ] 3. do it\n"),
    Fault("task-too-large", "tasks", "  - _Requirements: 2.3_\n",
          "".join(f"  - Write part {n} of it\n" for n in range(20)) + "  - _Requirements: 2.3_\n"),
    Fault("task-not-shown", "tasks", _LAST_TASK, "- [ ] 3. Move all settings elsewhere\n"),
    Fault("numbers-contradict", "design", "keeps one row per member.",
          "keeps one row per member. The stored channel record expires after 30 days."),
    Fault("unknown-file", "tasks", "Update src/store.py", "Update src/stores.py"),
    Fault("file-not-new", "design", "`src/store.py` keeps", "`src/store.py` [NEW] keeps"),
    Fault("no-scope-limit", "requirements", "## Out of Scope\n\nMessages by SMS.\n", ""),
    Fault("no-security", "requirements", REQUIREMENTS[REQUIREMENTS.index("## Security"):],
          "1. WHEN a member enters a password THEN the page SHALL open, else it SHALL say so\n"),
    Fault("aws-operations", "design", "keeps one row per member.", "keeps one row in DynamoDB."),
]  # fmt: skip


def planted(fault: Fault) -> dict[str, str]:
    """Return the spec's files with one fault; the words it replaces have to be there."""
    path = f"{FOLDER}/{fault.document}.md"
    assert fault.old in FILES[path], fault
    return {**FILES, path: FILES[path].replace(fault.old, fault.new, 1)}
