"""Makes text of models and repositories safe for terminals, commit messages and Markdown."""

import re
import textwrap
import unicodedata
from collections.abc import Iterable

from reviewloop.domain.hidden_characters import show_hidden
from reviewloop.regex import regex

_ESCAPES = regex(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC and similar: titles, links, clipboard
    r"|\x1b[ -/]*[0-~]"
    r"|\x9b[0-?]*[ -/]*[@-~]",
    re.DOTALL,
)
_TAB = " " * 4
_SEPARATORS = {0x2028: " ", 0x2029: " "}
_MARK = "<U+{:04X}>"
_HARMLESS = {"\u200d", "\ufe0e", "\ufe0f"}  # what remains of these only joins and colours emoji


def without_escapes(text: str) -> str:
    """Return the text without terminal sequences that move the cursor, colour, link or write."""
    return _ESCAPES.sub("", text)


def one_line(text: str) -> str:
    """Return the text as one line without control characters; white space is collapsed."""
    return re.sub(r"\s+", " ", safe(text)).strip()


def safe(text: str) -> str:
    """Return the text without terminal escapes; hidden characters are shown as code points.

    Line ends stay, carriage returns become line ends, tabs become four spaces.
    """
    text = without_escapes(text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", _TAB)
    text = show_hidden(text.translate(_SEPARATORS), _MARK)
    odd = {ord(char): shown for char in set(text) if (shown := _shown(char)) != char}
    return text.translate(odd) if odd else text


def _shown(char: str) -> str:
    if char == "\n" or char.isprintable() or char in _HARMLESS:
        return char
    return " " if unicodedata.category(char) == "Zs" else _MARK.format(ord(char))


LONGEST = 4000  # characters of one author's text
_WIDTH = 72

_REFERENCE = r"(?:[\w.-]+/)*[\w.-]*#\d+|GH-\d+|https?://\S+"
_CLOSING = regex(
    r"\b(clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?)"
    rf"(:?\s+(?:issues?\s+)?)({_REFERENCE})",
    re.IGNORECASE,
)
_MENTION = regex(r"(?<![\w`])@(?=\w)")
_SKIP = regex(r"\[\s*((?:skip|no)[ _-][\w. -]{1,24}|[\w.-]{1,24}[ _-]skip)\s*\]", re.IGNORECASE)
_NO_CI = regex(r"\*{3}\s*(NO_CI)\s*\*{3}", re.IGNORECASE)
_SMART = regex(r"(\b[A-Z][A-Z0-9]+-\d+\b.*?\s)#(?=[a-z])")
# Lines that git, a host or a reader could take for ours: comments, trailers, `Review: ...`,
# commands.
_LOOKS_OURS = regex(r"#|::|[A-Za-z][\w -]{0,40}:( |$)")


def commit_line(text: str) -> str:
    """Return text as one line without effects on any host."""
    return _harmless(one_line(text))


def commit_paragraphs(text: str) -> str:
    """Return a model's text as wrapped paragraphs, at most `LONGEST` characters of it.

    Lines that could be taken for ours are indented.
    """
    text = safe(text).strip()
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    lines = []
    for part in _harmless(text).split("\n"):
        lines += textwrap.wrap(part, _WIDTH) or [""]
    return "\n".join("  " + part if _LOOKS_OURS.match(part) else part for part in lines)


def _harmless(text: str) -> str:
    text = _CLOSING.sub(r"\1\2(\3)", text)
    text = _SMART.sub(r"\1# ", text)
    text = _SKIP.sub(r"(\1)", _NO_CI.sub(r"\1", text))
    return _MENTION.sub("@ ", text)


_SPECIAL = regex(r"([\\`*_\[\]|~$])")
_AT_START = regex(r"^([-+=#]|\d+[.)])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BREAK = "\u200b"  # zero width: it breaks names and links for programs and is invisible


def plain(text: str) -> str:
    """Return text as one line without Markdown formats, HTML, links or mentions."""
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
    """Return the name of a file's language for a fence, "" if its name does not show it."""
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
