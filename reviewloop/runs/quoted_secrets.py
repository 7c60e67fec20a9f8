"""Hides the secrets that findings are about in the code that reports quote.

What a vendor issued is recognised wherever it stands. These are not: only their name or place
betrays them, so they are known by the findings. A character stands for a character, and the places
that findings name stay exact.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from reviewloop.findings import Finding
from reviewloop.secrets.scanning import masked_value

_RULES = "secret/"
_HIDDEN = "•"
_EVERYWHERE = 12  # characters; a shorter value may be an ordinary word elsewhere

ReadText = Callable[[str], str | None]


class QuotedSecrets:
    """The secrets of some findings; `read` returns the text of a file as it is."""

    def __init__(self, findings: Iterable[Finding], read: ReadText) -> None:
        self._read = read
        self._findings: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            one_place = finding.line and 0 < finding.column < finding.end_column
            if finding.rule.startswith(_RULES) and one_place:
                self._findings[finding.path].append(finding)
        self._known: dict[str, list[str]] = {}

    def without(self, path: str, text: str) -> str:
        """Return text of a file, or a part of it, without the secrets found in that file."""
        values = self._values(path)
        if not any(value in text for value in values):
            return text
        raw = set(self._lines(path))
        return "\n".join(
            self._hidden(line, values, bool({line, line[1:]} & raw)) for line in text.split("\n")
        )

    def _hidden(self, line: str, values: Iterable[str], whole: bool) -> str:
        for value in values:
            if len(value) >= _EVERYWHERE or whole:
                line = line.replace(value, _in_place(value))
        return line

    def _values(self, path: str) -> list[str]:
        """Return the secrets of a file, the longest first: one may be a part of another."""
        if path not in self._known:
            lines = (self._read(path) or "").split("\n") if path in self._findings else []
            found = {
                lines[f.line - 1][f.column - 1 : f.end_column - 1]
                for f in self._findings.get(path, ())
                if f.line and f.line <= len(lines)
            }
            self._known[path] = sorted((v for v in found if v.strip()), key=len, reverse=True)
        return self._known[path]

    def _lines(self, path: str) -> list[str]:
        """Return the lines that hold a secret of the file."""
        lines = (self._read(path) or "").split("\n")
        numbers = (f.line for f in self._findings[path] if f.line and f.line <= len(lines))
        return [lines[number - 1] for number in numbers]


def _in_place(value: str) -> str:
    """Return as many characters, of which the first ones tell which secret it is."""
    shown = masked_value(value).partition("…")[0]
    return shown + _HIDDEN * (len(value) - len(shown))
