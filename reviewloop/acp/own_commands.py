"""Watches the commands that a coding agent runs by itself, with or without permission."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_MOST = 20
_LONGEST = 400
_RUNS = {"in_progress", "completed"}

Refusal = Callable[[str | Sequence[str]], str]
"""A command line, or program and arguments -> why it may not run, or ""."""


class OwnCommands:
    """The refused commands of one turn."""

    def __init__(self, refusal: Refusal, refused: list[str]) -> None:
        self._refusal = refusal
        self._refused = refused  # the reasons, for the outcome
        self._denied: dict[str, str] = {}  # calls with a refused command -> reason
        self._rejected: set[str] = set()  # those for which it asked permission

    def rejects(self, call: Mapping[str, Any]) -> bool:
        """Return whether a call is refused, when the agent asks permission."""
        ident = str(call.get("toolCallId"))
        reason = self._denied.get(ident) or self._reason(call)
        if not reason:
            return False
        self._rejected.add(ident)
        if len(self._refused) < _MOST:
            self._refused.append(reason[:_LONGEST])
        return True

    def runs_unasked(self, call: Mapping[str, Any]) -> str:
        """Return why a running call is refused, "" for one that is not, or was asked for."""
        ident = str(call.get("toolCallId"))
        reason = self._denied.get(ident) or self._reason(call)
        if reason:
            self._denied[ident] = reason
        return reason if call.get("status") in _RUNS and ident not in self._rejected else ""

    def _reason(self, call: Mapping[str, Any]) -> str:
        given = call.get("rawInput")
        command = given.get("command") if isinstance(given, dict) else None
        if isinstance(command, list) and command and all(isinstance(w, str) for w in command):
            return self._refusal(command)
        if isinstance(command, str) and command.strip():
            return self._refusal(command)
        # Some agents put the command only into the call's title.
        title = str(call.get("title") or "").strip().strip("`")
        return self._refusal(title) if title and call.get("kind") == "execute" else ""
