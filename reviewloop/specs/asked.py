"""What a task was asked to do, in the parts that a pull request shows: requirements, criteria."""

import re
from dataclasses import dataclass

from reviewloop.specs.model import Spec, Task
from reviewloop.specs.requirements import resolve

_EMPHASIS = re.compile(r"\*\*|__")


@dataclass(frozen=True)
class Requirement:
    """A requirement without its criteria."""

    id: str
    title: str
    story: str


@dataclass(frozen=True)
class Asked:
    """The requirements that a task names; `criteria` are (id, text), in reading order."""

    requirements: tuple[Requirement, ...] = ()
    criteria: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()  # named by the task but written nowhere


def asked_of(spec: Spec, task: Task) -> Asked:
    """Return what the task has to meet; a requirement named as a whole counts with all of it."""
    found, missing = resolve(task.requirements, spec.requirements)
    owners: dict[str, Requirement] = {}
    criteria: dict[str, str] = {}
    for key in found:
        below = [name for name in spec.requirements if name.rpartition(".")[0] == key]
        owner = key if below or _is_heading(found[key]) else key.rpartition(".")[0]
        if owner in spec.requirements:
            owners.setdefault(owner, _requirement(owner, spec.requirements[owner]))
        for name in below or ([] if owner == key else [key]):
            criteria[name] = " ".join(spec.requirements[name].split())
    return Asked(tuple(owners.values()), tuple(criteria.items()), missing)


def _is_heading(text: str) -> bool:
    return text.startswith("#")


def _requirement(key: str, text: str) -> Requirement:
    """Split a requirement into its heading and what stands before the first list or heading."""
    title, story = "", []
    for number, line in enumerate(text.split("\n")):
        if number == 0 and _is_heading(line):
            title = line.lstrip("#").strip()
        elif line.startswith("#") or line.lstrip()[:1].isdigit():
            break
        else:
            story.append(line.strip())
    words = " ".join(" ".join(story).split())
    return Requirement(key, title, _EMPHASIS.sub("", words))
