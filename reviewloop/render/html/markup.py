"""Escapes text of models and repositories for HTML."""

import html
import json
from collections.abc import Iterable
from typing import Any

from reviewloop.regex import regex
from reviewloop.render.code_view import Piece, shown_path
from reviewloop.render.untrusted import one_line, safe

_LONGEST_LINE = 2000  # characters of a line that the page shows
_HIDDEN = regex(r"&lt;U\+[0-9A-F]{4,6}&gt;|[\u2400-\u241f\u2421]")


def words(text: str) -> str:
    """Return text as one escaped line; hidden characters are shown."""
    return html.escape(one_line(text))


def prose(text: str) -> str:
    """Return escaped text whose line ends are kept."""
    return html.escape(safe(text).strip()).replace("\n", "<br>")


def path_words(path: str) -> str:
    """Return an escaped path."""
    return html.escape(shown_path(path))


def code_piece(piece: Piece) -> str:
    """Return a line of code with its marked part, cut when it is very long."""
    before, marked, after = piece
    if len(before) > _LONGEST_LINE:
        before = "…" + before[-_LONGEST_LINE // 2 :]
    marked, after = shortened(marked), shortened(after)
    inner = f"<mark>{code_words(marked)}</mark>" if marked else ""
    return f"{code_words(before)}{inner}{code_words(after)}"


def code_words(text: str) -> str:
    """Return visible code (`code_view.visible`) escaped, hidden characters set apart."""
    return _HIDDEN.sub(lambda found: f"<i>{found.group()}</i>", html.escape(text))


def shortened(text: str) -> str:
    """Return text cut to the page's limit, with the number of missing characters."""
    if len(text) <= _LONGEST_LINE:
        return text
    return f"{text[:_LONGEST_LINE]} … {len(text) - _LONGEST_LINE:,} more characters"


def attributes(**values: str | int) -> str:
    """Return escaped attributes; `_` in a name becomes `-`, a trailing one is dropped."""
    pairs = ((name.rstrip("_").replace("_", "-"), str(value)) for name, value in values.items())
    return "".join(f' {name}="{html.escape(value)}"' for name, value in pairs)


def link(text: str, url: str) -> str:
    """Return a link to an https address, otherwise the text alone; `text` is escaped already."""
    if not url.startswith("https://"):
        return text
    return f"<a{attributes(href=url, rel='noreferrer noopener', target='_blank')}>{text}</a>"


def data(value: Any) -> str:
    """Return JSON that stays inside of a `script` element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def joined(parts: Iterable[str]) -> str:
    """Return the non-empty parts, one a line."""
    return "\n".join(part for part in parts if part)
