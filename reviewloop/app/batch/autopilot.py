"""Whether a finished run may be committed without a person; the reason to wait when not."""

from reviewloop.domain.gate import GateStatus
from reviewloop.loop.tick import will_not_tick
from reviewloop.render.proposal import Proposal, left_of

BY = "autopilot"


# A project need not have a build or a linter; without tests nothing shows that the change works.
_GREEN = {GateStatus.PASSED, GateStatus.OFF, GateStatus.NOT_DETECTED}


def why_a_person(proposal: Proposal, changed: str = "") -> str:
    """Return why a person has to look at this change, "" when it is clean.

    `changed` says how its task was changed since its run began: that is not what was done.
    """
    reasons = [
        *([changed] if changed else []),
        *_governance(proposal),
        *_findings(proposal),
        *_gates(proposal),
    ]
    reasons += [f"{name} failed" for name in proposal["incomplete"]]
    reasons += _lost(proposal)
    reasons += _not_analysed(proposal)
    if proposal["task"] and proposal["spec_progress"] is None:  # it would be open, and done again
        said = will_not_tick(proposal["warnings"])
        reasons.append(said or f"task {proposal['task']} cannot be ticked")
    return "; ".join(reasons)


def _lost(proposal: Proposal) -> list[str]:
    """Return what reviewers that finished were not shown, and what of their answers was lost."""
    failed = proposal["incomplete"]
    return [
        f"{one['name']}: {one['reason']}"
        for one in proposal["reviewers"]
        if one["reason"] and one["name"] not in failed
    ]


def _not_analysed(proposal: Proposal) -> list[str]:
    """Return which files the change itself keeps from being read, and which analysers failed."""
    kept = [file for file in proposal.get("not_analysed", ()) if file["chosen"]]
    return [
        *(f"{file['path']} was not analysed: {file['reason']}" for file in kept),
        *proposal.get("analysers_failed", ()),
    ]


def _governance(proposal: Proposal) -> list[str]:
    reasons = list(proposal["governance"])
    for file in proposal.get("protected", []):
        if not any(reason.startswith(f"{file['path']} ") for reason in reasons):
            reasons.append(f"{file['path']} {file['why']}")
    return reasons


def _findings(proposal: Proposal) -> list[str]:
    return [words] if (words := str(left_of(proposal))) else []


def asked_for(proposal: Proposal | None) -> str:
    """Return what in a change a person should have seen before the commit, "" for nothing."""
    if proposal is None:
        return ""
    governance = [f"governance: {reason}" for reason in _governance(proposal)]
    return "; ".join(filter(None, (str(left_of(proposal)), *governance)))


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
