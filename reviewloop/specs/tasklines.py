"""Recognises a task line in every form people and tools write it, down to the byte of its mark."""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from reviewloop.specs.lines import Line
from reviewloop.specs.model import State

_STATES: dict[str, State] = {
    " ": "open", "-": "in_progress", "~": "queued", "x": "done", "X": "done",
    "☐": "open", "⬜": "open", "◻": "open", "☑": "done", "✅": "done", "☒": "done", "✔": "done",
}  # fmt: skip
DONE_MARK = {"☐": "☑", "⬜": "✅", "◻": "☑"}
"""What a symbol becomes when its task is done; both sides are equally long in UTF-8."""

_TASK_LINE = re.compile(
    r"^(?P<indent>[ \t]*)"
    r"(?:(?P<heading>#{1,6})[ \t]+)?"
    r"(?:(?P<bullet>[-*+])[ \t]+)?"
    r"(?:(?P<number>(?:[Tt]ask[ \t]+)?\d+(?:\.\d+)*)[.):]?[ \t]+)?"
    r"(?:\*\*)?"
    r"(?:\[(?P<box>[ xX~-])\]|(?P<symbol>[☐⬜◻☑✅☒✔])\ufe0f?)"
    r"(?P<optional>\*?)(?!\*)[ \t]+"
    r"(?P<rest>\S.*?)[ \t]*$"
)
_IDS = (
    re.compile(r"(?i:task)[ \t]*#?(?P<id>\d+(?:\.\d+)*[a-z]?)(?P<opt>\*?)[ \t]*"
               r"(?:[:.)\-–—]+[ \t]*|[ \t]+|$)"),
    re.compile(r"(?P<id>T\d{3,}[a-z]?)(?P<opt>\*?)[:.)]?(?:[ \t]+|$)"),
    re.compile(r"(?P<id>(?:T-?\d+|[A-Z]{2,8}-\d+)(?:\.\d+)*)(?P<opt>\*?)[ \t]*[:)][ \t]*"),
    re.compile(r"(?P<id>\d+(?:\.\d+)*[a-z]?)(?P<opt>\*?)[.):]?[ \t]+(?=\S)"),
)  # fmt: skip
_LEADING_BOLD = re.compile(r"^(\*\*|__)(?P<bold>.+?)\1")
_PARALLEL = re.compile(r"[ \t]*(?:\(P\)|\[P\])(?=[ \t]|$)")
_STORIES = re.compile(r"^(?:\[US\d+\][ \t]*)+", re.IGNORECASE)
_OPTIONAL_END = re.compile(r"[ \t]*(?:\(optional\)|\[optional\])[ \t]*$", re.IGNORECASE)


@dataclass(frozen=True)
class TaskLine:
    """What one task line says about itself."""

    line: Line
    indent: int  # columns; below zero for a heading, which stands above every list item
    mark: str
    mark_offset: int  # in the file, in bytes
    optional: bool
    id: str  # "" where the line carries none
    numbered_by_list: bool  # its number is that of an ordered list, outside the box
    title: str
    parallel: bool
    stories: tuple[str, ...] = ()  # labels of user stories: [US1]

    @property
    def state(self) -> State:
        """What the mark means."""
        return _STATES[self.mark]

    @cached_property
    def hash(self) -> str:
        """Digest of the line without its mark: it stays the same while the state changes."""
        before = self.mark_offset - self.line.offset
        data = self.line.text.encode("utf-8", "surrogateescape")
        masked = data[:before] + b"?" + data[before + len(self.mark.encode()) :]
        return hashlib.sha256(masked).hexdigest()


def read_task_line(line: Line) -> TaskLine | None:
    """Return what a task line says, or None for every other line and for code."""
    # Most lines are none: these are not worth remembering.
    return None if line.code or not _TASK_LINE.match(line.text) else _read(line)


@lru_cache(maxsize=8192)  # a tick leaves all other lines as they are
def _read(line: Line) -> TaskLine | None:
    match = _TASK_LINE.match(line.text)
    if match is None:
        return None
    group = "box" if match["box"] is not None else "symbol"
    before = line.text[: match.start(group)].encode("utf-8", "surrogateescape")
    rest, optional = match["rest"], bool(match["optional"])
    number = re.sub(r"^[Tt]ask[ \t]+", "", match["number"] or "")
    found = None if number else _leading_id(rest)
    if found:
        number, starred, rest = found
        optional = optional or starred
    title, parallel, called_optional = _clean_title(rest)
    title, stories = _without_stories(title)
    return TaskLine(
        line=line,
        indent=line.level - 7 if line.level else len(match["indent"].expandtabs(4)),
        mark=match[group],
        mark_offset=line.offset + len(before),
        optional=optional or called_optional,
        id=number,
        numbered_by_list=bool(match["number"]) and match["number"].isdigit(),
        title=title,
        parallel=parallel,
        stories=stories,
    )


def _leading_id(rest: str) -> tuple[str, bool, str] | None:
    plain = _LEADING_BOLD.sub(lambda bold: bold["bold"], rest, count=1)
    for pattern in _IDS:
        if found := pattern.match(plain):
            return found["id"], bool(found["opt"]), plain[found.end() :]
    return None


def _clean_title(rest: str) -> tuple[str, bool, bool]:
    title = _LEADING_BOLD.sub(lambda bold: bold["bold"], rest.strip(), count=1)
    title, parallel = _PARALLEL.subn("", title)
    title, optional = _OPTIONAL_END.subn("", title)
    title = title.strip().removeprefix("**").removesuffix("**").lstrip(":–— \t").strip()
    return title, bool(parallel), bool(optional)


def _without_stories(title: str) -> tuple[str, tuple[str, ...]]:
    """Take labels of user stories off the front of a title, unless they are all of it."""
    labels = _STORIES.match(title)
    if not labels or labels.end() == len(title):
        return title, ()
    return title[labels.end() :], tuple(re.findall(r"US\d+", labels[0].upper()))
