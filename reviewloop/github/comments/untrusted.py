"""Text of models and repositories where GitHub, a bot or a runner would act on it: it only shows.

Marks of ours inside such text are broken, so that nobody writes into our memory through it.
"""

import re
import secrets
from collections.abc import Iterable

from reviewloop.render import untrusted
from reviewloop.render.untrusted import safe

_MARK = re.compile(r"<!--+(?=\s*reviewloop)", re.IGNORECASE)
_ORDER = re.compile(r"(reviewloop)(?=\s*:)", re.IGNORECASE)
_ITEM = re.compile(r"[-*+] +(?=\S)")
_SPAN = re.compile(r"(?<!`)(`{1,2})(?!`)([^`]+)(?<!`)\1(?!`)")
_BREAK = "\u200b"  # zero width: seen by programs that look for a command, by nobody else


def sanitised(text: str, most: int = 8000) -> str:
    """Return text of others as Markdown that formats nothing but lists and `code`.

    It cannot mention, link, load an image, close an issue, give a command or pass for our mark.
    Of more than `most` characters the rest is left out with a sign.
    """
    text = safe(text).strip()
    if len(text) > most:
        text = text[: most - 1].rstrip() + "…"
    return "\n".join(_line(line) for line in text.split("\n"))


def sanitised_line(text: str, most: int = 1000) -> str:
    """Return the same as one line, which can stand in a list or a table."""
    return sanitised(" ".join(safe(text).split()), most)


def code(text: str) -> str:
    """Return text of others as inline code; "" for nothing."""
    return unmarked(untrusted.code(text))


def unmarked(text: str) -> str:
    """Return the text with what would pass for a mark of ours broken, to be used inside code."""
    return _MARK.sub("<!- -", text)


def told(lines: Iterable[str], token: str = "") -> str:
    """Return text of others for the log of a workflow, which obeys no command in it.

    `token` ends that again; by default 128 random bits, which nobody can have written before.
    """
    token = token or secrets.token_hex(16)
    shown = [safe(line).replace(token, "***") for line in lines]
    return "\n".join([f"::stop-commands::{token}", *shown, f"::{token}::"])


def _line(line: str) -> str:
    line = unmarked(line.strip())
    item = _ITEM.match(line)
    start, rest = ("- ", line[item.end() :]) if item else ("", line)
    pieces, at = [], 0
    for span in _SPAN.finditer(rest):
        pieces += [_words(rest[at : span.start()], first=at == 0), code(span[2])]
        at = span.end()
    pieces.append(_words(rest[at:], first=at == 0))
    return start + "".join(pieces)


def _words(text: str, *, first: bool) -> str:
    """Return words as they are, with the space around them."""
    if not text.strip():
        return " " if text else ""
    before = " " if text[0].isspace() and not first else ""
    after = " " if text[-1].isspace() else ""
    shown = _ORDER.sub(r"\1" + _BREAK, untrusted.plain(text))
    if first and shown.startswith("/"):
        # Other bots obey a slash at the start of a line, whoever wrote it.
        shown = "&#47;" + shown[1:]
    return before + shown + after
