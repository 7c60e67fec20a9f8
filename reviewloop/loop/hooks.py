"""Fires the hooks of a run at its moments: in the sandbox, on a tree, each end journalled once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.faults import fault
from reviewloop.git.paths import UnsafePathError
from reviewloop.hooks.hook import EDITS_COUNT, OF_FILES, Event, Hook
from reviewloop.hooks.running import Occasion, run_hook, with_own_script
from reviewloop.loop.agent_tools import with_edits, write_policy
from reviewloop.loop.context import RunContext
from reviewloop.loop.gates import gate_context, gate_input
from reviewloop.loop.moved import LOOKED_BACK
from reviewloop.loop.state import LoopState
from reviewloop.sandbox.run import NOT_FOUND
from reviewloop.store.journal import CallKey
from reviewloop.tools.toolbox import allowed_part

KIND = "hook"  # of their rows in the journal
_DEEPEST = 3  # hooks that fire on what hooks wrote


@dataclass(frozen=True)
class HookEnd:
    """How one hook ended; `exit_code` is None when it could not run or was too slow."""

    hook: Hook
    exit_code: int | None
    seconds: float
    output: str
    log: str
    tree: str
    path: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it stops what fired it."""
        return self.hook.blocks(self.exit_code)

    @property
    def summary(self) -> str:
        """How it ended, on one line."""
        end = "did not end by itself" if self.exit_code is None else f"exit code {self.exit_code}"
        return f"{end} at {self.hook.event}" + (f" of {self.path}" if self.path else "")

    def as_gate(self) -> GateResult:
        """Return it as a gate's result, so that what blocks goes back to the agent."""
        status = GateStatus.PASSED if self.exit_code == 0 else GateStatus.WARNING
        status = GateStatus.FAILED if self.blocks else status
        return GateResult(
            name=f"hook {self.hook.name}",
            status=status,
            summary=self.summary,
            command=(self.hook.command,),
            exit_code=self.exit_code,
            seconds=self.seconds,
            log=self.log,
            excerpt="" if self.exit_code == 0 else self.output,
        )


@dataclass(frozen=True)
class Fired:
    """What the hooks of some moments made of the tree, and how each ended."""

    tree: str
    ends: tuple[HookEnd, ...] = ()


def stopped_before(state: LoopState, context: RunContext, tree: str) -> str:
    """Fire the hooks of a task's begin; return why the task must not begin, "" if it may."""
    ends = _fire(state, context, Event.TASK_START, tree).ends
    blocking = next((end for end in ends if end.blocks), None)
    if blocking is None:
        return ""
    words = " ".join(blocking.output.split())[:500] or blocking.summary
    return f"not begun: hook '{blocking.hook.name}' says: {words}"


def fire_on_change(state: LoopState, context: RunContext) -> Fired:
    """Fire the hooks of what agents wrote since they last fired, before gates and reviewers.

    What they write is part of the tree from then on. Files that a blocking hook refused are shown
    to it again, whoever changed what.
    """
    tree = state["tree"]
    if not context.brief.hooks or state.get("phase") in LOOKED_BACK:
        return Fired(tree)
    ends: list[HookEnd] = []
    before, again = state.get("hooked") or context.base_tree, set(state.get("hook_red", ()))
    writers: tuple[str, ...] = ()
    for depth in range(_DEEPEST + 1):
        start = tree
        moments = _moments(context, before, tree, again if not depth else set())
        if depth == _DEEPEST and moments:
            cycle = " → ".join((*writers, writers[0])) if writers else "hooks"
            context.events.emit("note", text=f"cycle of hooks {cycle} stopped at depth {depth}")
            break
        for event, path in moments:
            fired = _fire(state, context, event, tree, path, depth)
            writers += tuple(e.hook.name for e in fired.ends if e.tree != tree)
            ends += fired.ends
            tree = fired.tree
        before = start
        if tree == start:
            break
    if tree != context.base_tree:
        for event in (Event.CODE_GENERATED, Event.TASK_END):
            fired = _fire(state, context, event, tree)
            ends += fired.ends
            tree = fired.tree
    if tree != state["tree"]:
        context.keep(tree, f"hooks-{state.get('cycle', 0)}-{state.get('round', 0)}")
    return Fired(tree, tuple(ends))


