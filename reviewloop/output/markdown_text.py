"""Text of others inside our Markdown: it can neither format, link, mention nor break out."""

import re
from collections.abc import Iterable

from reviewloop.output.untrusted import one_line

_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
_AT_START = re.compile(r"^([-+=#]|\d+[.)])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BREAK = "\u200b"  # zero width: seen by the program that looks for a name or link, by nobody else


def plain(text: str) -> str:
    """Return text as one line that Markdown shows as it is: no format, HTML, link or mention."""
    text = one_line(text)
    for char, entity in _HTML.items():
        text = text.replace(char, entity)
    # Before the backslashes, so that a name is broken and not only escaped.
    text = re.sub(r"@(?=\w)", "@" + _BREAK, text)
    text = re.sub(r"#(?=\w)", "#" + _BREAK, text)
    text = re.sub(r"\b(GH-)(?=\d)", r"\1" + _BREAK, text, flags=re.IGNORECASE)
    text = re.sub(r":(?=//)", ":" + _BREAK, text)
    text = re.sub(r"\b(www)\.", r"\1" + _BREAK + ".", text, flags=re.IGNORECASE)
    text = _SPECIAL.sub(r"\\\1", text)
    return _AT_START.sub(lambda found: f"{found.group()[:-1]}\\{found.group()[-1]}", text)


def code(text: str) -> str:
    """Return text as inline code, whatever it holds; "" for nothing."""
    text = one_line(text)
    if not text:
        return ""
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def fenced(lines: Iterable[str], language: str = "") -> str:
    """Return lines of code between fences that the code itself cannot close.

    The lines are safe to show already (`code_view.visible`).
    """
    body = "\n".join(lines)
    fence = "`" * max(3, _longest_run(body) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def language(path: str) -> str:
    """Return how the language of a file is named after a fence, "" if its name does not tell."""
    name = path.rpartition("/")[2]
    suffix = name.rpartition(".")[2].lower()
    return suffix if re.fullmatch(r"[a-z][a-z0-9]{0,11}", suffix) else ""


def link(text: str, url: str) -> str:
    """Return a link where the address is a plain https one, otherwise the text, as code."""
    if re.fullmatch(r"https://[\w.-]+(?:/[\w./~%#?=&+@:,;-]*)?", url, re.ASCII):
        return f"[{code(text)}](<{url}>)"
    return code(text)


def _longest_run(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)
