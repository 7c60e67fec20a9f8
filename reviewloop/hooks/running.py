"""Runs the command of one hook in the sandbox, with the input of Kiro's hooks."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.faults import fault
from reviewloop.git.private import PrivateRepo
from reviewloop.guards.base import GuardInput
from reviewloop.guards.governance import complexity
from reviewloop.hooks.condition import Facts
from reviewloop.hooks.hook import KIRO_NAMES, Hook, ToolUse
from reviewloop.sandbox.run import CommandResult, run_command

_LOG_LIMIT = 1024 * 1024  # bytes


@dataclass(frozen=True)
class Occasion:
    """The input of a hook: `path` is relative to the project, "" for no file."""

    session: str
    path: str = ""
    prompt: str = ""
    task_id: str = ""
    title: str = ""
    result: str = ""  # of tests and build
    commit: str = ""
    tool: ToolUse | None = None
    facts: Mapping[str, str] = field(default_factory=dict)  # of an event outside of runs

    def values(self, hook: Hook) -> Mapping[str, str]:
        """Return the values of the placeholders."""
        return {
            "file_path": self.path,
            "filename": self.path.rpartition("/")[2],
            "event": str(hook.event),
            "task": self.task_id or self.title,
            "workspace": ".",
        }

    def stdin(self, hook: Hook, cwd: Path) -> dict[str, object]:
        """Return the JSON that a hook reads on stdin, by Kiro's names."""
        name = KIRO_NAMES.get(hook.event, str(hook.event))
        more: dict[str, Any] = {}
        if self.tool:
            more = {"tool_name": self.tool.name, "tool_input": dict(self.tool.args)}
            if self.tool.answer is not None:
                more["tool_response"] = self.tool.answer
        more |= {"result": self.result} if self.result else {}
        more |= {"commit": self.commit} if self.commit else {}
        more |= self.facts
        return {
            **more,
            "hook_event_name": name,
            "trigger": name,
            "session_id": self.session,
            "cwd": str(cwd),
            "prompt": self.prompt,
            "task": {"id": self.task_id, "title": self.title},
            "file_path": self.path,
        }


def facts_of(private: PrivateRepo, tree: str, paths: Sequence[str], changed: int) -> Facts:
    """Return the facts for a condition: the largest of each among these files."""
    read = ((path, private.read(tree, path)) for path in paths)
    found = [(path, data) for path, data in read if data is not None]
    complexities = (complexity(path, data) or 0 for path, data in found)
    return {
        "file_size_kb": max((len(data) / 1024 for _, data in found), default=0),
        "lines": max((len(data.splitlines()) for _, data in found), default=0),
        "cyclomatic_complexity": max(complexities, default=0),
        "changed_files": changed,
    }


def run_hook(guard: GuardInput, hook: Hook, occasion: Occasion, log: Path) -> CommandResult:
    """Run a hook's command in the project's folder of the workspace."""
    cwd = guard.project_folder()
    given = guard.given("stdin.json")
    given.write_text(json.dumps(occasion.stdin(hook, cwd)), encoding="utf-8")
    values = {name: shlex.quote(value) for name, value in occasion.values(hook).items()}
    command = hook.filled(hook.command, values)
    most = guard.settings.limits.gate_seconds
    fault("hook.start")
    result = run_command(
        ("/bin/sh", "-c", 'exec /bin/sh -c "$2" <"$1"', "hook", str(given), command),
        cwd=cwd,
        env={**guard.env.env, "KIRO_HOOK_FILE": occasion.path, "USER_PROMPT": occasion.title},
        timeout_seconds=min(hook.timeout or most, most),
        log=log,
        stop=guard.stop,
        confine=guard.env.confine,
        log_limit=_LOG_LIMIT,
    )
    given.unlink(missing_ok=True)
    return result


def with_own_script(private: PrivateRepo, base: str, project: str, hook: Hook, tree: str) -> str:
    """Return the tree with the hook's script from the base, which is the trusted one."""
    path = f"{project}/{hook.script}" if project else hook.script
    trusted = private.read(base, path) if hook.script else None
    if trusted is None or private.read(tree, path) == trusted:
        return tree
    return private.edit(tree, {path: trusted})
