"""Content-addressed files: the large values that the state references."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from reviewloop.domain.errors import WorkspaceError
from reviewloop.faults import fault
from reviewloop.store.redaction import Redact, redact_plain, unchanged


class Blobs:
    """Bytes by the SHA-256 of their content; writing the same bytes twice makes one file.

    `redact` is applied to the texts of JSON values before they are stored.
    """

    def __init__(self, folder: Path, redact: Redact = unchanged) -> None:
        self._folder = folder
        self._redact = redact

    def put(self, data: bytes) -> str:
        """Store bytes durably and return their id (64 hex digits)."""
        ref = hashlib.sha256(data).hexdigest()
        target = self._folder / ref
        if target.exists():
            return ref
        fault("blob.before", target)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fault("blob.written", Path(name))
        Path(name).replace(target)
        fault("blob.after")
        return ref

    def get(self, ref: str) -> bytes:
        """Return the bytes of an id; a missing or damaged blob is a `WorkspaceError`."""
        try:
            data = (self._folder / ref).read_bytes()
        except FileNotFoundError:
            raise self._broken(ref, "missing") from None
        if hashlib.sha256(data).hexdigest() != ref:
            raise self._broken(ref, "damaged")
        return data

    def put_json(self, value: Any) -> str:
        """Store a JSON-plain value; equal values have equal ids."""
        value = redact_plain(value, self._redact)
        text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return self.put(text.encode("ascii"))

    def get_json(self, ref: str) -> Any:
        """Return the value that `put_json` stored."""
        return json.loads(self.get(ref))

    def _broken(self, ref: str, how: str) -> WorkspaceError:
        return WorkspaceError(
            f"a part of this run is {how} ({self._folder / ref}), so it cannot go on; "
            "`reviewloop checkout RUN NAME` still saves its work as a branch"
        )
