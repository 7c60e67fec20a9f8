"""Builds the review material: splits a change into parts, within the tokens of a prompt."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from re import findall
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Status
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.git.attributes import kiroignored
from reviewloop.git.diff import Change, FileChange
from reviewloop.git.interdiff import interdiff
from reviewloop.git.patches import Piece, cut
from reviewloop.loop.base_moved import EDIT, Moved
from reviewloop.loop.context import RunContext
from reviewloop.loop.evidence import evidence_of, not_assessed_yet, to_ask_again
from reviewloop.loop.findings_log import read_findings
from reviewloop.loop.state import LoopState
from reviewloop.regex import regex
from reviewloop.render.text import counted
from reviewloop.review.evidence import AnalyserFinding
from reviewloop.review.prompts import Material, MovedText
from reviewloop.review.push import Known, known_text
from reviewloop.review.related import changed_names, find_related, group_related
from reviewloop.review.verdicts import evidence_text
from reviewloop.secrets import WITHHELD_PATTERNS
from reviewloop.specs.steering import Steering, steering_on_disk
from reviewloop.store.journal import CallKey

CHARS_PER_TOKEN = 4
LEAST = 4000  # characters of diff that a part holds, however small the budget is
_TOO_MANY = 4  # parts of one file's diff; a longer one is generated
_INSTEAD = "raise limits.context_tokens, or name it in [review] ignore"
_OTHERS = 3  # lists, names and evidence get a third of a part's room


@dataclass(frozen=True)
class Part:
    """The content of one conversation; `evidence` holds indices into the evidence of the tree."""

    number: int
    pieces: tuple[Piece, ...]
    evidence: frozenset[int]

    @property
    def paths(self) -> list[str]:
        """The files, in the order of the change."""
        return list(dict.fromkeys(piece.path for piece in self.pieces))


@dataclass(frozen=True)
class Parts:
    """A change in parts. Every file of it is in a part, or in `unread` with the reason."""

    parts: tuple[Part, ...]
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def several(self) -> bool:
        """Whether there is more than one part."""
        return len(self.parts) > 1

    def holding(self, path: str) -> list[Part]:
        """Return the parts that show a file, or a piece of it."""
        return [part for part in self.parts if path in part.paths]


def read_change(context: RunContext, tree: str) -> Change:
    """Return the change to read: all of it, or what was pushed since the last review."""
    old = context.push.tree if context.push else context.base_tree
    return context.shown_change(old, tree)


def room_of(context: RunContext, shared: int) -> int:
    """Return the characters left for a part in a prompt besides the shared text."""
    return max(context.settings.limits.context_tokens * CHARS_PER_TOKEN - shared, LEAST)


def parts_of(tree: str, context: RunContext, shared: int) -> Parts:
    """Return the parts of the change up to a tree; each prompt has `shared` further characters."""
    make = partial(_parts, tree, context, room_of(context, shared))
    return context.once(("parts", tree, shared), make)


def _parts(tree: str, context: RunContext, room: int) -> Parts:
    change, evidence = read_change(context, tree), evidence_of(context, tree)
    to_ask = {n: evidence[n] for n in to_ask_again(context, change, evidence)}
    return pack_diffs(
        [Piece(file.path, file.patch) for file in change.files], to_ask, tree, room, context
    )


def pack_diffs(
    whole: Sequence[Piece],
    evidence: Mapping[int, AnalyserFinding],
    tree: str,
    room: int,
    context: RunContext,
) -> Parts:
    """Return the parts for the diffs of these files, each with its share of the evidence.

    `evidence` is by index, `tree` has its files, `room` are the characters of a prompt for a part.
    """
    length = sum(len(piece.text) for piece in whole)
    if length + sum(len(one.finding.title) + 80 for one in evidence.values()) <= room:
        return Parts((Part(1, tuple(whole), frozenset(evidence)),))
    room = max(room - room // _OTHERS, LEAST)
    pieces, unread = _cut(whole, room, context)
    paths = [piece.path for piece in whole]
    near = find_related(paths, partial(context.read_text, context.shown_tree(tree)))
    sizes = [(piece.path, len(piece.text)) for piece in pieces]
    groups = group_related(sizes, near, room) or [[]]
    parts = [tuple(pieces[n] for n in group) for group in groups]
    shares = _shares(parts, evidence)
    return Parts(
        tuple(
            Part(number, *both) for number, both in enumerate(zip(parts, shares, strict=True), 1)
        ),
        unread,
    )


def _cut(
    whole: Iterable[Piece], room: int, context: RunContext
) -> tuple[list[Piece], dict[str, str]]:
    pieces: list[Piece] = []
    unread: dict[str, str] = {}
    for piece in whole:
        text = piece.text
        if len(text) > room:
            # Redacted before it is cut: half a key is not recognised as a secret.
            text = context.redactor.for_models(text)
        some = cut(piece.path, text, room) if len(text) <= _TOO_MANY * room else ()
        pieces += some
        if not some:
            why = f"its lines are too long to be cut; {_INSTEAD}"
            if len(text) > _TOO_MANY * room:
                tokens = f"{len(text) // CHARS_PER_TOKEN:,} tokens"
                why = f"its diff of {tokens} is more than {_TOO_MANY} prompts hold; {_INSTEAD}"
            unread[piece.path] = why
    return pieces, unread


def _shares(
    parts: list[tuple[Piece, ...]], evidence: Mapping[int, AnalyserFinding]
) -> list[frozenset[int]]:
    """Assign each piece of evidence to the part with its line, else its file, else any."""
    shares: list[set[int]] = [set() for _ in parts]
    for position, piece in evidence.items():
        path, line = piece.finding.path, piece.finding.line or 0
        fitting = [
            (not (shown.first <= line <= shown.last or shown.whole), number)
            for number, part in enumerate(parts)
            for shown in part
            if shown.path == path
        ]
        shares[min(fitting)[1] if fitting else 0].add(position)
    return [frozenset(share) for share in shares]


_LEAST_AROUND = 16_000  # characters
_TIMES = 3  # the length of the push itself


def with_push(
    material: Material, tree: str, context: RunContext, part: Part, room: int, divisor: int
) -> Material:
    """Return the material of a push with the open findings and the change around it.

    Showing the whole change would cost a full review for every push. So at most three times the
    length of the push is shown around it, at least 4,000 tokens, the nearest files first.
    """
    known = context.push.known if context.push else ()
    most = max(_LEAST_AROUND, _TIMES * len(material.patch))
    left = min(most, room - len(material.patch)) // divisor
    around = "".join(_around(tree, context, part, left)) if left > 0 else ""
    return replace(material, pushed=True, known=known_text(known, part.paths), around=around)


def _around(tree: str, context: RunContext, part: Part, room: int) -> Iterator[str]:
    change = context.shown_change(context.base_tree, tree)
    pushed = read_change(context, tree)
    missing = []
    for file in _nearest(change, set(part.paths), tree, context):
        of_push = pushed.file(file.path)
        if of_push is not None and of_push.patch == file.patch:
            continue  # it is part of the push, so it is shown already
        text = file.patch
        if len(text) > room and of_push is not None:
            text = _near(file, of_push, context.redactor.for_models(text), room)
        if not text or len(text) > room:
            missing.append(file.path)
            continue
        room -= len(text)
        yield text
    if missing:
        yield f"(without the diff of {len(missing)} more files of the change)\n"


def _nearest(change: Change, paths: set[str], tree: str, context: RunContext) -> list[FileChange]:
    """Return the files of the change: those of the push, then those related to them."""
    read = partial(context.read_text, context.shown_tree(tree))
    near = context.once(("ties", tree), lambda: find_related(change.paths, read))

    def far(numbered: tuple[int, FileChange]) -> tuple[bool, int, int]:
        number, file = numbered
        strength = sum(tie for path, tie in near.get(file.path, {}).items() if path in paths)
        return file.path not in paths, -strength, number

    return [file for _, file in sorted(enumerate(change.files), key=far)]


def _near(file: FileChange, pushed: FileChange, text: str, room: int) -> str:
    """Return the piece of a long diff that overlaps the push, or ""."""
    if room <= 0:
        return ""
    for piece in cut(file.path, text, room):
        if any(a <= piece.last and piece.first <= b for a, b in pushed.added_ranges):
            return piece.text
    return ""


_BELOW = 2  # share of a prompt for the changes of the base: a half
_INTERDIFF = 8  # for differences in the change: an eighth
_AROUND = 4  # for the current change: a fourth
_LEAST_BELOW = 16_000  # characters
_TIMES_BELOW = 3  # the length of the base's changes
LISTED = 8_000
"""Characters for the list of the change's files, and for each list of the base's changes."""
_SETTLED = {Status.OPEN, Status.UNRESOLVED, Status.DISMISSED}


def moved_parts_to_read(moved: Moved, state: LoopState, context: RunContext, shared: int) -> Parts:
    """Return the parts for reading a move; each prompt has `shared` further characters."""
    tree = state["tree"]
    evidence = evidence_of(context, tree)
    to_ask = {number: evidence[number] for number in not_assessed_yet(state, evidence)}
    files = (file for file in moved.below(context).files if file.path in moved.tied)
    pieces = [Piece(file.path, file.patch) for file in files]
    room = room_of(context, shared)
    make = partial(pack_diffs, pieces, to_ask, tree, room // _BELOW, context)
    return context.once(("moved parts", tree, moved.onto), make)


def with_move(
    material: Material,
    moved: Moved,
    state: LoopState,
    context: RunContext,
    part: Part,
    room: int,
) -> Material:
    """Return the material of a move: the base's changes, and the rest about it.

    Showing the whole change would cost a full review. So its files that relate to the base's
    changes are shown, up to three times their length, at least 4,000 tokens; others, which were
    read before, are listed.
    """
    below = moved.below(context)
    before = partial(context.read_text, below.old)
    after = partial(context.read_text, below.new)
    share = min(LISTED, room // 16)
    names = changed_names(below, before, after, share)
    tied = _fitting([f"{path}: {', '.join(moved.tied[path])}" for path in part.paths], share)
    others = _fitting(moved.others, share)
    differs, left = "", tuple[str, ...]()
    if part.number == 1:  # what belongs to no file of the base is shown once
        differs, left = _interdiff(moved, state["tree"], context, room // _INTERDIFF)
    most = max(_LEAST_BELOW, _TIMES_BELOW * len(material.patch))
    around = "".join(
        _around_below(moved, part, differs, state["tree"], context, min(most, room // _AROUND))
    )
    names = context.redactor.for_models(names)
    by_user = state.get("phase") == EDIT
    text = MovedText(tied, others, names, differs, left, around, by_user, _known(state, context))
    return replace(material, moved=text)


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    """Return the lines that fit, then the number of the others."""
    ends = accumulate(len(line) + 1 for line in lines)
    fitting = list(lines[: sum(1 for end in ends if end <= room)])
    more = len(lines) - len(fitting)
    return [*fitting, f"(and {more} more)"] if more else fitting


def _interdiff(
    moved: Moved, tree: str, context: RunContext, room: int
) -> tuple[str, tuple[str, ...]]:
    """Return how the change differs from what was read, and the files that do not fit."""
    old = context.shown_change(moved.since, moved.was)
    now = context.shown_change(context.base_tree, tree)
    texts = interdiff(old, now, context.redactor.for_models)
    shown: list[str] = []
    left: list[str] = []
    for path, text in texts.items():
        text = context.redactor.for_models(text)
        if len(text) > room:
            left.append(path)
            continue
        room -= len(text)
        shown.append(text)
    return "".join(shown), tuple(left)


def _around_below(
    moved: Moved, part: Part, differs: str, tree: str, context: RunContext, room: int
) -> Iterator[str]:
    """Yield diffs of the change: those related to the part, then those that differ."""
    near = [path for below in part.paths for path in moved.tied[below]]
    if part.number == 1:
        near += moved.differs
    words = set(findall(r"\w{4,}", "".join(piece.text for piece in part.pieces) + differs))
    missing = 0
    change = context.shown_change(context.base_tree, tree)
    files = {file.path: file for file in change.files}
    shown = [path for path in near if path in files]
    for path in dict.fromkeys([*shown, *files]):
        text = files[path].patch if path in shown else ""
        if len(text) > room:
            text = _piece_about(words, path, context.redactor.for_models(text), room)
        if not text or len(text) > room:
            missing += 1
            continue
        room -= len(text)
        yield text
    if missing:
        yield f"(without the diff of {missing} more files of the change; `fs_read` shows them)\n"


def _piece_about(words: set[str], path: str, text: str, room: int) -> str:
    """Return the piece of a long diff with the most words of the base's changes, or ""."""
    pieces = cut(path, text, room) if room > 0 else ()
    best = max(
        pieces, key=lambda piece: len(words & set(findall(r"\w{4,}", piece.text))), default=None
    )
    return best.text if best else ""


