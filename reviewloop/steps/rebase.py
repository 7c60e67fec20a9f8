"""Rebase: the finished change goes on as the same change of another commit.

The queue does this when what a run stands on has moved. All guard-rails judge the result; where
both sides had touched a file the reviewers read it again as well; then the question is asked anew.
"""

from collections.abc import Mapping
from typing import Any

from reviewloop.context import RunContext
from reviewloop.state import LoopState

PHASE = "rebase"


def moved_onto(state: LoopState, answer: Mapping[str, str], context: RunContext) -> dict[str, Any]:
    """Return what changes when the run goes on on the commit `answer["base"]`.

    `answer["tree"]` is the change there, `answer["read"]` is "again" when reviewers have to read
    it. Both objects are in the run's private repository already.
    """
    commit, tree = answer["base"], answer["tree"]
    context.keep(tree, f"onto-{commit[:12]}")
    base = context.private.tree_of(commit)
    follow(context, commit, base)
    update: dict[str, Any] = {
        "base": base,
        "onto": commit,
        "tree": tree,
        "phase": PHASE,
        "repairs": 0,
    }
    if answer["read"] == "again":
        update["reviewers"] = dict.fromkeys(state.get("reviewers", {}))
    return update


def follow(context: RunContext, commit: str, base: str) -> None:
    """Have the rest of the run take this commit, of this tree, for what it is based on."""
    context.record.base_commit = commit
    context.base_tree = base


def is_read(state: LoopState) -> bool:
    """Whether a review of the change still holds after it was rebased."""
    results = state.get("reviewers", {}).items()
    return any(r["status"] == "done" for name, r in results if name.startswith("review-"))
