"""An assistant from npm with a shipped skill and our MCP server reviews a diff and starts a task.

It is a person's own program, in no cage of ours; the model behind it is scripted.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from support.agent_models import ASIDE, OURS, SEARCHES, AgentModel, seen_results, tool
from support.bedrock import calls, reply
from support.npm_agents import AGENTS, project
from support.spec_script import task_done, written

from reviewloop.acp.client import Client

pytestmark = pytest.mark.slow
WANTED = ("review_diff", "run_task")
RUN = re.compile(r"\bm-\d{4}-[0-9a-f]{4}\b")


def follows_the_skill(received):
    """Review the change by our tool, start a task by the other, and stop."""
    results = seen_results(received)
    hidden = "tool_call" in received.tools and any("review_diff" in text for text in results)
    if not hidden and not all(tool(received, name) for name in WANTED):
        name = next((one for one in received.tools if one.lower() in SEARCHES), "")
        query = ",".join(f"{OURS}{one}" for one in WANTED)
        return calls(name, {"query": f"select:{query}"}) if name else reply(ASIDE)

    def call(name, arguments):
        if hidden:
            return calls("tool_call", {"name": f"{OURS}{name}", "arguments": arguments})
        return calls(tool(received, name), arguments)

    if not any("ruff/S324" in text for text in results):  # not in what describes the tool
        return call("review_diff", {"without_model": True})
    if not any(RUN.search(text) for text in results):
        return call("run_task", {"message": "Say hello"})
    return reply("Reviewed, and a run is on its way.")


def choose(options):
    """Return the answer to a request for leave: yes, once."""
    kind = next(one for one in options if one["kind"].startswith("allow"))
    return {"outcome": {"outcome": "selected", "optionId": kind["optionId"]}}


@pytest.mark.needs_qwen
def test_a_real_assistant_follows_a_shipped_skill_by_our_server(tmp_path):
    checkout = project(tmp_path)
    installed = checkout.run("skills", "install", "review-diff", "--to", ".agents/skills")
    assert installed.code == 0, installed.err
    skill = (checkout.root / ".agents/skills/review-diff/SKILL.md").read_text()
    script = written(checkout.home, task_done({"shop/hello.py": "HELLO = 1\n"}, "Say hello"))
    served = {**checkout.environ, "REVIEWLOOP_MODELS__REASONING": script}
    served["REVIEWLOOP_REVIEW__ANALYSERS_OFF"] = "[]"
    server = {
        "name": "reviewloop",
        "command": sys.executable,
        "args": ["-m", "reviewloop", "mcp", "serve"],
        "env": [{"name": key, "value": value} for key, value in served.items()],
    }
    agent = AGENTS["qwen"]
    with AgentModel(follows_the_skill) as model:
        given = {**checkout.environ, **agent.set_up(checkout, model)}
        given = {key: value.replace("localhost", "127.0.0.1") for key, value in given.items()}
        process = subprocess.Popen(
            [shutil.which(agent.program), *agent.arguments],
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL},
            cwd=checkout.root,
            env={**given, "PATH": os.environ["PATH"]},
        )
        try:
            client = Client(
                process.stdin,
                process.stdout,
                on_request=lambda method, about: (
                    choose(about["options"]) if method == "session/request_permission" else None
                ),
                on_update=lambda *_: None,
            )
            client.ask("initialize", {"protocolVersion": 1, "clientCapabilities": {}}).wait(60)
            opened = {"cwd": str(checkout.root), "mcpServers": [server]}
            session = client.ask("session/new", opened).wait(60)["sessionId"]
            text = f"{skill}\n\nFollow this skill for my change, then start a run: Say hello."
            asked = {"sessionId": session, "prompt": [{"type": "text", "text": text}]}
            done = client.ask("session/prompt", asked).wait(120)
        finally:
            process.kill()
            process.wait()
        results = [text for one in model.ledger for text in seen_results(one)]
    assert done and done["stopReason"] == "end_turn"
    assert any("ruff/S324" in text for text in results), results  # what the review found
    runs = json.loads(checkout.run("status", "--json").out)["runs"]
    assert [run["title"] for run in runs] == ["Say hello"]
