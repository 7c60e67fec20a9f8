"""The graph of a change: from a sentence to the commit of a spec's delta.

    look -> [approve_impact] -> delta -> approve_delta -> commit

`approve_impact` stops for a user before anything is paid, where a technology is replaced or the
change is larger than governance allows. At `approve_delta` a user approves, has the delta
revised, or rejects; nothing is on disk before that. The tasks of the delta are a batch.
"""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from reviewloop.faults import fault
from reviewloop.loop.change_steps import (
    ChangeState,
    apply_answer,
    commit_delta,
    look_around,
    shown_at_gate,
    shown_first,
    write_delta,
)
from reviewloop.loop.context import RunContext

ChangeGraph = CompiledStateGraph[ChangeState, RunContext, ChangeState, ChangeState]


def build_change_graph(checkpointer: BaseCheckpointSaver[Any] | None = None) -> ChangeGraph:
    """Return the compiled graph."""
    graph = StateGraph(ChangeState, context_schema=RunContext)
    graph.add_node("look", _look)
    graph.add_node("approve_impact", _approve_impact)
    graph.add_node("delta", _delta)
    graph.add_node("approve_delta", _approve_delta)
    graph.add_node("commit", _commit)
    graph.add_edge(START, "look")
    graph.add_conditional_edges("look", _after_look, ["approve_impact", "delta"])
    graph.add_conditional_edges("approve_impact", _after_impact, ["delta", END])
    graph.add_edge("delta", "approve_delta")
    graph.add_conditional_edges("approve_delta", _after_delta, ["commit", "delta", END])
    graph.add_edge("commit", END)
    return graph.compile(checkpointer=checkpointer)


def _after_look(state: ChangeState) -> str:
    return "approve_impact" if state["reasons"] else "delta"


def _after_impact(state: ChangeState) -> str:
    return "delta" if state["choice"] == "approve" else END


def _after_delta(state: ChangeState) -> str:
    return {"approve": "commit", "modify": "delta"}.get(state["choice"], END)


def _look(state: ChangeState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    with runtime.context.in_step("look"):
        return look_around(runtime.context)


def _approve_impact(state: ChangeState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    fault("change.first")
    return apply_answer(interrupt(shown_first(state, runtime.context)))


def _delta(state: ChangeState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    with runtime.context.in_step("delta"):
        return write_delta(state, runtime.context)


def _approve_delta(state: ChangeState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    # Keep side effects out: a resumed node runs again from its start.
    fault("change.gate")
    return apply_answer(interrupt(shown_at_gate(state, runtime.context)))


def _commit(state: ChangeState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    with runtime.context.in_step("commit"):
        return commit_delta(state, runtime.context)
