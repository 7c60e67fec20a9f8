"""What a tool call is about, as the live view and `logs` name it: a path, a pattern, a check."""

from collections.abc import Mapping
from typing import Any

from reviewloop.tools.arguments import ExecuteBash, Read, RunGate, Write
from reviewloop.tools.toolbox import called

_LONGEST = 200


def about(name: str, args: Mapping[str, Any] | None) -> dict[str, str]:
    """Return `name`, `about` and `how` of a call for an event; `args` hold no secrets."""
    name = called(name)
    try:
        told, how = _about(name, args or {})
    except ValueError:  # a malformed call is told all the same
        told, how = "", ""
    return {"name": name, "about": told[:_LONGEST], "how": how}


def _about(name: str, args: Mapping[str, Any]) -> tuple[str, str]:
    if name == "fs_read":
        read = Read.model_validate(dict(args))
        paths = [one.path for one in read.operations] or [read.path]
        return ", ".join(dict.fromkeys(paths)), ""
    if name == "fs_write":
        written = Write.model_validate(dict(args))
        return written.path, written.command
    if name == "run_gate":
        gate = RunGate.model_validate(dict(args))
        return " ".join((gate.name, *gate.paths)), ""
    if name == "execute_bash":
        command = ExecuteBash.model_validate(dict(args)).command
        return command if isinstance(command, str) else " ".join(command), ""
    words = (args.get(key) for key in ("operation", "pattern", "query", "name", "path"))
    return " ".join(word for word in words if isinstance(word, str) and word), ""
