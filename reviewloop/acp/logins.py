"""Copies login files that an agent renews into its home, and checked, back.

A hostile agent could write another login. So a file is copied back only if its JSON has the same
structure, with other strings and numbers, and if the original was not renewed meanwhile.
"""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reviewloop.git.directory import read_plain

_LARGEST = 1 << 20  # bytes of a login


def copy_back_logins(home: Path, users_home: Path, before: Mapping[str, bytes]) -> Iterator[str]:
    """Copy back the renewed ones of the files in `before`; yield why one was not."""
    for name, data in before.items():
        renewed = read_plain(home / name, links=False)
        if renewed == data:
            continue
        target = users_home / name
        if read_plain(target) != data:
            yield f"{name} was renewed by somebody else meanwhile; your own file stays"
        elif len(renewed) > _LARGEST or _form(renewed) is None or _form(renewed) != _form(data):
            yield f"what it made of {name} has another form than your own file, which stays"
        else:
            _write_whole(target, renewed)


def _form(data: bytes) -> Any:
    """Return the structure of a JSON object, None for anything else."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return _form_of(value) if isinstance(value, dict) else None


def _form_of(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _form_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_form_of(item) for item in value]
    return "number" if isinstance(value, int | float) else type(value).__name__


def _write_whole(target: Path, data: bytes) -> None:
    mode = target.stat().st_mode & 0o777
    beside = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target.resolve())
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
