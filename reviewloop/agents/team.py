"""Builds the team of one run from the files that were found."""

from collections.abc import Iterable
from dataclasses import dataclass

from reviewloop.agents.definition import AgentDefinition, AgentFile
from reviewloop.agents.dialect import FIX, IMPLEMENT, QUICK_REVIEW
from reviewloop.agents.parsing import (
    ReadPrompt,
    is_agent_file,
    is_ours,
    name_of,
    parse_agent,
    read_fields,
)
from reviewloop.domain.errors import UsageError


@dataclass(frozen=True)
class Shadowed:
    """A file that lost its name to an earlier one."""

    name: str
    winner: str
    loser: str


@dataclass(frozen=True)
class Team:
    """Who works on a run."""

    implementer: AgentDefinition
    fixer: AgentDefinition
    quick_reviewer: AgentDefinition
    reviewers: tuple[AgentDefinition, ...]  # by name
    shadowed: tuple[Shadowed, ...] = ()

    @property
    def members(self) -> tuple[AgentDefinition, ...]:
        """Everyone."""
        return (self.implementer, *self.reviewers, self.fixer, self.quick_reviewer)


def build_team(files: Iterable[AgentFile], read_prompt: ReadPrompt) -> Team:
    """Return the team; of several files for one name the first one wins.

    Agents that reviewloop has no part for are left alone, whatever stands in them. Raises
    UsageError for files that cannot be read, for a part nobody plays, and without reviewers.
    """
    winners: dict[str, AgentFile] = {}
    shadowed = []
    for file in files:
        if not is_agent_file(file):
            continue
        name = name_of(file, read_fields(file))
        if not is_ours(name):
            continue
        if name in winners:
            shadowed.append(Shadowed(name, winners[name].shown, file.shown))
        else:
            winners[name] = file
    agents = {name: parse_agent(file, read_prompt) for name, file in winners.items()}
    _require_writer(agents)
    reviewers = sorted((a for a in agents.values() if a.is_reviewer), key=lambda a: a.name)
    if not reviewers:
        raise UsageError(
            "the team has no reviewers, and nothing goes unreviewed; add an agent whose name "
            "begins with review- to .reviewloop/agents/ or .kiro/agents/"
        )
    return Team(
        implementer=agents[IMPLEMENT],
        fixer=agents[FIX],
        quick_reviewer=agents[QUICK_REVIEW],
        reviewers=tuple(reviewers),
        shadowed=tuple(shadowed),
    )


def _require_writer(agents: dict[str, AgentDefinition]) -> None:
    for name in (IMPLEMENT, FIX, QUICK_REVIEW):
        if name not in agents:
            raise UsageError(f"there is no agent named {name}; install reviewloop again")
    for name in (IMPLEMENT, FIX):
        if "fs_write" not in agents[name].tools:
            raise UsageError(
                f"{agents[name].origin}:1: {name} cannot change files; "
                'add "fs_read" and "fs_write" to its tools'
            )
