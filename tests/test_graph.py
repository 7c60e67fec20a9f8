"""The one place that picks the next step, asked about every situation."""

import subprocess
import sys
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START

from reviewloop.loop.graph import build_graph

REVIEWERS = ["review-a", "review-b"]


def after(node: str, state: dict[str, Any], *, rounds: int = 3, repairs: int = 2) -> Any:
    """Return where the loop goes from a node in this state."""
    graph = build_graph(REVIEWERS, rounds=rounds, repairs=repairs)
    (branch,) = graph.builder.branches[node].values()
    return branch.path.invoke(state)


def ref(act: bool) -> dict[str, Any]:
    return {"severity": "must_fix", "status": "open", "act": act, "blob": ""}


@pytest.mark.parametrize(
    ("state", "following"),
    [
        ({}, "implement"),
        ({"mode": "run"}, "implement"),
        ({"mode": "review"}, REVIEWERS),
        ({"mode": "fix"}, "fix"),
    ],
)
def test_a_task_a_diff_and_known_findings_each_have_a_way_in(state, following):
    assert after(START, state) == following


@pytest.mark.parametrize(
    ("state", "following"),
    [
        ({"verdict": "ok", "phase": "implement"}, REVIEWERS),
        ({"verdict": "ok", "phase": "fix"}, "re_review"),
        ({"verdict": "failed", "phase": "implement"}, "repair"),
        ({"verdict": "failed", "phase": "implement", "repairs": 1}, "repair"),
        ({"verdict": "failed", "phase": "implement", "repairs": 2}, "propose"),
        ({"verdict": "failed", "phase": "fix", "repairs": 0}, "repair"),
        ({"verdict": "failed", "phase": "fix", "repairs": 2}, "propose"),
        ({"verdict": "stopped", "phase": "implement"}, "propose"),
        ({"verdict": "stopped", "phase": "fix"}, "propose"),
        ({"verdict": "ok", "phase": "rebase", "to_read": 2}, REVIEWERS),
        ({"verdict": "ok", "phase": "rebase", "to_read": 0}, "propose"),
        ({"verdict": "failed", "phase": "rebase", "to_read": 2}, "propose"),
    ],
)
def test_what_the_guard_rails_say_decides_who_comes_next(state, following):
    assert after("guard", state) == following


def test_without_repairs_a_red_gate_goes_to_the_person():
    assert after("guard", {"verdict": "failed", "phase": "implement"}, repairs=0) == "propose"


@pytest.mark.parametrize(
    ("state", "following"),
    [
        ({}, "propose"),
        ({"findings": {"a": ref(act=False)}}, "propose"),
        ({"findings": {"a": ref(act=False), "b": ref(act=True)}}, "fix"),
        ({"findings": {"a": ref(act=True)}, "round": 2}, "fix"),
        ({"findings": {"a": ref(act=True)}, "round": 3}, "propose"),
        ({"mode": "fix", "findings": {"a": ref(act=True)}}, "fix"),
        ({"mode": "fix"}, "propose"),
        ({"mode": "review", "findings": {"a": ref(act=True)}}, END),
    ],
)
def test_findings_are_fixed_while_there_are_rounds(state, following):
    assert after("collect", state) == following


def test_settings_can_only_shorten_the_rounds():
    assert after("collect", {"findings": {"a": ref(act=True)}, "round": 1}, rounds=1) == "propose"


def test_a_round_in_which_no_fix_survived_goes_straight_to_the_person():
    assert after("fix", {"survived": 0}) == "propose"
    assert after("fix", {"survived": 1}) == "guard"


@pytest.mark.parametrize(
    ("choice", "following"), [("approve", "commit"), ("modify", "implement"), ("skip", END)]
)
def test_the_persons_word_decides(choice, following):
    assert after("approve", {"approval": {"choice": choice}}) == following


def test_a_commit_that_could_not_be_made_asks_again():
    assert after("commit", {"refused": 2}) == "approve"
    assert after("commit", {"refused": 0}) == END


def test_every_reviewer_is_a_node_between_guard_and_collect():
    edges = build_graph(REVIEWERS, rounds=3, repairs=2).get_graph().edges
    for name in REVIEWERS:
        assert [e.source for e in edges if e.target == name] == ["__start__", "guard"]
        assert [e.target for e in edges if e.source == name] == ["collect"]


def test_only_approve_leads_to_commit_and_only_propose_to_approve_the_first_time():
    edges = build_graph(REVIEWERS, rounds=3, repairs=2).get_graph().edges
    assert [e.source for e in edges if e.target == "commit"] == ["approve"]
    assert {e.source for e in edges if e.target == "approve"} == {"propose", "commit"}


def test_loops_of_one_process_share_neither_caps_nor_checkpoints():
    one, other = (
        build_graph(REVIEWERS, rounds=3, repairs=2, checkpointer=saver)
        for saver in (InMemorySaver(), InMemorySaver())
    )
    thread: RunnableConfig = {"configurable": {"thread_id": "1"}}
    one.update_state(thread, {"round": 2, "survived": 1}, as_node="fix")

    assert one.get_state(thread).values["round"] == 2
    assert not other.get_state(thread).values
    assert build_graph(REVIEWERS, rounds=3, repairs=2).checkpointer is None
    open_finding = {"findings": {"a": ref(act=True)}, "round": 2}
    assert [after("collect", open_finding, rounds=rounds) for rounds in (3, 2, 3)] == [
        *("fix", "propose", "fix")
    ]
    assert [after("guard", {"verdict": "failed"}, repairs=repairs) for repairs in (0, 2)] == [
        *("propose", "repair")
    ]


def test_a_team_that_changes_is_asked_as_it_is_then():
    names = [*REVIEWERS]
    before = build_graph(names, rounds=3, repairs=2)
    names.append("review-c")
    now = build_graph(names, rounds=3, repairs=2)

    for graph, team in ((before, REVIEWERS), (now, names)):
        (branch,) = graph.builder.branches[START].values()
        chosen = branch.path.invoke({"mode": "review"})
        assert chosen == team
        chosen.clear()  # what one caller does to its list is nothing to the next
        assert branch.path.invoke({"mode": "review"}) == team


@pytest.mark.parametrize(
    ("raised", "written"), [("UsageError('a cap')", False), ("ValueError('a fault')", True)]
)
def test_an_error_of_a_step_is_not_written_a_second_time_by_the_pool(raised, written):
    """Python's pool logs what a callback raises; LangGraph's callback raises a step's error."""
    script = f"""
from concurrent.futures import ThreadPoolExecutor
from reviewloop.domain.errors import UsageError
from reviewloop.loop import graph

def fail(future):
    raise {raised}

with ThreadPoolExecutor() as pool:
    pool.submit(int).add_done_callback(fail)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0
    assert ("exception calling callback" in done.stderr) is written
