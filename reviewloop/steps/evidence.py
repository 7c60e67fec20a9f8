"""Evidence: what the analysers find in the tree under review, computed once for all reviewers."""

from collections.abc import Mapping
from typing import Any

from reviewloop.context import RunContext
from reviewloop.findings import Finding
from reviewloop.reviewing.evidence import EvidencePiece
from reviewloop.reviewing.verdicts import Verdict, gravest, judged
from reviewloop.state import LoopState


def evidence_of(context: RunContext, tree: str) -> tuple[EvidencePiece, ...]:
    """Return the evidence about a tree, most severe first."""
    return context.once(("evidence", tree), lambda: context.analyse(context, tree))


def weighed(
    state: LoopState, context: RunContext, records: Mapping[str, Mapping[str, Any]]
) -> list[Finding]:
    """Return the findings of the evidence after the reviewers' words.

    `records` holds the intake record of every reviewer that read the tree in the state.
    """
    verdicts = gravest(
        (ident, Verdict(name, said["word"], said["reason"]))
        for name, record in sorted(records.items())
        for ident, said in record.get("verdicts", {}).items()
    )
    evidence = evidence_of(context, state["tree"])
    return judged(evidence, verdicts, asked=records, untrusted=context.untrusted)
