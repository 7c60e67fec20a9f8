"""The forms in which a value may be written so that it still gives the value away."""

import base64
import html
import json
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus

SHORTEST = 8  # characters; shorter values would take harmless words out of texts
PART = 12  # characters of a value that are enough to give it away


class Form(NamedTuple):
    """One way to write a value, and how many of its characters in a row are too many."""

    text: str
    least: int


def forms_of(value: str) -> Iterator[Form]:
    """Yield every form of a value of at least `SHORTEST` characters; some may be equal.

    As it is, reversed, with the escapes of JSON, HTML and addresses, as lists of bytes, in
    hexadecimal, in base32, and in base64 wherever it may begin inside longer data, also of its
    UTF-16 and of its base64. A part of `PART` characters counts in each of them.
    """
    for written in dict.fromkeys((value, *_escaped(value))):
        yield Form(written, min(PART, len(written)))
        yield Form(written[::-1], min(PART, len(written)))
    data = value.encode("utf-8", "surrogatepass")
    yield from _in_bytes(data.hex(), 2)
    yield from _in_bytes(data.hex().upper(), 2)
    for sign in ("%", "\\x", "\\u00"):
        spelled = "".join(f"{sign}{byte:02x}" for byte in data)
        yield from _in_bytes(spelled, len(sign) + 2)
        upper = "".join(f"{sign}{byte:02X}" for byte in data)
        yield from _in_bytes(upper, len(sign) + 2)
    yield from _listed(data)
    for reversed_or_not in (data, data[::-1]):
        yield from _base64(reversed_or_not)
    wide = value.encode("utf-16-le", "surrogatepass")  # as PowerShell takes it
    yield from _base64(wide, PART * 2)
    yield from _base64(base64.b64encode(data), PART * 8 // 6)
    drawn = base64.b32encode(data).decode("ascii").rstrip("=")
    yield Form(drawn[: len(data) * 8 // 5], min(PART * 8 // 5, len(data) * 8 // 5))


def _listed(data: bytes) -> Iterator[Form]:
    """Yield the ways in which programs print bytes one by one."""
    for before, between in (
        ("", " "),
        ("", ":"),
        ("", "-"),
        ("0x", ", "),
        ("0x", ","),
        ("0x", " "),
    ):
        for spelled in (data.hex("\n"), data.hex("\n").upper()):
            text = between.join(before + byte for byte in spelled.split("\n"))
            yield _least(text, PART * (len(before) + 2 + len(between)) - len(between))
    for between in (", ", ",", " "):
        yield _least(between.join(map(str, data)), PART * (2 + len(between)) - len(between))
    for pattern in ("&#{};", "&#x{:x};", "&#x{:X};", "\\{:03o}"):
        yield from _in_bytes("".join(map(pattern.format, data)), len(pattern.format(97)))


def _escaped(value: str) -> Iterator[str]:
    ascii_only = json.dumps(value)[1:-1]
    yield ascii_only
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield ascii_only.replace("/", "\\/")
    yield html.escape(value)
    yield html.escape(value, quote=False)
    encoded = value.encode("utf-8", "surrogatepass")
    for form in (quote(encoded, safe=""), quote(encoded), quote_plus(encoded)):
        yield form
        yield _lower_escapes(form)


def _lower_escapes(text: str) -> str:
    head, *rest = text.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])


def _least(text: str, least: int) -> Form:
    return Form(text, min(least, len(text)))


def _in_bytes(text: str, width: int) -> Iterator[Form]:
    yield Form(text, min(PART * width, len(text)))


def _base64(data: bytes, part: int = PART) -> Iterator[Form]:
    """Yield what of the value is the same in base64 whatever stands before and behind it."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data)
        text = encoded.decode("ascii")[(before * 8 + 5) // 6 :]
        spare = (before + len(data)) % 3  # bytes in the last group: its last sign is not certain
        text = text.rstrip("=")[: -1 if spare else None]
        # Of 12 bytes 15 signs are certain at any alignment.
        yield Form(text, min(part * 8 // 6 - 1, len(text)))
        if "+" in text or "/" in text:
            swapped = text.replace("+", "-").replace("/", "_")
            yield Form(swapped, min(part * 8 // 6 - 1, len(text)))
