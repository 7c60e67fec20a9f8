"""The lines of code a finding is about, made safe to show, with the marked part of each."""

from collections.abc import Sequence
from typing import NamedTuple

from reviewloop.domain.finding import Finding
from reviewloop.regex import regex
from reviewloop.render.report import Source
from reviewloop.render.untrusted import one_line, safe

# Control characters become their pictures, so that none is lost and none has an effect.
_PICTURES = {code: chr(0x2400 + code) for code in range(32) if code != 9} | {127: "\u2421"}
_PICTURES |= {code: f"<U+{code:04X}>" for code in range(0x80, 0xA0)}
_BYTES = regex("[\udc80-\udcff]")  # bytes that are not UTF-8, as `os.fsdecode` returns them
_LONGEST_LINE = 20_000  # characters; a line can have millions


class Piece(NamedTuple):
    """A line in three parts, safe to show; `marked` is the part of the finding."""

    before: str
    marked: str
    after: str

    @property
    def text(self) -> str:
        """The whole line."""
        return self.before + self.marked + self.after


class CodeLine(NamedTuple):
    """A shown line; number 0 is a gap of `left_out` lines."""

    number: int
    piece: Piece
    inside: bool  # part of the finding
    left_out: int = 0


def split_lines(text: str | None) -> list[str]:
    """Return the lines of a text, separated by LF only; none for None."""
    if not text:
        return []
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


class FileLines:
    """The lines of files, each file read and split once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lines: dict[str, list[str]] = {}

    def of(self, path: str) -> list[str]:
        """Return the lines of a file, none when there is no such file."""
        if path not in self._lines:
            self._lines[path] = split_lines(self._source.text(path)) if path else []
        return self._lines[path]


def visible(code: str) -> str:
    """Return code without line ends as one safe line; controls are shown as pictures."""
    return safe(code.translate(_PICTURES))


def shown_path(path: str) -> str:
    r"""Return a path as one safe line; bytes that are not UTF-8 become `\xe9`.

    Controls are shown as pictures: removing escapes would name another file.
    """
    path = path.translate(_PICTURES)
    return one_line(_BYTES.sub(lambda found: f"\\x{ord(found.group()) - 0xDC00:02x}", path))


def line_range(finding: Finding, count: int) -> tuple[int, int] | None:
    """Return the first and last line of a finding in a file of `count` lines, None if outside."""
    first = finding.line
    if first is None or not 1 <= first <= count:
        return None
    return first, min(max(finding.end_line or first, first), count)


def excerpt(
    finding: Finding, lines: Sequence[str], *, around: int = 2, longest: int = 12
) -> list[CodeLine]:
    """Return the lines of a finding with `around` neighbours on both sides.

    The middle of more than `longest` lines is left out. None when the location is not in the file.
    """
    span = line_range(finding, len(lines))
    if span is None:
        return []
    first, last = span
    half = longest // 2 if last - first >= longest else last
    gap = range(first + half, last - half + 1)
    shown: list[CodeLine] = []
    for number in range(max(1, first - around), min(len(lines), last + around) + 1):
        if gap and number == gap[0]:
            shown.append(CodeLine(0, Piece("", "", ""), True, len(gap)))
        if number not in gap:
            inside = first <= number <= last
            shown.append(CodeLine(number, marked(finding, number, lines[number - 1]), inside))
    return shown


def marked(finding: Finding, number: int, line: str) -> Piece:
    """Return line `number` split at the columns of the finding.

    Without columns the quoted code is marked, else all but the white space around the line.
    """
    line = line.removesuffix("\r")
    first = finding.line or 0
    last = max(finding.end_line or first, first)
    if not first <= number <= last:
        return Piece(visible(line[:_LONGEST_LINE]), "", "")
    start, end = _whole(finding, line) if first == last else _trimmed(line)
    if number == first and finding.column > 0:
        start = min(finding.column - 1, len(line))
    if number == last and finding.column > 0 and finding.end_column > 0:
        end = min(finding.end_column - 1, len(line))
    elif number == last and finding.column > 0:
        end = len(line.rstrip())
    end = max(end, min(start + 1, len(line)))
    cut = max(0, start - _LONGEST_LINE)
    return Piece(
        ("…" if cut else "") + visible(line[cut:start]),
        visible(line[start : min(end, start + _LONGEST_LINE)]),
        visible(line[end : end + _LONGEST_LINE]),
    )


def _whole(finding: Finding, line: str) -> tuple[int, int]:
    quote = finding.quote.strip()
    start = line.find(quote) if quote and "\n" not in quote else -1
    return (start, start + len(quote)) if start >= 0 else _trimmed(line)


def _trimmed(line: str) -> tuple[int, int]:
    return len(line) - len(line.lstrip()), len(line.rstrip())
