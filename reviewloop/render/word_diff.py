"""The difference between two texts word by word: `[-old-]{+new+}`, as git marks it."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from reviewloop.regex import regex

_AROUND = 2  # unchanged lines shown around a change
_ALIKE = 0.4  # share of common words below which two texts are unrelated
_TOKEN = regex(r"\s+|\w+|[^\w\s]")


def word_diff(before: str, after: str) -> str:
    """Return the changed lines with the lines around them, "" where nothing changed."""
    old, new = before.splitlines(), after.splitlines()
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    blocks = []
    for group in matcher.get_grouped_opcodes(_AROUND):
        lines = [
            line
            for kind, a, b, c, d in group
            for line in (old[a:b] if kind == "equal" else _changed(old[a:b], new[c:d]))
        ]
        first = group[0][3] + 1
        blocks.append("\n".join([f"@@ line {first} @@", *lines]))
    return "\n".join(blocks)


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Yield changed lines word by word; unrelated texts are marked as a whole."""
    tokens = _TOKEN.findall("\n".join(old)), _TOKEN.findall("\n".join(new))
    matcher = SequenceMatcher(None, *tokens, autojunk=False)
    if matcher.ratio() < _ALIKE:
        yield from filter(None, (_marked("[-", line, "-]") for line in old))
        yield from filter(None, (_marked("{+", line, "+}") for line in new))
        return
    parts = []
    for kind, a, b, c, d in matcher.get_opcodes():
        gone, come = "".join(tokens[0][a:b]), "".join(tokens[1][c:d])
        parts.append(
            come if kind == "equal" else _lines("[-", gone, "-]") + _lines("{+", come, "+}")
        )
    yield from "".join(parts).split("\n")


def _lines(opening: str, text: str, closing: str) -> str:
    """Return a text between marks, line by line: no mark spans a line end."""
    return "\n".join(_marked(opening, line, closing) for line in text.split("\n"))


def _marked(opening: str, text: str, closing: str) -> str:
    return f"{opening}{text}{closing}" if text else ""
