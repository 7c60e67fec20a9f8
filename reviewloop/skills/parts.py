"""The parts of a skill: requirements, phases, outputs, failures, rules."""

import re
from collections.abc import Iterator

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex
from reviewloop.skills.document import (
    NAME_LONGEST,
    Problem,
    nearest_name,
    problems_of,
    read_skill,
    yaml_text,
)

_HEADING = regex(r"^(#{1,6})[ \t]+(.*?)[ \t]*$")
_FENCE = regex(r"^[ \t]*(```|~~~)")
_PARTS = {
    "input": regex(r"(?:required )?inputs?\b|arguments?\b", re.IGNORECASE),
    "process": regex(r"process\b|workflow\b|steps\b", re.IGNORECASE),
    "output": regex(r"(?:expected )?outputs?\b|results?\b", re.IGNORECASE),
    "errors": regex(r"errors?\b|error cases\b|what can go wrong\b", re.IGNORECASE),
    "rules": regex(r"rules\b|constraints\b", re.IGNORECASE),
}
_STEP = regex(r"^[ \t]*(?:\d+[.)]|[-*])[ \t]+\S")
_COMMAND = regex(r"`(reviewloop(?:\s[^`]+)?)`")


@dataclass(frozen=True)
class Section:
    """A heading, and the text below it until the next one of its level or above."""

    title: str
    level: int
    line: int  # 1-based
    text: str


@dataclass(frozen=True)
class Phase:
    """A phase of the process: its title, its text, and our commands in it."""

    title: str
    text: str
    commands: tuple[str, ...]


def sections_of(text: str) -> list[Section]:
    """Return all sections; headings inside of code blocks do not count."""
    lines = text.split("\n")
    heads: list[tuple[int, int, str]] = []
    is_code = False
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            is_code = not is_code
        elif not is_code and (match := _HEADING.match(line)):
            heads.append((number, len(match[1]), match[2]))
    found = []
    for index, (start, level, title) in enumerate(heads):
        later = (number for number, below, _ in heads[index + 1 :] if below <= level)
        end = next(later, len(lines))
        body = "\n".join(lines[start + 1 : end]).strip()
        found.append(Section(title, level, start + 1, body))
    return found


def missing_parts(body: str) -> list[str]:
    """Return which of the five parts are missing or empty."""
    sections = sections_of(body)
    missing = []
    for name, pattern in _PARTS.items():
        there = [one for one in sections if pattern.match(one.title) and one.text]
        if not there:
            missing.append(name)
        elif name == "process" and not any(map(_STEP.match, there[0].text.split("\n"))):
            missing.append("steps of the process")
    return missing


def phases_of(body: str) -> list[Phase]:
    """Return the phases of the process; a process without headings is one phase."""
    sections = sections_of(body)
    process = next((one for one in sections if _PARTS["process"].match(one.title)), None)
    if process is None:
        return []
    below = [
        one
        for one in sections_of(process.text)
        if one.level == min(each.level for each in sections_of(process.text))
    ]
    chosen = below or [process]
    return [Phase(one.title, one.text, tuple(_commands(one.text))) for one in chosen]


def _commands(text: str) -> Iterator[str]:
    for line in _COMMAND.findall(text):
        yield " ".join(line.split())


def compose_skill(name: str, description: str, body: str) -> str:
    """Return the whole SKILL.md for a description and a body."""
    words = " ".join(description.split())
    return f"---\nname: {name}\ndescription: {yaml_text(words)}\n---\n\n{body.strip()}\n"


def to_skill_name(given: str) -> str:
    """Return the form of a name for Agent Skills; users may type other forms (`My_Skill`)."""
    typed = re.fullmatch(r"[A-Za-z0-9_-]{1,50}", given)
    return nearest_name(given) if typed else ""


def draft_problem(name: str, text: str) -> str:
    """Return the problem of a draft, "" for none."""
    skill = read_skill(text)
    wrong: list[Problem] = [*problems_of(skill, name)]
    if wrong:
        return wrong[0].text
    if len(name) > NAME_LONGEST:
        return f"the name has {len(name)} characters; at most {NAME_LONGEST}"
    if missing := missing_parts(skill.body):
        return f"it lacks {', '.join(missing)}; each is a heading with text below it"
    return ""
