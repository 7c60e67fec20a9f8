"""Temporary folders: in use while borrowed, deleted afterwards, also after a killed process."""

import errno
import tempfile

import pytest

from reviewloop.git import repository


def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "reviewloop-look-left"
    (left / "objects").mkdir(parents=True)
    other = tmp_path / "reviewloop-other"
    other.mkdir()
    repository._sweep.cache_clear()
    with repository.temporary_folder() as mine:
        assert not left.exists()
        repository._sweep.cache_clear()
        with repository.temporary_folder() as another:
            assert mine.is_dir()
            assert another != mine
    assert list(tmp_path.iterdir()) == [other]
    repository._sweep.cache_clear()


def test_where_folders_cannot_be_locked_they_are_lent_all_the_same(tmp_path, monkeypatch):
    def refused(handle, operation):
        if calls.append(handle) or len(calls) > 9:
            pytest.fail("tries for ever")
        raise OSError(errno.EBADF, "no lock on a folder of this disk")

    calls: list[int] = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(repository.fcntl, "flock", refused)
    left = tmp_path / "reviewloop-look-left"
    left.mkdir()
    repository._sweep.cache_clear()
    with repository.temporary_folder() as mine:
        assert mine.is_dir()
    assert list(tmp_path.iterdir()) == [left]  # whose it is nobody can tell
    repository._sweep.cache_clear()
