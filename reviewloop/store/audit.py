"""The audit trail: a row for each approved commit, with the hash of the row before it.

It is separate from the runs, so deleting these keeps it. A row holds its own hash and that of the
row before it, so one changed byte, or a removed row, breaks the chain there.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.store.folders import private_file
from reviewloop.store.locks import wait_for

VERSION = 1
_FIRST = "0" * 64


@dataclass(frozen=True)
class AuditRow:
    """One row of the file."""

    number: int  # from 1
    previous: str  # the hash of the row before it
    body: Mapping[str, Any]
    hash: str

    @property
    def is_whole(self) -> bool:
        """Whether it is unchanged."""
        return self.hash == _hash(self.number, self.previous, self.body)


@dataclass(frozen=True)
class Broken:
    """The first break of the chain."""

    line: int  # 1-based
    why: str


class AuditFile:
    """The trail of one repository."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "audit.jsonl"

    def rows(self) -> Iterator[AuditRow]:
        """Yield all readable rows, oldest first; `verify` reports the others."""
        for _, row in self._lines():
            if row is not None:
                yield row

    def append(self, body: Mapping[str, object], *, once: str = "") -> bool:
        """Add a row; with `once`, only where no row has this value under "key"."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with wait_for(self.path.with_suffix(".lock"), "the audit trail"):
            last: AuditRow | None = None
            for row in self.rows():
                if once and row.body.get("key") == once:
                    return False
                last = row
            number, previous = (last.number + 1, last.hash) if last else (1, _FIRST)
            kept = {**body, "key": once} if once else dict(body)
            digest = _hash(number, previous, kept)
            line = {
                "version": VERSION,
                "number": number,
                "previous": previous,
                "hash": digest,
                "body": kept,
            }
            with private_file(self.path).open("ab+") as file:
                if self._is_torn(file):
                    file.write(b"\n")
                file.write(json.dumps(line, sort_keys=True).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        return True

    @staticmethod
    def _is_torn(file: BinaryIO) -> bool:
        """Return whether the last row is incomplete, so that the next one needs a new line."""
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"

    def verify(self) -> Broken | None:
        """Return the first break of the chain, None for none."""
        number, previous = 0, _FIRST
        for line, row in self._lines():
            if row is None:
                return Broken(line, "it cannot be read")
            if row.number != number + 1:
                return Broken(line, f"row {number + 1} is missing: this is row {row.number}")
            if row.previous != previous:
                return Broken(line, f"row {row.number} does not follow the one before it")
            if not row.is_whole:
                return Broken(line, f"row {row.number} was changed")
            number, previous = row.number, row.hash
        return None

    def _lines(self) -> Iterator[tuple[int, AuditRow | None]]:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        for number, line in enumerate(data.splitlines(), 1):
            yield number, self._row(line)

    def _row(self, line: bytes) -> AuditRow | None:
        try:
            found = json.loads(line)
            version = found["version"]
            if version > VERSION:
                raise UsageError(
                    f"{self.path} was written by a newer release of reviewloop (version "
                    f"{version}); use that one here, too"
                )
            return AuditRow(found["number"], found["previous"], found["body"], found["hash"])
        except (ValueError, KeyError, TypeError):
            return None


def _hash(number: int, previous: str, body: Mapping[str, Any]) -> str:
    text = json.dumps([VERSION, number, previous, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
