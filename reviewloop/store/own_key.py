"""A random key of this installation: what is numbered with it can be told apart, not guessed."""

import os
import secrets
from pathlib import Path

from reviewloop.store.places import state_root

_BYTES = 32


def own_key() -> bytes:
    """Return the key, made at first use; where none can be kept it lasts for this process."""
    try:
        path = state_root() / "own.key"
    except OSError:
        return secrets.token_bytes(_BYTES)
    found = _read(path)
    if found:
        return found
    partial = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    made = secrets.token_bytes(_BYTES)
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(made)
        try:
            os.link(partial, path)  # the first of several processes wins
        except FileExistsError:
            pass
        finally:
            partial.unlink()
    except OSError:
        return made
    return _read(path) or made


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError:
        return b""
    return data if len(data) == _BYTES else b""
