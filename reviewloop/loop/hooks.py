"""Fires the hooks of a run at its events, in the sandbox, on a tree; each is journalled once."""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.faults import fault
from reviewloop.git.paths import UnsafePathError
from reviewloop.guards import build, governance, tests
from reviewloop.hooks.condition import parse_condition
from reviewloop.hooks.hook import EDITS_COUNT, OF_FILES, Event, Hook, ToolUse
from reviewloop.hooks.running import Occasion, facts_of, run_hook, with_own_script
from reviewloop.hooks.scopes import RULES
from reviewloop.loop import hook_actions
from reviewloop.loop.agent_tools import with_edits, write_policy
from reviewloop.loop.base_moved import LOOKED_BACK
from reviewloop.loop.context import RunContext
from reviewloop.loop.gates import gate_context, gate_input, run_gate
from reviewloop.loop.hook_actions import ActionEnd, do_action
from reviewloop.loop.hook_agents import AgentEnd, ask_agent
from reviewloop.loop.hook_scope import ScopedEdit, out_of_scope
from reviewloop.loop.state import LoopState
from reviewloop.render.untrusted import one_line
from reviewloop.sandbox.run import NOT_FOUND
from reviewloop.store.journal import CallKey, Journal, hash_of
from reviewloop.tools.toolbox import allowed_part

KIND = "hook"  # of their rows in the journal
QUEUED = "queued"  # of those queued for the run's end
_MOST_OUTPUT = 4_000  # characters of a hook's output that an agent reads
_DEEPEST = 3  # depth of hooks that fire on other hooks' edits
Made = dict[tuple[str, str], bytes | None]
"""(hook, file) -> the content that the hook left."""


@dataclass(frozen=True)
class HookEnd:
    """The end of one hook; `exit_code` is None when it could not run or timed out."""

    hook: Hook
    exit_code: int | None
    seconds: float
    output: str
    log: str
    tree: str
    path: str = ""
    edited: bool = False  # its tree differs from the one it was given

    @property
    def blocks(self) -> bool:
        """Return whether it stops the step that fired it."""
        return self.hook.blocks(self.exit_code)

    @property
    def summary(self) -> str:
        """Return how it ended, on one line."""
        end = "did not end by itself" if self.exit_code is None else f"exit code {self.exit_code}"
        return f"{end} at {self.hook.event}" + (f" of {self.path}" if self.path else "")

    def as_gate(self) -> GateResult:
        """Return it as a gate's result, so that a blocking one is sent back to the agent."""
        status = GateStatus.PASSED if self.exit_code == 0 else GateStatus.WARNING
        status = GateStatus.FAILED if self.blocks else status
        return GateResult(
            name=f"hook {self.hook.name}",
            status=status,
            summary=self.summary,
            command=(self.hook.in_short,),
            exit_code=self.exit_code,
            seconds=self.seconds,
            log=self.log,
            excerpt="" if self.exit_code == 0 else self.output,
        )


@dataclass(frozen=True)
class Moment:
    """An event that fires hooks, and its data."""

    event: Event
    tree: str
    path: str = ""
    result: str = ""
    commit: str = ""
    tool: ToolUse | None = None
    call: str = ""  # of a tool call: its position in the conversation
    at: tuple[int, int, int, int] = (0, 0, 0, 0)  # cycle, round, repairs, depth

    def key(self, hook: Hook) -> CallKey:
        """Return the journal key of this hook's end."""
        cycle, number, attempt, turn = self.at
        about = self.path or self.call
        return CallKey(hook.name, str(self.event), about, cycle, number, attempt, turn)

    def request(self, hook: Hook) -> dict[str, Any]:
        """Return all that the end of the hook depends on."""
        facts: dict[str, Any] = {"hook": hook.digest, "tree": self.tree, "path": self.path}
        if self.tool:
            facts |= {"tool": self.tool.name, "args": dict(self.tool.args)}
            facts |= {"answer": self.tool.answer} if self.tool.answer is not None else {}
        return facts


def _moment(state: LoopState, event: Event, tree: str, depth: int = 0, **extra: Any) -> Moment:
    at = (state.get("cycle", 0), state.get("round", 0), state.get("repairs", 0), depth)
    return Moment(event, tree, at=at, **extra)


@dataclass(frozen=True)
class Begin:
    """Why a task must not start, and further text for the agent."""

    stopped_by: str = ""
    extra: str = ""


