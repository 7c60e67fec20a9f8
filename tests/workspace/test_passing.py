"""Temporary folders: in use while lent, gone afterwards; what a killed process left is deleted."""

import tempfile

from reviewloop.workspace import passing


def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "reviewloop-look-left"
    (left / "objects").mkdir(parents=True)
    other = tmp_path / "reviewloop-other"
    other.mkdir()
    passing._sweep.cache_clear()
    with passing.passing_folder() as mine:
        assert not left.exists()
        passing._sweep.cache_clear()
        with passing.passing_folder() as another:
            assert mine.is_dir()
            assert another != mine
    assert list(tmp_path.iterdir()) == [other]
    passing._sweep.cache_clear()
