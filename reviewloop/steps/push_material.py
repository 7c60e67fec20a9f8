"""What reviewers of a push are shown beside it: what stayed open, and the nearest of the change."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from reviewloop.context import RunContext
from reviewloop.reviewing.neighbours import ties
from reviewloop.reviewing.prompts import Material
from reviewloop.reviewing.pushed import known_text
from reviewloop.steps.parts import Part, read_change
from reviewloop.workspace.diff import Change, FileChange
from reviewloop.workspace.pieces import cut

_LEAST_AROUND = 16_000  # characters
_TIMES = 3  # as long as the push itself


def with_push(
    material: Material, tree: str, context: RunContext, part: Part, room: int, divisor: int
) -> Material:
    """Return the material of a push with the open findings and the change around it.

    The whole change costs as much as its first review, for every push. So around a push stands
    three times its own length of it, at least 4,000 tokens, the nearest files first.
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
            continue  # it came with the push, so all of it is shown already
        text = file.patch
        if len(text) > room and of_push is not None:
            text = _near(file, of_push, context.masking.for_models(text), room)
        if not text or len(text) > room:
            missing.append(file.path)
            continue
        room -= len(text)
        yield text
    if missing:
        yield f"(without the diff of {len(missing)} more files of the change)\n"


def _nearest(change: Change, paths: set[str], tree: str, context: RunContext) -> list[FileChange]:
    """Return the files of the change, those of the push first, then what is tied to them."""
    read = partial(context.read_text, context.shown_tree(tree))
    near = context.once(("ties", tree), lambda: ties(change.paths, read))

    def far(numbered: tuple[int, FileChange]) -> tuple[bool, int, int]:
        number, file = numbered
        strength = sum(tie for path, tie in near.get(file.path, {}).items() if path in paths)
        return file.path not in paths, -strength, number

    return [file for _, file in sorted(enumerate(change.files), key=far)]


def _near(file: FileChange, pushed: FileChange, text: str, room: int) -> str:
    """Return the piece of a long diff in which the push lies, "" if there is none."""
    if room <= 0:
        return ""
    for piece in cut(file.path, text, room):
        if any(a <= piece.last and piece.first <= b for a, b in pushed.added_ranges):
            return piece.text
    return ""