@dataclass(frozen=True)
class Fired:
    """The tree after the hooks of some events, and the end of each."""

    tree: str
    ends: tuple[HookEnd, ...] = ()


def fire_before_task(state: LoopState, context: RunContext, tree: str) -> Begin:
    """Fire the hooks of the session, the prompt and the task start, until one blocks.

    The output of session and prompt hooks is given to the agent.
    """
    extra = ""
    first = () if state.get("cycle", 0) else (Event.SESSION_START,)
    for event in (*first, Event.PROMPT, Event.TASK_START):
        for end in _fire(context, _moment(state, event, tree)).ends:
            if end.blocks:
                words = " ".join(end.output.split())[:500] or end.summary
                return Begin(f"not begun: hook '{end.hook.name}' says: {words}")
            if event is not Event.TASK_START and end.exit_code == 0 and end.output.strip():
                text = context.redactor.for_models(end.output)[:_MOST_OUTPUT]
                extra += f"\n# Hook {one_line(end.hook.name)}\n\n" + context.fence.wrap(
                    "hook", text
                )
    return Begin(extra=extra)


def fire_on_change(state: LoopState, context: RunContext) -> Fired:
    """Fire the hooks about agents' edits since they last fired, before gates and reviewers.

    Their edits become part of the tree. Files that a blocking hook refused are passed to it again,
    whoever changed what.
    """
    tree = state["tree"]
    if not context.brief.hooks or state.get("phase") in LOOKED_BACK:
        return Fired(tree)
    ends: list[HookEnd] = []
    before, again = state.get("hooked") or context.base_tree, set(state.get("hook_red", ()))
    writers: dict[str, None] = {}  # in order
    made: Made = {}
    for depth in range(_DEEPEST + 1):
        start = tree
        moments = [
            _moment(state, event, tree, depth, path=path)
            for event, path in _moments(context, before, tree, again if not depth else set())
        ]
        if depth == _DEEPEST and any(
            _fires(hook, one, tree, context, made)
            for one in moments
            for hook in context.brief.hooks
        ):
            cycle = " → ".join((*writers, *[*writers][:1]))
            context.events.emit("note", text=f"cycle of hooks {cycle} stopped at depth {depth}")
            break
        for moment in moments:
            fired = _fire(context, replace(moment, tree=tree), made)
            writers |= dict.fromkeys(e.hook.name for e in fired.ends if e.edited)
            ends += fired.ends
            tree = fired.tree
        before = start
        if tree == start:
            break
    if tree != context.base_tree:
        for event in (Event.CODE_GENERATED, Event.TASK_END):
            fired = _fire(context, _moment(state, event, tree))
            ends += fired.ends
            tree = fired.tree
    if tree != state["tree"]:
        context.keep(tree, f"hooks-{state.get('cycle', 0)}-{state.get('round', 0)}")
    return Fired(tree, tuple(ends))


def fire_before_commit(state: LoopState, context: RunContext, tree: str) -> tuple[HookEnd, ...]:
    """Fire the hooks of a commit on a tree with green gates, before the reviewers."""
    return _fire(context, _moment(state, Event.PRE_COMMIT, tree)).ends


def fire_on_gates(
    state: LoopState, context: RunContext, tree: str, results: Sequence[GateResult]
) -> tuple[HookEnd, ...]:
    """Fire the hooks of the build and of the tests, where these ran."""
    ends: tuple[HookEnd, ...] = ()
    for event, name in ((Event.BUILD, build.NAME), (Event.TESTS_RUN, tests.NAME)):
        ran = next((one for one in results if one.name == name and one.exit_code is not None), None)
        if ran:
            extra = f"{ran.status}: {ran.summary}"
            ends += _fire(context, _moment(state, event, tree, result=extra)).ends
    return ends


def fire_at_end(state: LoopState, context: RunContext) -> None:
    """Fire the queued hooks, then those of the session's end."""
    for row in [*context.journal.calls(QUEUED)]:
        hook = next((h for h in context.brief.hooks if h.digest == row.request["hook"]), None)
        if hook is not None:
            key, extra = row.key, row.reply
            tool = ToolUse(**extra["tool"]) if extra["tool"] else None
            at = (key.cycle, key.round, key.attempt, key.turn)
            moment = Moment(hook.event, row.request["tree"], tool=tool, at=at, **extra["extra"])
            _end(context, hook, moment)
    _fire(context, _moment(state, Event.SESSION_STOP, state["tree"]))


