"""Blobs are named by their content, so that a lost or mixed up one is noticed."""

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.store.blobs import Blobs


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def test_equal_bytes_are_one_file(blobs, tmp_path):
    assert blobs.put(b"x") == blobs.put(b"x") != blobs.put(b"y")
    assert len(list((tmp_path / "blobs").iterdir())) == 2
    assert blobs.get(blobs.put(b"x")) == b"x"


def test_equal_values_have_equal_ids_whatever_the_order_of_their_keys(blobs):
    assert blobs.put_json({"a": 1, "b": "ü"}) == blobs.put_json({"b": "ü", "a": 1})
    assert blobs.get_json(blobs.put_json({"b": "ü"})) == {"b": "ü"}


def test_a_missing_blob_is_an_error_that_says_how_to_save_the_work(blobs):
    with pytest.raises(WorkspaceError, match=r"missing .*reviewloop checkout RUN NAME"):
        blobs.get("0" * 64)


def test_a_damaged_blob_is_never_returned(blobs, tmp_path):
    ref = blobs.put(b"whole")
    (tmp_path / "blobs" / ref).write_bytes(b"half")
    with pytest.raises(WorkspaceError, match="damaged"):
        blobs.get(ref)
