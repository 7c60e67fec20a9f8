"""Splits a Markdown file into lines with their byte offsets, and into sections."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

_FENCE = regex(r"^\s*(?:[-*+]\s+)?(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
_HEADING = regex(r"^ {0,3}(?P<marks>#{1,6})[ \t]+(?P<title>.*?)[ \t]*#*[ \t]*$")


@dataclass(frozen=True)
class Line:
    """One line without its end; `offset` is the start of its text in the file, in bytes."""

    number: int
    offset: int
    text: str
    code: bool  # inside a fence or a comment: shown, never read as structure
    level: int = 0  # of a heading; 0 for everything else
    title: str = ""  # of a heading


@dataclass(frozen=True)
class Document:
    """The lines of a file, and the line of a fence that is never closed (0: none)."""

    lines: tuple[Line, ...]
    open_fence: int = 0


@dataclass(frozen=True)
class Section:
    """A heading with everything up to the next heading of its level or above."""

    level: int
    title: str
    lines: tuple[Line, ...]  # the heading included

    @property
    def text(self) -> str:
        """The section as written, line ends normalised."""
        return "\n".join(line.text for line in self.lines).strip("\n")


@lru_cache(maxsize=6)  # a batch reads the same files for each task
def read_document(data: bytes) -> Document:
    """Split bytes into lines; LF and CRLF both end one, a BOM is dropped."""
    lines: list[Line] = []
    offset = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    fence, fence_line, comment = "", 0, False
    for number, raw in enumerate(data[offset:].split(b"\n"), start=1):
        text = raw.removesuffix(b"\r").decode("utf-8", "surrogateescape")
        code = bool(fence) or comment
        mark = None if comment else _FENCE.match(text)
        if fence:
            closes = mark and mark["mark"].startswith(fence) and not mark["info"].strip()
            fence = "" if closes else fence
        elif mark:
            fence, fence_line, code = mark["mark"], number, True
        elif comment or text.lstrip().startswith("<!--"):
            code = comment or "-->" not in text or text.rstrip().endswith("-->")
            comment = "-->" not in text
        heading = None if code else _HEADING.match(text)
        level, title = (len(heading["marks"]), heading["title"]) if heading else (0, "")
        lines.append(Line(number, offset, text, code, level, title))
        offset += len(raw) + 1
    return Document(tuple(lines), fence_line if fence else 0)


def sections(lines: Sequence[Line]) -> list[Section]:
    """Return every section in order; nested ones appear again on their own."""
    starts = [index for index, line in enumerate(lines) if line.level]
    found = []
    for number, start in enumerate(starts):
        head = lines[start]
        later = (index for index in starts[number + 1 :] if lines[index].level <= head.level)
        end = next(later, len(lines))
        found.append(Section(head.level, head.title, tuple(lines[start:end])))
    return found


def outermost(found: Sequence[Section], accepts: Callable[[Section], bool]) -> list[Section]:
    """Return the accepted sections that are not inside another accepted one."""
    chosen: list[Section] = []
    for section in found:
        inner = chosen and section.lines[0].number <= chosen[-1].lines[-1].number
        if not inner and accepts(section):
            chosen.append(section)
    return chosen


def fenced_blocks(lines: Sequence[Line]) -> list[tuple[int, str, str]]:
    """Return (line number, info string, content) of each fenced block."""
    blocks: list[tuple[int, str, str]] = []
    fence, info, start = "", "", 0
    content: list[str] = []
    for line in lines:
        mark = _FENCE.match(line.text) if line.code else None
        if fence:
            if mark and mark["mark"].startswith(fence) and not mark["info"].strip():
                blocks.append((start, info, "\n".join(content)))
                fence = ""
            else:
                content.append(line.text)
        elif mark:
            fence, info, start, content = mark["mark"], mark["info"].strip(), line.number, []
    return blocks
