"""The declared size of a task: the files that it may change, and its estimate."""

import re
from collections.abc import Iterable

from reviewloop.dataclass import dataclass
from reviewloop.domain.globs import first_match
from reviewloop.domain.task import Task
from reviewloop.regex import regex

_LINE = regex(
    r"^[\s>*_+-]*(?P<name>scope|estimat\w+(?: time| effort)?)[*_ ]*:[*_ ]*(?P<text>.+?)[*_ ]*$",
    re.IGNORECASE,
)
_FILE = regex(r"`?(?P<path>[\w@.*?{}\[\]-]+(?:/[\w@.*?{}\[\]-]+)*/?)`?")
_TIME = regex(
    r"(?P<low>\d+(?:\.\d+)?)\s*(?:(?:-|–|to)\s*(?P<high>\d+(?:\.\d+)?))?\s*"
    r"(?P<unit>m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?)\b",
    re.IGNORECASE,
)
_MINUTES = {"m": 1, "h": 60, "d": 8 * 60}


@dataclass(frozen=True)
class TaskEstimate:
    """The estimate of a task as written and in minutes; a day has eight hours."""

    text: str
    low: float
    high: float


def scope_of(task: Task) -> tuple[str, ...]:
    """Return the files, folders and patterns in a task's `Scope:`; () for none.

    A scope in prose contains none.
    """
    found: list[str] = []
    for text in _lines(task, "scope"):
        words = [part.strip() for part in re.split(r"[,;]|\band\b", text) if part.strip()]
        paths = [match["path"] for word in words if (match := _FILE.fullmatch(word))]
        if len(paths) == len(words) and all("/" in one or "." in one for one in paths):
            found += paths
    return tuple(dict.fromkeys(found))


def is_in_scope(path: str, scope: Iterable[str], project: str = "") -> bool:
    """Whether a scope contains a file of the repository, by its path or its folder."""
    own = path.removeprefix(f"{project}/") if project else path
    return any(
        one.startswith(f"{name.rstrip('/')}/") or first_match(one, [name])
        for name in scope
        for one in dict.fromkeys((path, own))
    )


def estimate_of(task: Task) -> TaskEstimate | None:
    """Return the estimate of a task, None without one."""
    for text in _lines(task, "estim"):
        if found := _TIME.search(text):
            unit = _MINUTES[found["unit"][0].lower()]
            low, high = float(found["low"]), float(found["high"] or found["low"])
            return TaskEstimate(text, low * unit, high * unit)
    return None


def _lines(task: Task, name: str) -> Iterable[str]:
    found = (_LINE.match(line) for line in task.body.split("\n"))
    return (one["text"] for one in found if one and one["name"].lower().startswith(name))
