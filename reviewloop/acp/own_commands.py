"""Watches the commands that a coding agent starts by itself: those it asks for, and those not."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_MOST = 20
_LONGEST = 400
_RUNS = {"in_progress", "completed"}

Refusal = Callable[[str | Sequence[str]], str]
"""A command line, or program and arguments -> why it may not run, or an empty string."""


class OwnCommands:
    """What one turn wanted to run and may not."""

    def __init__(self, refusal: Refusal, refused: list[str]) -> None:
        self._refusal = refusal
        self._refused = refused  # the reasons, for the outcome
        self._denied: dict[str, str] = {}  # calls with a command that may not run, and why
        self._rejected: set[str] = set()  # those of them that were asked for

    def rejects(self, call: Mapping[str, Any]) -> bool:
        """Return whether a call that the agent asks for may not be made."""
        ident = str(call.get("toolCallId"))
        reason = self._denied.get(ident) or self._reason(call)
        if not reason:
            return False
        self._rejected.add(ident)
        if len(self._refused) < _MOST:
            self._refused.append(reason[:_LONGEST])
        return True

    def runs_unasked(self, call: Mapping[str, Any]) -> str:
        """Return why a call that is under way may not be, "" for one that may, or was asked for."""
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
        # Some agents tell the command by the call's title alone.
        title = str(call.get("title") or "").strip().strip("`")
        return self._refusal(title) if title and call.get("kind") == "execute" else ""
