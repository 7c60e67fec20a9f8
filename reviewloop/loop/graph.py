"""The review loop, drawn as a graph. Read this file first.

    implement -> guard -> every review-* agent, in parallel -> collect -> (a diff's review ends)
                 |   ^                                           |
           red   v   |                      red or yellow left   v
               repair       (known findings) -> fix -> guard -> re_review -> collect
                 |                                               |
                 +-- still red --> propose -> approve <----------+  clean, or a cap is reached
                                                |
              commit | skip | implement again <-+  the person's word (after `dismiss` and a
                                                   new message: propose; after an edit: guard)

The engine decides what comes next, here and only here, from exit codes and typed findings.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from reviewloop.faults import fault
from reviewloop.loop.context import RunContext
from reviewloop.loop.moved import EDIT, LOOKED_BACK
from reviewloop.loop.nodes.approve import apply_answer
from reviewloop.loop.nodes.collect import collect, has_open_findings
from reviewloop.loop.nodes.commit import commit
from reviewloop.loop.nodes.fix import fix
from reviewloop.loop.nodes.guard import guard
from reviewloop.loop.nodes.implement import implement, repair
from reviewloop.loop.nodes.propose import propose
from reviewloop.loop.nodes.re_review import re_review
from reviewloop.loop.nodes.review import review_as
from reviewloop.loop.state import LoopState

ReviewLoop = CompiledStateGraph[LoopState, RunContext, LoopState, LoopState]
Step = Callable[[LoopState, RunContext], dict[str, Any]]


def build_graph(
    reviewers: list[str],
    *,
    rounds: int,
    repairs: int,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
) -> ReviewLoop:
    """Return the compiled loop for a team; `rounds` and `repairs` are the caps in force."""
    graph = StateGraph(LoopState, context_schema=RunContext)
    for step in (implement, guard, repair, collect, fix, re_review, propose, commit):
        graph.add_node(step.__name__, partial(_with_context, step))
    for name in reviewers:
        graph.add_node(name, partial(_with_context, review_as(name)))
    graph.add_node("approve", _approve)

    graph.add_conditional_edges(
        START, partial(_where_to_start, reviewers), ["implement", "fix", *reviewers]
    )
    graph.add_edge("implement", "guard")
    graph.add_conditional_edges(
        "guard",
        partial(_after_guard, reviewers, repairs),
        ["repair", "re_review", "propose", *reviewers],
    )
    graph.add_edge("repair", "guard")
    graph.add_edge(reviewers, "collect")  # a list of names waits for all of them
    graph.add_conditional_edges("collect", partial(_after_collect, rounds), ["fix", "propose", END])
    graph.add_conditional_edges("fix", _after_fix, ["guard", "propose"])
    graph.add_edge("re_review", "collect")
    graph.add_edge("propose", "approve")
    graph.add_conditional_edges(
        "approve", _after_approve, ["commit", "implement", "guard", "propose", END]
    )
    graph.add_conditional_edges("commit", _after_commit, ["approve", END])
    return graph.compile(checkpointer=checkpointer)


def _where_to_start(reviewers: list[str], state: LoopState) -> list[str] | str:
    if state.get("mode") == "review":
        return reviewers
    return "fix" if state.get("mode") == "fix" else "implement"


def _after_guard(reviewers: list[str], repairs: int, state: LoopState) -> list[str] | str:
    if state.get("phase") in LOOKED_BACK and (state["verdict"] != "ok" or not state.get("to_read")):
        return "propose"
    if state["verdict"] == "ok":
        return "re_review" if state["phase"] == "fix" else reviewers
    if state["verdict"] == "failed" and state.get("repairs", 0) < repairs:
        return "repair"
    return "propose"


def _after_collect(rounds: int, state: LoopState) -> str:
    if state.get("mode") == "review":
        return END
    if state.get("phase") == EDIT:  # no model changes what a person has written
        return "propose"
    return "fix" if has_open_findings(state) and state.get("round", 0) < rounds else "propose"


def _after_fix(state: LoopState) -> str:
    return "guard" if state["survived"] else "propose"


def _after_approve(state: LoopState) -> str:
    ways = {
        "approve": "commit",
        "modify": "implement",
        "rebase": "guard",
        "edit": "guard",
        "reword": "propose",
        "dismiss": "propose",
    }
    return ways.get(state["approval"]["choice"], END)


def _after_commit(state: LoopState) -> str:
    return "approve" if state["refused"] else END


def _approve(state: LoopState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    # Nothing that counts stands before the interrupt: a resumed node runs again from its top.
    fault("approve.asked")
    return apply_answer(state, interrupt({"proposal": state["proposal"]}), runtime.context)


def _with_context(step: Step, state: LoopState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    # The implementer is not asked for a checkpoint: its checks are what begins there.
    checkpoint = runtime.context.brief.is_checkpoint and not state.get("cycle", 0)
    unasked = step.__name__ == "implement" and checkpoint
    with runtime.context.in_step(step.__name__, quiet=unasked):
        return step(state, runtime.context)
