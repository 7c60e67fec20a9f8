"""Reads the shape of a token, `ghp_{a:36}`, as a pattern to find it and as a sample to test it."""

import re
from itertools import product

CLASSES = {
    "d": ("0-9", "0123456789"),
    "h": ("0-9a-f", "0123456789abcdef"),
    "H": ("0-9a-fA-F", "0123456789abcdefABCDEF"),
    "l": ("a-z0-9", "abcdefghijklmnopqrstuvwxyz0123456789"),
    "u": ("A-Z0-9", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
    "x": ("A-Z2-7", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "a": ("A-Za-z0-9", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
    "w": (r"A-Za-z0-9_\-", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"),
    "t": (r"A-Za-z0-9_\-.=", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
    "b": ("A-Za-z0-9+/", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"),
    "e": ("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
}
_PART = re.compile(r"\{(?P<cls>\w):(?P<least>\d+)(?:-(?P<most>\d+))?\}|\((?P<choice>[^)]+)\)")
WORD = r"A-Za-z0-9_\-"
_LEADING_WORD = re.compile(f"[{WORD}]*")


def pattern_of(shape: str) -> str:
    """Return the regular expression of a shape, without what may stand before it.

    `{a:36}` stands for 36 characters of class `a`, `{a:36-40}` for 36 to 40, `(p|o)` for p or o.
    """
    return "".join(_expression(part) for part in _parts(shape)) + rf"(?![{WORD}])"


def sample_of(shape: str, seed: int = 1) -> str:
    """Return a made-up token of the shape, always the same one for the same seed."""
    made = []
    state = seed * 2654435761 + 12345
    for part in _parts(shape):
        if isinstance(part, str):
            made.append(part)
        elif part["choice"]:
            made.append(part["choice"].split("|")[0])
        else:
            alphabet = CLASSES[part["cls"]][1]
            for _ in range(int(part["least"])):
                state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
                made.append(alphabet[(state >> 33) % len(alphabet)])
    return "".join(made)


def prefixes_of(shape: str) -> tuple[str, ...]:
    """Return every fixed text that a token of the shape can begin with."""
    choices: list[list[str]] = []
    for part in _parts(shape):
        if isinstance(part, str):
            choices.append([part])
        elif part["choice"]:
            choices.append(part["choice"].split("|"))
        else:
            break
    return tuple("".join(chosen) for chosen in product(*choices))


def leading_word(text: str) -> str:
    """Return the letters, digits, underscores and dashes that a text begins with."""
    found = _LEADING_WORD.match(text)
    return found.group() if found else ""


def _parts(shape: str) -> list[str | re.Match[str]]:
    parts: list[str | re.Match[str]] = []
    position = 0
    for match in _PART.finditer(shape):
        if match.start() > position:
            parts.append(shape[position : match.start()])
        parts.append(match)
        position = match.end()
    if position < len(shape):
        parts.append(shape[position:])
    return parts


def _expression(part: str | re.Match[str]) -> str:
    if isinstance(part, str):
        return re.escape(part)
    if part["choice"]:
        return "(?:" + "|".join(re.escape(one) for one in part["choice"].split("|")) + ")"
    most = f",{part['most']}" if part["most"] else ""
    return f"[{CLASSES[part['cls']][0]}]{{{part['least']}{most}}}"
