"""Agent definitions: parsed leniently from existing files, with strictly limited tools."""

from reviewloop.agents.definition import (
    FIX,
    IMPLEMENT,
    QUICK_REVIEW,
    READ_ONLY,
    REVIEW_SPEC,
    AgentDefinition,
    AgentFile,
    Origin,
    parse_agent,
)
from reviewloop.agents.team import (
    Shadowed,
    Team,
    build_team,
    collect_agent_files,
    named_agent,
    prompt_reader,
    shipped_agent_files,
)

__all__ = [
    "FIX",
    "IMPLEMENT",
    "QUICK_REVIEW",
    "READ_ONLY",
    "REVIEW_SPEC",
    "AgentDefinition",
    "AgentFile",
    "Origin",
    "Shadowed",
    "Team",
    "build_team",
    "collect_agent_files",
    "named_agent",
    "parse_agent",
    "prompt_reader",
    "shipped_agent_files",
]
