"""Decides which values of this machine are secrets, and finds them in any encoding."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from reviewloop.regex import regex
from reviewloop.secrets.names import entropy, reads_like_words
from reviewloop.secrets.scan import Stretch, find_through_invisible, join_stretches
from reviewloop.secrets.values import is_placeholder, looks_random

SHORTEST = 8  # characters; shorter values would redact harmless words
PART = 12  # characters of a value that are enough to expose it


class Form(NamedTuple):
    """One way to encode a value, and the length of a part that exposes it."""

    text: str
    least: int


def forms_of(value: str) -> Iterator[Form]:
    """Yield every form of a value of at least `SHORTEST` characters; some may be equal.

    The forms are: unchanged, reversed, with the escapes of JSON, HTML and addresses, as lists of
    bytes, in hexadecimal, in base32, and in base64 at any offset inside longer data, also of its
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
    """Yield the part of the value's base64 that is the same for any text around it."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data)
        text = encoded.decode("ascii")[(before * 8 + 5) // 6 :]
        spare = (before + len(data)) % 3  # bytes in the last group: its last character is uncertain
        text = text.rstrip("=")[: -1 if spare else None]
        # Of 12 bytes 15 characters are certain at any alignment.
        yield Form(text, min(part * 8 // 6 - 1, len(text)))
        if "+" in text or "/" in text:
            swapped = text.replace("+", "-").replace("/", "_")
            yield Form(swapped, min(part * 8 // 6 - 1, len(text)))


_SECRET_NAME = regex(
    r"(?:KEYS?|TOKENS?|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|PASS|PWD|CREDENTIALS?|CREDS|AUTH|PAT)$",
    re.IGNORECASE,
)
_NAME_WORDS = regex(r"[A-Za-z0-9]+")
_HUMP = regex(r"(?<=[a-z0-9])(?=[A-Z])")
_WORDLIKE = regex(r"[A-Za-z]+(?:[-_. ][A-Za-z]+)*")
_SHORT_WORDS = 16  # characters: shorter values of plain words occur in many harmless texts
_ENTROPY = 2.5  # bits per character
_STRUCTURE = regex(r"[\s\"'{}\[\](),;:]+")
_ADDRESS = regex(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s\"'<>]+")


def names_a_secret(name: str) -> bool:
    """Whether the name of a variable or a key suggests a secret value."""
    return any(_SECRET_NAME.search(word) for word in _NAME_WORDS.findall(_HUMP.sub("_", name)))


def secrets_in_value(name: str, value: str) -> Iterator[str]:
    """Yield the secret parts of a variable's value: all, some, or none.

    For addresses these are the password and random parts; for JSON and keys over several lines the
    random words; for other names only what looks random. Plain words, paths, numbers and declared
    placeholders are left out, because harmless texts contain the same words.
    """
    value = value.strip()
    if len(value) < SHORTEST:
        return
    if "://" in value:
        for address in _ADDRESS.findall(value):
            yield from secrets_in_address(address, named_secret=names_a_secret(name))
    elif "\n" in value or value.startswith(("{", "[")):
        yield from _random_words(value)
    elif names_a_secret(name):
        if not _is_plain(value):
            yield value
    elif len(value.split()) > 1:  # a sentence with a year in it is mixed, too
        yield from _random_words(value)
    elif looks_random(value) and entropy(value) > _ENTROPY and not _is_plain(value):
        yield value


def _random_words(value: str) -> Iterator[str]:
    return (w for w in _STRUCTURE.split(value) if len(w) >= SHORTEST and looks_random(w))


def secrets_in_address(address: str, *, named_secret: bool = False) -> Iterator[str]:
    """Yield the password of an address, or a user that is a token; with `named_secret` all secrets.

    Both as written and with its escapes decoded.
    """
    try:
        parts = urlsplit(address)
        user, password = parts.username or "", parts.password or ""
    except ValueError:  # no address after all
        return
    found = [password] if password else []
    if user and not password and looks_random(user):
        found.append(user)
    if named_secret:
        found += [text for _, text in parse_qsl(parts.query) if looks_random(text)]
        found += [part for part in parts.path.split("/") if len(part) >= 16 and looks_random(part)]
    for text in found:
        for form in dict.fromkeys((text, unquote(text))):
            if len(form) >= SHORTEST and not _is_plain(form):
                yield form


def _is_plain(value: str) -> bool:
    """Whether a value is no secret, or indistinguishable from ordinary words."""
    if len(set(value)) < 4 or is_placeholder(value):
        return True
    if value.isdigit() and len(value) < 12:
        return True
    if _WORDLIKE.fullmatch(value) and len(value) < _SHORT_WORDS and reads_like_words(value):
        return True
    if value.startswith(("/", "~/", "./", "../")):
        return reads_like_words(value) or _exists(value)
    return False


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


_LONG = 24  # characters of a form in a row: for escapes, whose parts occur in ordinary texts


class HeldSecrets:
    """The held values of a run by their names, built once; thread-safe.

    Values shorter than 8 characters are left out: they would redact harmless words.
    """

    def __init__(self, values: Iterable[tuple[str, str]] = ()) -> None:
        self._short = _Index(gram=6, least=SHORTEST)
        self._long = _Index(gram=14, least=_LONG)
        self._whole: set[str] = set()
        self._drawn: set[str] = set()
        seen: set[str] = set()
        for name, value in values:
            if len(value) < SHORTEST or value in seen:
                continue
            seen.add(value)
            if looks_random(value):
                self._drawn.add(name)
            for form in dict.fromkeys(forms_of(value)):
                self._whole.add(form.text)
                (self._long if form.least >= _LONG else self._short).add(form, name)

    def __bool__(self) -> bool:
        return bool(self._short)

    def spans(self, text: str) -> list[Stretch]:
        """Return the stretches of the text that expose a value, in order, without overlap.

        Each is named after its value. A value is found despite invisible characters in it.
        """
        return join_stretches(find_through_invisible(text, self.stretches)) if self else []

    def names_in(self, text: str) -> tuple[str, ...]:
        """Return the names of the values that the text exposes, each once."""
        return tuple(dict.fromkeys(span.name for span in self.spans(text)))

    def is_whole(self, written: str) -> bool:
        """Whether a text is a whole value, in any of its forms."""
        return written in self._whole

    def is_surely_random(self, name: str) -> bool:
        """Whether a value of this name looks random."""
        return name in self._drawn

    def stretches(self, text: str) -> Iterator[Stretch]:
        """Yield the same in any order, overlapping, and without handling invisible characters."""
        yield from self._short.spans(text)
        yield from self._long.spans(text)


class _Index:
    """An index of forms by grams: short parts of them, which are looked up at every step of a
    text.
    """

    def __init__(self, gram: int, least: int) -> None:
        """Take the length of a gram, and the least length of a match."""
        self._gram = gram
        self._step = least - gram + 1  # every match contains a gram at a multiple of this
        self._table: dict[str, list[tuple[Form, str, int]]] = {}  # gram -> (form, name, offset)

    def __bool__(self) -> bool:
        return bool(self._table)

    def add(self, form: Form, name: str) -> None:
        offsets: dict[str, list[int]] = {}
        for offset in range(len(form.text) - self._gram + 1):
            offsets.setdefault(form.text[offset : offset + self._gram], []).append(offset)
        for gram, found in offsets.items():
            entries = self._table.setdefault(gram, [])
            entries += ((form, name, offset) for offset in self._ends(found))

    def spans(self, text: str) -> Iterator[Stretch]:
        """Yield stretches that expose a value, in the order of their grams."""
        table, size = self._table, self._gram
        if not table:
            return
        done = 0
        for at in [i for i in range(0, len(text), self._step) if text[i : i + size] in table]:
            if at + size > done:
                span = self._around(text, at)
                if span:
                    done = span.end
                    yield span

    def _ends(self, offsets: list[int]) -> list[int]:
        """Return the offsets without the inner ones of a repetition: `======` in `=========`.

        In a text it is found at its start and its end, for any step.
        """
        if len(offsets) <= 2 * self._step:
            return offsets
        runs = [[offsets[0]]]
        for before, offset in pairwise(offsets):
            near = offset - before <= self._gram
            same = len(runs[-1]) < 2 or offset - before == runs[-1][1] - runs[-1][0]
            if near and same:
                runs[-1].append(offset)
            else:
                runs.append([offset])
        kept = (run[: self._step] + run[self._step :][-self._step :] for run in runs)
        return [offset for run in kept for offset in run]

    def _around(self, text: str, at: int) -> Stretch | None:
        """Return the longest stretch around a gram that is long enough to expose a value."""
        best: Stretch | None = None
        for form, name, offset in self._table[text[at : at + self._gram]]:
            length = best.end - best.start if best else form.least - 1
            if len(form.text) <= length:
                continue
            start = at - _common_before(text, at, form.text, offset)
            end = at + self._gram
            end += _common_behind(text, end, form.text, offset + self._gram)
            if end - start >= form.least and end - start > length:
                best = Stretch(start, end, name)
        return best


def _common_behind(text: str, at: int, form: str, offset: int) -> int:
    """Return how many characters agree from these positions on."""
    most = min(len(text) - at, len(form) - offset)
    if text[at : at + most] == form[offset : offset + most]:
        return most
    done, step, grows = 0, 8, True
    while step and done < most:
        end = min(done + step, most)
        same = text[at + done : at + end] == form[offset + done : offset + end]
        grows = grows and same
        done = end if same else done
        step = step * 2 if grows else step // 2
    return done


def _common_before(text: str, at: int, form: str, offset: int) -> int:
    """Return how many characters agree before these positions."""
    most = min(at, offset)
    if text[at - most : at] == form[offset - most : offset]:
        return most
    done, step, grows = 0, 8, True
    while step and done < most:
        end = min(done + step, most)
        same = text[at - end : at - done] == form[offset - end : offset - done]
        grows = grows and same
        done = end if same else done
        step = step * 2 if grows else step // 2
    return done
