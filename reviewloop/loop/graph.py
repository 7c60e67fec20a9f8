"""The review loop, drawn as a graph. Read this file first.

    implement -> guard -> every review-* agent, in parallel -> collect -> (a diff's review ends)
                 |   ^                                           |
           red   v   |                      red or yellow left   v
               repair       (known findings) -> fix -> guard -> re_review -> collect
                 |                                               |
                 +-- still red --> propose -> approve <----------+  clean, or a cap is reached
                                                |
              commit | skip | implement again <-+  the user's answer (after `dismiss` and a
                                                   new message: propose; after an edit: guard)

The engine chooses the next step only here, from exit codes and typed findings.
"""

import logging
from collections.abc import Callable, Sequence
from copy import copy
from functools import lru_cache, partial
from importlib import import_module
from typing import Any, cast

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from reviewloop.domain.errors import ReviewLoopError
from reviewloop.faults import fault
from reviewloop.loop.base_moved import EDIT, LOOKED_BACK
from reviewloop.loop.context import RunContext
from reviewloop.loop.nodes.collect import collect, has_open_findings
from reviewloop.loop.nodes.review import review_as
from reviewloop.loop.state import LoopState

ReviewLoop = CompiledStateGraph[LoopState, RunContext, LoopState, LoopState]
Step = Callable[[LoopState, RunContext], dict[str, Any]]

_LATER = {
    "implement": "implement",
    "guard": "guard",
    "repair": "implement",
    "fix": "fix",
    "re_review": "re_review",
    "propose": "propose",
    "commit": "commit",
}
"""Steps and their modules in `loop.nodes`, loaded on use: a diff's review needs none."""


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a message of the pool of threads is about anything but an error that a step raised.

    LangGraph raises that error itself; where a thread ends late the pool writes it to stderr, too.
    """
    return not (record.exc_info and isinstance(record.exc_info[1], ReviewLoopError))


logging.getLogger("concurrent.futures").addFilter(_is_news)


def build_graph(
    reviewers: list[str],
    *,
    rounds: int,
    repairs: int,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
) -> ReviewLoop:
    """Return the compiled loop for a team; `rounds` and `repairs` are its caps."""
    graph = copy(_compiled(tuple(reviewers), rounds, repairs))
    graph.checkpointer = checkpointer  # `Plain` limits the types; no list of types is needed
    return graph


@lru_cache(maxsize=8)
def _compiled(reviewers: tuple[str, ...], rounds: int, repairs: int) -> ReviewLoop:
    # Cached: a batch builds it for every task, and compiling reads every type hint.
    graph = StateGraph(LoopState, context_schema=RunContext)
    for name in _LATER:
        graph.add_node(name, partial(_with_context, name, None))
    graph.add_node("collect", partial(_with_context, "collect", collect))
    for name in reviewers:
        step = review_as(name)
        graph.add_node(name, partial(_with_context, step.__name__, step))
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
    graph.add_edge([*reviewers], "collect")  # a list of names waits for all of them
    graph.add_conditional_edges("collect", partial(_after_collect, rounds), ["fix", "propose", END])
    graph.add_conditional_edges("fix", _after_fix, ["guard", "propose"])
    graph.add_edge("re_review", "collect")
    graph.add_edge("propose", "approve")
    graph.add_conditional_edges(
        "approve", _after_approve, ["commit", "implement", "guard", "propose", END]
    )
    graph.add_conditional_edges("commit", _after_commit, ["approve", END])
    return graph.compile()


def _where_to_start(reviewers: Sequence[str], state: LoopState) -> list[str] | str:
    if state.get("mode") == "review":
        return [*reviewers]
    return "fix" if state.get("mode") == "fix" else "implement"


def _after_guard(reviewers: Sequence[str], repairs: int, state: LoopState) -> list[str] | str:
    if state.get("phase") in LOOKED_BACK and (state["verdict"] != "ok" or not state.get("to_read")):
        return "propose"
    if state["verdict"] == "ok":
        return "re_review" if state["phase"] == "fix" else [*reviewers]
    if state["verdict"] == "failed" and state.get("repairs", 0) < repairs:
        return "repair"
    return "propose"


def _after_collect(rounds: int, state: LoopState) -> str:
    if state.get("mode") == "review":
        return END
    if state.get("phase") == EDIT:  # no model changes a user's edit
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
    # Keep side effects out: a resumed node runs again from its start.
    fault("approve.asked")
    from reviewloop.loop.nodes.approve import apply_answer  # not used by a diff's review

    return apply_answer(state, interrupt({"proposal": state["proposal"]}), runtime.context)


def _with_context(
    name: str, step: Step | None, state: LoopState, runtime: Runtime[RunContext]
) -> dict[str, Any]:
    if step is None:
        module = import_module(f"reviewloop.loop.nodes.{_LATER[name]}")
        step = cast("Step", getattr(module, name))
    # A checkpoint starts with its checks, without the implementer.
    checkpoint = runtime.context.brief.is_checkpoint and not state.get("cycle", 0)
    unasked = name == "implement" and checkpoint
    with runtime.context.in_step(name, quiet=unasked):
        return step(state, runtime.context)
