"""Evidence: the analysers' findings in the tree under review, computed once for all reviewers."""

from collections.abc import Mapping, Sequence
from typing import Any

from reviewloop.domain.finding import Finding, Status
from reviewloop.git.diff import Change
from reviewloop.loop.base_moved import reads_what_moved
from reviewloop.loop.context import RunContext
from reviewloop.loop.state import LoopState
from reviewloop.review.evidence import AnalyserFinding
from reviewloop.review.merging import find_repeats, with_late
from reviewloop.review.verdicts import Verdict, apply_verdicts, late_findings, most_severe


def evidence_of(context: RunContext, tree: str) -> tuple[AnalyserFinding, ...]:
    """Return the evidence about a tree that reviewers are shown, most severe first."""
    return context.once(("evidence", tree), lambda: context.analyse(context, tree))


def late_evidence_of(context: RunContext, tree: str) -> tuple[AnalyserFinding, ...]:
    """Return what slow analysers found in a tree; waits for them."""
    return context.analyse_late(context, tree)


def to_ask_again(
    context: RunContext, read: Change, evidence: Sequence[AnalyserFinding]
) -> frozenset[int]:
    """Return the indices of the evidence that reviewers have to answer.

    After a push these are findings in pushed files, and findings that are not known to be open: a
    rejection may not be remembered.
    """
    if context.push is None:
        return frozenset(range(len(evidence)))
    known = {one.id for one in context.push.known}
    paths = {file.path for file in read.files}
    return frozenset(
        number
        for number, piece in enumerate(evidence)
        if piece.finding.path in paths or piece.finding.id not in known
    )


def not_assessed_yet(state: LoopState, evidence: Sequence[AnalyserFinding]) -> frozenset[int]:
    """Return the indices of the evidence without a status in the run's findings.

    After a rebase the reviewers' other verdicts still hold. A fixed finding that is found again is
    asked about again.
    """
    book = state.get("findings", {})
    settled = {ident for ident, ref in book.items() if ref["status"] != Status.FIXED}
    return frozenset(
        number for number, piece in enumerate(evidence) if piece.finding.id not in settled
    )


def with_verdicts(
    state: LoopState, context: RunContext, records: Mapping[str, Mapping[str, Any]]
) -> list[Finding]:
    """Return the findings of the evidence with the reviewers' verdicts.

    `records` holds the intake record of every reviewer that read the tree in the state.
    """
    verdicts = most_severe(
        (ident, Verdict(name, assessed["word"], assessed["reason"]))
        for name, record in sorted(records.items())
        for ident, assessed in record.get("verdicts", {}).items()
    )
    whole = evidence = evidence_of(context, state["tree"])
    late = late_evidence_of(context, state["tree"])
    settled: set[str] = set()
    if reads_what_moved(state):
        evidence = tuple(evidence[number] for number in sorted(not_assessed_yet(state, evidence)))
        late = _not_reported_yet(state, whole, late)
    late_settled: set[str] = set()
    if context.push:
        read = context.shown_change(context.push.tree, state["tree"])
        to_ask = to_ask_again(context, read, evidence)
        settled = {p.finding.id for number, p in enumerate(evidence) if number not in to_ask}
        to_ask = to_ask_again(context, read, late)
        late_settled = {p.finding.id for number, p in enumerate(late) if number not in to_ask}
    assessed = apply_verdicts(
        evidence, verdicts, requested=records, untrusted=context.untrusted, settled=settled
    )
    return with_late(assessed, late_findings(late, requested=bool(records), settled=late_settled))


def _not_reported_yet(
    state: LoopState, early: Sequence[AnalyserFinding], late: Sequence[AnalyserFinding]
) -> tuple[AnalyserFinding, ...]:
    """Return the late evidence that is not among the run's findings.

    It may be there as part of an early finding, unless a reviewer rejected that one.
    """
    book = {
        ident: ref["status"]
        for ident, ref in state.get("findings", {}).items()
        if ref["status"] != Status.FIXED
    }
    findings = [piece.finding for piece in early]
    left = []
    for piece, position in zip(
        late, find_repeats(findings, (p.finding for p in late)), strict=True
    ):
        within = None if position is None else book.get(findings[position].id)
        if piece.finding.id not in book and within in {None, Status.DISMISSED}:
            left.append(piece)
    return tuple(left)