def fire_alone(
    context: RunContext, hook: Hook, tree: str, path: str, number: int
) -> HookEnd | None:
    """Run one hook on a tree, outside of a run's events; None where it would not fire there.

    `number` makes its key unique in this context.
    """
    moment = Moment(hook.event, tree, path=path, at=(number, 0, 0, 0))
    if moment.event in OF_FILES or hook.condition:
        about = replace(moment, path=path)
        paths = _paths(hook, about, tree, context)
        if not paths or not _holds(hook, tree, paths, context):
            return None
    return _end(context, hook, moment)


def fire_on_commit(state: LoopState, context: RunContext, commit: str) -> None:
    """Fire the hooks of a commit that was made; an error there does not undo it."""
    try:
        _fire(context, _moment(state, Event.COMMIT, state["tree"], commit=commit))
    except WorkspaceError as error:
        context.events.emit("note", text=f"hooks of the commit were not run: {error}")


@dataclass(frozen=True)
class ToolHooks:
    """Fires the hooks around the tools of one agent's conversation."""

    context: RunContext

    def before(self, use: ToolUse, key: CallKey, index: int, tree: str) -> str:
        """Return why a call must not be made, "" if it may."""
        fired = _fire(self.context, self._moment(Event.TOOL_BEFORE, use, key, index, tree))
        blocking = next((end for end in fired.ends if end.blocks), None)
        if blocking is None:
            return ""
        words = self.context.redactor.for_models(blocking.output.strip())[:_MOST_OUTPUT]
        return f"hook '{blocking.hook.name}' refused this call: {words or blocking.summary}"

    def after(self, use: ToolUse, key: CallKey, index: int, tree: str) -> None:
        """Pass the result of a call to hooks."""
        _fire(self.context, self._moment(Event.TOOL_AFTER, use, key, index, tree))

    def _moment(self, event: Event, use: ToolUse, key: CallKey, index: int, tree: str) -> Moment:
        call = f"{key.agent} {key.step} {key.finding} {key.turn} {index}"
        at = (key.cycle, key.round, key.attempt, key.turn)
        return Moment(event, tree, tool=use, call=call, at=at)


def around_tools(context: RunContext) -> ToolHooks | None:
    """Return the hooks around tools, None where there are none."""
    events = {hook.event for hook in context.brief.hooks}
    return ToolHooks(context) if events & {Event.TOOL_BEFORE, Event.TOOL_AFTER} else None


def ends_in(journal: Journal) -> list[str]:
    """Return how each hook of a run ended, one line each, in order."""
    lines = []
    for call in journal.calls(KIND):
        code = call.reply["exit_code"]
        end = "did not end by itself" if code is None else f"exit code {code}"
        about = f" of {call.request['path']}" if call.request.get("path") else ""
        lines.append(f"{call.key.agent} at {call.key.step}{about}: {end}")
    return lines


def red_files(ends: Sequence[HookEnd]) -> list[str]:
    """Return the files that a blocking hook refused."""
    return sorted({end.path for end in ends if end.blocks and end.path})


def _moments(
    context: RunContext, before: str, after: str, again: set[str]
) -> list[tuple[Event, str]]:
    """Return the events of the files that changed, each file once."""
    found: list[tuple[Event, str]] = []
    for file in context.change(before, after).files:
        again.discard(file.path)
        if file.status == "D":
            found.append((Event.FILE_DELETE, file.path))
            continue
        if file.status == "A" or file.old_path != file.path:
            found.append((Event.FILE_CREATE, file.path))
        if file.old_path != file.path and file.old_path and file.status != "A":
            found.append((Event.FILE_DELETE, file.old_path))
        found.append((Event.FILE_SAVE, file.path))
    found += [(Event.FILE_SAVE, path) for path in sorted(again) if context.holds(after, path)]
    used = {hook.event for hook in context.brief.hooks}
    return [one for one in found if one[0] in used]


