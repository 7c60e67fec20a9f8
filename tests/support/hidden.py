"""The characters that nobody sees, one by one as the specification lists them.

Written down apart from the product's own table, so that a gap there does not close itself here.
"""

LISTED = (
    *(set(range(0x20)) - {0x09, 0x0A}),  # C0 without tab and line feed
    *range(0x7F, 0xA0),  # DEL and C1
    0x00AD,
    0x061C,
    0x180E,
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2065),
    *range(0x2066, 0x206A),
    0xFEFF,
    *range(0xFFF9, 0xFFFC),
    *range(0xFE00, 0xFE10),
    *range(0xE0100, 0xE01F0),
    *range(0xE0000, 0xE0080),
    *(0x115F, 0x1160, 0x3164, 0xFFA0),
)
CHARACTERS = frozenset(map(chr, LISTED))
IN_FILES = "".join(sorted(CHARACTERS - set("\0\r")))  # what a text file can hold

# One of every kind, where the whole list would only be long.
SAMPLE = (
    "\x07\x1b\x7f\x85\u00ad\u061c\u180e\u200b\u200d\u200f\u202a\u202e\u2060\u2066\u2069\ufeff"
    "\ufff9\ufe00\ufe0f\U000e0100\U000e0041\U000e007f\u115f\u1160\u3164\uffa0"
)


def apart(characters: str) -> str:
    """Return the characters with a letter after each, so that none joins or styles another."""
    return "x" + "".join(f"{char}x" for char in characters)


def hidden_in(text: str) -> list[str]:
    """Return the code points of a text that nobody sees, apart from line ends."""
    return sorted({f"U+{ord(c):04X}" for c in text.replace("\r\n", "\n") if _is_hidden(c)})


def _is_hidden(char: str) -> bool:
    return char in CHARACTERS or "\ud800" <= char <= "\udfff"
