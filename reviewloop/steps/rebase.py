"""Rebase: the finished change goes on as the same change of another commit.

The queue does this when what a run stands on has moved. All guard-rails judge the result; reviewers
look at what moved where the change has to do with it; then the question is asked anew.
"""

from collections.abc import Mapping
from typing import Any

from reviewloop.context import RunContext
from reviewloop.state import LoopState
from reviewloop.steps.moved import PHASE, compare, last_read


def moved_onto(state: LoopState, answer: Mapping[str, str], context: RunContext) -> dict[str, Any]:
    """Return what changes when the run goes on on the commit `answer["base"]`.

    `answer["tree"]` is the change there. Both objects are in the run's private repository already.
    """
    commit, tree = answer["base"], answer["tree"]
    context.keep(tree, f"onto-{commit[:12]}")
    base = context.private.tree_of(commit)
    follow(context, commit, base)
    read = last_read(state, context)
    moved = compare(read, tree, commit, context)
    return {
        "base": base,
        "onto": commit,
        "tree": tree,
        "phase": PHASE,
        "repairs": 0,
        "moved": context.blobs.put_json(moved.plain()),
        "to_read": moved.to_read,
        "read_on": {} if moved.to_read else read,
    }


def follow(context: RunContext, commit: str, base: str) -> None:
    """Have the rest of the run take this commit, of this tree, for what it is based on."""
    context.record.base_commit = commit
    context.base_tree = base
