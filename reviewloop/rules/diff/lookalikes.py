"""Detects letters that look like ASCII ones, and legitimate hidden characters.

The table holds the single letters and digits of Unicode's list of confusables (UTS #39, version
15.1, Unicode Licence v3) that look like one ASCII letter or digit, of the scripts used in
attacks: Latin, Greek, Cyrillic, Armenian, Cherokee, Coptic, Lisu and Georgian. Letters that Unicode
itself folds to ASCII (bold, fullwidth) are left to normalisation. U+04CF is under `l`, not
under `i` as in the list: addresses use it for that.

Each rule for legitimate use is narrow: one selector after a picture, the tags of a
real flag, one joiner between letters. Runs of them, which can carry a message, belong nowhere.
"""

import unicodedata

from reviewloop.domain.hidden_characters import Hidden
from reviewloop.regex import regex

_LOOK_LIKE = {
    "2": "\u01a7\u03e8\ua644\ua75a",
    "3": "\u01b7\u021c\u0417\u04e0\u2ccc\ua76a\ua7ab",
    "4": "\u13ce",
    "5": "\u01bc",
    "6": "\u0431\u13ee\u2cd2",
    "8": "\u0222\u0223",
    "9": "\u2cca\ua76e",
    "A": "\u0391\u0410\u13aa\ua4ee",
    "B": "\u0392\u0412\u13f4\ua4d0\ua7b4",
    "C": "\u0421\u13df\u2ca4\ua4da",
    "D": "\u13a0\ua4d3",
    "E": "\u0395\u0415\u13ac\ua4f0",
    "F": "\u03dc\ua4dd\ua798",
    "G": "\u050c\u13c0\u13f3\ua4d6",
    "H": "\u0397\u041d\u13bb\u2c8e\ua4e7",
    "J": "\u037f\u0408\u13ab\ua4d9\ua7b2",
    "K": "\u039a\u041a\u13e6\u2c94\ua4d7",
    "L": "\u13de\u2cd0\ua4e1",
    "M": "\u039c\u03fa\u041c\u13b7\u2c98\ua4df",
    "N": "\u039d\u2c9a\ua4e0",
    "O": "\u039f\u041e\u0555\u2c9e\ua4f3",
    "P": "\u03a1\u0420\u13e2\u2ca2\ua4d1",
    "R": "\u01a6\u13a1\u13d2\ua4e3",
    "S": "\u0405\u054f\u13d5\u13da\ua4e2",
    "T": "\u03a4\u0422\u13a2\u2ca6\ua4d4",
    "U": "\u054d\ua4f4",
    "V": "\u0474\u13d9\ua4e6",
    "W": "\u051c\u13b3\u13d4\ua4ea",
    "X": "\u03a7\u0425\u2cac\ua4eb\ua7b3",
    "Y": "\u03a5\u0423\u04ae\u13a9\u13bd\u2ca8\ua4ec",
    "Z": "\u0396\u13c3\ua4dc",
    "a": "\u0251\u03b1\u0430",
    "b": "\u0184\u042c\u13cf",
    "c": "\u0441\u1d04\u2ca5\uabaf",
    "d": "\u0501\u13e7\ua4d2",
    "e": "\u0435\u04bd\uab32",
    "f": "\u0584\u1e9d\ua799\uab35",
    "g": "\u018d\u0261\u0581\u1d83",
    "h": "\u04bb\u0570\u13c2",
    "i": "\u0131\u0269\u026a\u03b9\u0456\u13a5\ua647\uab75",
    "j": "\u03f3\u0458",
    "l": "\u04cf\u0196\u01c0\u0399\u0406\u04c0\u2c92\ua4f2",
    "n": "\u0578\u057c",
    "o": "\u03bf\u03c3\u043e\u0585\u10ff\u1d0f\u1d11\u2c9f\uab3d",
    "p": "\u03c1\u0440\u2ca3",
    "q": "\u051b\u0563\u0566",
    "r": "\u0433\u1d26\u2c85\uab47\uab48\uab81",
    "s": "\u01bd\u0455\ua731\uabaa",
    "u": "\u028b\u03c5\u057d\u1d1c\ua79f\uab4e\uab52",
    "v": "\u03bd\u0475\u1d20\uaba9",
    "w": "\u026f\u0461\u051d\u0561\u1d21\uab83",
    "x": "\u0445",
    "y": "\u0263\u028f\u03b3\u0443\u04af\u10e7\u1d8c\u1eff\uab5a",
    "z": "\u1d22\uab93",
}
_TO_ASCII = {ord(letter): ascii_ for ascii_, letters in _LOOK_LIKE.items() for letter in letters}
# Within ASCII these are alike in many fonts; they are one only where other letters made us look.
_ALIKE = str.maketrans("I1O", "ll0")
# Latin's doubles: Cyrillic first, then Greek. They are no part of words that mix scripts honestly.
DOUBLES = (
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u04cf"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408\u0405"
    "\u03bf\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
)
MIXED = regex(
    rf"(?<!\w)(?=\w{{0,80}}[A-Za-z])[A-Za-z0-9_]{{0,80}}[{DOUBLES}]\w{{0,80}}|"
    rf"(?<!\w)[{DOUBLES}]{{1,80}}[A-Za-z]\w{{0,80}}"
)
_COMMENT = regex(r"(?:^|\s)(?:#|//|--|\*)\s")


