"""Reads checkpoints as plain values only.

LangGraph rebuilds any type that a checkpoint names, by importing and calling it. So whoever can
write the file could run code (CVE-2026-28277). Ours holds plain values; anything else is refused
before it is imported.
"""

from collections.abc import Callable
from typing import Any

import ormsgpack
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from reviewloop.domain.errors import WorkspaceError

# LangGraph's own types for interrupts and commands: the only names allowed in a checkpoint.
_OURS = {
    ("builtins", "set"),
    ("langgraph.types", "Interrupt"),
    ("langgraph.types", "Send"),
    ("langgraph.types", "Command"),
}
_KINDS = {"null", "bytes", "bytearray", "msgpack"}
_NAMED = range(6)  # codes of msgpack extensions that name a module and a type


class Plain(JsonPlusSerializer):
    """Reads plain values and LangGraph's own types; raises `WorkspaceError` for anything else."""

    def __init__(self, location: str) -> None:
        super().__init__(allowed_msgpack_modules=None)
        self._location = location

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the stored value; raise `WorkspaceError` for a type that is never written."""
        kind, stored = data
        if kind == "msgpack":
            return self._unpacked(stored)
        if kind not in _KINDS:
            raise self._refused(f"a value of the kind {kind!r}")
        return super().loads_typed(data)

    def _unpacked(self, stored: bytes) -> Any:
        foreign = []  # exceptions of the hook do not reach the caller

        def hook(code: int, data: bytes) -> Any:
            if code not in _NAMED:
                foreign.append(f"a value of the form {code}")
                raise ValueError(foreign[-1])
            named = _unpack(data, hook)
            if tuple(named[:2]) not in _OURS:
                foreign.append(f"a value of the type {named[0]}.{named[1]}")
                raise ValueError(foreign[-1])
            return self._unpack_ext_hook(code, data)

        try:
            return _unpack(stored, hook)
        except ValueError as error:
            what = foreign[0] if foreign else f"bytes that are no value ({error})"
            raise self._refused(what) from error

    def _refused(self, what: str) -> WorkspaceError:
        return WorkspaceError(
            f"{self._location} holds {what}, which reviewloop never writes there, so it was "
            "changed "
            "by something else and is not read; `reviewloop checkout RUN NAME` saves the run's "
            "work as a branch"
        )


def _unpack(data: bytes, hook: Callable[[int, bytes], Any]) -> Any:
    return ormsgpack.unpackb(data, ext_hook=hook, option=ormsgpack.OPT_NON_STR_KEYS)
