"""One hook of any format: when it fires, on what, and what it does."""

import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from reviewloop.dataclass import dataclass
from reviewloop.domain.globs import fits
from reviewloop.regex import regex

Option = str | float | bool
Scope = Literal["", "nothing", "file", "documentation", "tests", "refactoring"]


class Event(StrEnum):
    """The events that fire hooks, by the names of our grammar."""

    SESSION_START = "session.start"
    SESSION_STOP = "session.stop"
    PROMPT = "prompt.submit"
    TASK_START = "task.start"
    TASK_END = "task.end"
    FILE_SAVE = "file.save"
    FILE_CREATE = "file.create"
    FILE_DELETE = "file.delete"
    TOOL_BEFORE = "tool.before"
    TOOL_AFTER = "tool.after"
    CODE_GENERATED = "code.generated"
    TESTS_RUN = "tests.run"
    BUILD = "build"
    SPEC_APPROVED = "spec.approved"
    PRE_COMMIT = "git.pre-commit"
    COMMIT = "git.commit"
    PR_CREATED = "pr.created"
    DEPLOY = "deploy"
    MANUAL = "manual"


OF_FILES = (Event.FILE_CREATE, Event.FILE_SAVE, Event.FILE_DELETE)
"""Fire once for each file."""

EDITS_COUNT = (*OF_FILES, Event.CODE_GENERATED, Event.TASK_END)
"""Edits of hooks at these events become part of the change, before gates and reviewers."""

CAN_BLOCK = (
    *(Event.PROMPT, Event.TASK_START, *EDITS_COUNT),
    *(Event.TOOL_BEFORE, Event.TESTS_RUN, Event.BUILD, Event.PRE_COMMIT),
)
"""Events that can be blocked: those before something happens."""

FIRED = (
    *(Event.SESSION_START, Event.PROMPT, Event.TASK_START, Event.TOOL_BEFORE, Event.TOOL_AFTER),
    *(*EDITS_COUNT, Event.BUILD, Event.TESTS_RUN, Event.PRE_COMMIT),
    *(Event.SESSION_STOP, Event.COMMIT),
)
"""The events of a run, in order."""

OUTSIDE_RUNS = (Event.SPEC_APPROVED, Event.PR_CREATED, Event.DEPLOY)
"""Events of commands outside of runs: `spec approve`, `publish` and `ship`."""

KIRO_NAMES = {
    Event.SESSION_START: "SessionStart",
    Event.SESSION_STOP: "Stop",
    Event.PROMPT: "UserPromptSubmit",
    Event.TASK_START: "PreTaskExec",
    Event.TASK_END: "PostTaskExec",
    Event.FILE_SAVE: "PostFileSave",
    Event.FILE_CREATE: "PostFileCreate",
    Event.FILE_DELETE: "PostFileDelete",
    Event.TOOL_BEFORE: "PreToolUse",
    Event.TOOL_AFTER: "PostToolUse",
    Event.MANUAL: "Manual",
}
"""The names of events in Kiro; the others are ours."""

KIRO_BLOCKS = (Event.PROMPT, Event.TASK_START, Event.TOOL_BEFORE)
"""Events where exit code 2 blocks in Kiro; elsewhere it warns."""

KIRO_TOOLS = {
    "fs_read": ("read", "readFile"),
    "grep": ("read",),
    "glob": ("read",),
    "code": ("read",),
    "fs_write": ("write", "fsWrite"),
    "fs_write append": ("fs_append", "fsAppend"),
    "fs_write str_replace": ("str_replace", "strReplace"),
    "execute_bash": ("shell", "executeBash", "executePwsh"),
}
"""The names of our tools, and of some of their commands, in Kiro's releases."""

DESCRIPTION = "generate-description"
"""The action that writes the text of a pull request, for publishing."""

PLACEHOLDERS = ("file_path", "filename", "event", "task", "workspace")
_PLACEHOLDER = regex(r"\{\{?(?P<name>[A-Za-z_]+)\}?\}")
_KIRO_PLACEHOLDERS = {"filePath": "file_path", "fileName": "filename"}
KIRO_TIMEOUT = 60.0  # seconds
_SHORT = 100  # characters


@dataclass(frozen=True)
class ToolUse:
    """A call of an agent's tool, redacted; `answer` is None before it is made."""

    agent: str
    name: str
    args: Mapping[str, object]
    answer: str | None = None


