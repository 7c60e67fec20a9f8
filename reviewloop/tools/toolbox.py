"""One agent's tools on one tree: checks each call, runs it, and makes its output safe to read."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.event import EventFacts
from reviewloop.domain.hidden_characters import show_hidden
from reviewloop.git.paths import UnsafePathError
from reviewloop.git.private import PrivateRepo
from reviewloop.llm.messages import ToolSpec
from reviewloop.sandbox.command_policy import CommandPolicy
from reviewloop.tools import arguments
from reviewloop.tools.arguments import (
    BadCallError,
    CallRefusedError,
    Code,
    ExecuteBash,
    Glob,
    Grep,
    Output,
    Read,
    RunGate,
    Write,
    read_arguments,
)
from reviewloop.tools.policy import WritePolicy
from reviewloop.tools.reading import ReadableTree, decode, fs_read, glob, grep
from reviewloop.tools.running import RunGateCallback, Shell, run_gate, split_command
from reviewloop.tools.structure import code
from reviewloop.tools.writing import Restore, fs_write, refuse_settings


def allowed_part(
    private: PrivateRepo, before: str, after: str, policy: WritePolicy
) -> tuple[str, tuple[str, ...]]:
    """Return the tree without edits that the policy refuses, and the reason for each.

    If a file cannot be restored on its own, none of the program's edits are kept.
    """
    if before == after:
        return after, ()
    old, content, modes, reasons = private.reader(before), {}, {}, []
    for file in private.change(before, after).files:
        for path in dict.fromkeys((file.path, file.old_path)):
            reason = str(policy.refusal(path) or _settings(private, before, after, path))
            if not reason:
                continue
            reasons.append(reason)
            entry = old.entry(path)
            content[path] = None if entry is None else private.read(before, path)
            if entry is not None:
                modes[path] = entry.mode
    if not reasons:
        return after, ()
    try:
        kept = private.edit(after, content, modes)
    except UnsafePathError as error:
        return before, (*reasons, f"so nothing was kept: {error}")
    left = [file.path for file in private.change(before, kept).files if file.path in content]
    return (before if left else kept), tuple(reasons)


def _settings(private: PrivateRepo, before: str, after: str, path: str) -> str:
    texts = [private.read(tree, path) for tree in (before, after)]
    try:
        refuse_settings(path, *(None if text is None else decode(text) for text in texts))
    except CallRefusedError as refused:
        return str(refused)
    return ""


ORDER = ("fs_read", "code", "grep", "glob", "fs_write", "run_gate", "execute_bash")
"""The order in which models get the tools."""

OWN_COMMAND = "own command"
"""The journal's name of a command that a coding agent started, or tried to, by itself."""

_ALSO_CALLED = {"read": "fs_read", "write": "fs_write", "shell": "execute_bash"}
_NOTICE_AT = 3  # times the same call was made on the same tree
_END_AT = 5
_MOST_CHARS = 40_000  # of one output, for any tool


@dataclass(frozen=True)
class MoreTool:
    """A tool from outside, such as a server's; `call` raises `CallRefusedError`."""

    spec: ToolSpec
    call: Callable[[Mapping[str, Any]], Output]


Fence = Callable[[str, str], str]
"""(label, untrusted text) -> the text between marks that it cannot forge."""


@dataclass(frozen=True)
class ToolResult:
    """The text for the model, whether the call failed, and the tree after the call."""

    text: str
    error: bool
    tree: str
    bad_call: bool = False  # the call itself was invalid: too many of these end a conversation
    refused: str = ""  # why an edit was refused, for the user
    lines: tuple[int, int] = (0, 0)  # lines that an edit added and removed
    brief: str = ""  # `refused` in a few words


def tool_name(name: str) -> str:
    """Return our name of a tool: some models use Kiro's names."""
    return _ALSO_CALLED.get(name, name)


def _plain(text: str) -> str:
    return text


def _whole(tree: str) -> str:
    return tree


def _unfenced(_label: str, text: str) -> str:
    return text


def _silent(_path: str) -> str:
    return ""


def _nothing(_tree: str) -> None:
    return None


