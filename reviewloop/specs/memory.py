"""The steering file of lessons: one lesson per line, each with its source."""

import hashlib
import re

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.regex import regex

NAME = "memory.md"
MOST_LINES = 200
"""Most lines of the file: every agent of every run gets all of them."""

_HEAD = "# What was learned\n\nA line a lesson, with where it comes from.\n"
_LESSON = regex(r"^- (?P<text>.*?)(?: \((?P<source>[^()]*)\))?$")


@dataclass(frozen=True)
class Lesson:
    """A sentence to remember, and its source: `modify, run 2.1-x`."""

    text: str
    source: str

    @property
    def id(self) -> str:
        """A short id that depends on the sentence alone."""
        return hashlib.sha256(" ".join(self.text.casefold().split()).encode()).hexdigest()[:6]

    @property
    def line(self) -> str:
        """The lesson as its line of the file."""
        return f"- {self.text} ({self.source})"


def lesson(text: str, source: str) -> Lesson:
    """Return a lesson from a text, on one line and without the syntax of an id or a source."""
    plain = " ".join(text.split()).replace("<!--", "").replace("#[[", "[[").strip("- ")
    return Lesson(plain, re.sub(r"[()]", "", source))


def read_lessons(text: str) -> list[Lesson]:
    """Return the lessons of a memory file, in its order; other lines are the user's own."""
    found = (_LESSON.match(line) for line in text.splitlines())
    return [Lesson(one["text"], one["source"] or "by hand") for one in found if one]


def with_lessons(text: str, lessons: list[Lesson], path: str) -> str:
    """Return the file with more lessons at its end; raise `UsageError` if it gets too long."""
    known = {one.id for one in read_lessons(text)}
    fresh = [one.line for one in lessons if one.id not in known]
    body = text.rstrip("\n") if text.strip() else _HEAD.rstrip("\n") + "\n"
    joined = "\n".join([body, *fresh]) + "\n"
    if len(joined.splitlines()) > MOST_LINES:
        raise UsageError(
            f"{path} would have {len(joined.splitlines())} lines, and every run reads all of them; "
            f"at most {MOST_LINES}: `reviewloop memory list`, then `reviewloop memory forget ID`"
        )
    return joined


def without_lessons(text: str, idents: set[str]) -> str:
    """Return the file without the lessons of these ids."""
    kept = []
    for line in text.splitlines(keepends=True):
        found = _LESSON.match(line.rstrip("\n"))
        if not (found and Lesson(found["text"], "").id in idents):
            kept.append(line)
    return "".join(kept)
