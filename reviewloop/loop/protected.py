"""Finds the protected files that a user named, and those that the change touches."""

from functools import partial

from reviewloop.checkout.protected import fold_path
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.git.diff import Change
from reviewloop.guards.governance import protected_changes
from reviewloop.loop.context import RunContext
from reviewloop.loop.findings_log import read_findings
from reviewloop.loop.state import LoopState
from reviewloop.render.counts import BY_USER
from reviewloop.render.proposal import ProtectedFile
from reviewloop.tools.policy import protected_files_named_in


def named_by_user(state: LoopState, context: RunContext) -> frozenset[str]:
    """Return the protected files that the task, or a modification, names by path."""
    requests = [
        finding.suggestion
        for finding in read_findings(state, context.blobs).values()
        if finding.agents == (BY_USER,)
    ]
    return protected_files_named_in("\n".join([context.brief.task, *requests]))


def touched_protected_files(
    state: LoopState, context: RunContext, change: Change
) -> list[ProtectedFile]:
    """Return the protected files in the change, unrequested ones first."""
    named = {fold_path(path) for path in named_by_user(state, context)}
    read_base = partial(context.private.read, context.base_tree)
    read_new = partial(context.private.read, state["tree"])
    files = [
        ProtectedFile(
            path=file["path"],
            status=file["status"],
            kind=file["kind"],
            why=file["why"],
            unasked=file["refused"] and fold_path(file["path"]) not in named,
        )
        for file in protected_changes(change, read_base, read_new)
    ]
    return sorted(files, key=lambda file: (not file["unasked"], file["path"]))


def why_blocked(files: list[ProtectedFile]) -> Reason:
    """Return why the change cannot be approved as it is, or no reason.

    The write tools refuse such files; this check holds however one came into the tree.
    """
    unasked = [file["path"] for file in files if file["unasked"]]
    return reason(ReasonKind.PROTECTED_FILES, paths=tuple(unasked)) if unasked else NO_REASON
