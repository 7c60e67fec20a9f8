"""The replies of a model that writes a small spec, as `script:FILE` reads them."""

import json
from pathlib import Path
from typing import Any

REQUIREMENTS = """\
# Requirements Document

## Introduction

Members are told of replies.

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
QUESTION = {"question": "Which channels?", "choices": ["email", "SMS"], "default": "email"}


def document(agent: str, step: str, text: str, **about: Any) -> dict[str, Any]:
    """Return the reply that hands a document in."""
    call = {"name": "write_document", "args": {"document": text}}
    return {"agent": agent, "step": step, "tool_calls": [call], **about}


def questions(*asked: dict[str, Any]) -> dict[str, Any]:
    """Return the reply that asks."""
    call = {"name": "ask_questions", "args": {"questions": [*asked]}}
    return {"agent": "spec-requirements", "step": "questions", "tool_calls": [call]}


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


def written(folder: Path, entries: list[dict[str, Any]]) -> str:
    """Write a script; return the model's name."""
    path = folder / "script.json"
    path.write_text(json.dumps({"replies": entries}))
    return f"script:{path}"