class Toolbox:
    """The tools of one conversation; `tree` is what they read, and each edit replaces it.

    Tools in `allowed` are offered if they can work: run_gate needs `run_gate` and `gates`,
    execute_bash needs `shell`. `redact` replaces secrets and keeps line numbers, `restore` puts
    them back on writing; `shown` is a readable tree in place of the real one; `fence` marks quotes
    from the repository; `on_tree` is called with each new tree; `more` are tools from outside,
    whose outputs are untrusted as well; `on_touch` returns steering for a file that an agent reads
    or writes.
    """

    def __init__(
        self,
        private: PrivateRepo,
        tree: str,
        *,
        allowed: Iterable[str],
        run_gate: RunGateCallback | None = None,
        gates: Sequence[str] = (),
        shell: Shell | None = None,
        policy: WritePolicy | None = None,
        command_policy: CommandPolicy | None = None,
        redact: Callable[[str], str] = _plain,
        restore: Restore | None = None,
        shown: Callable[[str], str] = _whole,
        fence: Fence = _unfenced,
        on_tree: Callable[[str], None] = _nothing,
        more: Sequence[MoreTool] = (),
        on_touch: Callable[[str], str] = _silent,
    ) -> None:
        self.tree = tree
        self._on_touch = on_touch
        self._more = {one.spec.name: one for one in more if one.spec.name not in ORDER}
        self.ending = ""  # the tool that ends the conversation, for a model that calls a wrong one
        self._private = private
        self._run_gate = run_gate
        self._gates = tuple(gates)
        self._shell = shell
        self._policy = policy or WritePolicy()
        self._command_policy = command_policy or CommandPolicy()
        self._redact = redact
        self._restore = restore
        self._shown = shown
        self._fence = fence
        self._on_tree = on_tree
        granted = set(allowed)
        self._offered = tuple(n for n in ORDER if n in granted and self._can_work(n))
        self._calls: Counter[str] = Counter()
        self._answers: dict[str, ToolResult] = {}
        self._counted = False  # whether the call to settle next was made, and so counted

    @property
    def exhausted(self) -> bool:
        """Whether the agent repeats itself: the same call on the same tree, five times."""
        return any(count >= _END_AT for count in self._calls.values())

    @property
    def writes(self) -> bool:
        """Whether its tools can change files."""
        return "fs_write" in self._offered

    def allowed_part(self, before: str, after: str) -> tuple[str, tuple[str, ...]]:
        """Return the tree without edits that are not allowed, and the reason for each."""
        return allowed_part(self._private, before, after, self._policy)

    def specs(self) -> tuple[ToolSpec, ...]:
        """Return the tools to offer, always in the same order."""
        known = {
            "fs_read": arguments.FS_READ,
            "code": arguments.CODE,
            "grep": arguments.GREP,
            "glob": arguments.GLOB,
            "fs_write": arguments.FS_WRITE,
            "execute_bash": arguments.EXECUTE_BASH,
        }
        return tuple(
            arguments.run_gate_spec(self._gates) if name == "run_gate" else known[name]
            for name in self._offered
        ) + tuple(one.spec for one in self._more.values())

    def call(self, name: str, args: Mapping[str, object]) -> ToolResult:
        """Run one call and return its output; failures are outputs too, never exceptions.

        The third equal call on an equal tree is answered from memory with a notice, the fifth is
        refused and marks the conversation as exhausted.
        """
        name = tool_name(name)
        key = self._key(name, args)
        self._calls[key] += 1
        self._counted = True
        times = self._calls[key]
        if times >= _END_AT:
            return self._result(
                Output(f"this same call was made {times} times; answer now with what you know"),
                error=True,
            )
        before = self._answers.get(key)
        if times >= _NOTICE_AT and before is not None:
            notice = f"[asked {times} times, on unchanged files; the answer is the same]"
            return replace(before, text=f"{notice}\n{before.text}", tree=self.tree)
        result = self._answer(name, args)
        self._answers[key] = result
        return result

    def settle(self, name: str, args: Mapping[str, object], tree: str) -> None:
        """Apply the outcome of a call, made just now or before a resume.

        A resumed run gets its results from the journal without calling; counting them here keeps
        `exhausted` the same in both cases.
        """
        if not self._counted:
            self._calls[self._key(tool_name(name), args)] += 1
        self._counted = False
        self.tree = tree

    def close(self) -> None:
        """Clear the outputs cached for repeated calls."""
        self._answers.clear()

    def _answer(self, name: str, args: Mapping[str, Any]) -> ToolResult:
        try:
            if name in self._more:
                output = self._more[name].call(args)
            elif name in self._offered:
                output = self._run(name, args)
            else:
                raise BadCallError(self._not_offered(name))
        except CallRefusedError as refused:
            bad = isinstance(refused, BadCallError)
            return self._result(refused.output, error=True, bad_call=bad)
        result = self._result(output)
        to_know = "\n".join(filter(None, map(self._on_touch, _touched(name, args))))
        if not to_know:
            return result
        return replace(result, text=f"{result.text}\n{show_hidden(self._redact(to_know))}")

    def _run(self, name: str, args: Mapping[str, Any]) -> Output:
        tree = ReadableTree(self._private.reader(self._shown(self.tree)), self._redact)
        if name == "fs_read":
            usage = "right is {path, start_line?, end_line?}"
            return fs_read(tree, read_arguments(Read, args, usage))
        if name == "grep":
            usage = "right is {pattern, path?, include?, ignore_case?, max?}"
            return grep(tree, read_arguments(Grep, args, usage))
        if name == "glob":
            return glob(tree, read_arguments(Glob, args, "right is {pattern, path?}"))
        if name == "code":
            usage = "right is {operation: outline|symbols|references, path?, name?}"
            return code(tree, read_arguments(Code, args, usage))
        if name == "fs_write":
            return self._write(args)
        if name == "run_gate" and self._run_gate is not None:
            request = read_arguments(RunGate, args, "right is {name, paths?}")
            whole = self._private.reader(self.tree)
            return run_gate(self._run_gate, self._gates, request, whole)
        return self._execute(args)

    def _write(self, args: Mapping[str, Any]) -> Output:
        usage = "right is {command: create|str_replace|insert|append|delete, path, ...}"
        request = read_arguments(Write, args, usage)
        tree, output = fs_write(
            self._private, self.tree, request, self._policy, self._redact, self._restore
        )
        self._move(tree)
        return output

    def _execute(self, args: Mapping[str, Any]) -> Output:
        if self._shell is None:
            raise BadCallError(self._not_offered("execute_bash"))
        usage = 'right is {command: ["program", "argument"]}'
        argv = split_command(read_arguments(ExecuteBash, args, usage))
        reason = self._command_policy.refusal(argv)
        if reason:
            raise CallRefusedError(reason, refused=reason)
        answer = self._shell(argv, self.tree)
        tree, refused = allowed_part(self._private, self.tree, answer.tree, self._policy)
        self._move(tree)
        note = "".join(f"\nput back as it was: {reason}" for reason in refused)
        status = f"exit code {answer.exit_code}{note}"
        return Output(status, answer.text, "output", refused="; ".join(refused))

    def _move(self, tree: str) -> None:
        if tree != self.tree:
            self.tree = tree
            self._on_tree(tree)

    def _can_work(self, name: str) -> bool:
        if name == "run_gate":
            return self._run_gate is not None and bool(self._gates)
        return name != "execute_bash" or self._shell is not None

    def _not_offered(self, name: str) -> str:
        offered = ", ".join(filter(None, (*self._offered, *self._more, self.ending))) or "none"
        return f"there is no tool {show_hidden(name)[:80]} here; the tools are: {offered}"

    def _result(self, output: Output, *, error: bool = False, bad_call: bool = False) -> ToolResult:
        text = show_hidden(self._redact(output.note))
        if output.data:
            data = show_hidden(self._redact(output.data))
            if len(data) > _MOST_CHARS:
                data = data[:_MOST_CHARS] + "\n[cut here: ask for less at a time]"
            text += "\n" + self._fence(output.label, data)
        refused = show_hidden(self._redact(output.refused))
        brief = show_hidden(self._redact(output.brief))
        return ToolResult(text, error, self.tree, bad_call, refused, output.lines, brief)

    def _key(self, name: str, args: Mapping[str, Any]) -> str:
        return json.dumps([self.tree, name, args], sort_keys=True, default=str)


