"""Agent Skills: finds, reads, checks and installs them (https://agentskills.io/specification)."""

from reviewloop.skills.document import (
    NAME_LONGEST,
    Problem,
    Skill,
    nearest_name,
    problems_of,
    read_skill,
    skeleton,
    warnings_of,
)
from reviewloop.skills.folders import FILE, Found, find_skills, shipped_skills

__all__ = [
    "FILE",
    "NAME_LONGEST",
    "Found",
    "Problem",
    "Skill",
    "find_skills",
    "nearest_name",
    "problems_of",
    "read_skill",
    "shipped_skills",
    "skeleton",
    "warnings_of",
]
