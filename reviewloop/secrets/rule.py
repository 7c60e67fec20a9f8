"""One kind of secret: what it is called, how it looks, and what to do when one is found."""

import re
from dataclasses import dataclass
from functools import cached_property

from reviewloop.secrets.shapes import WORD, leading_word, pattern_of, prefixes_of, sample_of

_RUN = 16  # a word of this length is where a token may begin (see `scanning`)


@dataclass(frozen=True)
class SecretRule:
    """One kind of secret; group `secret` of the pattern (or all of it) is the value."""

    name: str
    what: str
    shapes: tuple[str, ...] = ()  # see `shapes`; their prefixes are looked for at word starts
    expression: str = ""  # for what no shape can say
    hints: tuple[str, ...] = ()  # the text must hold one of these: a cheap test beforehand
    stops: bool = True  # False: worth a remark, but it may be a harmless value
    masks: bool = True  # False: not sure enough to take it out of what a model reads
    live: bool = False  # the format itself says that it is no test key
    public_in_tests: bool = False  # tests need such values: they are rarely live there
    entropy: float = 2.5  # bits per character below which a value is a placeholder
    ignore_case: bool = False
    source: str = ""  # where the vendor says so

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled pattern, for `finditer`; compiled when first needed."""
        flags = re.IGNORECASE if self.ignore_case else 0
        return re.compile(self.expression or rf"(?<![{WORD}])(?:{self._choices})", flags)

    @cached_property
    def at_word_start(self) -> re.Pattern[str]:
        """The compiled pattern, for `match` at a place that is known to be a word's start."""
        return re.compile(self._choices)

    @property
    def _choices(self) -> str:
        return "|".join(pattern_of(shape) for shape in self.shapes)

    @cached_property
    def word_prefixes(self) -> tuple[str, ...]:
        """The beginnings to look for at long words; none when the shape cannot be found so."""
        if self.expression or any(
            len(leading_word(sample_of(shape))) < _RUN or len(leading_word(prefix)) < 2
            for shape in self.shapes
            for prefix in prefixes_of(shape)
        ):
            return ()
        return tuple(prefix for shape in self.shapes for prefix in prefixes_of(shape))

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """What a text must hold for the pattern to be worth trying."""
        return self.hints or tuple(p for shape in self.shapes for p in prefixes_of(shape) if p)


@dataclass(frozen=True)
class NamedRule:
    """A vendor's key that only its name betrays: `DATADOG_API_KEY = "<32 hexadecimal digits>"`."""

    name: str
    what: str
    vendor: tuple[str, ...]  # words of the variable's name, lower case, written together
    shapes: tuple[str, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled pattern of the whole value."""
        return re.compile("|".join(pattern_of(shape) for shape in self.shapes))


def token(name: str, what: str, *shapes: str, live: bool = False, source: str = "") -> SecretRule:
    """Return the rule of a token that its shape alone betrays."""
    return SecretRule(name, what, shapes, live=live, source=source)