def _fire(context: RunContext, moment: Moment, made: Made | None = None) -> Fired:
    """Run the hooks of one event in order; each gets the tree that the last one left.

    A hook is not fired by its own edit of a file, which `made` records.
    """
    ends: list[HookEnd] = []
    tree, made = moment.tree, {} if made is None else made
    for hook in context.brief.hooks:
        if not _fires(hook, moment, tree, context, made):
            continue
        now = replace(moment, tree=tree)
        if hook.queued:
            key = replace(now.key(hook), step=f"queued {moment.event}")
            context.journal.once(key, now.request(hook), partial(_waits, now), QUEUED)
            continue
        end = _end(context, hook, now)
        ends.append(end)
        if moment.path and end.edited:
            left = context.private.read(end.tree, moment.path)
            if left != context.private.read(tree, moment.path):
                made[hook.name, moment.path] = left
        tree = end.tree
    return Fired(tree, tuple(ends))


def _fires(hook: Hook, moment: Moment, tree: str, context: RunContext, made: Made) -> bool:
    return (
        hook.event is moment.event
        and not _is_own(hook, moment, tree, context, made)
        and _fits(hook, moment, tree, context)
    )


def _is_own(hook: Hook, moment: Moment, tree: str, context: RunContext, made: Made) -> bool:
    """Return whether the file's content is what this hook left."""
    key = (hook.name, moment.path)
    return key in made and made[key] == context.private.read(tree, moment.path)


def _waits(moment: Moment) -> dict[str, Any]:
    extra = {"path": moment.path, "result": moment.result, "call": moment.call}
    return {"extra": extra, "tool": asdict(moment.tool) if moment.tool else None}


def _end(context: RunContext, hook: Hook, moment: Moment) -> HookEnd:
    """Return how a hook ended at an event; it runs once, even in a resumed run."""
    made = []

    def do() -> dict[str, Any]:
        made.append(hook)
        return _run(context, hook, moment)

    done = context.journal.once(moment.key(hook), moment.request(hook), do, KIND)
    fault("hook.recorded")
    end = HookEnd(hook, path=moment.path, edited=done["tree"] != moment.tree, **done)
    context.events.emit(
        "hook",
        name=hook.name,
        event=str(moment.event),
        summary=end.summary,
        from_journal=not made,
    )
    return end


def _fits(hook: Hook, moment: Moment, tree: str, context: RunContext) -> bool:
    if moment.tool is not None:
        command = str(moment.tool.args.get("command", ""))
        return hook.fits_tool(moment.tool.name, command)
    if moment.event not in OF_FILES and not hook.filters and not hook.condition:
        return True
    paths = _paths(hook, moment, tree, context)
    return bool(paths) and _holds(hook, tree, paths, context)


def _paths(hook: Hook, moment: Moment, tree: str, context: RunContext) -> tuple[str, ...]:
    """Return the files of an event that match the hook."""
    start = f"{context.user.project}/" if context.user.project else ""
    of_file = moment.event in OF_FILES
    paths = (moment.path,) if of_file else context.change(context.base_tree, tree).paths
    own = (path for path in paths if path.startswith(start))
    return tuple(path for path in own if hook.fits_path(path.removeprefix(start)))


def _holds(hook: Hook, tree: str, paths: tuple[str, ...], context: RunContext) -> bool:
    if not hook.condition:
        return True
    changed = len(context.change(context.base_tree, tree).paths)
    return parse_condition(hook.condition)(facts_of(context.private, tree, paths, changed))


def _run(context: RunContext, hook: Hook, moment: Moment) -> dict[str, Any]:
    """Run a hook's command, or ask its agent, and return its end as JSON-plain values."""
    if hook.prompt or hook.action:
        return _answered(context, hook, moment)
    tree = moment.tree
    shown = context.shown_tree(tree)
    shown = with_own_script(context.private, context.base_tree, context.user.project, hook, shown)
    label = _label(hook, moment)
    with gate_context(context):
        guard = gate_input(context, shown, f"{label}-")
        log = context.logs / f"{label}.log"
        result = run_hook(guard, hook, _occasion(context, moment), log)
        output = context.redactor.for_people(guard.quote_log(result.log))
        if hook.event in EDITS_COUNT and not hook.queued:
            tree, refused = _taken(context, tree, shown)
            output += "".join(f"\nput back as it was: {reason}" for reason in refused)
    code = result.exit_code
    if why := _out_of_scope(context, hook, moment, tree):
        tree, output, code = moment.tree, f"{output}\n{why}", code or 1
    if hook.run_tests and tree != moment.tree and (red := _tests_red(context, moment, hook, tree)):
        tree, output = moment.tree, f"{output}\ntaken back, the tests are red with it: {red}"
    could_run = not result.timed_out and result.exit_code != NOT_FOUND
    return {
        "exit_code": code if could_run else None,
        "seconds": result.seconds,
        "output": output,
        "log": log.name,
        "tree": tree,
    }


