"""A task without named requirements gets those of its spec, and so does its reviewer."""

import pytest

from reviewloop.specs.briefing import brief_task, describe_task
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import MemoryFiles
from reviewloop.specs.steering import Steering

TASKS = """# Plan

- [ ] 1. Store the tokens
  - _Requirements: 1.1_
- [ ] 2. Toggle the shop
"""
REQUIREMENTS = """# Requirements

## Introduction

Tokens for shops.

## Requirements

### Requirement 1: Tokens

1. WHEN a shop signs in THE SYSTEM SHALL persist a token

### Requirement 2: Toggles

1. THE SYSTEM SHALL make shops independently toggleable

## Constraints

1. Python 3.12
2. PyJWT 2.8

## Non-Functional Requirements

- Token verification < 10ms

## Dependencies Between Tasks

- Task 2 depends on task 1.
"""
SINGLE = f"""# Shops

{REQUIREMENTS.partition("# Requirements")[2]}

## Architecture

One table.

## Tasks

- [ ] 1. Store the tokens
- [ ] 2. Toggle the shop
"""
STORY = """# Feature

## User Scenarios

### User Story 1 - Tokens (Priority: P1)

1. **Given** a shop, **When** it signs in, **Then** a token is kept

### User Story 2 - Toggles (Priority: P2)

1. **Given** two shops, **When** one is toggled, **Then** they are independently toggleable

## Success Criteria

- Token verification < 10ms, with PyJWT 2.8
"""
SPEC_KIT_TASKS = """## Phase 1: Setup

- [ ] T001 Toggle the shop
"""
DELTA = """## ADDED Requirements

### Requirement: Shops
The system SHALL make shops independently toggleable, PyJWT 2.8, Token verification < 10ms.

#### Scenario: One
- **WHEN** a **THEN** b
"""
DIALECTS = {
    "kiro": {
        ".kiro/specs/shops/tasks.md": TASKS,
        ".kiro/specs/shops/requirements.md": REQUIREMENTS,
    },
    "cc-sdd": {
        ".kiro/specs/shops/tasks.md": TASKS,
        ".kiro/specs/shops/requirements.md": REQUIREMENTS,
        ".kiro/specs/shops/spec.json": "{}",
    },
    "single-file": {"docs/shops-spec.md": SINGLE},
    "spec-kit": {"specs/001-shops/tasks.md": SPEC_KIT_TASKS, "specs/001-shops/spec.md": STORY},
    "openspec": {
        "openspec/changes/shops/tasks.md": "## 1. All\n\n- [ ] 1.1 Toggle it\n",
        "openspec/changes/shops/specs/shops/spec.md": DELTA,
    },
}


def told(contents, task_id=None, budget=60_000):
    """Return what the implementer and what a reviewer is told of a spec's last task."""
    files = MemoryFiles({path: text.encode() for path, text in contents.items()})
    spec = open_spec(files)
    task = spec.by_id[task_id] if task_id else spec.tasks[-1]
    brief = brief_task(
        spec, task, steering=Steering(), files=files, entries=[], budget_tokens=budget
    )
    return brief.text, describe_task(spec, task, files, budget_tokens=budget)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_task_without_ids_gets_all_requirements_and_what_holds_for_all(dialect):
    for text in told(DIALECTS[dialect]):
        assert "independently toggleable" in text
        assert "PyJWT 2.8" in text
        assert text.count("Token verification < 10ms") == 1


def test_a_task_with_ids_gets_only_those_and_what_holds_for_all():
    for text in told(DIALECTS["kiro"], "1"):
        assert "SHALL persist a token" in text
        assert "independently toggleable" not in text
        assert "Python 3.12" in text
        assert "Token verification < 10ms" in text
        assert "Task 2 depends on task 1" not in text


def test_where_room_is_short_the_nearest_come_first_and_the_rest_is_listed():
    other = "\n".join(
        f"### Requirement {n}: Parcel number {n}\n\n1. THE SYSTEM SHALL ship {'far ' * 800}\n"
        for n in range(3, 6)
    )
    contents = dict(DIALECTS["kiro"])
    path = ".kiro/specs/shops/requirements.md"
    contents[path] = REQUIREMENTS.replace("### Requirement 1", f"{other}\n### Requirement 1")
    for text in told(contents, "2", budget=4000):
        assert "independently toggleable" in text
        assert "far far" not in text
        assert "Left out" in text
        assert "- requirement Requirement 3: Parcel number 3" in text


def test_tasks_note_which_requirements_no_task_names():
    contents = {path: text.encode() for path, text in DIALECTS["kiro"].items()}
    notices = open_spec(MemoryFiles(contents)).notices
    assert any(notice.startswith("no task names requirement 2;") for notice in notices)
    contents[".kiro/specs/shops/tasks.md"] = TASKS.replace("1.1_", "1.1, 2_").encode()
    assert not any("no task names" in one for one in open_spec(MemoryFiles(contents)).notices)


def test_a_part_of_a_task_has_the_requirements_of_the_task():
    contents = dict(DIALECTS["kiro"])
    contents[".kiro/specs/shops/tasks.md"] = (
        "- [ ] 1. Store\n  - _Requirements: 1_\n  - [ ] 1.1 Write the table\n"
    )
    for text in told(contents, "1.1"):
        assert "SHALL persist a token" in text
        assert "independently toggleable" not in text