def _touched(name: str, args: Mapping[str, Any]) -> list[str]:
    """Return the files that a call reads or writes."""
    if name not in ("fs_read", "fs_write"):
        return []
    rows = args.get("operations")
    given = [args, *(row for row in rows if isinstance(row, Mapping))] if rows else [args]
    return [str(row["path"]) for row in given if isinstance(row.get("path"), str) and row["path"]]


_LONGEST = 200


def about(name: str, args: Mapping[str, object] | None) -> EventFacts:
    """Return `name`, `about` and `how` of a call for an event; `args` hold no secrets."""
    name = tool_name(name)
    try:
        subject, how = _about(name, args or {})
    except ValueError:  # an invalid call has an event all the same
        subject, how = "", ""
    return {"name": name, "about": subject[:_LONGEST], "how": how}


def _about(name: str, args: Mapping[str, Any]) -> tuple[str, str]:
    if name == "fs_read":
        read = Read.model_validate(dict(args))
        paths = [one.path for one in read.operations] or [read.path]
        return ", ".join(dict.fromkeys(paths)), ""
    if name == "fs_write":
        written = Write.model_validate(dict(args))
        return written.path, written.command
    if name == "run_gate":
        gate = RunGate.model_validate(dict(args))
        return " ".join((gate.name, *gate.paths)), ""
    if name == "execute_bash":
        command = ExecuteBash.model_validate(dict(args)).command
        return command if isinstance(command, str) else " ".join(command), ""
    words = (args.get(key) for key in ("operation", "pattern", "query", "name", "path"))
    return " ".join(word for word in words if isinstance(word, str) and word), ""
