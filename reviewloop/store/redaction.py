"""Redacts stored values: texts in JSON-plain values, and files."""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from reviewloop.domain.reason import Reason

Redact = Callable[[str], str]

_DATABASE = b"SQLite format 3\0"


def unchanged(text: str) -> str:
    """Return the text unchanged, for stores without redaction."""
    return text


def redact_plain(value: Any, redact: Redact) -> Any:
    """Return a plain value with each of its strings redacted; keys stay, tuples become lists."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, dict | Mapping):  # a dict is recognised faster
        return {
            key: redact(item) if isinstance(item, str) else redact_plain(item, redact)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact_plain(item, redact) for item in value]
    return value


def redact_record(value: Any, redact: Redact) -> Any:
    """Return a value with each of its strings redacted; dataclasses and tuples keep their type.

    Names of fields and kinds are not redacted.
    """
    if isinstance(value, Reason):
        return value.changed(redact)
    if is_dataclass(value) and not isinstance(value, type):
        found = {one.name: redact_record(getattr(value, one.name), redact) for one in fields(value)}
        return replace(value, **found)
    if isinstance(value, tuple):
        return tuple(redact_record(one, redact) for one in value)
    return redact_plain(value, redact)


class RedactedFiles:
    """Redacts the files that commands write into a folder, each version of one once."""

    def __init__(self, redact: Redact) -> None:
        self._redact = redact
        self._seen: dict[Path, tuple[int, int]] = {}

    def clean(self, folder: Path) -> None:
        """Rewrite the files of the folder that hold a secret; databases stay."""
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_symlink() or not path.is_file():
                continue
            if self._seen.get(path) != _state(path):
                self._clean(path)
                self._seen[path] = _state(path)

    def _clean(self, path: Path) -> None:
        data = path.read_bytes()
        if data.startswith(_DATABASE):
            return
        text = data.decode("utf-8", "surrogateescape")
        shown = self._redact(text)
        if shown == text:
            return
        partial = path.with_name(f"{path.name}.part")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(shown.encode("utf-8", "surrogateescape"))
        partial.replace(path)


def _state(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns
