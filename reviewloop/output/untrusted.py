"""Text of models and repositories, made safe to show: it cannot move the cursor or hide itself."""

import re
import unicodedata

from reviewloop.workspace.hygiene import show_hidden

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC and its kin: titles, links, clipboard
    r"|\x1b[ -/]*[0-~]"
    r"|\x9b[0-?]*[ -/]*[@-~]",
    re.DOTALL,
)
_TAB = " " * 4
_SEPARATORS = {0x2028: " ", 0x2029: " "}
_MARK = "<U+{:04X}>"
_HARMLESS = {"\u200d", "\ufe0e", "\ufe0f"}  # what is left of them joins and colours emoji


def without_escapes(text: str) -> str:
    """Return the text without the sequences that move a cursor, colour, link or write elsewhere."""
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
