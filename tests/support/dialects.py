"""Specs in the dialects of Spec Kit, OpenSpec and cc-sdd, as their tools lay them out."""

from reviewloop.specs.files import MemoryFiles

SPEC_KIT = "specs/004-seed-swap"
SPEC_KIT_TASKS = """\
# Tasks: Seed swap

**Input**: plan.md, spec.md

## Phase 1: Setup

**Purpose**: An empty package

- [X] T001 Create the package in swap/
- [ ] T002 [P] Configure the linter in pyproject.toml
- [ ] T003 [P] Write the settings in swap/settings.py
  - They are read once, as in FR-002

---

## Phase 2: Foundational (Blocking Prerequisites)

- [ ] T004 Create the tables in swap/schema.py
**Checkpoint**: The tables exist, stories can begin

---

## Phase 3: User Story 1 - Offer seeds (Priority: P1) 🎯 MVP

**Goal**: A gardener offers seeds – täglich

**Independent Test**: Offer seeds and see them in the list

### Tests for User Story 1

- [ ] T005 [P] [US1] Contract test in tests/contract/test_offer.py

### Implementation for User Story 1

- [ ] T006 [P] [US1] Offer model in swap/offer.py
- [ ] T007 [US1] Offer service in swap/service.py (depends on T006)

**Checkpoint**: Offers can be made

## Phase 4: User Story 2 - Swap seeds (Priority: P2)

- [ ] T008 [P] [US2] Swap model in swap/swap.py
- [ ] T009 [US2] Swap endpoint in swap/api.py

## Phase 5: User Story 3 - Rate a swap (Priority: P3)

- [ ] T010 [US3] Rating in swap/rating.py

## Phase 6: Polish

- [ ] T011 [P] Describe the endpoints in docs/api.md
- [ ] T012 Run the full test suite

## Dependencies & Execution Order

- **Polish (Final Phase)**: Depends on all stories

### User Story Dependencies

- **User Story 1 (P1)**: Can start after Foundational (Phase 2) - No dependencies on other stories
- **User Story 2 (P2)**: Can start after Foundational (Phase 2) - Shows US1, independently testable
- **User Story 3 (P3)**: Depends on User Story 2
- T011 depends on T009

## Parallel Example

```text
- [ ] T099 Not a task
```
"""
SPEC_KIT_SPEC = """\
# Feature Specification: Seed swap

**Status**: Draft

## User Scenarios & Testing

### User Story 1 - Offer seeds (Priority: P1)

A gardener has seeds left and offers them.

**Acceptance Scenarios**:

1. **Given** a gardener, **When** seeds are offered, **Then** the list shows
   them first
2. **Given** an empty offer, **When** it is sent, **Then** it is refused

---

### User Story 2 - Swap seeds (Priority: P2)

Two gardeners agree on a swap.

**Acceptance Scenarios**:

1. **Given** two offers, **When** both agree, **Then** both are closed

### User Story 3 - Rate a swap (Priority: P3)

A swap can be rated.

### Edge Cases

- A gardener withdraws an offer while it is swapped

## Requirements

- **FR-001**: The system MUST keep an offer for 90 days
- **FR-002**: Settings MUST be read once
- **FR-003**: Ratings MUST be [NEEDS CLARIFICATION: one to five?]
"""
SPEC_KIT_PLAN = """\
# Implementation Plan: Seed swap

## Summary

Gardeners swap seeds through a small web service.

## Technical Context

Python, SQLite, `swap/schema.py` holds all tables.
"""
OPENSPEC = "openspec/changes/add-night-tariff"
OPENSPEC_TASKS = """\
## 1. Tariff data

- [x] 1.1 Store the hours of the night tariff and verify the migration runs
- [ ] 1.2 Read the hours in tariff/hours.py and verify unit tests cover midnight
  - Hours are local time

## 2. Billing

- [ ] 2.1 Split a reading at the border of the tariff
- [ ] 2.2 Show both sums on the bill
* [ ] Explain the tariff in docs/tariff.md

## 3. Verification

- [ ] 3.1 Run all tests and verify they pass
"""
OPENSPEC_PROPOSAL = """\
## Why

Readings at night are billed at the price of the day.

## What Changes

- The bill shows two sums

## Impact

`tariff/` and `billing/`
"""
OPENSPEC_DELTA = """\
## Purpose

Bills that know two prices.

## ADDED Requirements

### Requirement: Night price
The system SHALL bill readings at night with the night price.

#### Scenario: Reading after midnight
- **WHEN** a reading lies between 0 and 5 o'clock
- **THEN** its price is the night price

#### Scenario: Reading at noon
- **WHEN** a reading lies at noon
- **THEN** its price is the price of the day

## REMOVED Requirements

### Requirement: Single sum
**Reason**: There are two now
**Migration**: Add them

## RENAMED Requirements

- FROM: `### Requirement: Bill layout`
- TO: `### Requirement: Layout of a bill`
"""
CC_SDD = ".kiro/specs/bird-count"
CC_SDD_TASKS = """\
# Implementation Plan

- [ ] 1. Foundation: storage and settings
- [x] 1.1 Store a sighting
  - Sightings survive a restart
  - _Requirements: 1.1_

- [ ] 1.2 Read the list of species
  - _Requirements: 1.2_

- [ ] 2. Counting
- [ ] 2.1 (P) Count per day
  - _Requirements: 2.1_
  - _Boundary: DayCounter_

- [ ] 2.2 (P) Count per place
  - _Requirements: 2.2_
  - _Boundary: PlaceCounter_
  - _Depends: 1.1_

- [ ] 2.3 Draw the map
  - _Blocked: the map tiles are not licensed yet_

- [ ] 3. Validation
- [ ] 3.1 Join both counts
  - _Depends: 2.1, 2.2_
- [ ]* 3.2 Baseline rendering tests
- [ ] 3.3 Checkpoint - Ensure all tests pass

## Implementation Notes

- The list of species has umlauts: open it as UTF-8
"""
CC_SDD_REQUIREMENTS = """\
# Requirements Document

## Introduction
Volunteers count birds.

## Requirements

### Requirement 1: Sightings
**Objective:** As a volunteer, I want to keep sightings, so that they can be counted

#### Acceptance Criteria
1. When a sighting is sent, the Store shall keep it
2. The Store shall know every species of the list

### Requirement 2: Counts
**Objective:** As a ranger, I want counts, so that I can compare years

#### Acceptance Criteria
1. When a day ends, the Counter shall add its sightings
2. Where a place is given, the Counter shall count per place
"""
CC_SDD_STATE = """\
{
  "feature_name": "bird-count",
  "phase": "tasks-generated",
  "approvals": {
    "requirements": {"generated": true, "approved": true},
    "design": {"generated": true, "approved": true},
    "tasks": {
      "generated": true,
      "approved": true
    }
  },
  "ready_for_implementation": true
}
"""


