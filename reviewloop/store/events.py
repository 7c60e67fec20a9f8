"""The events of a run: one JSON line each, for the live table and `logs -f`."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

from reviewloop.domain.event import EventFacts, Listener, RunEvent
from reviewloop.store.folders import private_file
from reviewloop.store.redaction import Redact, redact_plain, unchanged


class Events:
    """Append events to a file and pass them to a listener; `redact` is applied first."""

    def __init__(
        self, path: Path, listener: Listener | None = None, redact: Redact = unchanged
    ) -> None:
        self._redact = redact
        self._path = private_file(path)
        self._listener = listener
        self._lock = threading.Lock()

    def emit(self, kind: str, /, **what: Unpack[EventFacts]) -> None:
        """Record one event; `what` holds JSON-plain values."""
        facts: EventFacts = redact_plain(what, self._redact)
        event: RunEvent = {"at": time.time(), "kind": kind, **facts}
        line = json.dumps(event, ensure_ascii=True) + "\n"
        with self._lock:
            with self._path.open("a", encoding="ascii") as file:
                file.write(line)
            if self._listener:
                self._listener(event)


def read_events(path: Path, *, start: int = 0) -> Iterator[tuple[RunEvent, int]]:
    """Yield (event, offset after it) from a byte offset; a half-written last line is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                return
            start += len(line)
            try:
                yield json.loads(line), start
            except ValueError:  # a line torn by a crash must not hide the ones after it
                continue
