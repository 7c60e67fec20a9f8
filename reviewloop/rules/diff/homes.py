"""Tells where a hidden character does what it was made for, so that nobody is warned of it.

Each rule is as narrow as the use is: one selector after a picture, the tags of a real flag, one
joiner between letters. Runs of them, which can carry a message, are at home nowhere.
"""

import re
import unicodedata

from reviewloop.workspace.hygiene import Hidden

_JOINERS = frozenset("\u034f\u200c\u200d")
_DIRECTION_MARKS = frozenset("\u200e\u200f\u061c")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_BLACK_FLAG = "\U0001f3f4"
# Flags of regions are spelt with tags after a black flag: a code of ISO 3166-2, then the end.
_REGION = re.compile("[\U000e0061-\U000e007a]{2}[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,3}")
_TAG_END = "\U000e007f"
_TAGS = "".join(map(chr, range(0xE0020, 0xE0080)))


def is_at_home(line: str, hidden: Hidden) -> bool:
    """Whether a character of a line does there what it was made for.

    Line ends and form feeds are the concern of other checks; bytes that are no UTF-8 too.
    """
    char, at = hidden.char, hidden.column - 1
    before, after = line[at - 1 : at] if at else "", line[at + 1 : at + 2]
    number = ord(char)
    if char in "\r\f\ufffd":
        return True
    if char in _JOINERS or 0x180B <= number <= 0x180F:
        return _is_letter_beyond_latin(before) or _is_letter_beyond_latin(after)
    if 0xFE00 <= number <= 0xFE0F:  # the look of symbols, and of letters of some scripts
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