def _known(state: LoopState, context: RunContext) -> str:
    """Return the run's unfixed findings, which keep their status and must not be repeated."""
    left = [f for f in read_findings(state, context.blobs).values() if f.status in _SETTLED]
    known = [Known(f.id, f.path, f.title, f.quote, f.line, str(f.severity)) for f in left]
    return context.redactor.for_models(known_text(known, {one.path for one in known}))


_NOT_SHOWN = 50  # files of a large change that are listed although withheld
_CONTEXT_LINES = 3  # around changed lines, where there is room
SHARE_OF_EACH = 9  # a part's lists, names and evidence together get a third of its room
_BACKGROUND = 4  # share of a prompt for the code behind a finding: a fourth
_STATUS_WORDS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "T": "type changed"}
_OBJECTS = regex(r"^index [0-9a-f]+\.\.[0-9a-f]+(?: [0-7]{6})?\n", re.MULTILINE)

SHRINKS = ((3, 1), (0, 1), (0, 2), (0, 4), (0, 16))
"""(lines of context, divisor of the budget), tried in turn when the prompt is too long."""


def parts_to_read(state: LoopState, context: RunContext, moved: Moved | None = None) -> Parts:
    """Return the parts of the tree in the state, or of what `moved` it."""
    shared = _shared_length(state["tree"], context)
    if moved is not None:
        return moved_parts_to_read(moved, state, context, shared)
    return parts_of(state["tree"], context, shared)


