"""What of a change the reviewers read, and in how many parts: one for all that fits a prompt."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from reviewloop.context import RunContext
from reviewloop.reviewing.evidence import EvidencePiece
from reviewloop.reviewing.groups import grouped
from reviewloop.reviewing.neighbours import ties
from reviewloop.steps.evidence import asked_again, evidence_of
from reviewloop.workspace.diff import Change
from reviewloop.workspace.pieces import Piece, cut

CHARS_PER_TOKEN = 4
LEAST = 4000  # characters of diff that a part has room for, however small the budget is
_TOO_MANY = 4  # parts that the diff of one file may fill; a longer one was written by no person
_INSTEAD = "raise limits.context_tokens, or name it in [review] ignore"
_OTHERS = 3  # of what a part has room for, the share of lists, names and evidence: a third


@dataclass(frozen=True)
class Part:
    """What is read in one conversation; `evidence` holds positions in the evidence of the tree."""

    number: int
    pieces: tuple[Piece, ...]
    evidence: frozenset[int]

    @property
    def paths(self) -> list[str]:
        """The files, in the order of the change."""
        return list(dict.fromkeys(piece.path for piece in self.pieces))


@dataclass(frozen=True)
class Parts:
    """A change as it is read. Every file of it is in a part, or in `unread` with the reason."""

    parts: tuple[Part, ...]
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def several(self) -> bool:
        """Whether it takes more than one part."""
        return len(self.parts) > 1

    def holding(self, path: str) -> list[Part]:
        """Return the parts that show a file, or a piece of it."""
        return [part for part in self.parts if path in part.paths]


def read_change(context: RunContext, tree: str) -> Change:
    """Return the change that is read: all of it, or what was pushed since the last review."""
    old = context.push.tree if context.push else context.base_tree
    return context.shown_change(old, tree)


def room_of(context: RunContext, shared: int) -> int:
    """Return the characters that a prompt has for a part beside what all parts share."""
    return max(context.settings.limits.context_tokens * CHARS_PER_TOKEN - shared, LEAST)


def parts_of(tree: str, context: RunContext, shared: int) -> Parts:
    """Return how the change up to a tree is read; `shared` characters stand in every prompt."""
    make = partial(_parts, tree, context, room_of(context, shared))
    return context.once(("parts", tree, shared), make)


def _parts(tree: str, context: RunContext, room: int) -> Parts:
    change, evidence = read_change(context, tree), evidence_of(context, tree)
    asked = {n: evidence[n] for n in asked_again(context, change, evidence)}
    return packed(
        [Piece(file.path, file.patch) for file in change.files], asked, tree, room, context
    )


def packed(
    whole: Sequence[Piece],
    evidence: Mapping[int, EvidencePiece],
    tree: str,
    room: int,
    context: RunContext,
) -> Parts:
    """Return how the diffs of these files are read, each part with its share of the evidence.

    `evidence` is by position, `tree` is where its files are looked at, `room` are the characters
    that a prompt has for it.
    """
    length = sum(len(piece.text) for piece in whole)
    if length + sum(len(one.finding.title) + 80 for one in evidence.values()) <= room:
        return Parts((Part(1, tuple(whole), frozenset(evidence)),))
    room = max(room - room // _OTHERS, LEAST)
    pieces, unread = _cut(whole, room, context)
    paths = [piece.path for piece in whole]
    near = ties(paths, partial(context.read_text, context.shown_tree(tree)))
    sizes = [(piece.path, len(piece.text)) for piece in pieces]
    groups = grouped(sizes, near, room) or [[]]
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
            # Hidden before it is cut: half a key is not known for a secret.
            text = context.masking.for_models(text)
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
    parts: list[tuple[Piece, ...]], evidence: Mapping[int, EvidencePiece]
) -> list[frozenset[int]]:
    """Give each piece of evidence to the part that shows its line, else its file, else to one."""
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
