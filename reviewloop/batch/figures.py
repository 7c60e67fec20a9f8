"""The figures of a change, as far as it came: files, tests, coverage, rounds and findings."""

from collections.abc import Mapping
from typing import Any

from reviewloop.output.proposal import Proposal, is_wish
from reviewloop.state import GateStatus

_LEFT = {"open", "unresolved"}

UNFINISHED: Mapping[str, Any] = {
    "subject": "",
    "files": None,
    "moved": "",
    "tests": None,
    "tests_ended": "",
    "coverage": None,
    "rounds": 0,
    "modifications": 0,
    "findings": None,
}
"""The figures where no change is finished."""


def figures(proposal: Proposal | None) -> dict[str, Any]:
    """Return what was done, as far as it came: `findings` is None when nobody read the change."""
    if proposal is None:
        return {**UNFINISHED}
    found = [one for one in proposal["findings"] if not is_wish(one)]
    acted = [one for one in found if one["severity"] != "nit"]
    left = [one for one in acted if one["status"] in _LEFT]
    ran = [gate["status"] for gate in proposal["gates"] if gate["name"] == "test"]
    finished = [status for status in ran if status in {GateStatus.PASSED, GateStatus.FAILED}]
    return {
        "subject": proposal["message"].partition("\n")[0],
        "files": len(proposal["files"]),
        "moved": proposal.get("moved", ""),
        "tests": proposal["tests"],
        "tests_ended": str(finished[-1]) if finished else "",
        "coverage": (proposal["coverage"] or {}).get("covered"),
        "rounds": proposal["rounds"]["used"],
        "modifications": int(proposal["rounds"].get("cycle", 0)),
        "findings": {
            "left": len(left),
            "must_fix": sum(one["severity"] == "must_fix" for one in left),  # of these
            "fixed": sum(one["status"] == "fixed" for one in acted),
            "dismissed": sum(one["status"] == "dismissed" for one in acted),
            "nits": len(found) - len(acted),
        }
        if proposal["reviewers"]
        else None,
    }
