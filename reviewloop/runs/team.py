"""The team of a run as plain values: kept with the run, so that a resumed run asks the same."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from reviewloop.agents import AgentDefinition, Team


def team_to_plain(team: Team) -> dict[str, Any]:
    """Return the team as JSON-plain values."""
    return {
        "implementer": _agent(team.implementer),
        "fixer": _agent(team.fixer),
        "quick_reviewer": _agent(team.quick_reviewer),
        "reviewers": [_agent(agent) for agent in team.reviewers],
    }


def team_from_plain(values: Mapping[str, Any]) -> Team:
    """Rebuild what `team_to_plain` returned."""
    return Team(
        implementer=_definition(values["implementer"]),
        fixer=_definition(values["fixer"]),
        quick_reviewer=_definition(values["quick_reviewer"]),
        reviewers=tuple(_definition(agent) for agent in values["reviewers"]),
    )


def _agent(agent: AgentDefinition) -> dict[str, Any]:
    return {**asdict(agent), "extra": {}}  # other tools' keys are none of a run's business


def _definition(values: Mapping[str, Any]) -> AgentDefinition:
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return AgentDefinition(**{**values, **lists})