def _out_of_scope(context: RunContext, hook: Hook, moment: Moment, tree: str) -> str:
    """Return why a hook's edit of the tree is undone, "" for one that stays."""
    paths = _paths(hook, moment, moment.tree, context)
    about = (moment.key(hook), f"{_label(hook, moment)}-scope", moment.tree, tree, paths)
    why = out_of_scope(ScopedEdit(context, hook, *about), hook.scope)
    if not why:
        return ""
    text = f"the edit of the hook {one_line(hook.name)} was taken back: {one_line(why)}"
    context.events.emit("note", text=text)
    return text


def _label(hook: Hook, moment: Moment) -> str:
    return f"hook-{hash_of({**asdict(moment.key(hook)), **moment.request(hook)})[:12]}"


def _occasion(context: RunContext, moment: Moment) -> Occasion:
    project = context.user.project
    return Occasion(
        session=context.record.run_id,
        path=moment.path.removeprefix(f"{project}/" if project else ""),
        prompt=context.brief.task,
        task_id=context.brief.task_id,
        title=context.brief.title,
        result=moment.result,
        commit=moment.commit,
        tool=moment.tool,
    )


def _answered(context: RunContext, hook: Hook, moment: Moment) -> dict[str, Any]:
    """Ask a hook's agent, or do its named action; return its end as JSON-plain values."""
    fault("hook.start")
    started = time.monotonic()
    end: AgentEnd | ActionEnd
    if hook.action:
        paths = _paths(hook, moment, moment.tree, context)
        about = (context, hook, moment.key(hook), _label(hook, moment), moment.tree, paths)
        end = do_action(hook_actions.Occasion(*about))
    else:
        prompt = hook.filled(hook.prompt, _occasion(context, moment).values(hook))
        prompt += f"\n\n{RULES[hook.scope]}" if hook.scope else ""
        end = ask_agent(context, hook, prompt, moment.key(hook), moment.tree)
    tree, output, code = end.tree, context.redactor.for_people(end.output), end.exit_code
    if why := _out_of_scope(context, hook, moment, tree):
        tree, output, code = moment.tree, f"{output}\n{why}", code or 1
    if hook.run_tests and tree != moment.tree and (red := _tests_red(context, moment, hook, tree)):
        tree, output = moment.tree, f"{output}\ntaken back, the tests are red with it: {red}"
    seconds = time.monotonic() - started
    facts = {"exit_code": code, "seconds": seconds, "output": output}
    return {**facts, "log": "", "tree": tree}


def with_approval(context: RunContext, results: tuple[GateResult, ...]) -> tuple[GateResult, ...]:
    """Return the results; governance lists the edits of hooks that need a user's approval."""
    asking = {hook.name for hook in context.brief.hooks if hook.require_approval}
    reasons: list[str] = []
    for end in context.journal.calls(KIND):
        before, after = end.request["tree"], end.reply["tree"]
        if end.key.agent in asking and before != after:
            paths = ", ".join(context.change(before, after).paths)
            reasons.append(f"the hook {end.key.agent} edited {paths} and asks for your approval")
    for reason in dict.fromkeys(reasons):
        results = tuple(
            governance.with_reason(one, reason) if one.name == governance.NAME else one
            for one in results
        )
    return results


def _tests_red(context: RunContext, moment: Moment, hook: Hook, tree: str) -> str:
    """Return how the tests fail with a hook's edit, "" where they do not."""
    ran = run_gate(context, moment.key(hook), tests.NAME, (), tree)
    return ran.summary if ran.status.stops else ""


def _taken(context: RunContext, tree: str, shown: str) -> tuple[str, tuple[str, ...]]:
    """Return the tree with a hook's permitted edits, and why the others were refused."""
    try:
        written = context.workspace.taken(shown, leave=context.settings.gates.reuse)
        edited = with_edits(context.private, tree, shown, written)
    except (WorkspaceError, UnsafePathError) as error:
        return tree, (str(error),)
    return allowed_part(context.private, tree, edited, write_policy(context, tree))
