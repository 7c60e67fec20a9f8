"""What reviewers are asked about a change that they read and that stands on another commit now."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reviewloop.reviewing.fences import Fence


@dataclass(frozen=True)
class MovedText:
    """What is shown of it, or of one part of it, beside what all prompts show."""

    tied: Sequence[str] = field(default_factory=tuple)  # files below -> files of the change
    others: Sequence[str] = field(default_factory=tuple)  # the other files below, by name
    names: str = ""  # public names that what came below touches
    differs: str = ""  # how the change differs from itself as it was read
    without: Sequence[str] = field(default_factory=tuple)  # files for whose part of that is no room
    around: str = ""  # the change as it is now, what is nearest to all that
    edited: bool = False  # a person changed it; nothing came below it
    known: str = ""  # findings of the run that nobody has to report again


_WHY = """\
# The change builds on another commit now

You read this change before, on an older commit, and what was found then is on record. Now it was \
brought onto a newer one, and no guard-rail stopped it there. Report only what breaks or became \
wrong by that: what the change and what came below it do to each other, though each is right \
alone. A function that is still called by its old name, a default, a unit or an order that \
changed, two migrations with one number, an import that is gone, a helper that now exists twice, \
an assumption that no longer holds. What could be seen before, on either side, is no finding now.

Quote a line of the change where you can: only what stands there is fixed without a person.
"""
_EDITED = """\
# A person edited the change

You read this change before, and what was found then is on record. Now the person who decides \
about it took parts of it out or rewrote them, and no guard-rail stopped the result. Report only \
what is wrong in what they wrote, and what breaks or became wrong by their edit: a call of what \
is gone, a test or a check that was taken out with the code it guarded, a name that is left \
unused, a sentence that is no longer true. What could be seen before is no finding now.

Quote a line of the change where you can.
"""
_ON_RECORD = """\
# Findings of this run that are on record

They keep their state; do not report them again.

"""
_SAME = "Line by line the change adds and removes what you read before.\n"


_NAMED = 40


def moved_parts(moved: MovedText, patch: str, left_out: Sequence[str], fence: Fence) -> list[str]:
    """Return the parts of the prompt about it; `patch` is what came below, less `left_out`."""
    parts = [_EDITED if moved.edited else _WHY]
    if patch or left_out:
        parts.append("# What came below it, in files that it touches or uses\n")
        if moved.tied:
            parts.append(
                "Each with the files of the change that it has to do with:\n"
                + fence.wrap("files", "\n".join(moved.tied))
            )
        parts.append(fence.wrap("diff", patch))
    if left_out:
        parts.append(
            "The diff of these files did not fit here; read them with `fs_read`:\n"
            + fence.wrap("files", "\n".join(left_out))
        )
    if moved.names:
        parts.append(
            "Public names that came (+) or went (-) below it, that changed (=>), or whose code did "
            "(~), in all files:\n" + fence.wrap("names", moved.names)
        )
    if moved.others:
        parts.append(
            "These files changed below it, too; nothing ties them to the change:\n"
            + fence.wrap("files", "\n".join(moved.others))
        )
    parts.append("# How the change differs from what you read\n")
    parts.append(fence.wrap("diff", moved.differs) if moved.differs else _SAME)
    if moved.without:
        parts.append(
            "It also differs in these files, for which there is no room:\n"
            + fence.wrap("files", "\n".join(_some(moved.without)))
        )
    if moved.around:
        parts.append(
            "# The change as it is now, in the files that have to do with that\n\n"
            + fence.wrap("diff", moved.around)
        )
    if moved.known:
        parts.append(_ON_RECORD + fence.wrap("findings", moved.known))
    return parts


def _some(paths: Sequence[str]) -> list[str]:
    more = len(paths) - _NAMED
    return [*paths[:_NAMED], *([f"(and {more} more)"] if more > 0 else [])]
