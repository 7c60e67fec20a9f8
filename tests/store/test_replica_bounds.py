"""Data of the shared database is unpacked within bounds."""

import hashlib
import zlib

import pytest

replica = pytest.importorskip("reviewloop.store.postgres.replica")


def test_an_object_that_unpacks_to_more_than_any_is_refused(monkeypatch):
    content = b"blob 3\0abc"
    name = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    assert replica._name_of(zlib.compress(content), name) == name
    monkeypatch.setattr(replica, "_LARGEST_OBJECT", 5)
    assert replica._name_of(zlib.compress(content), name) == ""