class Hook(BaseModel):
    """A hook as it was read; frozen, so that a run keeps those it started with."""

    model_config = ConfigDict(frozen=True)

    name: str
    event: Event
    source: str  # its file
    line: int = 1
    grammar: Literal["kiro", "own"] = "own"
    filters: tuple[str, ...] = ()
    matcher: str = ""
    condition: str = ""
    command: str = ""
    prompt: str = ""
    action: str = ""  # one of `reading.ACTIONS`
    options: Mapping[str, Option] = {}
    scope: Scope = ""  # limits of its edits; the engine undoes others
    writes: tuple[str, ...] = ()  # the files that its edits may touch; empty: any
    blocking: bool = False
    require_approval: bool = False
    run_tests: bool = False
    queued: bool = False
    timeout: float = KIRO_TIMEOUT  # seconds; 0: the limit of a gate or an agent
    enabled: bool = True
    script: str = ""  # the file of the repository that the command runs
    script_digest: str = ""

    @property
    def digest(self) -> str:
        """Return the hash that a user's trust is bound to: all that it does, not its location."""
        facts = self.model_dump(mode="json", exclude={"line"})
        for name in ("scope", "writes"):  # without them: the hash of earlier releases
            if not facts[name]:
                del facts[name]
        facts["timeout"] = facts["timeout"] or KIRO_TIMEOUT  # the earlier default
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def why_not_run(self) -> str:
        """Why no event fires it, or ""."""
        if self.event is Event.MANUAL:
            return "`reviewloop hooks run` fires it"
        if self.event in OUTSIDE_RUNS and self.action != DESCRIPTION:
            return self.needs_run
        return ""

    @property
    def needs_run(self) -> str:
        """Why it fires in runs only, not on a user's edits or commands, or ""."""
        if self.prompt:
            return "agents are asked in runs only"
        if self.action:
            return "named actions work in runs only"
        if self.queued or self.condition or self.require_approval or self.run_tests:
            return "conditions, queues, require_approval and run_tests count in runs only"
        return ""

    @property
    def does(self) -> str:
        """What it does, on one line."""
        if self.command:
            return self.command
        if self.prompt:
            return f"asks an agent: {self.prompt}"
        listed = ", ".join(f"{name} {value}" for name, value in self.options.items())
        return f"{self.action}: {listed}" if listed else self.action

    @property
    def in_short(self) -> str:
        """What it does, shortened, as prompts are long."""
        words = " ".join(self.does.split())
        return words if len(words) <= _SHORT else f"{words[:_SHORT]}…"

    def blocks(self, exit_code: int | None) -> bool:
        """Return whether this end stops the step that fired it: in Kiro's formats exit code 2, else
        any but 0.

        None is a hook that could not run, or timed out.
        """
        if not self.blocking or self.queued or self.event not in CAN_BLOCK:
            return False
        return exit_code is None or (exit_code == 2 if self.grammar == "kiro" else exit_code != 0)

    def fits_path(self, path: str) -> bool:
        """Return whether a file matches; of the patterns that match, the last one counts."""
        if self.matcher and not re.search(self.matcher, path):
            return False
        if not self.filters:
            return True
        is_for = False
        for pattern in self.filters:
            if fits(pattern.removeprefix("!"), case=True)(path):
                is_for = not pattern.startswith("!")
        return is_for

    def fits_tool(self, name: str, command: str = "") -> bool:
        """Return whether a tool, by any of its names, matches; `command` is the tool's
        subcommand.
        """
        if self.matcher in {"", "*", ".*"}:
            return True
        names = (name, *KIRO_TOOLS.get(name, ()), *KIRO_TOOLS.get(f"{name} {command}", ()))
        return any(re.fullmatch(self.matcher, one) for one in names)

    def filled(self, text: str, values: Mapping[str, str]) -> str:
        """Return a command or prompt with its placeholders replaced."""

        def value(match: re.Match[str]) -> str:
            name = _KIRO_PLACEHOLDERS.get(match["name"], match["name"])
            return values.get(name, match[0])

        return _PLACEHOLDER.sub(value, text)


def unknown_placeholders(text: str) -> tuple[str, ...]:
    """Return the unknown placeholders in a text; `${name}` is the shell's."""
    found = []
    for match in _PLACEHOLDER.finditer(text):
        name = _KIRO_PLACEHOLDERS.get(match["name"], match["name"])
        is_shell = text[: match.start()].endswith("$")
        if name not in PLACEHOLDERS and not is_shell:
            found.append(match[0])
    return tuple(dict.fromkeys(found))
