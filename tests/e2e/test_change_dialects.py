"""`change` from the sentence to the last commit, in repositories of Spec Kit and of OpenSpec."""

import json

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.iot import proposed, tasks_done
from support.spec_script import written

API = """\
from fastapi import FastAPI

app = FastAPI()


@app.post("/orders")
def place(order: dict) -> dict:
    return order
"""
CANCEL = f'{API}\n\n@app.delete("/orders/{{ident}}")\ndef cancel(ident: str) -> None: ...\n'
TEST = '"""{} and an order is kept for 90 days."""\n'
KIT = "specs/001-orders"
KIT_SPEC = """\
# Feature Specification: Orders

**Status**: Draft

## User Scenarios & Testing

### User Story 1 - Place an order (Priority: P1)

A customer  places an order – täglich.

**Acceptance Scenarios**:

1. **Given** a basket, **When** it is sent, **Then** an order is stored

## Requirements

### Functional Requirements

- **FR-001**: The system MUST keep an order for 90 days
"""
KIT_PLAN = "# Implementation Plan: Orders\n\n## API\n\n- `POST /orders`: places an order\n"
KIT_TASKS = """\
# Tasks: Orders

## Phase 1: User Story 1 - Place an order (Priority: P1)

- [X] T001 [US1] Store an order in shop/api.py (FR-001)
"""
OPEN = "openspec/changes/add-orders"
OPEN_DELTA = """\
## ADDED Requirements

### Requirement: Kept orders
The system SHALL keep an order for 90 days.

#### Scenario: Order of last month
- **WHEN** an order of last month is asked for
- **THEN** it is there
"""
OPEN_DESIGN = "## Context\n\nA shop.\n\n## API\n\n- `POST /orders`: places an order\n"
OPEN_TASKS = "## 1. Orders\n\n- [x] 1.1 Store an order in shop/api.py\n"


def edit(path, quote, text, *, below=False):
    return {"path": path, "quote": quote, "text": text, "below": below}


REPOSITORIES = {
    "spec-kit": (
        {f"{KIT}/spec.md": KIT_SPEC, f"{KIT}/plan.md": KIT_PLAN, f"{KIT}/tasks.md": KIT_TASKS},
        [
            edit(f"{KIT}/spec.md", "an order for 90 days", "an order for 30 days"),
            edit(
                f"{KIT}/spec.md", "- **FR-001**",
                "- **FR-002**: The system MUST let a customer cancel an order", below=True,
            ),
            edit(f"{KIT}/plan.md", "- `POST /orders`", "- `DELETE /orders/{id}`: cancels one",
                 below=True),
            edit(
                f"{KIT}/tasks.md", "(FR-001)",
                "- [ ] T002 [US1] Cancel an order in shop/api.py, say so in docs/orders.md "
                "(FR-001, FR-002)", below=True,
            ),
        ],
        "T002: Cancel an order in shop/api.py, say so in docs/orders.md",
    ),
    "openspec": (
        {
            f"{OPEN}/proposal.md": "## Why\n\nWe sell.\n\n## What Changes\n\n- Orders\n",
            f"{OPEN}/design.md": OPEN_DESIGN,
            f"{OPEN}/specs/orders/spec.md": OPEN_DELTA,
            f"{OPEN}/tasks.md": OPEN_TASKS,
        },
        [
            edit(f"{OPEN}/specs/orders/spec.md", "an order for 90 days", "an order for 30 days"),
            edit(
                f"{OPEN}/specs/orders/spec.md", "- **THEN** it is there",
                "\n### Requirement: Cancelled orders\nThe system SHALL let a customer cancel an "
                "order.\n\n#### Scenario: Cancelled\n- **WHEN** an order is cancelled\n"
                "- **THEN** it is gone", below=True,
            ),
            edit(f"{OPEN}/design.md", "- `POST /orders`", "- `DELETE /orders/{id}`: cancels one",
                 below=True),
            edit(
                f"{OPEN}/tasks.md", "- [x] 1.1 Store an order",
                "- [ ] 1.2 Cancel an order in shop/api.py, say so in docs/orders.md", below=True,
            ),
        ],
        "1.2: Cancel an order in shop/api.py, say so in docs/orders.md",
    ),
}  # fmt: skip


@pytest.mark.slow_but(every=2)
@pytest.mark.parametrize("dialect", REPOSITORIES)
def test_from_the_sentence_to_the_commits_with_spec_and_code_in_step(dialect, repo, tmp_path, git):
    documents, edits, task = REPOSITORIES[dialect]
    files = {**documents, "shop/api.py": API, "docs/orders.md": "# Orders\n\nPlace an order.\n"}
    for path, text in files.items():
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_text(text)
    git(repo, "switch", "-q", "-c", "work")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "a shop")
    built = {"shop/api.py": CANCEL, "docs/orders.md": "# Orders\n\nPlace or cancel an order.\n"}
    model = written(tmp_path, [proposed(edits, {}), *tasks_done({task: built})])
    named = {f"REVIEWLOOP_MODELS__{kind}": model for kind in ("REASONING", "GENERATION")}
    checkout = Checkout(repo, tmp_path / "home", settings={**QUIET_GATES, **named})
    assert checkout.run("spec", "sync", "--check").code == 0

    said = checkout.run("change", "-m", "Let customers cancel an order; keep it for 30 days.")
    assert said.code == 4, said.err
    assert "documents docs/orders.md:1: task" in said.out
    said = checkout.run("change", "approve")
    assert said.code == 4, said.err
    assert checkout.run("spec", "sync", "--check").code == 1
    assert checkout.run("queue", "approve", "--all").code == 0
    said = checkout.run("spec", "sync", "--check")
    assert said.code == 0, said.out
    [name] = [line.split()[0] for line in checkout.run("change", "list").out.splitlines()]
    done = json.loads(checkout.run("change", "show", name, "--json").out)

    assert done["next"] == "it is done"
    assert [one["task"] for one in done["commits"]] == ["", task.partition(":")[0]]
    assert (done["open"], done["spent"]["calls"]) == ([], 1)
    assert checkout.read("shop/api.py") == CANCEL
    assert checkout.git("status", "--porcelain") == ""
    for path, text in documents.items():
        now = checkout.read(path)
        for one in edits:
            if one["path"] == path:
                new = f"{one['text']}\n" if one["below"] else one["text"]
                ticked = new.replace("- [ ]", "- [x]" if dialect == "openspec" else "- [X]")
                assert now.count(ticked) == 1, path
                now = now.replace(ticked, "" if one["below"] else one["quote"])
        assert now == text
