"""A finding inside its own comment, unseen: to explain it or to fix it takes no second review.

It is believed only in comments that we wrote (`marker.is_ours`), and it is written without secrets:
packed text would pass by every mask that is laid over a comment later.
"""

import base64
import binascii
import itertools
import json
import re
import zlib
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from reviewloop.domain.finding import Finding
from reviewloop.github.comments.marker import ANY, findings_in

MOST_CHARACTERS = 6000  # of the line
_MOST_BYTES = 200_000  # of what it unpacks to
_START = f"{ANY}data "
_END = " -->"
_LINE = re.compile(r"<!-- reviewloop:data ([A-Za-z0-9_-]+) -->")
_WORDS = ("title", "why", "suggestion", "note", "category", "rule", "url")
_LIMITS = ((4000, 10), (1500, 6), (600, 3), (200, 1), (60, 0))  # characters of a text, evidence
_MOST_TITLE = 300


def data_marker(finding: Finding, hide: Callable[[str], str]) -> str:
    """Return the line that holds a finding, at most MOST_CHARACTERS long; "" if nothing fits.

    `hide` takes secrets out of its texts. Long texts are cut; code is never cut or changed: what
    is too long, or holds a secret, is left out.
    """
    for most, pieces in _LIMITS:
        text = json.dumps(_plain(finding, hide, most, pieces), separators=(",", ":"))
        data = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
        line = f"{_START}{data}{_END}"
        if len(line) <= MOST_CHARACTERS:
            return line
    return ""


def finding_from(body: str) -> Finding | None:
    """Return the finding in a comment, None if it holds none or another than it names.

    The caller has to know that the comment is ours. The line counts as its last one, where no text
    of others stands, or (earlier releases) among the marks that begin it. Never raises.
    """
    named, lines = findings_in(body), [line.strip() for line in body.strip().splitlines()]
    begin = itertools.takewhile(lambda line: line.startswith(ANY), lines)
    for line in (*begin, *lines[-1:]):
        if match := _LINE.fullmatch(line):
            found = _opened(match[1]) if len(match[0]) <= MOST_CHARACTERS else None
            return found if found and found.id in named else None
    return None


def without_data(body: str) -> str:
    """Return a comment without such a line at its end."""
    text, _, last = body.rstrip().rpartition("\n")
    return text.rstrip() if last.startswith(_START) else body


def _plain(finding: Finding, hide: Callable[[str], str], most: int, pieces: int) -> dict[str, Any]:
    """Return the fields that say something, as JSON-plain values."""
    plain = finding.model_dump(mode="json", exclude_defaults=True)
    for name in _WORDS:
        if name in plain:
            plain[name] = _cut(
                hide(plain[name]), min(most, _MOST_TITLE) if name == "title" else most
            )
    for name in ("quote", "replacement"):
        if name in plain and (len(plain[name]) > most or hide(plain[name]) != plain[name]):
            del plain[name]
    if "replacement" not in plain:
        plain.pop("fix_safe", None)
    if "evidence" in plain:
        plain["evidence"] = [
            {
                name: _cut(hide(value), most) if isinstance(value, str) else value
                for name, value in piece.items()
            }
            for piece in plain["evidence"][:pieces]
        ]
    plain["path"] = hide(plain.get("path", ""))
    return plain


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _opened(data: str) -> Finding | None:
    try:
        packed = base64.b64decode(data + "=" * (-len(data) % 4), b"-_", validate=True)
        opening = zlib.decompressobj()
        text = opening.decompress(packed, _MOST_BYTES)
        return Finding.model_validate_json(text) if opening.eof else None
    except (ValueError, binascii.Error, zlib.error, RecursionError, ValidationError):
        return None
