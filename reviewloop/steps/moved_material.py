"""What reviewers of a moved change are shown: what came below it, and the nearest of itself."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate
from re import findall

from reviewloop.context import RunContext
from reviewloop.findings import Status
from reviewloop.reviewing.changed_names import changed_names
from reviewloop.reviewing.moved_prompt import MovedText
from reviewloop.reviewing.prompts import Material
from reviewloop.reviewing.pushed import Known, known_text
from reviewloop.state import LoopState
from reviewloop.steps.book import read_findings
from reviewloop.steps.evidence import evidence_of, not_judged_yet
from reviewloop.steps.moved import EDIT, Moved
from reviewloop.steps.parts import Part, Parts, packed, room_of
from reviewloop.workspace.interdiff import interdiff
from reviewloop.workspace.pieces import Piece, cut

_BELOW = 2  # of a prompt's room, what came below the change may have: a half
_INTERDIFF = 8  # what differs in the change: an eighth
_AROUND = 4  # the change as it is now: a fourth
_LEAST_AROUND = 16_000  # characters
_TIMES = 3  # as long as what came below
LISTED = 8_000
"""Characters that the list of the change's files has, and each list of what is below it."""
_SETTLED = {Status.OPEN, Status.UNRESOLVED, Status.DISMISSED}


def moved_parts_to_read(moved: Moved, state: LoopState, context: RunContext, shared: int) -> Parts:
    """Return the parts in which reviewers look at a move; `shared` characters stand in each."""
    tree = state["tree"]
    evidence = evidence_of(context, tree)
    asked = {number: evidence[number] for number in not_judged_yet(state, evidence)}
    files = (file for file in moved.below(context).files if file.path in moved.tied)
    pieces = [Piece(file.path, file.patch) for file in files]
    room = room_of(context, shared)
    make = partial(packed, pieces, asked, tree, room // _BELOW, context)
    return context.once(("moved parts", tree, moved.onto), make)


def with_move(
    material: Material,
    moved: Moved,
    state: LoopState,
    context: RunContext,
    part: Part,
    room: int,
) -> Material:
    """Return the material of a move, which holds what came below, with everything else about it.

    All of the change costs as much as its first review. So its files that have to do with what
    came below are shown, up to three times its length, at least 4,000 tokens; the others, which
    were read before, are named.
    """
    below = moved.below(context)
    before = partial(context.read_text, below.old)
    after = partial(context.read_text, below.new)
    share = min(LISTED, room // 16)
    names = changed_names(below, before, after, share)
    tied = _fitting([f"{path}: {', '.join(moved.tied[path])}" for path in part.paths], share)
    others = _fitting(moved.others, share)
    differs, left = "", tuple[str, ...]()
    if part.number == 1:  # what is no part of any file below is shown once
        differs, left = _interdiff(moved, state["tree"], context, room // _INTERDIFF)
    most = max(_LEAST_AROUND, _TIMES * len(material.patch))
    around = "".join(
        _around(moved, part, differs, state["tree"], context, min(most, room // _AROUND))
    )
    names = context.masking.for_models(names)
    by_person = state.get("phase") == EDIT
    text = MovedText(tied, others, names, differs, left, around, by_person, _known(state, context))
    return replace(material, moved=text)


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    """Return as many lines as have room, then how many have none."""
    ends = accumulate(len(line) + 1 for line in lines)
    told = list(lines[: sum(1 for end in ends if end <= room)])
    more = len(lines) - len(told)
    return [*told, f"(and {more} more)"] if more else told


def _interdiff(
    moved: Moved, tree: str, context: RunContext, room: int
) -> tuple[str, tuple[str, ...]]:
    """Return how the change differs from what was read, and the files that have no room."""
    old = context.shown_change(moved.since, moved.was)
    now = context.shown_change(context.base_tree, tree)
    texts = interdiff(old, now, context.masking.for_models)
    shown: list[str] = []
    left: list[str] = []
    for path, text in texts.items():
        text = context.masking.for_models(text)
        if len(text) > room:
            left.append(path)
            continue
        room -= len(text)
        shown.append(text)
    return "".join(shown), tuple(left)


def _around(
    moved: Moved, part: Part, differs: str, tree: str, context: RunContext, room: int
) -> Iterator[str]:
    """Yield diffs of the change: what the part has to do with, then what differs."""
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
            text = _piece_about(words, path, context.masking.for_models(text), room)
        if not text or len(text) > room:
            missing += 1
            continue
        room -= len(text)
        yield text
    if missing:
        yield f"(without the diff of {missing} more files of the change; `fs_read` shows them)\n"


def _piece_about(words: set[str], path: str, text: str, room: int) -> str:
    """Return the piece of a long diff that says most of what came below, "" if there is none."""
    pieces = cut(path, text, room) if room > 0 else ()
    best = max(
        pieces, key=lambda piece: len(words & set(findall(r"\w{4,}", piece.text))), default=None
    )
    return best.text if best else ""


def _known(state: LoopState, context: RunContext) -> str:
    """Return the run's findings that are not fixed: they keep their state, nobody repeats them."""
    left = [f for f in read_findings(state, context.blobs).values() if f.status in _SETTLED]
    known = [Known(f.id, f.path, f.title, f.quote, f.line, str(f.severity)) for f in left]
    return context.masking.for_models(known_text(known, {one.path for one in known}))