def material_of(
    state: LoopState, context: RunContext, part: Part, shrunk: int = 0, moved: Moved | None = None
) -> Material:
    """Return the shared material for a part of the tree in the state, built once.

    `shrunk` is an index into `SHRINKS`.
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
            files=[*list_files(change, share), *context.not_shown[:_NOT_SHOWN]],
            names="" if moved else context.once(("names", tree), names)[: share // divisor],
            analysis=evidence_text(evidence, part.evidence, share),
        )
    if moved:
        files = [*list_files(change, LISTED), *context.not_shown[:_NOT_SHOWN]]
        material = replace(material, files=files)
        return with_move(material, moved, state, context, part, room // divisor)
    return with_push(material, tree, context, part, room, divisor) if context.push else material


def shown_part(
    change: Change, part: Part, budget: int | None, context_lines: int = 3
) -> tuple[str, tuple[str, ...]]:
    """Return a part's diff, and its files that do not fit.

    Lines with git's object ids are left out. As many files as fit are shown, smallest first, in the
    change's order; None shows them all.
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
    return context.redactor.for_models(changed_names(change, before, after, room))


def list_files(change: Change, room: int) -> list[str]:
    """Return a line for each changed file; where they do not fit, one for each folder."""
    lines = [describe(file) for file in change.files]
    if sum(map(len, lines)) + len(lines) <= room:
        return lines
    folders: dict[str, list[FileChange]] = {}
    for file in change.files:
        folders.setdefault(file.path.rpartition("/")[0], []).append(file)
    texts = []
    for folder, files in sorted(folders.items()):
        added, removed = sum(f.added for f in files), sum(f.removed for f in files)
        texts.append(f"{folder or '.'}/ ({counted(len(files), 'file')}, +{added} -{removed})")
        room -= len(texts[-1]) + 1
        if room < 0 and len(texts) < len(folders):
            texts[-1] = f"({counted(len(folders) - len(texts) + 1, 'more folder')})"
            break
    return texts


