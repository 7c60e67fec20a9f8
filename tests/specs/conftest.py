"""A small Kiro spec and a single-file spec, as people write them."""

import pytest

from reviewloop.specs.files import MemoryFiles

KIRO_TASKS = """\
# Implementation Plan: parcel-labels

## Overview

Prints labels for parcels.

## Tasks

- [x] 1. Prepare the label package
  - [x] 1.1 Create the settings
    - Add `labels/settings.py`
    - _Requirements: 1.1_

- [ ] 2. Print labels
  - [-] 2.1 Render one label
    - Draw the address block in `labels/render.py`
    - _Requirements: 1.1, 1.3_

  - [ ]* 2.2 Write a property test for rendering
    - **Property 1: every address line is on the label**
    - **Validates: Requirements 1.2**

  - [~] 2.3 Queue labels for the printer
    - _Depends: 2.1_
    - _Requirements: 2_

- [ ] 3. Checkpoint - Ensure all tests pass
  - Ensure all tests pass, ask the user if questions arise.

- [ ] 4. Reprint a label (P)
  - _Requirements: 2.1, 9.9_

## Notes

- Tasks marked with `*` may be skipped

```markdown
- [ ] 7. Not a task, an example
```
"""

KIRO_REQUIREMENTS = """\
# Requirements Document

## Introduction

The warehouse prints a label for each parcel.

Second paragraph.

## Glossary

- **Printer**: the device at the desk

## Requirements

### Requirement 1: Render a label

**User Story:** As a packer, I want a readable label, so that the parcel arrives.

#### Acceptance Criteria

1. WHEN an order is packed, THE Renderer SHALL draw its address
2. IF a line is longer than 40 characters, THEN THE Renderer
   SHALL wrap it
3. WHILE the printer is offline, THE Renderer SHALL keep the label

### Requirement 2: Queue labels

**User Story:** As a packer, I want labels to wait, so that none is lost.

#### Acceptance Criteria

1. THE Queue SHALL keep labels in order
2. WHERE express is chosen, THE Queue SHALL print it first
"""

KIRO_DESIGN = """\
# Design Document

## Overview

A renderer and a queue.

## Components

### Renderer

`labels/render.py` draws the address block.

### Queue

Labels wait in SQLite.
"""

SINGLE_FILE = """\
# Returns portal

## Overview

Customers send things back.

## 1. Functional Requirements

| ID | Requirement | Priority |
|----|-------------|----------|
| FR-1 | A customer can register a return | high |
| FR-2 | A return has a reason | low |

### FR-3: Refund

The refund is paid within 14 days.

- **FR-4**: A label is sent
  by mail
- NFR-1 (must): Answers take less than 300 ms

## High-Level Design

A web form and a worker.

## LLD

`returns/api.py` holds the endpoints.

## Phase 4: Task Plan

☐ Task 1: Create the returns table
Scope: returns/schema.py
Dependencies: none
Requirements: FR-1

☑ Task 2: Create the form
Dependencies: None

☐ Task 3: Validate the reason
    Scope: returns/reasons.py
    Dependencies: Tasks 1–2
    Requirements: FR-2..FR-4, NFR-1

- [ ] **Task 4**: Pay the refund
  - Dependencies: Task 3

5. [ ] Send the label
   Depends on: Task 1, Task 2
"""


def kiro(**changes: str) -> MemoryFiles:
    """Return the Kiro spec `parcel-labels`; keywords replace files: tasks, design, ..."""
    texts = {"tasks": KIRO_TASKS, "requirements": KIRO_REQUIREMENTS, "design": KIRO_DESIGN}
    texts.update(changes)
    folder = ".kiro/specs/parcel-labels"
    return MemoryFiles({f"{folder}/{name}.md": text.encode() for name, text in texts.items()})


def single(text: str = SINGLE_FILE) -> MemoryFiles:
    """Return the single-file spec `returns`."""
    return MemoryFiles({"docs/returns-spec.md": text.encode()})


@pytest.fixture
def kiro_spec():
    return kiro


@pytest.fixture
def single_spec():
    return single


@pytest.fixture
def kiro_tasks() -> str:
    return KIRO_TASKS


@pytest.fixture
def single_text() -> str:
    return SINGLE_FILE
