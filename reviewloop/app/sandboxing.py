"""Chooses the sandbox of a run's commands, and refuses to run without one."""

from collections.abc import Callable, Mapping
from typing import Any

from reviewloop.domain.errors import UsageError
from reviewloop.sandbox.base import Level, Limits, Sandbox
from reviewloop.sandbox.choose import choose, how_to_improve, runs_in_ci
from reviewloop.settings import Settings
from reviewloop.settings.loading import variable_of


def choose_sandbox(settings: Settings) -> Sandbox:
    """Return the strongest sandbox that the settings allow and this machine supports."""
    configured = settings.sandbox
    limits = Limits(configured.processes, configured.memory_mb, configured.file_mb)
    return choose(requested=configured.level, external=configured.external, limits=limits)


def require_sandbox(
    settings: Settings, acceptance: str, so: str = "the repository's code is not run"
) -> Sandbox:
    """Return the sandbox; raise `UsageError` when there is none and no acceptance of that."""
    sandbox = choose_sandbox(settings)
    if sandbox.level is not Level.NONE or acceptance == "own code":
        return sandbox
    in_ci = runs_in_ci()
    if acceptance == "accepted" and not in_ci:
        return sandbox
    why = "; ".join(sandbox.refused) or "this system has none that reviewloop knows"
    if in_ci:  # no user can accept it there
        last = f"declare a throw-away container with {variable_of('sandbox.external')}=true"
        ignored = "; --no-sandbox does not count in CI" if acceptance else ""
    else:
        last, ignored = "accept it for this run with --no-sandbox", ""
    raise UsageError(
        f"no sandbox holds here, so {so} ({why}){ignored}; "
        + ", or ".join([*how_to_improve(sandbox), last])
    )


def agents_cage(settings: Settings, acceptance: str) -> Sandbox:
    """Return the cage of coding agents; raise `UsageError` where none holds or can run them.

    A declared container counts, and so does a user's acceptance.
    """
    from reviewloop.acp.cage_checks import require_cage

    sandbox = require_sandbox(settings, acceptance, "no agent is started")
    require_cage(sandbox)
    return sandbox


def cage_of(find: Callable[[], Sandbox]) -> Callable[[], Sandbox]:
    """Return a function that returns the cage of coding agents: the sandbox of the run's
    commands.
    """

    def find_cage() -> Sandbox:
        from reviewloop.acp.cage_checks import require_cage

        sandbox = find()
        require_cage(sandbox)
        return sandbox

    return find_cage


def not_needed(sandbox: Sandbox, acceptance: str) -> tuple[str, ...]:
    """Return a note when a user accepted to run without a sandbox although there is one."""
    if acceptance == "accepted" and sandbox.level is not Level.NONE:
        return (f"--no-sandbox changes nothing: {sandbox.level} holds and is used",)
    return ()


def describe_sandbox(sandbox: Sandbox) -> str:
    """Return a level in words, with the reason why it is not a stronger one."""
    if sandbox.is_proven:
        sentence = f"{sandbox.level}, proven by trying to get out"
    elif sandbox.level is Level.EXTERNAL:
        sentence = "external: declared in your settings, not proven"
    else:
        sentence = "none: commands run with your rights, in a cleaned environment"
    return f"{sentence} ({'; '.join(sandbox.refused)})" if sandbox.refused else sentence


def describe_cage(sandbox: Sandbox) -> str:
    """Return the cage of coding agents in words, with the promises that it does not keep."""
    from reviewloop.acp.cage_checks import broken_promises, promises_of

    less = broken_promises(promises_of(sandbox))
    return f"{describe_sandbox(sandbox)}; {less}" if less else describe_sandbox(sandbox)


def sandbox_finder(
    settings: Settings,
    options: Mapping[str, Any],
    changed: Callable[[Sandbox], None] = lambda _: None,
) -> Callable[[], Sandbox]:
    """Return a function that opens a run's sandbox for its first command; `options` are the run's.

    `changed` is called when its level differs from that of the run's earlier commands.
    """

    def find() -> Sandbox:
        sandbox = require_sandbox(settings, str(options.get("unsandboxed", "")))
        so_far = levels_of(options)
        if so_far and so_far[-1] != sandbox.level:
            changed(sandbox)
        return sandbox

    return find


def levels_of(options: Mapping[str, Any]) -> list[str]:
    """Return the levels at which a run's commands ran, in order; `options` are the run's."""
    first = [str(options["sandbox"])] if options.get("sandbox") else []
    return [*first, *options.get("later_sandboxes", ())]
