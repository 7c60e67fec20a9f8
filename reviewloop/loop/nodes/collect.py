"""Collect: merges the findings of reviewers and guard-rails into one list."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from reviewloop.domain.finding import Finding, Severity, Status
from reviewloop.loop.base_moved import reads_what_moved
from reviewloop.loop.context import RunContext
from reviewloop.loop.evidence import with_verdicts
from reviewloop.loop.findings_log import (
    apply_dismissals,
    changed_by_dismissal,
    join_with_known,
    leaks,
    left_to_user,
    read_findings,
    write_dismissals,
)
from reviewloop.loop.state import LoopState
from reviewloop.render.counts import count
from reviewloop.review.anchoring import occurrences
from reviewloop.review.merging import merge


def collect(state: LoopState, context: RunContext) -> dict[str, Any]:
    """Merge the findings about the tree in the state into the known findings.

    After a full review these are the reviewers' reports; after a re-review the step itself has
    already written its verdicts, and no reviewer has read the new tree.
    """
    known = read_findings(state, context.blobs)
    dismissed = changed_by_dismissal(known.values(), state, context)
    known |= dismissed
    records = records_of(state, context)
    assessed = list(with_verdicts(state, context, records)) if just_reviewed(state) else []
    leaked = leaks(state, known, context)
    if not records and not assessed:
        changed = [*dismissed.values(), *apply_dismissals(leaked, state, context)]
        _emit_counts(known | {finding.id: finding for finding in changed}, context)
        return {"findings": write_dismissals(changed, state, context)} if changed else {}
    read = {name: record["findings"] for name, record in records.items()}
    fresh = [Finding.model_validate(f) for found in read.values() for f in found]
    rejected = [f for f in assessed if f.status is not Status.OPEN]
    fresh += [f for f in assessed if f.status is Status.OPEN]
    whole = [name for name in read if state["reviewers"][name]["status"] == "done"]
    outdated: list[Finding] = []
    if not reads_what_moved(state):  # a reading of a move covers no other finding
        outdated += _outdated(known.values(), fresh, whole, state["tree"], context)
    known |= {finding.id: finding for finding in outdated}
    # Findings of gates and of the user take part in merging, so that a reviewer who repeats one
    # adds its name instead of a second finding.
    others = [f for f in known.values() if f.open_and_actionable]
    merged = [
        left_to_user(finding, state, context)
        for finding in join_with_known(merge([*fresh, *others]), known)
    ]
    gone = {f.id for f in others} - {f.id for f in merged}
    suppressed = [
        known[i].with_note("said by another finding", status=Status.SUPPRESSED) for i in gone
    ]
    found = [*outdated, *merged, *suppressed, *rejected, *leaked]
    everything = [*dismissed.values(), *apply_dismissals(found, state, context)]
    now = known | {finding.id: finding for finding in everything}
    context.events.emit(
        "collected", findings=len(merged), left=_left(now.values()), failed=_failed(state)
    )
    _emit_counts(now, context)
    return {"findings": write_dismissals(everything, state, context)}


def _emit_counts(book: Mapping[str, Finding], context: RunContext) -> None:
    context.events.emit("counts", **count(book.values()).facts())


def _left(findings: Iterable[Finding]) -> dict[str, int]:
    """Count the open and unresolved findings by severity, for `stats`."""
    left = [f.severity for f in findings if f.status in {Status.OPEN, Status.UNRESOLVED}]
    return {str(severity): left.count(severity) for severity in Severity}


def _failed(state: LoopState) -> list[str]:
    readers = state.get("reviewers", {}).items()
    return sorted(name for name, result in readers if result["status"] == "failed")


def records_of(state: LoopState, context: RunContext) -> dict[str, dict[str, Any]]:
    """Return the record of each reviewer that read the tree in the state, or a part of it."""
    found = {
        name: context.blobs.get_json(result["blob"])
        for name, result in state.get("reviewers", {}).items()
        if result["blob"] and result["tree"] == state["tree"]
    }
    read_all = [{"read": True}]  # by an earlier release, which had no parts
    return {
        name: record
        for name, record in found.items()
        if any(part["read"] for part in record.get("parts", read_all))
    }


def just_reviewed(state: LoopState) -> bool:
    """Return whether reviewers have just read the tree in the state (a re-review reads
    only fixes).
    """
    readers = state.get("reviewers", {}).items()
    return any(r["tree"] == state["tree"] for n, r in readers if n.startswith("review-"))


def _outdated(
    known: Iterable[Finding],
    fresh: Iterable[Finding],
    readers: Collection[str],
    tree: str,
    context: RunContext,
) -> Iterator[Finding]:
    """Yield as fixed the findings of an earlier cycle that a modification removed.

    Their code must be gone from the file, and their reviewers must have read the change again
    without repeating them.
    """
    repeated = {finding.id for finding in fresh}
    for finding in known:
        if not finding.open_and_actionable or finding.id in repeated or not finding.quote:
            continue
        if set(finding.agents) <= set(readers) and not occurrences(
            finding.quote, context.shown_text(tree, finding.path) or ""
        ):
            note = "its code is gone, and the new review does not repeat it"
            yield finding.with_note(note, status=Status.FIXED)


def has_open_findings(state: LoopState) -> bool:
    """Return whether a red or yellow finding is open that the loop may fix by itself."""
    return any(ref["act"] for ref in state.get("findings", {}).values())
