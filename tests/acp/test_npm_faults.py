"""What real agents do when their model fails: each time a named failure, and never "no findings".

They are played where ALL_AGENTS is set, with all agents that are found: what becomes of a fault is
proven with an agent of ours in test_review.py.
"""

import pytest
from support.agent_models import AgentModel, reviewer, tool
from support.bedrock import (
    breaks_off,
    cut_short,
    empty,
    failure,
    reply,
    server_error,
    stalls,
    throttle,
)
from support.npm_agents import AGENTS, left_in, project, reasons, require_asked_for, reviewed

pytestmark = [pytest.mark.needs_bubblewrap, pytest.mark.slow]
SILENCE = {"REVIEWLOOP_MODELS__READ_TIMEOUT_SECONDS": "8"}
FAULTS = {
    "bad key": lambda received: failure(401, "authentication_error", "invalid x-api-key"),
    "throttled": lambda received: throttle(),
    "broken": lambda received: server_error(),
    "rejected": lambda received: failure(400, "invalid_request_error", "bad request"),
    "hangs": lambda received: stalls(600, after=1),
    "refuses": lambda received: reply("I cannot help.", stop_reason="refusal"),
    "prose": lambda received: reply("All is well, there is nothing to report."),
    "empty": lambda received: empty(),
    "cut off": lambda received: cut_short("I begin to"),
    "resets": lambda received: breaks_off("half a reply", after=1),
}
NAMED = (  # every failure is one of these, and each says what happened
    "is not logged in",
    "answered with an error",
    "was silent for 8 s, so it was ended",
    "ended its turn without calling report_findings",
    "refused to answer",
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.replace(" ", "-"))
@pytest.mark.parametrize("name", AGENTS)
def test_a_model_that_fails_is_named(name, fault, tmp_path):
    require_asked_for(name)
    checkout = project(tmp_path)
    with AgentModel(FAULTS[fault]) as model:
        code, report, _ = reviewed(name, checkout, model, "--agents", "security", **SILENCE)
    assert code == 5
    [reason] = reasons(report).values()
    assert any(words in reason for words in NAMED), reason
    assert report["findings"] == []
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("name", AGENTS)
def test_one_broken_stream_is_no_answer_or_a_whole_one(name, tmp_path):
    require_asked_for(name)
    checkout, broken = project(tmp_path), []

    def once(received):
        if not broken and (tool(received, "report_findings") or name == "qwen"):
            broken.append(received)
            return breaks_off("half a reply", after=1)
        return reviewer(received)

    with AgentModel(once) as model:
        code, report, _ = reviewed(name, checkout, model, "--agents", "security", **SILENCE)
    if code == 1:
        assert len(report["findings"]) == 1
    else:
        [reason] = reasons(report).values()
        assert (code, "answered with an error" in reason) == (5, True), reason