def ascii_look(text: str) -> str:
    """Return the text as it looks: ASCII letters for those that look like them."""
    return unicodedata.normalize("NFKC", text).translate(_TO_ASCII)


def outline(text: str) -> str:
    """Return a key that is equal for two texts that look the same; not for display."""
    return ascii_look(text).translate(_ALIKE)


def is_quoted(line: str, at: int) -> bool:
    """Whether a position is inside a string or a comment, as far as one line shows."""
    before = line[:at]
    return (
        before.count('"') % 2 == 1
        or before.count("'") % 2 == 1
        or before.count("`") % 2 == 1
        or _COMMENT.search(before) is not None
    )


_JOINERS = frozenset("\u034f\u200c\u200d")
_DIRECTION_MARKS = frozenset("\u200e\u200f\u061c")
_RIGHT_TO_LEFT = regex("[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_BLACK_FLAG = "\U0001f3f4"
# Flags of regions are spelt with tags after a black flag: a code of ISO 3166-2, then the end.
_REGION = regex("[\U000e0061-\U000e007a]{2}[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,3}")
_TAG_END = "\U000e007f"
_TAGS = "".join(map(chr, range(0xE0020, 0xE0080)))


def is_legitimate(line: str, hidden: Hidden) -> bool:
    """Whether a character is legitimate at its position in a line.

    Other checks cover line ends and form feeds, and bytes that are no UTF-8.
    """
    char, at = hidden.char, hidden.column - 1
    before, after = line[at - 1 : at] if at else "", line[at + 1 : at + 2]
    number = ord(char)
    if char in "\r\f\ufffd":
        return True
    if char in _JOINERS or 0x180B <= number <= 0x180F:
        return _is_letter_beyond_latin(before) or _is_letter_beyond_latin(after)
    if 0xFE00 <= number <= 0xFE0F:  # variation of symbols, and of letters of some scripts
        return before >= "\u1000" and unicodedata.category(before)[0] in "LS"
    if 0xE0100 <= number <= 0xE01EF:  # the variants of ideographs
        return unicodedata.name(before or " ", "").startswith("CJK ")
    if 0xE0020 <= number <= 0xE007F:
        return _in_flag(line, at)
    if char in _DIRECTION_MARKS:
        return not {before, after} & _DIRECTION_MARKS and bool(_RIGHT_TO_LEFT.search(line))
    return False


def _is_letter_beyond_latin(char: str) -> bool:
    return char > "\u0590" and unicodedata.category(char)[0] in "LMS" and not _is_selector(char)


def _is_selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or char >= "\U000e0000"


def _in_flag(line: str, at: int) -> bool:
    start = at
    while start and line[start - 1] in _TAGS and at - start <= 6:
        start -= 1
    region = _REGION.match(line, start)
    return (
        line[start - 1 : start] == _BLACK_FLAG
        and region is not None
        and line[region.end() : region.end() + 1] == _TAG_END
        and at <= region.end()
    )
