"""What reviewers are shown: as many whole file diffs as fit, and the rest by name."""

import pytest

from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.loop.review_material import describe, fit


@pytest.fixture
def change(repo, tmp_path):
    private = PrivateRepo.create(tmp_path / "private", discover(repo))
    base = private.tree_of(private.head)
    files = {
        "big.py": b"x = 1\n" * 2000,
        "a.py": b"a = 1\n",
        "z.py": b"z = 1\n",
        "logo.png": b"\x89PNG\0\0",
        "README.md": None,
    }
    yield private.change(base, private.edit(base, files))
    private.close()


def test_small_diffs_are_shown_whole_and_large_ones_named(change):
    patch, left_out = fit(change, 4000)
    assert left_out == ("big.py",)
    assert "+a = 1" in patch
    assert "+z = 1" in patch
    assert "x = 1" not in patch
    assert patch.index("a.py") < patch.index("z.py")


def test_everything_is_shown_when_it_fits(change):
    patch, left_out = fit(change, 1_000_000)
    assert left_out == ()
    assert patch.count("+x = 1") == 2000


def test_nothing_is_shown_when_nothing_fits(change):
    patch, left_out = fit(change, 0)
    assert patch == ""
    assert len(left_out) == len(change.files)


def test_each_file_is_described_in_one_line(change):
    lines = {file.path: describe(file) for file in change.files}
    assert lines["a.py"] == "a.py (added, +1 -0)"
    assert lines["README.md"] == "README.md (deleted, +0 -1)"
    assert lines["logo.png"] == "logo.png (added, binary)"
