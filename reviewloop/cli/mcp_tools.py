"""The tools of `mcp serve`, and the commands that they run."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

from reviewloop.app.project import open_repository
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, ReviewLoopError
from reviewloop.mcp.protocol import Answer, Tool
from reviewloop.store.locks import is_held_by

_SECONDS = 3600.0  # that a command may take
_STARTS = 120.0  # seconds for a run to start
_FAILED = {ExitCode.USAGE, ExitCode.BUG, ExitCode.INTERRUPTED}
_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}


@dataclass(frozen=True)
class _Command:
    """A tool, and the command line of its arguments."""

    tool: Tool
    argv: Callable[[Mapping[str, Any]], list[str]]
    is_json: bool = True
    begins_run: bool = False


def _schema(required: Sequence[str] = (), **properties: tuple[dict[str, Any], str]) -> Any:
    described = {name: {**kind, "description": text} for name, (kind, text) in properties.items()}
    return {
        "type": "object",
        "properties": described,
        "required": list(required),
        "additionalProperties": False,
    }


_SPEC = (_TEXT, "Spec file, folder or feature name; needed where there are several.")
_RUN = (_TEXT, "Id of a run, as `status` lists it; the latest without.")


def _review(given: Mapping[str, Any]) -> list[str]:
    words = ["review", "--json", *_option("base", given)]
    words += ["--staged"] if given.get("staged") else []
    words += ["--model=none"] if given.get("without_model") else []
    return [*words, *_after(given.get("range"), *given.get("paths", ()))]


def _run_task(given: Mapping[str, Any]) -> list[str]:
    words = ["run", "--json", *_option("spec", given), *_option("message", given)]
    return [*words, *_after(given.get("task"))]


def _option(name: str, given: Mapping[str, Any]) -> list[str]:
    return [f"--{name}={given[name]}"] if given.get(name) else []


def _after(*words: Any) -> list[str]:
    """Return positional arguments that cannot be read as options."""
    named = [str(word) for word in words if word]
    return ["--", *named] if named else []


_READING = (
    _Command(
        Tool(
            "review_diff",
            "Review uncommitted changes, or a range of commits. Findings have a severity, a place, "
            "a reason and a fix.",
            _schema(
                range=(_TEXT, "Such as main...HEAD; uncommitted changes without."),
                base=(_TEXT, "Branch to compare with."),
                staged=(_FLAG, "Only what is staged."),
                paths=({"type": "array", "items": _TEXT}, "Only these paths."),
                without_model=(_FLAG, "Analysers only: free, and quick."),
            ),
            reads_only=True,
        ),
        _review,
    ),
    _Command(
        Tool(
            "explain",
            "Explain a rule or a finding: the risk, the fix, bad and good code.",
            _schema(("what",), what=(_TEXT, "A rule, such as infra/iam-admin, or a finding.")),
            reads_only=True,
        ),
        lambda given: ["explain", *_after(given.get("what"))],
        is_json=False,
    ),
    _Command(
        Tool("tasks", "List the tasks of a spec and what may start.", _schema(spec=_SPEC), True),
        lambda given: ["tasks", "--json", *_option("spec", given)],
    ),
    _Command(
        Tool("status", "List the runs, and where they stand.", _schema(), True),
        lambda given: ["status", "--json"],
    ),
    _Command(
        Tool(
            "show_proposal",
            "Show what a run proposes: files, tests, findings, cost, commit message.",
            _schema(run=_RUN),
            reads_only=True,
        ),
        lambda given: ["show", "--json", *_after(given.get("run"))],
    ),
    _Command(
        Tool("logs", "Print what a run did.", _schema(run=_RUN), True),
        lambda given: ["logs", *_after(given.get("run"))],
        is_json=False,
    ),
    _Command(
        Tool("queue", "List what waits for a person.", _schema(), True),
        lambda given: ["queue", "--json"],
    ),
    _Command(
        Tool(
            "spec_check",
            "Say what is wrong with specs, without a model.",
            _schema(names=({"type": "array", "items": _TEXT}, "Specs; all without.")),
            reads_only=True,
        ),
        lambda given: ["spec", "check", "--json", *_after(*given.get("names", ()))],
    ),
)
_FINDINGS = _Command(
    Tool("findings", "List the findings of a run.", _schema(run=_RUN), True),
    lambda given: ["show", "--json", *_after(given.get("run"))],
)
_STARTING = _Command(
    Tool(
        "run_task",
        "Begin a run: a task of the spec is implemented, checked and reviewed in a private copy. "
        "Returns the run at once; `status` tells when it waits for a person, who approves.",
        _schema(
            task=(_TEXT, "Id of the task, or next."),
            spec=_SPEC,
            message=(_TEXT, "What to change, without a spec."),
        ),
    ),
    _run_task,
    begins_run=True,
)
_ANSWERS = {
    "approve": _Command(
        Tool("approve", "Commit what a run proposes.", _schema(("run",), run=_RUN)),
        lambda given: ["approve", "--json", *_after(given.get("run"))],
    ),
    "modify": _Command(
        Tool(
            "modify",
            "Ask a run to change something.",
            _schema(("run", "text"), run=_RUN, text=(_TEXT, "What to change.")),
        ),
        lambda given: ["modify", "--json", f"--message={given['text']}", *_after(given.get("run"))],
    ),
    "reject": _Command(
        Tool(
            "reject",
            "Skip what a run proposes.",
            _schema(("run", "text"), run=_RUN, text=(_TEXT, "Why.")),
        ),
        lambda given: ["reject", "--json", f"--message={given['text']}", *_after(given.get("run"))],
    ),
}
_ALL = {one.tool.name: one for one in (*_READING, _FINDINGS, _STARTING, *_ANSWERS.values())}


def tools_for(allowed: Sequence[str]) -> list[Tool]:
    """Return the offered tools; answers to a run only where they are allowed."""
    offered = [one.tool for one in (*_READING, _FINDINGS, _STARTING)]
    return [*offered, *(_ANSWERS[name].tool for name in _ANSWERS if name in allowed)]


class OwnCommands:
    """Runs our commands as processes, for the calls of one connection."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def call(self, ident: Any, name: str, given: Mapping[str, Any]) -> Answer:
        """Return the output of a command; a run that it starts continues without us."""
        command = _ALL[name]
        if wrong := _problem(command.tool, given):
            return Answer(wrong, failed=True)
        argv = [sys.executable, "-I", "-m", "reviewloop", *command.argv(given)]
        if command.begins_run:
            return _begin(argv)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
            self._running[json.dumps(ident)] = process
            try:
                code = process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                _end(process)
                return Answer(f"it did not end within {_SECONDS:.0f} s", failed=True)
            finally:
                self._running.pop(json.dumps(ident), None)
            printed, errors = _read(out), _read(err)
        return _answer(command, code, printed, errors)

    def cancel(self, ident: Any) -> None:
        """End the command of a cancelled request."""
        if process := self._running.get(json.dumps(ident)):
            _end(process)


