"""Skills, and the replies of a model that writes and mends them, as `script:FILE` reads them."""

from typing import Any

BODY = """\
# Review a pull request

Reads a pull request and says what is wrong with it.

## Input

The number of the pull request. Ask when it is missing.

## Process

### Phase 1: Read

1. `reviewloop review main...HEAD` says what the analysers find.

### Phase 2: Verify

1. Check that each finding has a file and a line.

## Output

A list of findings.

## Errors

- The branch is not there: fetch it, then begin again.

## Rules

- Ask instead of guessing.
"""
DESCRIPTION = "Reviews a pull request. Use it when the user names one."
SKILL = f"---\nname: review-pr\ndescription: {DESCRIPTION}\n---\n\n{BODY}"


def skill(body: str = BODY, description: str = DESCRIPTION, **about: Any) -> dict[str, Any]:
    """Return the reply that hands a skill in."""
    call = {"name": "write_skill", "args": {"description": description, "body": body}}
    return {"agent": "skill-writer", "step": "capture", "tool_calls": [call], **about}


def edits(*rows: dict[str, Any], guards: tuple[Any, ...] = (), **about: Any) -> dict[str, Any]:
    """Return the reply that proposes edits."""
    args = {"edits": [*rows], "guards": [*guards], "no_guard": "" if guards else "none fits"}
    call = {"name": "propose_edits", "args": args}
    return {"agent": "skill-writer", "step": "improve", "tool_calls": [call], **about}


def edit(quote: str, replacement: str, gap: str = "step", **more: Any) -> dict[str, Any]:
    """Return one edit of review-pr."""
    row = {"skill": "review-pr", "quote": quote, "replacement": replacement, "gap": gap}
    return {**row, "evidence": "E1", "reason": "it was done by hand", **more}


GUARD = {
    **{"kind": "setting", "key": "review.fail_on", "value": "should", "evidence": "E1"},
    "reason": "then it cannot be overlooked",
}
