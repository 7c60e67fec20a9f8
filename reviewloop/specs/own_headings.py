"""A single-file spec under headings of the user's own: reads its phases, and edits them in place.

`spec new` writes a single file under four headings. Users have others: `## Functional
Requirements`, `## Architecture`, `## Implementation Plan`. A revision keeps those and their order.
"""

from collections.abc import Iterator, Mapping

from reviewloop.dataclass import dataclass
from reviewloop.specs.general import kind_of
from reviewloop.specs.lines import read_document

_PHASE_OF = {"tasks": "tasks", "design": "high_level", "requirements": "requirements"}


@dataclass(frozen=True)
class Part:
    """A section of the file, its heading first; the text above all of them has no title."""

    phase: str
    title: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The section without empty lines around it."""
        return "\n".join(self.lines).strip("\n")


def own_parts(text: str, titles: Mapping[str, str]) -> tuple[Part, ...]:
    """Return the sections of a file with the phase of each; none if it has the usual headings.

    `titles` are the usual ones, by phase.
    """
    found = tuple(_parts(text, titles, "requirements"))
    named = {part.title for part in found if part.title}
    usual = titles["requirements"] in named and all(
        titles[phase] in named or not _has_other(found, phase, titles)
        for phase in ("high_level", "tasks")
    )
    return () if usual or not named or not _titled_once(text) else found


def text_of_phase(parts: tuple[Part, ...], phase: str) -> str:
    """Return the sections of a phase as one document, "" for none."""
    texts = [part.text for part in parts if part.phase == phase and part.text.strip()]
    return "\n\n".join(texts) + "\n" if texts else ""


def foreign_headings(text: str, phase: str, titles: Mapping[str, str]) -> list[str]:
    """Return the headings of a document that belong to another phase."""
    return [part.title for part in _parts(text, titles, phase) if part.phase != phase]


def with_phase_replaced(
    parts: tuple[Part, ...], phase: str, text: str, titles: Mapping[str, str]
) -> str:
    """Return the file with a phase's sections replaced by those of a document.

    A section replaces the one with its title, a new one follows the section before it. Text above
    all sections stays, unless the document begins with the same line.
    """
    new = [part for part in _parts(text, titles, phase) if part.title or part.text.strip()]
    kept: list[Part] = [part for part in parts if part.phase != phase]
    old: dict[str, list[Part]] = {}
    for part in parts:
        if part.phase == phase:
            old.setdefault(part.title, []).append(part)
    if "" in old and not any(_same_top(old[""][0], part) for part in new):
        new = [old[""][0], *(part for part in new if part.title)]
    index = _first_index(parts, phase, titles)
    result: list[Part] = list(parts)
    for part in new:
        if same := old.get(part.title):
            index = result.index(same.pop(0))
            result[index] = part
        else:
            result.insert(index, part)
        index += 1
    stays = [part for part in result if part in kept or part in new]
    return "\n".join(_lines_of(stays, kept)).rstrip("\n") + "\n"


def _lines_of(parts: list[Part], kept: list[Part]) -> Iterator[str]:
    for part in parts:
        if part in kept:
            yield from part.lines
        else:
            yield from (*part.text.split("\n"), "")


def _first_index(parts: tuple[Part, ...], phase: str, titles: Mapping[str, str]) -> int:
    """Return the index of a phase's first section, else that of the first later phase."""
    order = list(titles)
    own = [index for index, part in enumerate(parts) if part.phase == phase]
    later = [
        index for index, part in enumerate(parts) if order.index(part.phase) > order.index(phase)
    ]
    return next(iter(own or later), len(parts))


def _same_top(top: Part, part: Part) -> bool:
    return not part.title and part.text.split("\n")[0] == top.text.split("\n")[0]


def _has_other(parts: tuple[Part, ...], phase: str, titles: Mapping[str, str]) -> bool:
    known = set(titles.values())
    return any(part.phase == phase and part.title not in known for part in parts if part.title)


def _titled_once(text: str) -> bool:
    lines = read_document(text.encode("utf-8", "surrogateescape")).lines
    return sum(line.level == 1 for line in lines) <= 1


def _parts(text: str, titles: Mapping[str, str], phase: str) -> Iterator[Part]:
    """Yield the sections; one whose heading names no phase belongs to the section above it."""
    lines = text.split("\n")
    document = read_document(text.encode("utf-8", "surrogateescape")).lines
    heads = [(line.number - 1, line.title) for line in document if line.level == 2]
    starts = [*(start for start, _ in heads), len(lines)]
    yield Part(phase, "", tuple(lines[: starts[0]]))
    for (start, title), end in zip(heads, starts[1:], strict=True):
        if title.casefold() == titles["low_level"].casefold():
            phase = "low_level"
        elif kind := kind_of(title):
            phase = _PHASE_OF.get(kind, phase)
        yield Part(phase, title, tuple(lines[start:end]))
