"""Builds the tools of agents on a tree, limits what they may write, and records refusals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from posixpath import dirname
from typing import Any

from reviewloop.agents import READ_ONLY, AgentDefinition
from reviewloop.checkout.protected import fold_path
from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.finding import Finding
from reviewloop.domain.hidden_characters import show_hidden
from reviewloop.git.diff import Change
from reviewloop.git.paths import UnsafePathError
from reviewloop.git.private import PrivateRepo
from reviewloop.guards.base import is_test_file
from reviewloop.llm.messages import Message, ToolSpec, text_block
from reviewloop.loop.context import RunContext
from reviewloop.loop.findings_log import read_findings
from reviewloop.loop.state import LoopState
from reviewloop.regex import regex
from reviewloop.render.untrusted import one_line
from reviewloop.review.anchoring import ChangedLines
from reviewloop.sandbox.command_policy import CommandPolicy
from reviewloop.sandbox.run import NOT_FOUND
from reviewloop.secrets import withheld_by_name
from reviewloop.servers.definitions import ServerError, ServerTool
from reviewloop.specs.steering import read_front_matter
from reviewloop.store.journal import CallKey, CallRecord, Journal
from reviewloop.tools.arguments import CallRefusedError, Output, shown_name
from reviewloop.tools.policy import Refusal, WritePolicy, is_protected, protected_files_named_in
from reviewloop.tools.running import Shell, ShellAnswer
from reviewloop.tools.toolbox import OWN_COMMAND, MoreTool, Toolbox, tool_name

_GATE = "build"  # its time limit applies


def shell_of(context: RunContext, key: CallKey) -> Shell | None:
    """Return a shell for agents; None unless the user enabled it and the sandbox is proven.

    A declared container is not enough: its walls were not tested.
    """
    if not context.settings.tools.execute_bash:
        return None
    if not context.environment.confine.sandbox.is_proven:
        return None
    return partial(_run, context, _names(key))


def _names(key: CallKey) -> Callable[[], str]:
    """Return a function that names the next log of a conversation."""
    count = 0

    def name() -> str:
        nonlocal count
        count += 1
        return f"{key.step}-{key.cycle}-{key.round}-{key.finding}-{key.attempt}-program-{count}"

    return name


def _run(
    context: RunContext, name: Callable[[], str], argv: tuple[str, ...], tree: str
) -> ShellAnswer:
    from reviewloop.loop.gates import gate_context, gate_input

    shown = context.shown_tree(tree)  # programs of agents read no more than agents
    with gate_context(context):
        guard = gate_input(context, shown, "")
        label = name()
        context.events.emit("program", argv=list(argv), log=f"{label}.log")
        result = guard.run(argv, gate=_GATE, log=context.logs / f"{label}.log")
        text = guard.quote_log(result.log)
        written = shown
        if result.exit_code != NOT_FOUND:
            try:
                written = context.workspace.taken(shown, leave=context.settings.gates.reuse)
            except WorkspaceError as error:
                text = f"{text}\nnothing that it wrote was kept: {error}"
    if result.timed_out:
        text = f"{text}\nended after {result.seconds:.0f} s: too slow"
    try:
        tree = with_edits(context.private, tree, shown, written)
    except UnsafePathError as error:
        text = f"{text}\nnothing that it wrote was kept: {error}"
    return ShellAnswer(text, result.exit_code, tree)


def with_edits(private: PrivateRepo, tree: str, before: str, after: str) -> str:
    """Return `tree` with the difference between two others applied."""
    content: dict[str, bytes | None] = {}
    modes: dict[str, str] = {}
    for file in private.change(before, after).files:
        if file.old_path != file.path:
            content[file.old_path] = None
        content[file.path] = None if file.status == "D" else private.read(after, file.path)
        if file.status != "D":
            modes[file.path] = file.new_mode
    return private.edit(tree, content, modes)


_OWN_FOLDER = regex(r"(?:^|(?<=/))\.(?:kiro|reviewloop)/agents/")


def reading_toolbox(
    context: RunContext,
    tree: str,
    allowed: Iterable[str] = READ_ONLY,
    servers: Sequence[str] = (),
    *,
    all_tools: bool = False,
) -> Toolbox:
    """Return the tools of a reviewer, which only read git objects.

    Of `servers` it gets the tools that the user listed as reading, or with `all_tools`, where the
    user named the servers, all of them.
    """
    return Toolbox(
        context.private,
        tree,
        allowed=allowed,
        redact=context.redactor.for_models,
        shown=context.shown_tree,
        fence=context.fence.wrap,
        more=tools_of_servers(context, servers, reading=not all_tools),
    )


def tools_of_servers(
    context: RunContext, patterns: Sequence[str], *, reading: bool
) -> tuple[MoreTool, ...]:
    """Return the tools of MCP servers that these patterns match."""
    if not patterns or context.servers is None:
        return ()
    found = context.servers.tools(patterns, reading=reading)
    return tuple(MoreTool(_spec_of(tool), partial(_ask_server, context, tool)) for tool in found)


def _spec_of(tool: ServerTool) -> ToolSpec:
    about = f"Of the MCP server {tool.server}, which nobody here wrote: {tool.description}"
    return ToolSpec(tool.name, show_hidden(about), tool.schema)


def _ask_server(context: RunContext, tool: ServerTool, arguments: Mapping[str, Any]) -> Output:
    if context.servers is None:
        raise CallRefusedError("there are no servers here")
    try:
        text, failed = context.servers.call(tool, arguments)
    except ServerError as error:
        raise CallRefusedError(f"the server gives no answer: {error}") from error
    note = "the server says that this failed" if failed else "the server answers"
    return Output(note, text or "(nothing)", f"answer of {tool.server}")


def writing_toolbox(
    context: RunContext,
    tree: str,
    key: CallKey,
    agent: AgentDefinition,
    named: frozenset[str] = frozenset(),
    refuse: Callable[[str], str] | None = None,
) -> Toolbox:
    """Return the tools of an agent that changes code, as far as its file grants them.

    `named` are protected files that a user requested besides those in the task; `refuse` returns
    why a path may not be changed (see `WritePolicy`).
    """
    from reviewloop.loop.gates import offered_gates, run_gate  # a diff's review has none

    _ = context.servers  # starts required servers before the agent is paid
    policy = write_policy(context, tree, named, refuse)
    return Toolbox(
        context.private,
        tree,
        allowed=agent.tools,
        run_gate=partial(run_gate, context, key),
        gates=offered_gates(context),
        shell=shell_of(context, key),
        policy=policy,
        command_policy=CommandPolicy.of(context.settings),
        redact=context.redactor.for_models,
        restore=context.redactor.restored,
        shown=context.shown_tree,
        fence=context.fence.wrap,
        more=tools_of_servers(context, agent.servers, reading=False),
        on_touch=_rules_of_files(context, agent),
    )


def _rules_of_files(context: RunContext, agent: AgentDefinition) -> Callable[[str], str]:
    """Return a function that returns the steering for a file when an agent first touches it."""
    given: set[str] = set()

    def rules(path: str) -> str:
        found = [
            (one, pattern)
            for one in context.brief.steering_later
            if one.path not in given and (pattern := one.fits(path.removeprefix("./")))
        ]
        for one, pattern in found:
            given.add(one.path)
            line = f"{one.path}: given, {shown_name(path)} matches {pattern}"
            context.events.emit("steering", agent=agent.name, files=[line])
        texts = (f"### {one.path}\n\n{one.text.strip()}" for one, _ in found)
        fenced = "\n".join(context.fence.wrap("steering", text) for text in texts)
        return f"Rules of this team for {shown_name(path)}:\n{fenced}" if found else ""

    return rules


def write_policy(
    context: RunContext,
    tree: str,
    named: frozenset[str] = frozenset(),
    refuse: Callable[[str], str] | None = None,
) -> WritePolicy:
    """Return the write policy of an agent or a hook: see `writing_toolbox`."""
    guard, brief = context.settings.guard, context.brief
    return WritePolicy(
        secret_files=guard.secret_files,
        secret_files_allowed=guard.secret_files_allowed,
        off_limits=tuple(path for path in (brief.tasks_path,) if path),
        named=protected_files_named_in(brief.task) | named,
        refuse=partial(_refusal, context, tree, refuse),
    )


def _refusal(
    context: RunContext, tree: str, refuse: Callable[[str], str] | None, path: str
) -> Refusal | None:
    """Return why this agent may not write a file, None where it may."""
    spec = context.brief.spec_path
    named = path in context.brief.task
    if spec and path.startswith(f"{spec}/") and path.endswith(".md") and not named:
        why = f"{shown_name(path)} is part of the spec that this task comes from"
        return Refusal(why, "leave it")
    if withheld_by_name(path) or path in context.withheld(tree):
        why = f"{shown_name(path)} is withheld from agents, so it cannot be written"
        return Refusal(why, "leave it")
    reason = refuse(path) if refuse else ""
    return Refusal(reason) if reason else None


def changed_lines(change: Change) -> ChangedLines:
    """Return the lines that a change touched, for anchoring."""
    return ChangedLines({file.path: file.added_ranges for file in change.files})


def resources_of(agent: AgentDefinition, context: RunContext) -> str:
    """Return the resources of an agent's definition, read from the base commit, with file names.

    Patterns are relative to the folder above the agent's own. Of a skill with front matter only
    that is included; the agent reads the rest when it fits.
    """
    if not agent.resources:
        return ""
    reader = context.private.reader(context.shown_tree(context.base_tree))
    above = _OWN_FOLDER.split(agent.origin, maxsplit=1)
    start = above[0] if len(above) == 2 and not above[0].startswith(("~", "/")) else ""
    found: dict[str, str] = {}
    for resource in agent.resources:
        scheme, _, pattern = resource.rpartition("://")
        for path in reader.glob(start + pattern.removeprefix("./")):
            text = context.shown_text(context.base_tree, path)
            if text is None or path in found:
                continue
            found[path] = _skill(text) if scheme == "skill" else text
    return "\n\n".join(f"## {path}\n\n{text}" for path, text in found.items())


def with_resources(message: Message, agent: AgentDefinition, context: RunContext) -> Message:
    """Return the message to an agent, preceded by its resources."""
    resources = resources_of(agent, context)
    if not resources:
        return message
    text = f"# Your resources\n\n{context.fence.wrap('resources', resources)}"
    return {**message, "content": [text_block(text), *message["content"]]}


def _skill(text: str) -> str:
    """Return the front matter of a skill, or all of one without it."""
    body = read_front_matter(text).body
    head = text.replace("\r\n", "\n").removesuffix(body).strip()
    return f"{head}\n\nRead this file with fs_read when it fits." if head else text


_STEERS_TESTS = {"conftest.py", "__init__.py"}


def scope_of(finding: Finding, tree: str, context: RunContext) -> Callable[[str], str]:
    """Return a function that returns why a path is outside of the finding's fix, or "".

    Inside are the finding's own file, the files that the change touches already, new files beside
    the finding's own, and new test files. An existing test is inside only if the finding is in it:
    made to pass, it would prove nothing.
    """
    reader = context.private.reader(tree)
    own = fold_path(finding.path)
    touched = {fold_path(path) for path in context.change(context.base_tree, tree).paths}

    def refusal(path: str) -> str:
        name, is_new = shown_name(path), reader.entry(path) is None
        if fold_path(path) == own:
            return ""
        if is_test_file(path):
            if is_new and path.rpartition("/")[2] not in _STEERS_TESTS:
                return ""
            return (
                f"{name} is a test and the finding is not in it, so a fix may not change it; add "
                "what is to be tested in a new test file"
            )
        if fold_path(path) in touched or (is_new and dirname(path) == dirname(finding.path)):
            return ""
        return (
            f"{name} is not what the finding is about, nor part of the change; fix the finding in "
            f"{shown_name(finding.path) or 'the files of the change'}, and mention in your summary "
            "what else should change"
        )

    return refusal


def scope_of_repair(state: LoopState, context: RunContext) -> Callable[[str], str] | None:
    """Return the same for a repair after fixes that are the whole change, None for other repairs.

    A task's repair may change what the task needs. Where a user requested only fixes, it is limited
    to the files that one of the fixes may change.
    """
    if state.get("mode") != "fix" or state.get("cycle", 0):
        return None
    known = read_findings(state, context.blobs)
    scopes = [scope_of(known[ident], state["tree"], context) for ident in state["fixed"]]

    def refusal(path: str) -> str:
        reasons = [scope(path) for scope in scopes]
        return "" if not all(reasons) else reasons[0]

    return refusal


def only_a_user(finding: Finding, context: RunContext) -> str:
    """Return why no agent may fix this: its file is protected and no task names it."""
    named = {fold_path(path) for path in protected_files_named_in(context.brief.task)}
    if not is_protected(finding.path) or fold_path(finding.path) in named:
        return ""
    return "needs a person: its file steers tools or people's machines, and no task names it"


_MOST = 10
_MOST_NAMED = 3  # listed in the sentence on why a change is empty
_LONGEST = 200


def refused_edits(journal: Journal) -> list[str]:
    """Return one sentence for each refused edit and command, at most ten, and the number
    of others.
    """
    refused = dict.fromkeys(
        f"{call.key.agent} tried {_kind_of(call)} that was refused: "
        f"{one_line(str(call.reply['refused']))[:_LONGEST]}"
        for call in journal.calls("tool")
        if call.reply.get("refused")
    )
    shown = list(refused)[:_MOST]
    return shown + (
        [f"and {len(refused) - _MOST} more refused edits"] if len(refused) > _MOST else []
    )


def _kind_of(call: CallRecord) -> str:
    return "a command" if _is_command(call) else "an edit"


def _is_command(call: CallRecord) -> bool:
    """Return whether a command was refused, not an edit."""
    tool = tool_name(str(call.request.get("tool")))
    return tool == OWN_COMMAND or (tool == "execute_bash" and bool(call.reply.get("error")))


def why_nothing(journal: Journal, cycle: int) -> str:
    """Return why the implementer changed nothing in a cycle: its edits may have been refused."""
    calls = [call for call in journal.calls("tool") if call.key.cycle == cycle]
    edits = [call for call in calls if call.reply.get("refused") and not _is_command(call)]
    files = list(dict.fromkeys(map(_in_short, edits)))
    if not files:
        return "the implementer changed nothing"
    took_effect = any(call.reply.get("tree") != call.request.get("tree") for call in calls)
    sentence = "edits were refused" if took_effect else "all its edits were refused"
    more = len(files) - _MOST_NAMED
    return f"{sentence}: {', '.join(files[:_MOST_NAMED])}" + (
        f" and {more} more" if more > 0 else ""
    )


def _in_short(call: CallRecord) -> str:
    """Return the short reason of a refused edit."""
    return one_line(str(call.reply.get("brief") or call.reply["refused"]))[:_LONGEST]
