"""Redacts secrets in all text that leaves or is stored, and restores them on writing."""

import hmac
from collections import Counter
from collections.abc import Callable, Iterator

from reviewloop.regex import regex
from reviewloop.secrets.held_secrets import HeldSecrets
from reviewloop.secrets.scan import (
    Stretch,
    find_through_invisible,
    join_stretches,
    redact_value,
    stretches_to_redact,
    without_invisible,
)

_MARK = "⟦secret:"
_MOST_CACHED = 8_000_000  # most characters of cached texts and results, besides the last
_PLACEHOLDER = regex(r"⟦secret:([A-Za-z0-9_.\-]{1,60}):[0-9a-f]{6}⟧")
_NO_NAME = regex(r"[^A-Za-z0-9_.\-]+")


class MisplacedSecretError(ValueError):
    """A new text has the placeholder of a secret where the old text did not have the secret."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder)
        self.placeholder = placeholder


class _Cache:
    """A bounded cache of a function on texts; thread-safe.

    A reply is redacted before it is recorded, when it is stored and when it is sent back.
    """

    def __init__(self, change: Callable[[str], str]) -> None:
        self._change = change
        self._known: dict[str, str] = {}
        self._size = 0

    def __call__(self, text: str) -> str:
        result = self._known.get(text)
        if result is None:
            result = self._change(text)
            if self._size > _MOST_CACHED:
                self._known, self._size = {}, 0
            self._size += len(text) + len(result)
            self._known[text] = result
        return result


class Redactor:
    """Redacts secrets in one run: the values this machine holds, and hits of vendors' rules.

    `key` numbers the placeholders: equal values of runs with the same key have the same number,
    which reveals nothing about the value without the key. Lines keep their numbers.
    """

    def __init__(self, held: HeldSecrets | None = None, key: bytes = b"") -> None:
        self._held = held or HeldSecrets()
        self._key = key
        self._labels: dict[str, str] = {}
        self._for_models = _Cache(lambda text: self._redact_all(text)[0])
        self._without_held = _Cache(self._replace_held)
        self._for_people = _Cache(lambda text: redact(self.redact_held(text)))

    def for_models(self, text: str) -> str:
        """Return the text with every secret as `⟦secret:KIND:NUMBER⟧`; repeating changes nothing.

        A secret of several lines has one placeholder in each of them.
        """
        return self._for_models(text)

    def for_people(self, text: str) -> str:
        """Return the text with held values as placeholders and others cut: `ghp_…`."""
        return self._for_people(text)

    def redact_held(self, text: str) -> str:
        """Return the text with only the held values redacted, as `⟦secret:NAME:NUMBER⟧`."""
        return self._without_held(text)

    def names_in(self, text: str) -> tuple[str, ...]:
        """Return the names of the held values that a text exposes."""
        return self._held.names_in(text)

    @property
    def values(self) -> HeldSecrets:
        """The values that this machine holds."""
        return self._held

    def label(self, name: str) -> str:
        """Return a safe label for the name of a held value: a name may contain the value."""
        return self._label(name)

    def restored(self, old: str, new: str) -> str:
        """Return the text to write after a model changed the redacted form of `old` to `new`.

        Raise `MisplacedSecretError` if a line with a placeholder is not one of the old text, at
        most as often as in it; indentation may change.
        """
        if _MARK not in new:
            return new
        redacted, values = self._redact_all(old)
        left = Counter(line.strip() for line in redacted.split("\n"))
        for line in new.split("\n"):
            if _MARK in line:
                left[line.strip()] -= 1
                if left[line.strip()] < 0:
                    found = _PLACEHOLDER.search(line)
                    raise MisplacedSecretError(found.group() if found else f"{_MARK}…")
        return _PLACEHOLDER.sub(lambda match: values.get(match.group(), match.group()), new)

    def number(self, text: str) -> str:
        """Return six hexadecimal digits that identify a text without revealing it."""
        data = text.encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, data, "sha256").hex()[:6]

    def _replace_held(self, text: str) -> str:
        return "".join(_pieces(text, self._held_in(text), self._bare_placeholder))

    def _redact_all(self, text: str) -> tuple[str, dict[str, str]]:
        """Return the text for models, and the text behind each placeholder.

        Equal values have the same number whether they contain invisible characters or not, except
        where one text has both: each is restored unchanged.
        """
        found = join_stretches(find_through_invisible(text, self._all_in))
        lines = {line for s in found for line in text[s.start : s.end].split("\n")}
        values: dict[str, str] = {}

        def replacement(value: str, label: str) -> str:
            bare = without_invisible(value)
            placeholder = self._placeholder(value if bare in lines else bare, label)
            if values.setdefault(placeholder, value) != value:
                placeholder = self._placeholder(value, label)
                values[placeholder] = value
            return placeholder

        return "".join(_pieces(text, found, replacement)), values

    def _all_in(self, text: str) -> Iterator[Stretch]:
        for start, end, name in self._held.stretches(text):
            yield Stretch(start, end, self._label(name))
        yield from _find_vendors_secrets(text)

    def _placeholder(self, value: str, label: str) -> str:
        return f"{_MARK}{label}:{self.number(value)}⟧"

    def _bare_placeholder(self, value: str, label: str) -> str:
        return self._placeholder(without_invisible(value), label)

    def _held_in(self, text: str) -> list[Stretch]:
        return [Stretch(p.start, p.end, self._label(p.name)) for p in self._held.spans(text)]

    def _label(self, name: str) -> str:
        if name not in self._labels:
            label = _NO_NAME.sub("-", name)[:60]
            withheld = not label or self._held.spans(label)
            self._labels[name] = "held" if withheld else label
        return self._labels[name]


def redact(text: str) -> str:
    """Return the text with every secret cut to its first characters; lines keep their numbers.

    A secret is found despite invisible characters in it.
    """
    parts: list[str] = []
    position = 0
    for start, end, _ in join_stretches(find_through_invisible(text, stretches_to_redact)):
        parts += [text[position:start], redact_value(text[start:end])]
        position = end
    return "".join((*parts, text[position:]))


def redact_columns(line: str, column: int, end_column: int) -> str:
    """Return a line with the secret in it redacted; columns are a hit's: 1-based, end exclusive."""
    secret = redact_value(line[column - 1 : end_column - 1])
    return f"{line[: column - 1]}{secret}{line[end_column - 1 :]}"


def canonical(text: str) -> str:
    """Return the text with placeholders without their numbers, which differ between machines."""
    return _PLACEHOLDER.sub(r"⟦secret:\1⟧", text) if _MARK in text else text


def _find_vendors_secrets(text: str) -> Iterator[Stretch]:
    from reviewloop.secrets.guesses import find_vendors_by_name  # its patterns take a while

    yield from stretches_to_redact(text)
    for rule, start, end in find_vendors_by_name(text):
        yield Stretch(start, end, rule.name)


def _pieces(
    text: str, stretches: list[Stretch], replacement: Callable[[str, str], str]
) -> Iterator[str]:
    """Yield the text with the stretches replaced, line by line so that line feeds stay."""
    position = 0
    for stretch in stretches:
        yield text[position : stretch.start]
        lines = text[stretch.start : stretch.end].split("\n")
        yield "\n".join(replacement(line, stretch.name) if line.strip() else line for line in lines)
        position = stretch.end
    yield text[position:]
