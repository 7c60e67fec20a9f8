"""A SKILL.md: its front matter, its text, and its problems.

The verdicts are those of skills-ref 0.1.1, the reference of https://agentskills.io, which reads
front matter with a restricted YAML; a test compares both.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

NAME_LONGEST = 50  # characters of a name that we write; the format allows 64
_NAME_ALLOWED, _DESCRIPTION_ALLOWED, _COMPATIBILITY_ALLOWED = 64, 1024, 500  # characters
_FIELDS = ("name", "description", "license", "allowed-tools", "metadata", "compatibility")
_LARGEST = 1_000_000  # characters
_MANY_LINES = 500
_HEADING = regex(r"^(#{1,6})\s+(.*?)\s*$", re.MULTILINE)
_WORKFLOW = regex(r"^(?:process|workflow|steps)\b", re.IGNORECASE)
_VERIFIES = regex(r"\b(?:verif|check|confirm|test|validat|review)\w*", re.IGNORECASE)


@dataclass(frozen=True)
class Problem:
    """A problem and its location."""

    line: int  # 1-based
    text: str


@dataclass(frozen=True)
class Skill:
    """The contents of a SKILL.md; a text without front matter has no fields."""

    fields: Mapping[str, Any]
    body: str
    lines: Mapping[str, int] = field(default_factory=dict)  # field -> its line, 1-based
    problem: Problem | None = None  # why its front matter could not be read

    @property
    def name(self) -> str:
        """Its name, "" for none."""
        name = self.fields.get("name")
        return name.strip() if isinstance(name, str) else ""

    @property
    def description(self) -> str:
        """What it is for and when, "" for none."""
        description = self.fields.get("description")
        return " ".join(description.split()) if isinstance(description, str) else ""


def read_skill(text: str) -> Skill:
    """Parse a SKILL.md; a parse error is its `problem`."""
    if len(text) > _LARGEST:
        problem = Problem(1, f"it has {len(text):,} characters; at most {_LARGEST:,} are read")
        return Skill({}, "", problem=problem)
    if not text.startswith("---"):
        return Skill({}, text.strip(), problem=Problem(1, "no front matter (---)"))
    parts = text.split("---", 2)
    if len(parts) < 3:
        return Skill({}, "", problem=Problem(1, "its front matter is not closed with ---"))
    found, lines, wrong = _front_matter(parts[1])
    return Skill(found, parts[2].strip(), lines, wrong)


def _front_matter(text: str) -> tuple[dict[str, Any], dict[str, int], Problem | None]:
    """Return the fields, their lines and a problem: flows, anchors, tags, duplicate keys."""
    import yaml

    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                return {}, {}, Problem(line, "anchors and aliases are not allowed")
            if getattr(event, "tag", None):
                return {}, {}, Problem(line, "tags are not allowed")
            if getattr(event, "flow_style", None):
                return {}, {}, Problem(line, "write lists and maps over several lines, without [ {")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return {}, {}, Problem(mark.line + 1 if mark else 1, f"no YAML: {error.problem}")
    except yaml.YAMLError as error:
        return {}, {}, Problem(1, f"no YAML: {' '.join(str(error).split())}")
    if not isinstance(root, yaml.MappingNode):
        return {}, {}, Problem(1, "its front matter is no list of fields")
    lines: dict[str, int] = {}
    for key, _ in root.value:
        line = key.start_mark.line + 1
        if key.value in lines:
            return {}, {}, Problem(line, f"{key.value} stands there twice")
        lines[str(key.value)] = line
    found: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - texts only
    return found, lines, None


def problems_of(skill: Skill, folder: str) -> Iterator[Problem]:
    """Yield the violations of the format; `folder` is the name of the skill's folder."""
    if skill.problem is not None:
        yield skill.problem
        return
    for name in skill.fields:
        if name not in _FIELDS:
            yield Problem(skill.lines[name], f"{name} is no field; there are {', '.join(_FIELDS)}")
    for name in ("name", "description"):
        if name not in skill.fields:
            yield Problem(1, f"{name} is missing")
        elif not isinstance(skill.fields[name], str) or not skill.fields[name].strip():
            yield Problem(skill.lines[name], f"{name} is no text")
    if skill.name:
        line = skill.lines["name"]
        yield from (Problem(line, text) for text in _wrong_name(skill.name, folder))
    length = len(skill.fields["description"]) if skill.description else 0
    if length > _DESCRIPTION_ALLOWED:
        text = f"description has {length} characters; at most {_DESCRIPTION_ALLOWED}"
        yield Problem(skill.lines["description"], text)
    if "compatibility" in skill.fields:
        value, line = skill.fields["compatibility"], skill.lines["compatibility"]
        if not isinstance(value, str):
            yield Problem(line, "compatibility is no text")
        elif len(value) > _COMPATIBILITY_ALLOWED:
            text = f"compatibility has {len(value)} characters; at most {_COMPATIBILITY_ALLOWED}"
            yield Problem(line, text)


def _wrong_name(written: str, folder: str) -> Iterator[str]:
    name = unicodedata.normalize("NFKC", written)
    if len(name) > _NAME_ALLOWED:
        yield f"name has {len(name)} characters; at most {_NAME_ALLOWED}"
    if name != name.lower():
        yield "name must be lower case"
    if name.startswith("-") or name.endswith("-"):
        yield "name must not begin or end with a hyphen"
    if "--" in name:
        yield "name must not have two hyphens beside each other"
    if not all(sign.isalnum() or sign == "-" for sign in name):
        yield "name may have letters, digits and hyphens only"
    if unicodedata.normalize("NFKC", folder) != name:
        yield f"name must equal the folder name {folder!r}"


def warnings_of(text: str) -> Iterator[Problem]:
    """Yield weaknesses of a valid skill."""
    lines = text.count("\n") + 1
    if lines > _MANY_LINES:
        yield Problem(_MANY_LINES + 1, f"{lines} lines; an agent reads all of them each time")
    headings = [(one[2], text.count("\n", 0, one.start()) + 1) for one in _HEADING.finditer(text)]
    workflows = [line for title, line in headings if _WORKFLOW.match(title)]
    if len(workflows) > 1:
        yield Problem(workflows[1], "a second workflow; make it a skill of its own")
    body = read_skill(text).body
    if body and not _VERIFIES.search(body):
        yield Problem(lines, "no step that verifies the result")


def nearest_name(given: str) -> str:
    """Return the nearest valid name, "" if no part of it is usable."""
    plain = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:NAME_LONGEST].strip("-")


def yaml_text(words: str) -> str:
    """Return one line of text as a value of front matter, quoted where YAML would parse it."""
    is_plain = re.fullmatch(r"[\w(][\w ,.'()/-]*", words)
    return words if is_plain else json.dumps(words, ensure_ascii=False)  # a string of YAML as well


def skeleton(name: str, description: str) -> str:
    """Return a skill to fill in, with the standard parts."""
    title = name.replace("-", " ").capitalize()
    return f"""\
---
name: {name}
description: {yaml_text(description)}
---

# {title}

{description}

## Input

What it needs: arguments, files, state. Say what happens when one is missing.

## Process

### Phase 1: Prepare

1. ...

### Phase 2: Do

1. ...

### Phase 3: Verify

1. Run what shows that the result is right, and say what it printed.

## Output

What the user has when it is done: files with their paths.

## Errors

- What can go wrong, and what to do then.

## Rules

- Ask the user instead of guessing.
"""
