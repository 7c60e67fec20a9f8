"""Whether a finished run may be committed without a person; the reason to wait when not."""

from collections.abc import Mapping
from typing import Any

from reviewloop.output.proposal import Proposal, is_wish
from reviewloop.state import GateStatus

BY = "autopilot"

_LEFT = {"open", "unresolved"}
_RED_OR_YELLOW = {"must_fix", "should_fix"}
# A project need not have a build or a linter; without tests nothing shows that the change works.
_GREEN = {GateStatus.PASSED, GateStatus.OFF, GateStatus.NOT_DETECTED}


def why_a_person(proposal: Proposal) -> str:
    """Return why a person has to look at this change, "" when it is clean."""
    reasons = [*_governance(proposal), *_findings(proposal), *_gates(proposal)]
    reasons += [f"{name} failed" for name in proposal["incomplete"]]
    reasons += _lost(proposal)
    if proposal["task"] and proposal["spec_progress"] is None:  # it would be open, and done again
        reasons.append(f"task {proposal['task']} cannot be ticked")
    return "; ".join(reasons)


def _lost(proposal: Proposal) -> list[str]:
    """Return what reviewers that finished were not shown, and what of their answers was lost."""
    failed = proposal["incomplete"]
    return [
        f"{one['name']}: {one['reason']}"
        for one in proposal["reviewers"]
        if one["reason"] and one["name"] not in failed
    ]


def _governance(proposal: Proposal) -> list[str]:
    reasons = list(proposal["governance"])
    for file in proposal.get("protected", []):
        if not any(reason.startswith(f"{file['path']} ") for reason in reasons):
            reasons.append(f"{file['path']} {file['why']}")
    return reasons


def _findings(proposal: Proposal) -> list[str]:
    return [words] if (words := left_of(proposal)) else []


def must_fix_left(proposal: Proposal | None) -> int:
    """Return how many red findings a change still has, wishes that were not done included."""
    found = proposal["findings"] if proposal else ()
    return sum(one["severity"] == "must_fix" and one["status"] in _LEFT for one in found)


def left_of(proposal: Proposal) -> str:
    """Return what red and yellow findings and what wishes a change still has, "" for none."""
    left = [one for one in proposal["findings"] if _is_left(one)]
    wishes = sum(map(is_wish, left))
    red = must_fix_left(proposal) - wishes
    counts = {"must fix": red, "should fix": len(left) - red - wishes, "of your wishes": wishes}
    said = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    return f"{said} left" if said else ""


def asked_for(proposal: Proposal | None) -> str:
    """Return what in a change a person should have seen before the commit, "" for nothing."""
    if proposal is None:
        return ""
    governance = [f"governance: {reason}" for reason in _governance(proposal)]
    return "; ".join(filter(None, (left_of(proposal), *governance)))


def _is_left(finding: Mapping[str, Any]) -> bool:
    return finding["severity"] in _RED_OR_YELLOW and finding["status"] in _LEFT


def _gates(proposal: Proposal) -> list[str]:
    reasons = [
        f"{gate['name']}: {gate['summary']}"
        for gate in proposal["gates"]
        if GateStatus(gate["status"]) not in _GREEN and gate["name"] != "governance"
    ]
    tests = [gate for gate in proposal["gates"] if gate["name"] == "test"]
    if not any(gate["status"] == GateStatus.PASSED for gate in tests):
        reasons += ["no test ran"] if not any(r.startswith("test: ") for r in reasons) else []
    return reasons
