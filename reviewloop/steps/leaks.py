"""Secrets of this machine that models wrote: each is a finding by code, whatever reviewers say."""

from collections.abc import Mapping
from typing import Any

from reviewloop.context import RunContext
from reviewloop.findings import Evidence, Finding, Placement, Severity, Status, fingerprint
from reviewloop.state import LoopState

RULE = "secrets.held-by-machine"
_NOTE = "found by code and hidden before the reply was kept; nothing to fix in the change itself"


def leaks(state: LoopState, known: Mapping[str, Finding], context: RunContext) -> list[Finding]:
    """Return a finding for each agent and secret that is not in the book yet.

    The journal remembers it, so that a resumed run says the same. A run leaves it to the person;
    a review of a diff has nobody else to tell, so there it is open.
    """
    is_review = state.get("mode") == "review"
    found: dict[str, Finding] = {}
    for agent, step, used, _ in context.journal.usage_rows():
        for name in _names(used):
            finding = _finding(agent, step, name)
            if not is_review:
                left = {"status": Status.UNRESOLVED, "note": _NOTE}
                finding = finding.model_copy(update=left)
            found.setdefault(finding.id, finding)
    return [finding for ident, finding in found.items() if ident not in known]


def _names(used: Mapping[str, Any]) -> list[str]:
    held = used.get("held")
    return [str(name) for name in held] if isinstance(held, list) else []


def _finding(agent: str, step: str, name: str) -> Finding:
    title = f"{agent} wrote a secret of this machine: the value of {name}"[:300]
    told = f"In step {step} the reply held the value of {name}, as it is or encoded."
    return Finding(
        id=fingerprint("", name, f"{RULE} {agent}"),
        agents=("review-security",),
        severity=Severity.MUST_FIX,
        title=title,
        why=f"{told} Something it read holds the value, or tells it how to come by it.",
        suggestion="Find out where it was read (`reviewloop logs` lists what was), take it away "
        "from there, and replace the secret.",
        category="secrets",
        rule=RULE,
        confidence="high",
        evidence=(Evidence(kind="analyser", source="secrets", text=told),),
        placement=Placement.FILE,
    )
