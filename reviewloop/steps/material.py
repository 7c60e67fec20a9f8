"""What all reviewers of a change are shown, made once per tree and within its token budget."""

from functools import partial
from typing import Any

from reviewloop.context import RunContext
from reviewloop.reviewing.prompts import Material
from reviewloop.reviewing.verdicts import evidence_text
from reviewloop.reviewing.withheld import steering_shown
from reviewloop.state import GateResult, GateStatus, LoopState
from reviewloop.steps.evidence import evidence_of
from reviewloop.store.journal import CallKey
from reviewloop.workspace.attributes import kiroignored
from reviewloop.workspace.diff import Change, FileChange

_CHARS_PER_TOKEN = 4
_BACKGROUND = 4  # the share of a prompt's budget that what lies behind a finding gets: one of four
_STATUS_WORDS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "T": "type changed"}


SHRINKS = ((3, 1), (0, 1), (0, 2), (0, 4), (0, 16))
"""(lines of context, divisor of the budget): what is tried in turn when a model takes no more."""


def material_of(state: LoopState, context: RunContext, shrunk: int = 0) -> Material:
    """Return the shared material for the tree in the state; `shrunk` is a position in `SHRINKS`."""
    tree, gates = state["tree"], state.get("gates", "")
    make = partial(_material, tree, gates, context, *SHRINKS[shrunk])
    return context.once(("material", tree, gates, shrunk), make)


def _material(
    tree: str, gates: str, context: RunContext, context_lines: int, divisor: int
) -> Material:
    change = context.change(context.base_tree, tree)
    budget = context.settings.limits.context_tokens * _CHARS_PER_TOKEN
    steering = _steering(change, context)
    analysis = evidence_text(evidence_of(context, tree))
    budget -= len(steering) + len(context.brief.task) + len(analysis)
    change_shown = context.shown_change(context.base_tree, tree)
    patch, left_out = fit(change_shown, max(budget, 4000) // divisor, context_lines)
    results = [GateResult.from_plain(r) for r in context.blobs.get_json(gates)] if gates else []
    return Material(
        task=context.brief.task,
        steering=steering[: len(steering) // divisor],
        files=[describe(file) for file in change.files],
        patch=patch,
        evidence=_evidence(results),
        analysis=analysis,
        left_out=left_out,
    )


def _steering(change: Change, context: RunContext) -> str:
    """Return the team's rules for the files that the change touches; told in the run's log.

    What is on disk may change while a run waits, so the first reading is the one that counts.
    """
    paths = list(change.paths)
    limit = context.settings.limits.context_tokens * _CHARS_PER_TOKEN // 3

    def read() -> dict[str, Any]:
        steering = steering_shown(
            context.rules or context.user.root,
            paths,
            context.brief.task,
            context.settings.guard.secret_files,
            partial(kiroignored, context.private, context.base_tree),
        )
        text = context.masking.for_models(steering.text(limit))
        return {"text": text, "log": [context.masking.held(line) for line in steering.lines()]}

    found = context.journal.once(CallKey("steering", "review"), {"paths": paths}, read)
    context.events.tell("steering", agent="the reviewers", files=found["log"])
    return str(found["text"])


def reviewed_change(context: RunContext) -> str:
    """Return the change in which a run's first findings were found, "" if it began with a task."""
    since = context.reviewed_since
    if not since:
        return ""
    make = partial(context.shown_change, since, context.base_tree)
    return context.once("reviewed change", lambda: fitted(make(), context, _BACKGROUND))


def describe(file: FileChange) -> str:
    """Return one line about a changed file."""
    word = _STATUS_WORDS.get(file.status, file.status)
    renamed = f" from {file.old_path}" if file.old_path and file.old_path != file.path else ""
    size = "binary" if file.binary else f"+{file.added} -{file.removed}"
    return f"{file.path} ({word}{renamed}, {size})"


def fitted(change: Change, context: RunContext, share: int = 1) -> str:
    """Return a change as a diff within the budget of a prompt (or its share); names what is cut."""
    patch, left_out = fit(
        change, context.settings.limits.context_tokens * _CHARS_PER_TOKEN // share
    )
    if left_out:
        patch += f"\n(not shown, too large: {', '.join(left_out)}; read them with fs_read)\n"
    return patch


def fit(change: Change, budget: int, context_lines: int = 3) -> tuple[str, tuple[str, ...]]:
    """Return as many whole file diffs as fit, smallest first to fit most, in the change's order.

    The second value names the files left out, so that nothing is cut silently.
    """
    patch = partial(change.patch, context_lines=context_lines)
    sizes = {file.path: len(patch([file.path])) for file in change.files}
    chosen: set[str] = set()
    for path in sorted(sizes, key=lambda p: (sizes[p], p)):
        if sizes[path] > budget:
            break
        budget -= sizes[path]
        chosen.add(path)
    inside = [file.path for file in change.files if file.path in chosen]
    left_out = tuple(file.path for file in change.files if file.path not in chosen)
    return (patch(inside) if inside else ""), left_out


def _evidence(results: list[GateResult]) -> str:
    lines = []
    for gate in results:
        lines.append(f"- {gate.name}: {gate.status.value.replace('_', ' ')}: {gate.summary}")
        if gate.status in {GateStatus.WARNING, GateStatus.NEEDS_PERSON}:
            lines += [f"  - {f.where}: {f.title} [{f.rule}]" for f in gate.findings[:40]]
    return "\n".join(lines)
