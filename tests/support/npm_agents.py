"""Coding agents from npm, set up as a person would, with a model of ours in the place of theirs."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.agent_models import AgentModel
from support.checkout import QUIET_GATES, Checkout
from support.model_server import KEY
from support.shop import make_shop

CODE = '''import hashlib


def digest(data: bytes) -> str:
    """Return the checksum."""

    return hashlib.md5(data).hexdigest()
'''

_CODEX = """
model = "stand-in"
model_provider = "here"
[model_providers.here]
name = "here"
base_url = "@URL/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
[features]
shell_tool = false
unified_exec = false
apps = false
plugins = false
"""
_OPENCODE = """
{"autoupdate": false, "share": "disabled", "permission": "allow",
 "model": "anthropic/claude-sonnet-4-5",
 "agent": {"build": {"tools": {"*": false, "reviewloop_*": true}}},
 "provider": {"anthropic": {"options": {"baseURL": "@URL/v1"}}}}
"""


@dataclass(frozen=True)
class NpmAgent:
    """One agent: its program, and what leads it to a model that is not its vendor's."""

    name: str
    program: str
    arguments: tuple[str, ...]
    environ: Mapping[str, str]  # @URL stands for the model's
    files: Mapping[str, str]  # of the person's home, copied into the agent's
    model: str = ""  # which it is asked for, where it would ask which one to take

    @property
    def full_name(self) -> str:
        """What `--model` takes."""
        return f"acp:{self.name}:{self.model}" if self.model else f"acp:{self.name}"

    def set_up(
        self, checkout: Checkout, model: AgentModel, before: Sequence[str] = ()
    ) -> dict[str, str]:
        """Write the person's settings and return their variables; `before` starts the program."""
        # Not 127.0.0.1: an agent reaches that without its proxy, and there it is its cage.
        port = model.url.rpartition(":")[2]
        url = f"http://localhost:{port}"
        program = shutil.which(self.program)
        assert program, f"{self.program} is not installed"
        for name, text in self.files.items():
            location = checkout.home / name
            location.parent.mkdir(parents=True, exist_ok=True)
            location.write_text(text.replace("@URL", url))
        folder = checkout.home / ".config/reviewloop"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"[acp.{self.name}]",
            f"command = {json.dumps([*before, program, *self.arguments])}",
            f'hosts = ["localhost:{port}"]',
            f"env = {json.dumps(list(self.environ))}",
            f"home = {json.dumps(list(self.files))}",
        ]
        (folder / "config.toml").write_text("\n".join(lines) + "\n")
        return {name: value.replace("@URL", url) for name, value in self.environ.items()}


_OPENAI = {"OPENAI_API_KEY": KEY}
AGENTS = {
    one.name: one
    for one in (
        NpmAgent(
            *("claude", "claude-agent-acp", ()),
            {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": "@URL"},
            {},
        ),
        NpmAgent("codex", "codex-acp", (), _OPENAI, {".codex/config.toml": _CODEX}),
        NpmAgent(
            *("gemini", "gemini", ("--acp",)),
            {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": "@URL"},
            {},
            "gemini-2.5-pro",
        ),
        NpmAgent(
            *("qwen", "qwen", ("--acp",)),
            {**_OPENAI, "OPENAI_BASE_URL": "@URL/v1", "OPENAI_MODEL": "stand-in"},
            {},
        ),
        NpmAgent(
            *("opencode", "opencode", ("acp",)),
            {"ANTHROPIC_API_KEY": KEY},
            {".config/opencode/opencode.json": _OPENCODE},
        ),
    )
}


def project(folder: Path) -> Checkout:
    """Return a checkout with a change that the model of `reviewer` finds fault with."""
    root = folder / "project"
    root.mkdir()
    make_shop(root, branch="work")
    (root / "shop/digest.py").write_text(CODE)
    return Checkout(root, folder / "home", settings=QUIET_GATES)


def require_asked_for(name: str) -> None:
    """Leave a test out unless ALL_AGENTS is set and the agent is here."""
    if not os.environ.get("ALL_AGENTS"):
        pytest.skip("ALL_AGENTS is not set")
    program = AGENTS[name].program
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def reviewed(
    name: str,
    checkout: Checkout,
    model: AgentModel,
    *more: str,
    before: Sequence[str] = (),
    **environ: str,
) -> tuple[int, dict[str, Any], str]:
    """Review by an agent; return the exit code, the report, and stderr."""
    agent = AGENTS[name]
    environ = {**agent.set_up(checkout, model, before), **environ}
    said = checkout.run("review", "--model", agent.full_name, "--json", *more, **environ)
    return said.code, json.loads(said.out) if said.out else {}, said.err


def reasons(report: Mapping[str, Any]) -> dict[str, str]:
    """Return why each reviewer failed that did."""
    return {one["name"]: one["reason"] for one in report["agents"] if one["status"] != "done"}


def left_in(folder: Path) -> list[str]:
    """Return the processes that work inside of a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
