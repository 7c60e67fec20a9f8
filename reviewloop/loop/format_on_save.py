"""Formats the files of a change with the repository's own formatter, before gates and reviewers."""

from collections.abc import Callable
from functools import partial
from typing import Any

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.paths import UnsafePathError
from reviewloop.guards.base import GuardInput
from reviewloop.guards.formatting import write_formatted
from reviewloop.loop.agent_tools import with_edits, write_policy
from reviewloop.loop.base_moved import LOOKED_BACK
from reviewloop.loop.context import RunContext
from reviewloop.loop.gates import gate_context, gate_input
from reviewloop.loop.state import LoopState
from reviewloop.settings import Settings
from reviewloop.store.journal import CallKey
from reviewloop.tools.toolbox import allowed_part


def format_on_save(state: LoopState, context: RunContext) -> str:
    """Return the tree with the changed files formatted; no other file is touched."""
    tree = state["tree"]
    format_ = context.settings.gates.format
    if not format_.fix_on_save or state.get("phase") in LOOKED_BACK:
        return tree
    if not context.change(context.base_tree, tree):
        return tree
    key = CallKey(
        agent="formatter",
        step="format",
        cycle=state.get("cycle", 0),
        round=state.get("round", 0),
        attempt=state.get("repairs", 0),
    )
    result = context.journal.once(key, {"tree": tree}, partial(_run, context, key, tree), "format")
    for note in result["notes"]:
        context.events.emit("note", text=note)
    if result["tree"] != tree:
        context.keep(result["tree"], f"format-{key.cycle}-{key.round}-{key.attempt}")
    return str(result["tree"])


def _run(context: RunContext, key: CallKey, tree: str) -> dict[str, Any]:
    label = f"on-save-{key.cycle}-{key.round}-{key.attempt}-"
    edited, notes = written_by(context, tree, label, write_formatted)
    changed = context.private.change(tree, edited).paths
    if changed:
        notes = [*notes, f"formatted: {', '.join(sorted(changed))}"]
    return {"tree": edited, "notes": notes}


Write = Callable[[GuardInput], tuple[list[str], list[str]]]
"""Writes files in the workspace; returns those that it may have changed, and errors."""


def written_by(
    context: RunContext, tree: str, label: str, write: Write, settings: Settings | None = None
) -> tuple[str, list[str]]:
    """Return a tree with what a tool of the repository writes to the files it names, and notes."""
    shown = context.shown_tree(tree)  # a formatter reads no more than agents
    with gate_context(context):
        guard = gate_input(context, shown, label, settings=settings)
        files, notes = write(guard)
        if not files:
            return tree, notes
        try:
            written = context.workspace.taken(shown, leave=context.settings.gates.reuse)
            edited = with_edits(context.private, tree, shown, _only(context, shown, written, files))
        except (WorkspaceError, UnsafePathError) as error:
            return tree, [*notes, f"not formatted: {error}"]
    edited, refused = allowed_part(context.private, tree, edited, write_policy(context, tree))
    return edited, [*notes, *refused]


def _only(context: RunContext, before: str, after: str, files: list[str]) -> str:
    """Return the tree with the changes of these files only, as some formatters follow imports."""
    content = {
        file.path: context.private.read(after, file.path)
        for file in context.private.change(before, after).files
        if file.path in files and file.status == "M"
    }
    return context.private.edit(before, content) if content else before
