"""Makes characters visible that a user would not see but a model or a compiler would read.

Nothing is removed: hidden text is evidence. The bytes in git stay unchanged; the visible form maps
back to them, so that code with hidden characters can still be quoted and replaced.
"""

import re
import unicodedata

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

# Control characters, text direction, and characters that Unicode tells programs not to show.
HIDDEN_RANGES = (
    (0x00, 0x08),
    (0x0B, 0x1F),  # carriage returns before a line feed are allowed below
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),  # blank letters
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),  # lone surrogates: bytes that are not UTF-8
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),  # tags and variation selectors
)
# Built from numbers: this file must not hold the characters it looks for.
_SUSPECT = regex("[" + "".join(f"{chr(a)}-{chr(b)}" for a, b in HIDDEN_RANGES) + "]")
_SHOWN = regex(r"⟦U\+([0-9A-F]{4,6})⟧")

_JOINER = "\u200d"
_EMOJI_STYLE = "\ufe0f"
_TEXT_STYLE = "\ufe0e"
_KEYCAP = "\u20e3"
_AT_HOME = frozenset(("\r", "\ufeff", _EMOJI_STYLE, _TEXT_STYLE, _JOINER))  # allowed in some places
_STYLED = frozenset("©®‼⁉™ℹ〰〽")  # besides symbols, these take an emoji style
# They show what follows in another order; marks of direction alone move no code.
_REORDERING = regex("[\u202a-\u202e\u2066-\u2069]")
# Isolated text in which no comment or quoted text ends: what is around it keeps its place.
_ISOLATED = regex("[\u2066-\u2068][^\u2066-\u2069\u202a-\u202e\"'`*/>\n]*\u2069")


@dataclass(frozen=True)
class Hidden:
    """One hidden character: 1-based line (by LF) and column, and what it is."""

    line: int
    column: int
    char: str

    @property
    def code(self) -> str:
        """The code point as `U+202E`."""
        return f"U+{ord(self.char):04X}"

    @property
    def name(self) -> str:
        """Return its Unicode name."""
        if "\ud800" <= self.char <= "\udfff":
            return "byte that is not UTF-8"
        return unicodedata.name(self.char, "control character")


def show_hidden(text: str, mark: str = "⟦U+{:04X}⟧") -> str:
    """Return the text with every hidden character as `⟦U+XXXX⟧`; lines keep their numbers.

    Another `mark` is for text shown to people; only the default one can be restored.
    """

    marks: dict[str, str] = {}

    def shown(match: re.Match[str]) -> str:
        char = match.group()
        if char in _AT_HOME and _belongs(match):
            return char
        if char not in marks:
            marks[char] = mark.format(ord(char))
        return marks[char]

    return _SUSPECT.sub(shown, text)


def find_hidden(text: str) -> list[Hidden]:
    """Return the hidden characters of a text, in order."""
    found = []
    line, line_start, counted = 1, 0, 0
    for match in _SUSPECT.finditer(text):
        if _belongs(match):
            continue
        line += text.count("\n", counted, match.start())
        # Search only what is new: a line may hold a million of them.
        line_start = max(line_start, text.rfind("\n", counted, match.start()) + 1)
        counted = match.start()
        found.append(Hidden(line, match.start() - line_start + 1, match.group()))
    return found


def reorders(text: str, *, around_isolates: bool = False) -> bool:
    """Whether characters show parts of a text in another order than programs read them.

    With `around_isolates` an order that is only changed inside isolated text does not count.
    """
    return bool(_REORDERING.search(_ISOLATED.sub("", text) if around_isolates else text))


def restore_hidden(text: str) -> str:
    """Return the text with every `⟦U+XXXX⟧` turned back into its character."""
    return _SHOWN.sub(_restored, text)


def placeholders(text: str) -> list[str]:
    """Return every `⟦U+XXXX⟧` in the text."""
    return [match.group() for match in _SHOWN.finditer(text)]


def _restored(match: re.Match[str]) -> str:
    number = int(match.group(1), 16)
    if number > 0x10FFFF or not _SUSPECT.match(chr(number)):
        return match.group()  # not one of our marks
    return chr(number)


def _belongs(match: re.Match[str]) -> bool:
    """Return whether the character is in a normal position: line end, BOM at the start, in an
    emoji.
    """
    char, text, at = match.group(), match.string, match.start()
    before = text[at - 1 : at]
    after = text[at + 1 : at + 2]
    if char == "\r":
        return after == "\n"
    if char == "\ufeff":
        return at == 0
    if char in (_EMOJI_STYLE, _TEXT_STYLE):
        keycap = after == _KEYCAP and before in set("#*0123456789")
        return keycap or _is_symbol(before) or before in _STYLED
    if char == _JOINER:
        return (_is_symbol(before) or before == _EMOJI_STYLE) and _is_symbol(after)
    return False


def _is_symbol(char: str) -> bool:
    if not char or char.isascii():
        return False
    if (
        "\U0001f000" <= char <= "\U0001fbff"
    ):  # the blocks of emoji, also newer ones than Python knows
        return True
    return unicodedata.category(char) in ("So", "Sm")
