"""Decides which values of the environment, of files and of addresses are secrets to be held."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from reviewloop.secrets.encodings import SHORTEST
from reviewloop.secrets.placeholders import is_placeholder
from reviewloop.secrets.values import is_random
from reviewloop.secrets.words import entropy, reads_like_words

_TELLING = re.compile(
    r"(?:KEYS?|TOKENS?|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|PASS|PWD|CREDENTIALS?|CREDS|AUTH|PAT)$",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Za-z0-9]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORDLIKE = re.compile(r"[A-Za-z]+(?:[-_. ][A-Za-z]+)*")
_SHORT_WORDS = 16  # characters: shorter values of words only stand in many harmless texts
_ENTROPY = 2.5  # bits per character
_STRUCTURE = re.compile(r"[\s\"'{}\[\](),;:]+")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s\"'<>]+")


def is_telling(name: str) -> bool:
    """Whether a variable's or a key's name says that its value is secret."""
    return any(_TELLING.search(word) for word in _WORDS.findall(_HUMP.sub("_", name)))


def secrets_of(name: str, value: str) -> Iterator[str]:
    """Yield what of a variable's value is secret: all, parts, or nothing.

    Of addresses it is the password and random parts; of JSON and of keys over several lines the
    random words; of names that promise nothing only what looks drawn by a machine. Plain words,
    paths, numbers and what says of itself that it is no secret are left alone, because the same
    words stand in harmless texts.
    """
    value = value.strip()
    if len(value) < SHORTEST:
        return
    if "://" in value:
        for address in _ADDRESS.findall(value):
            yield from secrets_in_address(address, telling=is_telling(name))
    elif "\n" in value or value.startswith(("{", "[")):
        yield from (w for w in _STRUCTURE.split(value) if len(w) >= SHORTEST and is_random(w))
    elif is_telling(name):
        if not _is_plain(value):
            yield value
    elif is_random(value) and entropy(value) > _ENTROPY and not _is_plain(value):
        yield value


def secrets_in_address(address: str, *, telling: bool = False) -> Iterator[str]:
    """Yield the password of an address, or a user that is a token; with `telling` all it hides.

    Both as it is written and with its escapes undone.
    """
    try:
        parts = urlsplit(address)
        user, password = parts.username or "", parts.password or ""
    except ValueError:  # no address after all
        return
    found = [password] if password else []
    if user and not password and is_random(user):
        found.append(user)
    if telling:
        found += [text for _, text in parse_qsl(parts.query) if is_random(text)]
        found += [part for part in parts.path.split("/") if len(part) >= 16 and is_random(part)]
    for text in found:
        for form in dict.fromkeys((text, unquote(text))):
            if len(form) >= SHORTEST and not _is_plain(form):
                yield form


def _is_plain(value: str) -> bool:
    """Whether a value is no secret, or one that cannot be told from ordinary words."""
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
