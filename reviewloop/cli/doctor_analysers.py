"""The doctor's list of analysers: which tools are here, in which version, and how to get others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewloop.cli.checks import Check


@dataclass(frozen=True)
class ToolState:
    """One tool of the table, as it is on this machine."""

    name: str
    languages: tuple[str, ...]
    core: bool
    program: str  # "" when it is not installed
    version: str
    get: str
    licence: str

    def as_json(self) -> dict[str, Any]:
        """Return the row of `doctor --json`."""
        return {**vars(self), "languages": list(self.languages), "found": bool(self.program)}


def tool_states() -> list[ToolState]:
    """Return every tool of the table; at most one start of each program, and only once."""
    from reviewloop.analysers.tools import TOOLS, find_tool

    states = []
    for tool in TOOLS:
        found = find_tool(tool)
        program, version = (str(found.program), found.version) if found else ("", "")
        languages = tuple(sorted(tool.languages))
        states.append(
            ToolState(tool.name, languages, tool.core, program, version, tool.get, tool.licence)
        )
    return states


def analyser_checks(states: Sequence[ToolState]) -> Iterator[Check]:
    """Yield one line for each tool: missing ones are worth knowing, none of them stops a run."""
    for state in states:
        if state.program:
            shown = f"{state.name} {state.version}".strip()
            yield Check("analysers", "ok", f"{shown} for {_languages(state)}")
    for state in states:
        if not state.program:
            text = f"{state.name} is not installed, for {_languages(state)}: {state.get}"
            yield Check("analysers", "note", text)


def review_check(states: Sequence[ToolState]) -> Check:
    """Return whether a review without a model can start here; it needs less than a run."""
    from reviewloop.errors import ReviewLoopError
    from reviewloop.runs.project import read_settings, team_of
    from reviewloop.workspace.located import locate

    core = [state for state in states if state.core]
    absent = [state.name for state in core if not state.program]
    if absent:
        text = f"{' and '.join(absent)} should be here: install reviewloop once more"
        return Check("review", "note", text)
    try:
        root = locate(Path.cwd()).user.root
        read_settings(root)
        team_of(root)
    except ReviewLoopError as error:
        return Check("review", "note", f"cannot start here: {error}")
    names = " and ".join(state.name for state in core)
    return Check("review", "ok", f"ready without a model (analysers {names} found)")


def _languages(state: ToolState) -> str:
    most = 3
    more = f" and {len(state.languages) - most} more" if len(state.languages) > most else ""
    return ", ".join(state.languages[:most]) + more
