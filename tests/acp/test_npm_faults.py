"""What real agents do when their model or their own process fails: named, never "no findings".

They are played where ALL_AGENTS is set, with all agents that are found: what becomes of a fault is
proven with an agent of ours in test_review.py.
"""

import re
import sys
from pathlib import Path

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


BETWEEN = Path(__file__).parents[1] / "support" / "acp_between.py"
HARMLESS = ("update notice", "long line", "strange messages", "daemon")
FATAL = {
    "dies at once": "ended with exit code 137",
    "dies": "ended with exit code 9 in the middle of its turn",
    "leaves": "ended with exit code 0 in the middle of its turn",
    "ends at once": "ended its turn without calling report_findings",
    "garbage": "does not speak the protocol",
    "old protocol": "speaks version 9 of the protocol",
    "signed out": "is not logged in",
    "mute": "was silent for 8 s, so it was ended",
    "deaf": "was silent for 8 s, so it was ended",
    "begs": "calls without an answer",
    "floods": "sent more than 500,000 notifications without an answer",
}


@pytest.mark.parametrize("fault", [*HARMLESS, *FATAL], ids=lambda fault: fault.replace(" ", "-"))
@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_whose_process_fails_is_named(name, fault, tmp_path):
    require_asked_for(name)
    checkout, before = project(tmp_path), (sys.executable, "-I", str(BETWEEN), fault)
    more = {"REVIEWLOOP_LIMITS__AGENT_TURNS": "2"} if fault == "begs" else {}
    with AgentModel(reviewer) as model:
        code, report, _ = reviewed(
            name, checkout, model, "--agents", "security", before=before, **SILENCE, **more
        )
    if fault in HARMLESS:
        assert (code, reasons(report), len(report["findings"])) == (1, {}, 1)
    else:
        [reason] = reasons(report).values()
        assert (code, FATAL[fault] in reason, report["findings"]) == (5, True, []), reason
    assert left_in(tmp_path) == []


def test_the_page_has_a_row_for_each_fault():
    page = (Path(__file__).parents[2] / "docs" / "agent-faults.md").read_text()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")][1:]
    told = re.sub(r"\bN\b", "9", "\n".join(row[-1] for row in rows))
    assert len(rows) == len(FAULTS) + 1 + len(HARMLESS) + len(FATAL)
    for sentence in FATAL.values():
        words = re.sub(r"\b(?:8|9)\b", "9", sentence).replace("report_findings", "our tool")
        assert words in told, words
