"""What all reviewers of a change are shown, made once per part and within its token budget."""

import re
from dataclasses import replace
from functools import partial
from typing import Any

from reviewloop.context import RunContext
from reviewloop.output.figures import counted
from reviewloop.reviewing.changed_names import changed_names
from reviewloop.reviewing.prompts import Material
from reviewloop.reviewing.verdicts import evidence_text
from reviewloop.reviewing.withheld import steering_shown
from reviewloop.state import GateResult, GateStatus, LoopState
from reviewloop.steps.evidence import evidence_of
from reviewloop.steps.moved import Moved
from reviewloop.steps.moved_material import LISTED, moved_parts_to_read, with_move
from reviewloop.steps.parts import CHARS_PER_TOKEN, Part, Parts, parts_of, read_change, room_of
from reviewloop.steps.push_material import with_push
from reviewloop.store.journal import CallKey
from reviewloop.workspace.attributes import kiroignored
from reviewloop.workspace.diff import Change, FileChange

_NOT_SHOWN = 50  # files of a large change that are named although nobody may read them
_CONTEXT_LINES = 3  # around what changed, where there is room
SHARE_OF_EACH = 9  # a part's lists, names and evidence get a third of its room together
_BACKGROUND = 4  # the share of a prompt's budget that what lies behind a finding gets: one of four
_STATUS_WORDS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "T": "type changed"}
_OBJECTS = re.compile(r"^index [0-9a-f]+\.\.[0-9a-f]+(?: [0-7]{6})?\n", re.MULTILINE)

SHRINKS = ((3, 1), (0, 1), (0, 2), (0, 4), (0, 16))
"""(lines of context, divisor of the budget): what is tried in turn when a model takes no more."""


def parts_to_read(state: LoopState, context: RunContext, moved: Moved | None = None) -> Parts:
    """Return the parts in which the tree in the state is read, or what `moved` it."""
    shared = _shared_length(state["tree"], context)
    if moved is not None:
        return moved_parts_to_read(moved, state, context, shared)
    return parts_of(state["tree"], context, shared)


def material_of(
    state: LoopState, context: RunContext, part: Part, shrunk: int = 0, moved: Moved | None = None
) -> Material:
    """Return the shared material for a part of what is read of the tree in the state, made once.

    `shrunk` is a position in `SHRINKS`.
    """
    tree, gates = state["tree"], state.get("gates", "")
    make = partial(_material, state, context, part, *SHRINKS[shrunk], moved)
    key = ("material", tree, gates, part.number, shrunk, moved is not None)
    return context.once(key, make)


def _shared_length(tree: str, context: RunContext) -> int:
    change = context.change(context.base_tree, tree)
    return len(_steering(change, context)) + len(context.brief.task)


