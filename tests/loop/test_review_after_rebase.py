"""What remains of a review after a rebase of its change, and another one."""

from types import SimpleNamespace

import pytest

from reviewloop.loop.base_moved import Moved, merge_readings, moved_text
from reviewloop.loop.review_material import _fitting
from reviewloop.review.prompts import Fence, MovedText, moved_parts


def _read(status, *findings, reason="", seconds=1.0):
    return {
        "status": status,
        "tree": "t",
        "findings": list(findings),
        "blob": "b",
        "reason": reason,
        "seconds": seconds,
    }


def test_what_was_not_read_at_first_is_still_told_after_two_moves_of_which_one_failed():
    first = _read("done", "one", reason="was not shown the diff of a.py")
    lost = merge_readings(first, _read("failed", reason="no answer"))
    assert lost["reason"].startswith("read it before, but not what changed below it since: no ans")
    assert lost["reason"].endswith("; was not shown the diff of a.py")
    lost = merge_readings(lost, _read("failed", reason="no answer again"))
    assert lost["reason"].count("a.py") == 1
    there = merge_readings(
        lost, _read("done", "one", "two", reason="was not shown the diff of b.py")
    )
    assert (there["status"], there["findings"], there["seconds"]) == ("done", ["one", "two"], 4.0)
    assert "whole" not in there
    assert there["reason"] == "was not shown the diff of b.py; was not shown the diff of a.py"
    again = merge_readings(there, _read("done"))
    assert again["reason"] == there["reason"]


def test_a_move_of_thousands_of_files_is_named_as_far_as_there_is_room():
    lines = [f"shop/{number:04}.py: shop/a.py" for number in range(2000)]
    assert _fitting(lines, 60) == [*lines[:2], "(and 1998 more)"]
    assert _fitting(lines[:2], 60) == lines[:2]
    assert _fitting(lines, 0) == ["(and 2000 more)"]
    shown = "".join(moved_parts(MovedText(without=lines), "", (), Fence("0f0f")))
    assert "0039.py" in shown
    assert "(and 1960 more)" in shown
    assert len(shown) < 4000


@pytest.mark.parametrize(
    ("verdict", "differs", "told"),
    [
        ("ok", ["a.py"], "reviewers were asked about what differs in it from what they had read"),
        ("ok", [], "so it was not read again"),
        ("checked", ["a.py"], "nothing of it is left there to be read"),
        ("failed", ["a.py"], ""),
    ],
)
def test_reviewers_are_said_to_have_been_asked_only_where_they_were(verdict, differs, told):
    moved = Moved("c" * 40, "since", "was", {}, (), tuple(differs))
    context = SimpleNamespace(blobs=SimpleNamespace(get_json=lambda ref: moved.plain()))
    said = moved_text({"moved": "blob", "verdict": verdict}, context)
    assert told in said
    assert bool(said) == bool(told)
    assert ("reviewers were asked" in said) == ("reviewers were asked" in told)
