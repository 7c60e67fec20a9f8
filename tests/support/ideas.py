"""Worked examples of ideas and their specs, and the replies of a model that writes them."""

import tomllib
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from support.spec_script import document, questions, task_done

FOLDER = Path(__file__).parents[1] / "data/ideas"
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def idea_of(name: str) -> dict[str, Any]:
    """Return an example: its sentence and what its spec holds."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))


def requirements_of(idea: dict[str, Any]) -> str:
    """Return the requirements as the model writes them."""
    lines = ["# Requirements Document", "", "## Introduction", "", idea["intro"], ""]
    lines += ["## Decisions", ""]
    lines += [f'- {question} "{default}"' for question, _, default in idea["questions"]]
    lines += ["", "## Requirements"]
    for number, one in enumerate(idea["requirements"], 1):
        lines += ["", f"### Requirement {number}: {one['title']}", ""]
        lines += [f"**User Story:** {one['story']}.", "", "#### Acceptance Criteria", ""]
        lines += [f"{position}. {text}" for position, text in enumerate(one["criteria"], 1)]
    lines += ["", "## Non-Functional Requirements", ""]
    lines += [f"- NFR-{number}: {text}" for number, text in enumerate(idea["nonfunctional"], 1)]
    if idea.get("constraints"):
        lines += ["", "## Constraints", "", *(f"- {one}" for one in idea["constraints"])]
    lines += ["", "## Data Model", "", idea["model"], "", "## API", ""]
    lines += [f"- `{one}`" for one in idea["api"]]
    lines += ["", "## Out of Scope", "", idea["scope"]]
    lines += ["", "## Success Criteria", "", "Each criterion has a test that names it."]
    return "\n".join(lines) + "\n"


def high_level_of(idea: dict[str, Any]) -> str:
    """Return the high-level design."""
    names = [one["name"] for one in idea["components"]]
    arrows = [f"  {_ident(a)} --> {_ident(b)}" for a, b in pairwise(names)]
    lines = ["# Design Document", "", "## Overview", "", idea["intro"], "", "## Architecture", ""]
    lines += ["```mermaid", "graph LR", *arrows, "```", "", "## Components and Interfaces"]
    for one in idea["components"]:
        lines += ["", f"### {one['name']}", "", f"{one['what']} In `{one['file']}`."]
        lines += [f"Validates: Requirements {one['serves']}"]
    return "\n".join(lines) + "\n"


def low_level_of(idea: dict[str, Any]) -> str:
    """Return the low-level design."""
    lines = ["## Low-Level Design", "", idea["model"], "", "## Error Handling", ""]
    lines += [
        "Each failure has the status that its criterion names.",
        "",
        "## Testing Strategy",
        "",
    ]
    lines += ["A test a criterion.", "", "## File Structure", ""]
    lines += [f"- {one['file']} [NEW]" for one in idea["components"]]
    return "\n".join(lines) + "\n"


def tasks_of(idea: dict[str, Any]) -> str:
    """Return the task plan."""
    lines = ["# Implementation Plan", ""]
    for number, one in enumerate(idea["tasks"], 1):
        lines += [f"- [ ] {number}. {one['title']}", *(f"  - {text}" for text in one["body"])]
        if one.get("depends"):
            lines.append(f"  - _Depends: {one['depends']}_")
        lines.append(f"  - _Requirements: {one['serves']}_")
    return "\n".join(lines) + "\n"


def replies_to(idea: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all replies from the sentence to the first task."""
    call = {"name": "write_findings", "args": {"findings": idea.get("research", [])}}
    asked = [
        {"question": question, "choices": choices, "default": default}
        for question, choices, default in idea["questions"]
    ]
    return [
        {"agent": "spec-requirements", "step": "research", "tool_calls": [call]},
        questions(*asked),
        document("spec-requirements", "requirements", requirements_of(idea)),
        document("spec-design", "high_level", high_level_of(idea)),
        document("spec-design", "low_level", low_level_of(idea)),
        document("spec-tasks", "tasks", tasks_of(idea)),
        *task_done(idea["first"]["files"], idea["first"]["subject"]),
    ]


def _ident(name: str) -> str:
    return name.replace(" ", "_").replace("-", "_")
