"""The doctor's list of analysers: which tools are here, in which version, and how to get others."""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reviewloop.analysis.languages import language_of
from reviewloop.analysis.tools import TOOLS, find_tool
from reviewloop.analysis.tools.eslint import Project
from reviewloop.app.project import read_settings, team_of
from reviewloop.app.review.analysis import Configuration, configurations, is_trusted
from reviewloop.cli.checks import Check
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.git.located import locate
from reviewloop.git.repository import passing_folder
from reviewloop.render.untrusted import one_line


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

    states = []
    for tool in TOOLS:
        found = find_tool(tool)
        if tool.applies is not None:  # it stands in a project
            found = found and replace(found, version=_of_project())
            found = found if found and found.version else None
        program, version = (str(found.program), found.version) if found else ("", "")
        languages = tuple(sorted(tool.languages))
        states.append(
            ToolState(tool.name, languages, tool.core, program, version, tool.get, tool.licence)
        )
    return states


def _of_project() -> str:
    """Return the version of the ESLint of this checkout, "" when there is none."""

    root = _root()
    if root is None:
        return ""
    places = [root / one.path for one in _configurations(root) if one.is_code]
    versions = {Project(place.parent, place).version(root) for place in places}
    return ", ".join(sorted(filter(None, versions)))


def not_trusted() -> Iterator[Check]:
    """Yield a line for each configuration of a tool in this checkout that does not count yet."""

    root = _root()
    if root is None:
        return
    try:
        all_data = read_settings(root).settings.review.repository_configuration
    except ReviewLoopError:  # another line says so
        return
    key = locate(root).user.key
    for one in _configurations(root):
        counts = all_data and not one.is_code
        if not counts and not is_trusted(key, one.tool, one.path, one.text):
            name = one_line(one.path)
            text = f"{name} of {one.tool} is not used; allow it with `reviewloop trust`"
            yield Check("analysers", "note", text)


def _root() -> Path | None:

    try:
        return locate(Path.cwd()).user.root.resolve()
    except ReviewLoopError:
        return None


def _configurations(root: Path) -> list[Configuration]:

    return configurations(root)


def analyser_checks(states: Sequence[ToolState], here: Collection[str]) -> Iterator[Check]:
    """Yield a line for each tool that is here, and one for all others; none stops a run.

    Of the others those come first, with how to get them, that read a language that is `here`.
    """
    for state in states:
        if state.program:
            shown = f"{state.name} {state.version}".strip()
            yield Check("analysers", "ok", f"{shown} for {_languages(state)}")
    absent = [state for state in states if not state.program]
    fitting = [state for state in absent if not set(here).isdisjoint(state.languages)]
    told = [f"{state.name} ({state.get})" for state in fitting]
    if others := ", ".join(state.name for state in absent if state not in fitting):
        told.append(
            f"{'for other files ' if told else ''}{others} (`doctor --json` says how to get them)"
        )
    if told:
        yield Check("analysers", "note", f"also used when installed: {'; '.join(told)}")


def languages_here() -> frozenset[str]:
    """Return the languages of the files that git follows here; only their names are read."""

    try:
        user = locate(Path.cwd()).user
        with passing_folder() as folder:  # in the checkout itself git may start programs
            index = user.copied_index(user.mirror(folder), folder / "index")
            listed = index.run("ls-files", "-z")
    except ReviewLoopError:
        return frozenset()
    return frozenset(language_of(os.fsdecode(path)) for path in listed.split(b"\0")) - {""}


def review_check(states: Sequence[ToolState]) -> Check:
    """Return whether a review without a model can start here; it needs less than a run."""

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
