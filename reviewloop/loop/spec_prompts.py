"""The headings that spec agents must write, by dialect.

The agents' own prompts describe Kiro's form; a single file consists of the same documents.
"""

from collections.abc import Mapping

from reviewloop.llm.messages import ToolSpec
from reviewloop.specs.writing import OPENSPEC, SPEC_KIT

MOST_QUESTIONS = 5  # in a round
MOST_ROUNDS = 3

_DESIGN = """\
The headings of your prompt stand below it, `## Low-Level Design` with all that belongs to it last.
"""
FORMS: Mapping[str, Mapping[str, str]] = {
    SPEC_KIT: {
        "requirements": """\
This project writes specs as Spec Kit does, so in the place of the headings that you know:

- `# Feature Specification: TITLE`, then `## User Scenarios & Testing`: for each
  `### User Story N - Title (Priority: P1)` what it is for, and below `**Acceptance Scenarios**:` a
  numbered list `1. **Given** state, **When** action, **Then** outcome`. `### Edge Cases`.
- `## Requirements`, `### Functional Requirements`: a list `- **FR-001**: System MUST ...`;
  `### Non-Functional Requirements`: `- **NFR-001**: ...`; `### Key Entities`.
- `## Success Criteria`: `- **SC-001**: ...`. `## Decisions`, `## Assumptions`, `## Out of Scope`.
""",
        "high_level": f"""\
This project writes designs as Spec Kit does: `# Implementation Plan: TITLE`, `## Summary`,
`## Technical Context`. Requirements are named `Validates: FR-001, US1`. {_DESIGN}""",
        "tasks": """\
This project writes tasks as Spec Kit does, so in the place of numbers: `# Tasks: TITLE`, then
`## Phase 1: Setup`, `## Phase 2: Foundational` where there is such work, and for each story
`## Phase 3: User Story 1 - Title (Priority: P1)`. Below them
`- [ ] T001 [P] [US1] Title with its file (FR-001, FR-002) (depends on T002)`: [P] where it touches
no file of another open task, [US1] in phases of stories only, and every FR and NFR in one task.
""",
    },
    OPENSPEC: {
        "requirements": """\
This project writes specs as OpenSpec does, so in the place of the headings that you know:
`# TITLE`, `## Why`, `## What Changes`, `## Decisions`, `## Assumptions`, `## Out of Scope`,
`## Impact`; then for each capability a line `# specs/CAPABILITY/spec.md` (a word in kebab-case) and
below it `## ADDED Requirements` (or MODIFIED, REMOVED), `### Requirement: Name`, a sentence with
SHALL, and for each case `#### Scenario: Name` with `- **WHEN** ...` and `- **THEN** ...`. What has
to hold as a whole, such as times and amounts, is a requirement with scenarios, too.
""",
        "high_level": f"Requirements are named by their names. {_DESIGN}",
        "tasks": """\
This project writes tasks as OpenSpec does: `## 1. Group` and below it `- [ ] 1.1 Title`. There are
no lines `_Requirements:_`; the title or a line below it names the requirement by its name.
""",
    },
}

OWN_HEADINGS = """\
# The form

This file has headings of its own, in the place of those that you know. Keep them with their levels
and their order; a new section has `## ` and stands among them.
"""
ENDING = ToolSpec(
    name="write_document",
    description="Hand in the whole document. Nothing you write after it is read.",
    schema={
        "type": "object",
        "required": ["document"],
        "properties": {"document": {"type": "string", "description": "the document, in Markdown"}},
    },
)
ASKING = ToolSpec(
    name="ask_questions",
    description="Hand in your questions, or an empty list when nothing has to be asked.",
    schema={
        "type": "object",
        "required": ["questions"],
        "properties": {
            "questions": {
                "type": "array",
                "maxItems": MOST_QUESTIONS,
                "items": {
                    "type": "object",
                    "required": ["question"],
                    "properties": {
                        "question": {"type": "string"},
                        "about": {
                            "type": "string",
                            "description": "what was left open: subject, user, outcome, or a word",
                        },
                        "choices": {"type": "array", "items": {"type": "string"}},
                        "default": {"type": "string", "description": "what you would take"},
                    },
                },
            },
            "again": {
                "type": "boolean",
                "description": "whether you can ask what else is open only when these are answered",
            },
        },
    },
)


def form_of(dialect: str, phase: str) -> str:
    """Return the instruction on the form of a phase, "" where the agent's prompt has it."""
    text = FORMS.get(dialect, {}).get(phase, "")
    return f"# The form\n\n{text}" if text else ""
