"""Pieces of a long diff: nothing lost, nothing twice, each one readable alone."""

import pytest
from unidiff import PatchSet

from reviewloop.git.patches import cut
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover


def lines(name: str, count: int) -> list[str]:
    return [f"{name} {number}\n" for number in range(count)]


@pytest.fixture
def patch(repo, tmp_path):
    """A file with three small hunks and one that is larger than any piece."""
    private = PrivateRepo.create(tmp_path / "private", discover(repo))
    old = lines("old", 400)
    new = [*old[:20], "one\n", *old[20:100], *old[101:200], *lines("many", 150), *old[210:], "end"]
    before = private.edit(private.tree_of(private.head), {"a.py": "".join(old).encode()})
    after = private.edit(before, {"a.py": "".join(new).encode()})
    yield private.change(before, after).files[0].patch
    private.close()


def test_pieces_are_whole_diffs_of_their_own_and_hold_every_line_once(patch):
    pieces = cut("a.py", patch, 1000)
    assert len(pieces) > 3
    assert [(p.number, p.of) for p in pieces] == [(n + 1, len(pieces)) for n in range(len(pieces))]
    whole = [line for hunk in PatchSet(patch)[0] for line in hunk]
    found = []
    for piece in pieces:
        assert len(piece.text) <= 1000
        parsed = PatchSet(piece.text)[0]  # its counts are checked while it is parsed
        found += [line for hunk in parsed for line in hunk]
        targets = [line.target_line_no for hunk in parsed for line in hunk if line.target_line_no]
        assert (piece.first, piece.last) == (min(targets), max(targets))
    assert [(x.source_line_no, x.target_line_no, x.value) for x in found] == [
        (x.source_line_no, x.target_line_no, x.value) for x in whole
    ]


def test_what_fits_is_one_piece_and_what_cannot_be_cut_is_none(patch):
    (only,) = cut("a.py", patch, len(patch))
    assert (only.text, only.whole) == (patch, True)
    assert cut("a.py", patch + "+" + "x" * 3000 + "\n", 1000) == ()
    assert cut("a.py", "diff --git a/a.py b/a.py\n" + "similarity\n" * 200, 1000) == ()
