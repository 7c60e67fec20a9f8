"""The replies of a model that writes a small spec, as `script:FILE` reads them."""

import json
from pathlib import Path
from typing import Any

REQUIREMENTS = """\
# Requirements Document

## Introduction

Members are told of replies.

## Decisions

- Which channels? "email"

## Requirements

### Requirement 1: Channel

**User Story:** As a member, I want a channel, so that I am told.

#### Acceptance Criteria

1. WHEN a member saves "email" THEN the system SHALL store it within 300 ms
2. IF the channel is unknown THEN the system SHALL answer 422

### Requirement 2: Delivery

#### Acceptance Criteria

1. WHEN a reply is posted THEN the system SHALL send one message within 60 seconds

## Out of Scope

SMS.
"""
HIGH_LEVEL = """\
# Design Document

## Components and Interfaces

### Store

Keeps channels. Validates: Requirements 1.1, 1.2

### Sender

Sends. Validates: Requirements 2.1
"""
LOW_LEVEL = """\
## Low-Level Design

`save(member, channel)` raises ValueError for an unknown channel.

## File Structure

- src/store.py [NEW]
"""
TASKS = """\
# Implementation Plan

- [ ] 1. Keep one channel per member
  - Create src/store.py with `save`
  - Test an unknown channel
  - _Requirements: 1.1, 1.2_
- [ ] 2. Send one message a reply
  - Create src/send.py; test it
  - _Requirements: 2.1_
"""
STORY = """\
# Feature Specification: notify

## Decisions

- Which channels? "email"

## User Scenarios & Testing

### User Story 1 - Choose a channel (Priority: P1)

A member chooses how they are told.

**Acceptance Scenarios**:

1. **Given** a member, **When** they save "email", **Then** it is stored within 300 ms

## Requirements

### Functional Requirements

- **FR-001**: System MUST answer 422 for an unknown channel

### Non-Functional Requirements

- **NFR-001**: System MUST send within 60 seconds

## Success Criteria

- **SC-001**: all tests pass
"""
PLAN = """\
# Implementation Plan: notify

## Summary

A store and a sender.

## Components and Interfaces

### Store

Validates: FR-001, US1
"""
STORY_TASKS = """\
# Tasks: notify

## Phase 1: User Story 1 - Choose a channel (Priority: P1)

- [ ] T001 [US1] Keep one channel per member in src/store.py (FR-001)
- [ ] T002 [US1] Send one message a reply in src/send.py (NFR-001) (depends on T001)
"""
PROPOSAL = """\
# Tell members of replies

## Why

Members miss replies.

## Decisions

- Which channels? "email"

## What Changes

- A channel for each member

# specs/notices/spec.md

## ADDED Requirements

### Requirement: One channel

The system SHALL keep one channel per member.

#### Scenario: Known channel

- **WHEN** a member saves "email"
- **THEN** it is stored within 300 ms
"""
GROUPS = """\
## 1. Channels

- [ ] 1.1 Keep one channel per member, in src/store.py
"""
FORMS = {
    "kiro": (REQUIREMENTS, HIGH_LEVEL, LOW_LEVEL, TASKS),
    "single-file": (REQUIREMENTS, HIGH_LEVEL, LOW_LEVEL, TASKS),
    "spec-kit": (STORY, PLAN, LOW_LEVEL, STORY_TASKS),
    "openspec": (PROPOSAL, PLAN.replace("Validates: FR-001, US1", ""), LOW_LEVEL, GROUPS),
}
"""The documents of the four phases in each form."""

QUESTION = {"question": "Which channels?", "choices": ["email", "SMS"], "default": "email"}


def document(agent: str, step: str, text: str, **about: Any) -> dict[str, Any]:
    """Return the reply that hands a document in."""
    call = {"name": "write_document", "args": {"document": text}}
    return {"agent": agent, "step": step, "tool_calls": [call], **about}


def questions(*asked: dict[str, Any], again: bool = False, **about: Any) -> dict[str, Any]:
    """Return the reply that asks; `again` says that the answers lead to more questions."""
    more = {"again": True} if again else {}
    call = {"name": "ask_questions", "args": {"questions": [*asked], **more}}
    return {"agent": "spec-requirements", "step": "questions", "tool_calls": [call], **about}


def replies() -> list[dict[str, Any]]:
    """Return all replies of a session in which the requirements are modified once."""
    again = REQUIREMENTS.replace("SMS.", "SMS and push.")
    return [
        questions(QUESTION),
        document("spec-requirements", "requirements", REQUIREMENTS, cycle=0),
        document("spec-requirements", "requirements", again, cycle=1),
        document("spec-design", "high_level", HIGH_LEVEL),
        document("spec-design", "low_level", LOW_LEVEL),
        document("spec-tasks", "tasks", TASKS),
    ]


def of_form(form: str) -> list[dict[str, Any]]:
    """Return the replies of a session in a form, without questions."""
    steps = ("requirements", "high_level", "low_level", "tasks")
    agents = ("spec-requirements", "spec-design", "spec-design", "spec-tasks")
    texts = FORMS[form]
    pairs = zip(agents, steps, texts, strict=True)
    return [questions(), *(document(agent, step, text) for agent, step, text in pairs)]


def task_done(files: dict[str, str], subject: str) -> list[dict[str, Any]]:
    """Return the replies of a run in which these files are written and nobody finds anything."""
    writes = [
        {"name": "fs_write", "args": {"command": "create", "path": path, "file_text": text}}
        for path, text in files.items()
    ]
    finish = {"name": "finish", "args": {"summary": subject, "subject": subject}}
    turns = [{"tool_calls": writes}, {"tool_calls": [finish]}]
    nothing = {"name": "report_findings", "args": {"findings": []}}
    return [
        {"agent": "implement", "step": "implement", "turns": turns},
        {"step": "review", "tool_calls": [nothing]},
    ]


def written(folder: Path, entries: list[dict[str, Any]]) -> str:
    """Write a script; return the model's name."""
    path = folder / "script.json"
    path.write_text(json.dumps({"replies": entries}))
    return f"script:{path}"
