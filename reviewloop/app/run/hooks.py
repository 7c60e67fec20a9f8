"""Chooses the hooks of the base commit that fire in a run: trusted, and in a sandbox."""

from collections.abc import Iterable
from dataclasses import replace

from reviewloop.domain.errors import UsageError
from reviewloop.hooks.hook import OUTSIDE_RUNS, Event, Hook
from reviewloop.loop.context import Brief
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line
from reviewloop.sandbox.base import Sandbox
from reviewloop.store.folders import state_root
from reviewloop.store.trust import TrustStore

_WAY_ON = "look at them with `reviewloop hooks list`, then `reviewloop trust`, or add --no-hooks"


def hooks_in_force(
    key: str, brief: Brief, sandbox: Sandbox, no_hooks: bool
) -> tuple[Brief, tuple[str, ...], tuple[str, ...]]:
    """Return the brief with the hooks that fire, the notes for now, and those for the approval.

    Raises `UsageError` where a blocking hook would not fire, as what it stops must not pass.
    """
    hooks, problems = brief.hooks, brief.hook_problems
    if not hooks and not problems:
        return brief, (), ()
    if no_hooks:
        listed = (*(hook.name for hook in hooks), *problems)
        texts = (f"hooks were switched off by --no-hooks: {_names(listed)}",)
        return replace(brief, hooks=(), hook_problems=()), texts, texts
    if problems:
        raise UsageError(f"a hook cannot be read: {one_line(problems[0])}; mend it, or --no-hooks")
    usable = tuple(hook for hook in hooks if not hook.why_not_run)
    others = [hook for hook in hooks if hook.why_not_run]
    reasons = tuple(
        f"the hook {one_line(one.name)} is not run: {one.why_not_run}" for one in others
    )
    # The others fire in commands outside of runs.
    usable = tuple(hook for hook in usable if hook.event not in OUTSIDE_RUNS)
    trust = TrustStore(state_root())
    strange = [hook for hook in usable if not trust.is_trusted(key, hook.digest)]
    blocking = [hook for hook in strange if hook.blocking]
    if blocking:
        shown = "; ".join(_shown(hook) for hook in blocking[:3])
        count = counted(len(blocking), "hook that blocks is", "hooks that block are")
        raise UsageError(f"{count} not trusted: {shown}; {_WAY_ON}")
    if strange:
        names = _names(hook.name for hook in strange)
        reasons += (f"hooks that nobody trusts are not run: {names}; {_WAY_ON}",)
    usable = tuple(hook for hook in usable if hook not in strange)
    if usable and not sandbox.is_proven:
        if any(hook.blocking for hook in usable):
            raise UsageError("hooks that block need a proven sandbox (see doctor), or --no-hooks")
        names = _names(hook.name for hook in usable)
        reasons += (f"hooks are not run without a proven sandbox: {names}",)
        usable = ()
    return replace(brief, hooks=usable), reasons, reasons


def refuse_for_coding_agents(hooks: Iterable[Hook], agents: Iterable[str]) -> None:
    """Raise `UsageError` for a hook on tools that coding agents run by themselves."""
    if blocking := [one for one in hooks if one.blocking and one.event is Event.TOOL_BEFORE]:
        raise UsageError(
            f"{_names(agents)} runs tools that no hook sees, so {_shown(blocking[0])} could not "
            "stop them; choose a model without tools of its own, or add --no-hooks"
        )


def _shown(hook: Hook) -> str:
    return one_line(f"{hook.name} ({hook.event}: {hook.does})")[:200]


def _names(names: Iterable[str]) -> str:
    return ", ".join(one_line(name)[:120] for name in names)