def _steering(change: Change, context: RunContext) -> str:
    return context.once(("steering", change.new), partial(_read_steering, change, context))


def _read_steering(change: Change, context: RunContext) -> str:
    """Return the steering for the files that the change touches; logged in the run.

    Files on disk may change while a run waits, so the first reading counts.
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
        text = context.redactor.for_models(steering.text(limit))
        log = [context.redactor.redact_held(line) for line in steering.lines()]
        return {"text": text, "log": log, "digests": steering.digests()}

    found = context.journal.once(CallKey("steering", "review"), {"paths": paths}, read)
    digests = found.get("digests", {})  # none in an earlier release
    context.events.emit("steering", agent="the reviewers", files=found["log"], digests=digests)
    return str(found["text"])


def reviewed_change(context: RunContext) -> str:
    """Return the change that has the run's first findings, "" if it started with a task."""
    since = context.reviewed_since
    if not since:
        return ""
    make = partial(context.shown_change, since, context.base_tree)
    return context.once("reviewed change", lambda: fit_diff(make(), context, _BACKGROUND))


def describe(file: FileChange) -> str:
    """Return one line about a changed file."""
    word = _STATUS_WORDS.get(file.status, file.status)
    renamed = f" from {file.old_path}" if file.old_path and file.old_path != file.path else ""
    size = "binary" if file.binary else f"+{file.added} -{file.removed}"
    return f"{file.path} ({word}{renamed}, {size})"