def spec_kit(tasks: str = SPEC_KIT_TASKS, **others: str) -> MemoryFiles:
    """Return the feature; keywords are more files of its folder, "" takes one out."""
    texts = {
        "tasks.md": tasks,
        "spec.md": SPEC_KIT_SPEC,
        "plan.md": SPEC_KIT_PLAN,
        "data-model.md": "# Data model\n\nAn offer has seeds and an owner.\n",
        "contracts/offers.yaml": "paths:\n  /offers: {}\n",
        "checklists/ux.md": "- [x] CHK001 Words\n- [ ] CHK002 Colours\n",
    }
    return _files(SPEC_KIT, texts | others)


def openspec(tasks: str = OPENSPEC_TASKS, **others: str) -> MemoryFiles:
    """Return the change; keywords are more files of its folder, "" takes one out."""
    texts = {
        "tasks.md": tasks,
        "proposal.md": OPENSPEC_PROPOSAL,
        "design.md": "## Decisions\n\nHours are kept in `tariff/hours.py`.\n",
        "specs/billing/spec.md": OPENSPEC_DELTA,
    }
    return _files(OPENSPEC, texts | others)


def cc_sdd(tasks: str = CC_SDD_TASKS, **others: str) -> MemoryFiles:
    """Return the spec; keywords are more files of its folder, "" takes one out."""
    texts = {
        "tasks.md": tasks,
        "requirements.md": CC_SDD_REQUIREMENTS,
        "design.md": "# Design\n\n## Overview\n\nTwo counters.\n",
        "research.md": "# Research\n\nGulls are hard to tell apart.\n",
        "spec.json": CC_SDD_STATE,
    }
    return _files(CC_SDD, texts | others)


def _files(folder: str, texts: dict[str, str]) -> MemoryFiles:
    return MemoryFiles({f"{folder}/{name}": text.encode() for name, text in texts.items() if text})
