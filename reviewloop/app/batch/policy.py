"""Decides whether a finished run is committed without a user, and gives the reason if not."""

from reviewloop.app.batch.spec_changes import changed_since
from reviewloop.app.run_source import RunSource
from reviewloop.domain.gate import GateStatus
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.loop.task_mark import WILL_NOT, why_no_tick
from reviewloop.render.proposal import Proposal, left_of
from reviewloop.render.reasons import sentence
from reviewloop.store.runs import RunRecord, RunStatus

BY = "autopilot"


# A project need not have a build or a linter; without tests nothing shows that the change works.
_GREEN = {GateStatus.PASSED, GateStatus.OFF, GateStatus.NOT_DETECTED}


def why_a_user(proposal: Proposal, changed: Reason = NO_REASON) -> str:
    """Return why a user has to look at this change, "" when it is clean.

    `changed` says how its task was edited since its run started; the run did the earlier text.
    """
    reasons = [
        *([sentence(changed)] if changed else []),
        *_governance(proposal),
        *_findings(proposal),
        *_gates(proposal),
    ]
    reasons += [f"{name} failed" for name in proposal["incomplete"]]
    reasons += _lost(proposal)
    reasons += _not_analysed(proposal)
    if proposal["task"] and proposal["spec_progress"] is None:  # it would be done again
        why = why_no_tick(proposal)
        reasons.append(f"{WILL_NOT}{why}" if why else f"task {proposal['task']} cannot be ticked")
    return "; ".join(reasons)


def _lost(proposal: Proposal) -> list[str]:
    """Return the parts that finished reviewers were not shown, and lost parts of their answers."""
    failed = proposal["incomplete"]
    return [
        f"{one['name']}: {one['reason']}"
        for one in proposal["reviewers"]
        if one["reason"] and one["name"] not in failed
    ]


def _not_analysed(proposal: Proposal) -> list[str]:
    """Return the files that the change hides from analysis, and the analysers that failed."""
    kept = [file for file in proposal.get("not_analysed", ()) if file["chosen"]]
    return [
        *(f"{file['path']} was not analysed: {file['reason']}" for file in kept),
        *proposal.get("analysers_failed", ()),
    ]


def _governance(proposal: Proposal) -> list[str]:
    """Return the requests of governance; where its gate asks, that names each protected file."""
    asks = any(
        gate["name"] == "governance" and gate["status"] == GateStatus.NEEDS_USER
        for gate in proposal["gates"]
    )
    files = [] if asks else proposal.get("protected", [])
    return [*proposal["governance"], *(f"{file['path']} {file['why']}" for file in files)]


def _findings(proposal: Proposal) -> list[str]:
    return [words] if (words := str(left_of(proposal))) else []


def left_to_see(proposal: Proposal | None) -> str:
    """Return what a user should have seen in a change before its commit, or ""."""
    if proposal is None:
        return ""
    governance = [f"governance: {reason}" for reason in _governance(proposal)]
    return "; ".join(filter(None, (str(left_of(proposal)), *governance)))


def _gates(proposal: Proposal) -> list[str]:
    red = [gate for gate in proposal["gates"] if GateStatus(gate["status"]) not in _GREEN]
    reasons = [f"{gate['name']}: {gate['summary']}" for gate in red if gate["name"] != "governance"]
    tests = [gate for gate in proposal["gates"] if gate["name"] == "test"]
    ran = any(gate["status"] == GateStatus.PASSED or gate in red for gate in tests)
    return reasons if ran else [*reasons, "no test ran"]


def reason_now(repository: RunSource, run: RunRecord) -> Reason:
    """Return the current reason of a run's status, none where it no longer holds.

    Files in the way of a commit may be gone, and the note that only the branch moved is dropped.
    """
    because = because_of(run)
    if run.status is RunStatus.COMMITTED and because.text("moved"):
        notes = because.lines("notes")
        return reason(because.kind, notes=tuple(notes)) if notes else NO_REASON
    if run.status is RunStatus.UNDONE:
        return reason(ReasonKind.ERROR, text="its commit was taken back (`reviewloop undo`)")
    if run.status is not RunStatus.WAITING or not because:
        return because
    if is_over(repository, because):
        return NO_REASON
    return reason(ReasonKind.ERROR, text=f"not committed when it was approved: {run.reason}")


def is_over(repository: RunSource, because: Reason) -> bool:
    """Return whether the files that were in the way of a commit are gone."""
    in_the_way = because.text("obstacle") == ReasonKind.FILES_IN_THE_WAY
    return in_the_way and repository.is_clean()


def not_committed(run: RunRecord) -> Reason:
    """Return why an approved run was not committed, worded so that it holds after a rebase too."""
    because = run.because
    earlier = because.text("why") if because.text("text") else ""  # a record without kinds
    why = because.text("problem") or earlier or run.reason
    return reason(ReasonKind.NOT_COMMITTED, why=why, obstacle=because.text("obstacle"))


def because_of(run: RunRecord) -> Reason:
    """Return the reason of a run's status, in the words of its record; none without words."""
    if not run.reason:
        return NO_REASON
    kind = run.because.kind or ReasonKind.LEGACY
    return reason(kind, **{**run.because.params, "text": run.reason})


def of_change(repository: RunSource, run: RunRecord) -> str:
    """Return why a change needs a user, or ""."""
    if repository.checkout is None:
        known = repository.reported(run)
        return sentence(known.because) if known else ""
    proposal, changed = repository.proposal(run), changed_since(repository.checkout, run)
    return why_a_user(proposal, changed) if proposal is not None else ""
