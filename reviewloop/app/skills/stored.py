"""What a session about skills stores, as JSON-plain values; each kind fills in its own keys."""

from typing import TypedDict


class SkillSource(TypedDict):
    """A skill of the project as it was when the session began."""

    path: str
    text: str


class Material(TypedDict, total=False):
    """What a session works on."""

    name: str  # of capture, like the next four: the new skill
    folder: str
    source: str  # the text it is drafted from
    models: list[str]  # texts of example skills
    own: bool  # they are of this project
    skills: dict[str, SkillSource]  # of improve: by name
    evidence: list[str]  # of improve: one line each, which begins with its id
    request: str  # what the user wants changed of the last draft


class ProposedGuard(TypedDict):
    """A setting, gate or hook that makes a mistake impossible."""

    kind: str
    key: str
    value: str
    evidence: str
    reason: str


class ProposedEdit(TypedDict):
    """An edit of a skill, with the gap that it closes."""

    skill: str
    quote: str
    replacement: str
    gap: str
    evidence: str
    reason: str


class Draft(TypedDict, total=False):
    """What waits for a user."""

    text: str  # of capture: the new skill
    guards: list[ProposedGuard]  # of improve, like all below
    no_guard: str  # why none fits
    edits: list[ProposedEdit]
    texts: dict[str, str]  # skill -> its text with the edits
    refused: dict[str, str]  # skill -> why its edits are refused


class SkillAnswer(TypedDict, total=False):
    """A user's answer."""

    choice: str  # approve | modify | reject
    text: str  # of modify: what is to be changed
    name: str  # of approve: the name of a new skill
    only: list[str]  # of approve: these skills
