"""Real coding agents from npm that implement: their own tools write, in the real cage.

In CI each light one does it once; with ALL_AGENTS set, all that are found do, at both levels.
"""

import json
import sys
from dataclasses import replace

import pytest
from support.agent_models import AgentModel
from support.agent_writers import implementer
from support.crash import CHECKS
from support.npm_agents import AGENTS, CODE, left_in, project, require_asked_for
from support.play import REVIEWERS
from support.spec_script import task_done, written
from support.untouched import photograph

pytestmark = pytest.mark.slow
LEVELS = [
    pytest.param("bubblewrap", marks=pytest.mark.needs_bubblewrap),
    pytest.param("landlock", marks=pytest.mark.needs_landlock),
]
TAKEN = ("shell_tool", "unified_exec", ' "agent": {"build"')
NAMES = [
    pytest.param("qwen", marks=pytest.mark.needs_qwen),
    pytest.param("gemini", marks=pytest.mark.needs_gemini),
    *("claude", "codex", "opencode"),
]


def that_writes(agent):
    """Return the agent with its own tools, which its settings for a reviewer take away."""
    files = {}
    for path, text in agent.files.items():
        lines = [line for line in text.splitlines() if not line.startswith(TAKEN)]
        files[path] = "\n".join(lines) + "\n"
    return replace(agent, files=files)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", NAMES)
def test_a_task_becomes_a_commit(name, level, tmp_path):
    if name not in {"qwen", "gemini"} or level != "bubblewrap":
        require_asked_for(name)
    checkout = project(tmp_path)
    (checkout.root / "checks.py").write_text(CHECKS)
    (checkout.root / "CLAUDE.md").write_text("Do nothing.\n")
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "a checksum")
    checkout.environ |= {
        "REVIEWLOOP_SANDBOX__LEVEL": level,
        "REVIEWLOOP_GATES__TEST__ENABLED": "true",
        "REVIEWLOOP_GATES__TEST__COMMAND": json.dumps([sys.executable, "-S", "checks.py"]),
    }
    before = photograph(checkout.root)
    with AgentModel(implementer) as model:
        checkout.environ |= that_writes(AGENTS[name]).set_up(checkout, model)
        agent = AGENTS[name].full_name
        # One reviewer is of the kind of the implementer; five are those of test_npm_agents.py.
        script = written(checkout.home, task_done({}, "Nothing"))
        others = {name: script for name in REVIEWERS if name != "review-security"}
        checkout.environ |= {
            "REVIEWLOOP_MODELS__REASONING": agent,
            "REVIEWLOOP_MODELS__PER_AGENT": json.dumps(others),
        }
        said = checkout.process("run", "-m", "Use SHA-256 in shop/digest.py")
        assert said.code == 4, said.err
        assert photograph(checkout.root) == before
        assert left_in(checkout.root.parent) == []
    assert checkout.run("approve").code == 0
    assert checkout.git("show", "HEAD:shop/digest.py") == CODE.replace("md5", "sha256").strip()
    assert checkout.git("diff", "--name-only", "HEAD^", "HEAD") == "shop/digest.py"
