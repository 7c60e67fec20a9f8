"""The figures of a change, as far as it came: files, tests, coverage, rounds and findings."""

from collections.abc import Mapping
from typing import Any

from reviewloop.domain.gate import GateStatus
from reviewloop.render.counts import count_records
from reviewloop.render.proposal import Proposal

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
    counts = count_records(proposal["findings"])
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
            "left": counts.left,
            "must_fix": counts.must_fix,  # of these
            "fixed": counts.fixed,
            "dismissed": counts.dismissed,
            "nits": counts.nits,
        }
        if proposal["reviewers"]
        else None,
    }
