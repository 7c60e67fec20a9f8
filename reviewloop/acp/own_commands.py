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
        self._reasons = refused  # the reasons, for the outcome
        self._refused_calls: dict[str, str] = {}  # calls with a refused command -> reason
        self._requested: set[str] = set()  # those for which it asked permission

    def refuse_permission(self, call: Mapping[str, Any]) -> bool:
        """Return whether to refuse what the agent asks permission for, and keep the reason."""
        ident = str(call.get("toolCallId"))
        reason = self._refused_calls.get(ident) or self._reason(call)
        if not reason:
            return False
        self._requested.add(ident)
        if len(self._reasons) < _MOST:
            self._reasons.append(reason[:_LONGEST])
        return True

    def runs_without_asking(self, call: Mapping[str, Any]) -> str:
        """Return why a running call is refused, "" for one that is not, or was asked for."""
        ident = str(call.get("toolCallId"))
        reason = self._refused_calls.get(ident) or self._reason(call)
        if reason:
            self._refused_calls[ident] = reason
        return reason if call.get("status") in _RUNS and ident not in self._requested else ""

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
