"""Recognises the code that a finding was about in a later version of its file, without keeping it.

A print is `LINES:HASH` over whole lines, blank ones left out and white space and case ignored as
in fingerprints; `file` where only the file is known, `none` where none exists, "" where nothing
can be said later.
"""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Callable
from enum import Enum

from reviewloop.analysis.placing import QUOTE_WIDTH
from reviewloop.domain.finding import Finding
from reviewloop.review.anchoring import occurrences

WHOLE_FILE = "file"
NO_FILE = "none"  # neither the code nor the file of the finding exists
_MOST_LINES = 60  # of a finding that spans more, the first ones stand for all
_IGNORES = re.compile(r"reviewloop:\s{0,4}ignore\[")
_OPENERS = ("{/*", "/*", "{#", "#", "//", "<!--", "--", ";", "%")  # longer ones first


class Fate(Enum):
    """What became of the code of a finding."""

    THERE = "there"
    GONE = "gone"
    FILE_GONE = "file gone"
    UNKNOWN = "unknown"


class Codeprints:
    """The files of one tree; `read` returns a file's text, or None where there is none."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self._read = read
        self._lines: dict[str, list[tuple[int, str]] | None] = {}
        self._prints: dict[tuple[str, int], frozenset[str]] = {}

    def of(self, finding: Finding) -> str:
        """Return the print of the code that a finding of this tree is about."""
        if not finding.may_fail:
            return NO_FILE
        lines = self._of_file(finding.path) if finding.path else None
        if lines is None or finding.side != "new":
            return ""
        first = finding.line or 0
        last = finding.end_line or first
        start = bisect_left(lines, (first, ""))
        inside = [text for number, text in lines[start : start + _MOST_LINES] if number <= last]
        return _print(inside) if finding.line and inside else WHOLE_FILE

    def again(self, finding: Finding) -> tuple[str, Fate]:
        """Return the print of what a finding of an earlier tree quotes, and what became of it."""
        lines, quote = self._of_file(finding.path), finding.quote
        if lines is None:
            return WHOLE_FILE, Fate.FILE_GONE
        # A quote that is not the code itself cannot be missed: secrets hidden, long lines cut.
        partial = "⟦" in quote or "…" in quote or max(map(len, quote.split("\n"))) >= QUOTE_WIDTH
        if finding.side != "new" or not quote.strip() or partial:
            return WHOLE_FILE, Fate.UNKNOWN
        hits = occurrences(quote, self._read(finding.path) or "")
        if not hits:
            return _print([text for _, text in _lines(quote)]), Fate.GONE
        line, last = min(hits, key=lambda hit: abs(hit[0] - (finding.line or hit[0])))
        return self.of(finding.model_copy(update={"line": line, "end_line": last})), Fate.THERE

    def fate(self, path: str, code: str) -> Fate:
        """Return what became of code that had this print."""
        if code in {"", NO_FILE} or not path:
            return Fate.UNKNOWN
        lines = self._of_file(path)
        if lines is None:
            return Fate.FILE_GONE
        if code == WHOLE_FILE:
            return Fate.UNKNOWN
        span = min(int(code.partition(":")[0]), _MOST_LINES)
        if (path, span) not in self._prints:
            texts = [text for _, text in lines]
            windows = range(len(texts) - span + 1) if span else range(0)
            found = frozenset(_print(texts[at : at + span]) for at in windows)
            self._prints[path, span] = found
        return Fate.THERE if code in self._prints[path, span] else Fate.GONE

    def _of_file(self, path: str) -> list[tuple[int, str]] | None:
        if path not in self._lines:
            text = self._read(path)
            self._lines[path] = None if text is None else _lines(text)
        return self._lines[path]


def _lines(text: str) -> list[tuple[int, str]]:
    numbered = enumerate(text.split("\n"), 1)
    plain = ((number, " ".join(_code(line).split()).casefold()) for number, line in numbered)
    return [(number, line) for number, line in plain if line]


def _code(line: str) -> str:
    """Return a line without a comment that silences: that changes the line, but not its code."""
    silenced = _IGNORES.search(line) if "reviewloop:" in line else None
    if silenced is None:
        return line
    before = line[: silenced.start()].rstrip()
    opener = next((each for each in _OPENERS if before.endswith(each)), "")
    return before.removesuffix(opener)


def _print(lines: list[str]) -> str:
    data = "\n".join(lines).encode("utf-8", "replace")
    return f"{len(lines)}:{hashlib.sha256(data).hexdigest()[:8]}"