def _problem(tool: Tool, given: Mapping[str, Any]) -> str:
    """Return what is wrong with the arguments of a call, or ""."""
    properties = tool.schema["properties"]
    kinds: dict[str, type] = {"string": str, "boolean": bool, "array": list}
    for name, value in given.items():
        if name not in properties:
            known = ", ".join(properties) or "none"
            return f"{tool.name} has no argument {name!r}; it has: {known}"
        kind = properties[name]["type"]
        fits = isinstance(value, kinds[kind])
        if not fits or (kind == "array" and not all(isinstance(one, str) for one in value)):
            return f"{tool.name}: {name} is no {kind}"
    missing = [name for name in tool.schema["required"] if not given.get(name)]
    return f"{tool.name} needs {', '.join(missing)}" if missing else ""


def _answer(command: _Command, code: int, printed: str, errors: str) -> Answer:
    failed = code < 0 or code in _FAILED
    if not command.is_json:
        return Answer(printed if not failed else errors.strip() or printed, failed)
    try:
        body = json.loads(printed)
    except ValueError:
        return Answer(errors.strip() or f"it ended with exit code {code}", failed=True)
    if command is _FINDINGS:
        proposal = body.get("proposal") or {}
        body = {"run": body.get("run_id"), "findings": proposal.get("findings", [])}
        printed = json.dumps(body, ensure_ascii=False)
    return Answer(printed, failed, body)


def _begin(argv: list[str]) -> Answer:
    """Start a run and return once it has a record; it continues without us."""
    try:
        repository = open_repository(for_reading=True)
    except ReviewLoopError as error:
        return Answer(str(error), failed=True)
    with closing(repository.runs), tempfile.TemporaryFile() as log:
        before = {run.run_id for run in repository.runs.listed()}
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie
        until = time.monotonic() + _STARTS
        while time.monotonic() < until:
            ended = process.poll() is not None
            for run in repository.runs.listed():
                own = repository.stored(run.run_id) / "lock"
                if run.run_id not in before and (ended or is_held_by(own, process.pid)):
                    body = {"run": run.run_id, "status": str(run.status), "task": run.task_id}
                    return Answer(json.dumps(body), structured=body)
            if ended:
                return Answer(_read(log).strip() or "no run was begun", failed=True)
            time.sleep(0.1)
    return Answer(f"no run was begun within {_STARTS:.0f} s", failed=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a command as Ctrl-C does, so that it saves its results; then kill it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return
        os.killpg(process.pid, signal.SIGKILL)


def _read(file: Any) -> str:
    file.seek(0)
    text: str = file.read().decode("utf-8", "replace")
    return text
