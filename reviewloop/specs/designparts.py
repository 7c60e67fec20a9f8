"""Chooses the parts of a design that matter for one task."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from reviewloop.specs.lines import read_document
from reviewloop.specs.words import estimate_tokens, fits, named_paths, terms

_IN_HEADING, _IN_BODY, _NAMED_FILE, _REQUIREMENT, _GENERAL = 3.0, 1.0, 5.0, 4.0, 1.5
_GENERAL_HEADING = re.compile(r"\b(?:overview|architecture|summary|principles)\b", re.IGNORECASE)
_REQUIREMENT_LIST = re.compile(r"requirements?\W+(?P<ids>[\w.,\s–-]*\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """A heading with the text up to the next heading; `trail` names the headings above it."""

    trail: tuple[str, ...]
    text: str

    @property
    def name(self) -> str:
        """The headings that lead here."""
        return " > ".join(self.trail) or "(beginning)"


@dataclass(frozen=True)
class Choice:
    """The chosen text in the order of the design, and the names of what was left out."""

    text: str
    left_out: tuple[str, ...]


def choose_design(
    design: str, words: Collection[str], about: str, requirements: Sequence[str], budget: int
) -> Choice:
    """Return the whole design if it fits the budget (in tokens), else the parts that match best.

    `words` are the task's telling words, `about` its text, `requirements` the ids it names.
    """
    if estimate_tokens(design) <= budget:
        return Choice(design, ())
    parts = split_design(design)
    paths = named_paths(about)
    scores = [_score(part, words, paths, requirements) for part in parts]
    order = sorted(range(len(parts)), key=lambda index: (-scores[index], index))
    chosen: set[int] = set()
    room = budget
    for index in order:
        cost = estimate_tokens(parts[index].text) + 1
        if scores[index] > 0 and cost <= room:
            chosen.add(index)
            room -= cost
    text = "\n\n".join(part.text for index, part in enumerate(parts) if index in chosen)
    left_out = [part.name for index, part in enumerate(parts) if index not in chosen]
    return Choice(text, tuple(left_out))


def split_design(design: str) -> list[Part]:
    """Split a design at its headings; headings in code are none, empty parts are dropped."""
    parts: list[Part] = []
    trail: list[tuple[int, str]] = []
    current: list[str] = []
    lines = read_document(design.encode("utf-8", "surrogateescape")).lines
    for line in lines:
        if line.level:
            _close(parts, trail, current)
            trail = [one for one in trail if one[0] < line.level] + [(line.level, line.title)]
            current = []
        current.append(line.text)
    _close(parts, trail, current)
    return parts


def _close(parts: list[Part], trail: list[tuple[int, str]], lines: list[str]) -> None:
    text = "\n".join(lines).strip()
    body = lines[1:] if trail else lines
    if any(line.strip() for line in body):
        parts.append(Part(tuple(title for _, title in trail), text))


def _score(
    part: Part, words: Collection[str], paths: Sequence[str], requirements: Sequence[str]
) -> float:
    heading = " ".join(part.trail)
    score = sum(_IN_HEADING for word in terms(heading) if fits(word, words))
    score += sum(_IN_BODY for word in terms(part.text) if fits(word, words))
    score += sum(_NAMED_FILE for path in paths if path in part.text)
    named = " ".join(found["ids"] for found in _REQUIREMENT_LIST.finditer(part.text))
    ids = set(re.findall(r"[\w-]*\d+(?:\.\d+)*", named))
    score += sum(_REQUIREMENT for one in requirements if one in ids)
    return score + (_GENERAL if _GENERAL_HEADING.search(heading) else 0.0)
