"""The graph of a spec session: from an idea to an approved spec.

    research -> questions <-> answers -> requirements -> approve_requirements
              -> high_level -> approve_high_level -> low_level -> approve_low_level
              -> tasks -> approve_tasks -> summary

Each `approve_*` stops for a user: approve continues, modify rewrites the phase, edit asks again,
reject ends the session. Nothing advances without a user, and no phase is on disk before it is
approved. Answers may lead to more questions, three rounds at most. A quick session has one gate,
the last: modify restarts with the requirements.
"""

from functools import partial
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from reviewloop.faults import fault
from reviewloop.loop.context import RunContext
from reviewloop.loop.spec_steps import (
    SpecState,
    apply_answer,
    ask_questions,
    questions_of,
    research,
    shown_at_gate,
    summarise,
    take_answers,
    write_phase,
)
from reviewloop.specs.writing import PHASES

SpecGraph = CompiledStateGraph[SpecState, RunContext, SpecState, SpecState]


def build_spec_graph(checkpointer: BaseCheckpointSaver[Any] | None = None) -> SpecGraph:
    """Return the compiled graph."""
    graph = StateGraph(SpecState, context_schema=RunContext)
    graph.add_node("research", _research)
    graph.add_node("questions", _questions)
    graph.add_node("answers", _answers)
    graph.add_node("summary", _summary)
    graph.add_edge(START, "research")
    graph.add_edge("research", "questions")
    graph.add_edge("questions", "answers")
    graph.add_conditional_edges("answers", _after_answers, ["questions", PHASES[0]])
    for phase, following in zip(PHASES, (*PHASES[1:], "summary"), strict=True):
        gate = f"approve_{phase}"
        graph.add_node(phase, partial(_write, phase))
        graph.add_node(gate, partial(_approve, phase))
        if phase == PHASES[-1]:
            graph.add_edge(phase, gate)
        else:
            graph.add_conditional_edges(
                phase, partial(_after_phase, gate, following), [gate, following]
            )
        back = list(dict.fromkeys((phase, PHASES[0] if phase == PHASES[-1] else phase)))
        graph.add_conditional_edges(
            gate, partial(_after_gate, phase, following), [gate, *back, following, END]
        )
    graph.add_edge("summary", END)
    return graph.compile(checkpointer=checkpointer)


def _after_answers(state: SpecState) -> str:
    return "questions" if state.get("again") else PHASES[0]


def _after_phase(gate: str, following: str, state: SpecState) -> str:
    return following if state.get("quick") else gate


def _after_gate(phase: str, following: str, state: SpecState) -> str:
    anew = PHASES[0] if state.get("quick") else phase
    ways = {"approve": following, "modify": anew, "edit": f"approve_{phase}"}
    return ways.get(state["choice"], END)


def _research(state: SpecState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    with runtime.context.in_step("research"):
        return research(runtime.context)


def _questions(state: SpecState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    with runtime.context.in_step("questions"):
        return ask_questions(state, runtime.context)


def _answers(state: SpecState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    questions = questions_of(state, runtime.context)
    if not questions:
        return {}
    fault("spec.asked")
    return take_answers(state, interrupt({"questions": questions}), runtime.context)


def _write(phase: str, state: SpecState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    with runtime.context.in_step(phase):
        return write_phase(phase, state, runtime.context)


def _approve(phase: str, state: SpecState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    # Keep side effects out: a resumed node runs again from its start.
    fault("spec.gate")
    answer = interrupt(shown_at_gate(phase, state, runtime.context))
    return apply_answer(phase, state, answer, runtime.context)


def _summary(state: SpecState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    return summarise(state, runtime.context)