def fire_before_commit(state: LoopState, context: RunContext, tree: str) -> tuple[HookEnd, ...]:
    """Fire the hooks of a commit on the tree that green gates let through to the reviewers."""
    return _fire(state, context, Event.PRE_COMMIT, tree).ends


def red_files(ends: Sequence[HookEnd]) -> list[str]:
    """Return the files that a blocking hook refused, for the state."""
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


def _fire(
    state: LoopState, context: RunContext, event: Event, tree: str, path: str = "", depth: int = 0
) -> Fired:
    """Run the hooks of one moment in their order; each gets the tree that the last one left."""
    ends: list[HookEnd] = []
    for hook in context.brief.hooks:
        if hook.event is not event or not _fits(hook, event, path, tree, context):
            continue
        key = CallKey(
            agent=hook.name,
            step=str(event),
            finding=path,
            cycle=state.get("cycle", 0),
            round=state.get("round", 0),
            attempt=state.get("repairs", 0),
            turn=depth,
        )
        request = {"hook": hook.digest, "tree": tree, "path": path}
        done = context.journal.once(key, request, partial(_run, context, hook, key, tree), KIND)
        fault("hook.recorded")
        end = HookEnd(hook, path=path, **done)
        ends.append(end)
        context.events.emit("hook", name=hook.name, event=str(event), summary=end.summary)
        tree = end.tree
    return Fired(tree, tuple(ends))


def _fits(hook: Hook, event: Event, path: str, tree: str, context: RunContext) -> bool:
    start = f"{context.user.project}/" if context.user.project else ""
    if event in OF_FILES:
        return path.startswith(start) and hook.fits_path(path.removeprefix(start))
    if not hook.filters:
        return True
    changed = context.change(context.base_tree, tree).paths
    return any(hook.fits_path(one.removeprefix(start)) for one in changed if one.startswith(start))


def _run(context: RunContext, hook: Hook, key: CallKey, tree: str) -> dict[str, Any]:
    """Run a hook's command and return its end as JSON-plain values."""
    shown = context.shown_tree(tree)
    shown = with_own_script(context.private, context.base_tree, context.user.project, hook, shown)
    number = len([*context.journal.calls(KIND)]) + 1
    label = f"hook-{number}-{key.cycle}-{key.round}-{key.attempt}"
    with gate_context(context):
        guard = gate_input(context, shown, f"{label}-")
        log = context.logs / f"{label}.log"
        occasion = Occasion(
            session=context.record.run_id,
            path=guard.relative(key.finding) if key.finding else "",
            prompt=context.brief.task,
            task_id=context.brief.task_id,
            title=context.brief.title,
        )
        result = run_hook(guard, hook, occasion, log)
        output = context.redactor.for_people(guard.quote_log(result.log))
        if hook.event in EDITS_COUNT:
            tree, refused = _taken(context, tree, shown)
            output += "".join(f"\nput back as it was: {reason}" for reason in refused)
    could_run = not result.timed_out and result.exit_code != NOT_FOUND
    return {
        "exit_code": result.exit_code if could_run else None,
        "seconds": result.seconds,
        "output": output,
        "log": log.name,
        "tree": tree,
    }


def _taken(context: RunContext, tree: str, shown: str) -> tuple[str, tuple[str, ...]]:
    """Return the tree with what a hook wrote and may write, and why the rest was refused."""
    try:
        written = context.workspace.taken(shown, leave=context.settings.gates.reuse)
        edited = with_edits(context.private, tree, shown, written)
    except (WorkspaceError, UnsafePathError) as error:
        return tree, (str(error),)
    return allowed_part(context.private, tree, edited, write_policy(context, tree))
