"""Runs a program for an agent that may: in the proven sandbox, on the tree that it works on."""

from collections.abc import Callable
from functools import partial

from reviewloop.context import RunContext
from reviewloop.errors import WorkspaceError
from reviewloop.guards.inputs import guard_input
from reviewloop.steps.judging import judging
from reviewloop.store.journal import CallKey
from reviewloop.tools.running import Shell, ShellAnswer
from reviewloop.workspace.paths import UnsafePathError
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.run import NOT_FOUND

_GATE = "build"  # whose time limit counts


def shell_of(context: RunContext, key: CallKey) -> Shell | None:
    """Return what runs programs, None unless the person switched it on and the sandbox is proven.

    A declared container is not enough: nobody tried to get out of it.
    """
    if not context.settings.tools.execute_bash:
        return None
    if not context.environment.confine.sandbox.is_proven:
        return None
    return partial(_run, context, _names(key))


def _names(key: CallKey) -> Callable[[], str]:
    """Return what names the next log of a conversation."""
    count = 0

    def name() -> str:
        nonlocal count
        count += 1
        return f"{key.step}-{key.cycle}-{key.round}-{key.finding}-{key.attempt}-program-{count}"

    return name


def _run(
    context: RunContext, name: Callable[[], str], argv: tuple[str, ...], tree: str
) -> ShellAnswer:
    shown = context.shown_tree(tree)  # what agents may not read, their programs may not either
    with judging(context):
        bench = guard_input(
            settings=context.settings,
            private=context.private,
            base=context.base_tree,
            tree=shown,
            workspace=context.workspace,
            env=context.environment,
            logs=context.logs,
            branch=context.record.branch,
            stop=context.stopped.is_set,
        )
        label = name()
        context.events.tell("program", argv=list(argv), log=f"{label}.log")
        result = bench.run(argv, gate=_GATE, log=context.logs / f"{label}.log")
        text = bench.quote_log(result.log)
        written = shown
        if result.exit_code != NOT_FOUND:
            try:
                written = context.workspace.taken(shown, leave=context.settings.gates.reuse)
            except WorkspaceError as error:
                text = f"{text}\nnothing that it wrote was kept: {error}"
    if result.timed_out:
        text = f"{text}\nended after {result.seconds:.0f} s: too slow"
    try:
        tree = _with_edits(context.private, tree, shown, written)
    except UnsafePathError as error:
        text = f"{text}\nnothing that it wrote was kept: {error}"
    return ShellAnswer(text, result.exit_code, tree)


def _with_edits(private: PrivateRepo, tree: str, before: str, after: str) -> str:
    """Return `tree` with what changed between two others."""
    content: dict[str, bytes | None] = {}
    modes: dict[str, str] = {}
    for file in private.change(before, after).files:
        if file.old_path != file.path:
            content[file.old_path] = None
        content[file.path] = None if file.status == "D" else private.read(after, file.path)
        if file.status != "D":
            modes[file.path] = file.new_mode
    return private.edit(tree, content, modes)