def _material(
    state: LoopState,
    context: RunContext,
    part: Part,
    context_lines: int,
    divisor: int,
    moved: Moved | None,
) -> Material:
    tree, parts = state["tree"], parts_to_read(state, context, moved)
    change, evidence = context.change(context.base_tree, tree), evidence_of(context, tree)
    steering = _steering(change, context)
    room = room_of(context, len(steering) + len(context.brief.task))
    read = moved.below(context) if moved else read_change(context, tree)
    patch, left_out = shown_part(
        read, part, room // divisor if divisor > 1 else None, context_lines
    )
    material = Material(
        task=context.brief.task,
        steering=steering[: len(steering) // divisor],
        files=[*(describe(file) for file in change.files), *context.not_shown],
        patch=patch,
        evidence=_evidence(state, context),
        analysis=evidence_text(evidence, part.evidence),
        left_out=(*left_out, *(parts.unread if part.number == 1 else ())),
    )
    if parts.several:
        share = room // SHARE_OF_EACH
        names = partial(_names, change, tree, context, share)
        material = replace(
            material,
            part=part.number,
            parts=len(parts.parts),
            files=[*listed(change, share), *context.not_shown[:_NOT_SHOWN]],
            names="" if moved else context.once(("names", tree), names)[: share // divisor],
            analysis=evidence_text(evidence, part.evidence, share),
        )
    if moved:
        files = [*listed(change, LISTED), *context.not_shown[:_NOT_SHOWN]]
        material = replace(material, files=files)
        return with_move(material, moved, state, context, part, room // divisor)
    return with_push(material, tree, context, part, room, divisor) if context.push else material


def shown_part(
    change: Change, part: Part, budget: int | None, context_lines: int = 3
) -> tuple[str, tuple[str, ...]]:
    """Return a part's diff and the files of it that are left out because they do not fit.

    The lines that name git's objects are left out: no reader needs them.
    As many files as fit are shown, smallest first, in the change's order; None shows them all.
    """
    texts = []
    for piece in part.pieces:
        again = context_lines != _CONTEXT_LINES and piece.whole
        text = change.patch([piece.path], context_lines) if again else piece.text
        texts.append((piece.path, _OBJECTS.sub("", text)))
    if budget is None:
        return "".join(text for _, text in texts), ()
    chosen: set[int] = set()
    for number in sorted(range(len(texts)), key=lambda n: (len(texts[n][1]), n)):
        budget -= len(texts[number][1])
        if budget < 0:
            break
        chosen.add(number)
    left = (path for number, (path, _) in enumerate(texts) if number not in chosen)
    inside = "".join(text for number, (_, text) in enumerate(texts) if number in chosen)
    return inside, tuple(dict.fromkeys(left))


def _names(change: Change, tree: str, context: RunContext, room: int) -> str:
    old, new = context.shown_tree(context.base_tree), context.shown_tree(tree)
    before, after = partial(context.read_text, old), partial(context.read_text, new)
    return context.masking.for_models(changed_names(change, before, after, room))


def listed(change: Change, room: int) -> list[str]:
    """Return a line for each changed file; where they have no room, one for each folder."""
    lines = [describe(file) for file in change.files]
    if sum(map(len, lines)) + len(lines) <= room:
        return lines
    folders: dict[str, list[FileChange]] = {}
    for file in change.files:
        folders.setdefault(file.path.rpartition("/")[0], []).append(file)
    told = []
    for folder, files in sorted(folders.items()):
        added, removed = sum(f.added for f in files), sum(f.removed for f in files)
        told.append(f"{folder or '.'}/ ({counted(len(files), 'file')}, +{added} -{removed})")
        room -= len(told[-1]) + 1
        if room < 0 and len(told) < len(folders):
            told[-1] = f"({counted(len(folders) - len(told) + 1, 'more folder')})"
            break
    return told


def _steering(change: Change, context: RunContext) -> str:
    return context.once(("steering", change.new), partial(_read_steering, change, context))


def _read_steering(change: Change, context: RunContext) -> str:
    """Return the team's rules for the files that the change touches; told in the run's log.

    What is on disk may change while a run waits, so the first reading is the one that counts.
    """
    paths = list(change.paths)
    limit = context.settings.limits.context_tokens * CHARS_PER_TOKEN // 3

    def read() -> dict[str, Any]:
        steering = steering_shown(
            context.rules or context.user.root,
            paths,
            context.brief.task,
            context.settings.guard.secret_files,
            partial(kiroignored, context.private, context.base_tree),
            folder=context.user.project,
            manual=context.brief.steering_asked,
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
    patch, left_out = fit(change, context.settings.limits.context_tokens * CHARS_PER_TOKEN // share)
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


def _evidence(state: LoopState, context: RunContext) -> str:
    gates = state.get("gates", "")
    results = [GateResult.from_plain(r) for r in context.blobs.get_json(gates)] if gates else []
    lines = []
    for gate in results:
        lines.append(f"- {gate.name}: {gate.status.value.replace('_', ' ')}: {gate.summary}")
        if gate.status in {GateStatus.WARNING, GateStatus.NEEDS_PERSON}:
            lines += [f"  - {f.where}: {f.title} [{f.rule}]" for f in gate.findings[:40]]
    return "\n".join(lines)