def fit_diff(change: Change, context: RunContext, share: int = 1) -> str:
    """Return a change as a diff within (a share of) a prompt's budget; lists what is left out."""
    patch, left_out = fit(change, context.settings.limits.context_tokens * CHARS_PER_TOKEN // share)
    if left_out:
        patch += f"\n(not shown, too large: {', '.join(left_out)}; read them with fs_read)\n"
    return patch


def fit(change: Change, budget: int, context_lines: int = 3) -> tuple[str, tuple[str, ...]]:
    """Return as many whole file diffs as fit, smallest first, in the change's order.

    The second value lists the files left out, so that nothing is cut silently.
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
        if gate.status in {GateStatus.WARNING, GateStatus.NEEDS_USER}:
            lines += [f"  - {f.where}: {f.title} [{f.rule}]" for f in gate.findings[:40]]
    return "\n".join(lines)


def steering_shown(
    root: Path,
    paths: Iterable[str],
    about: str,
    never: Sequence[str],
    ignored: Callable[[Iterable[str]], Iterable[str]],
    *,
    folder: str = "",
    manual: Iterable[str] = (),
) -> Steering:
    """Return the steering on disk without the content of withheld files that it refers to.

    `never` are further patterns of withheld files; `ignored` returns the paths kept from agents;
    `folder` is the project's, `manual` are requested names.
    """
    read = partial(steering_on_disk, root, list(paths), about, folder=folder, manual=manual)
    patterns = (*never, *WITHHELD_PATTERNS)
    steering = read(patterns)
    named = tuple(ignored([file for item in steering.items for file in item.files]))
    return read((*patterns, *named)) if named else steering
