"""Finds what no vendor marks: literals whose name or place says that they are secret."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from reviewloop.analysis.contract import SourceFile
from reviewloop.domain.finding import Severity
from reviewloop.secrets.assignments import Given, givens
from reviewloop.secrets.book import BY_NAME, VENDOR_BY_NAME
from reviewloop.secrets.names import Promise
from reviewloop.secrets.rule import NamedRule
from reviewloop.secrets.table import NAMED_RULES
from reviewloop.secrets.values import is_random, judge
from reviewloop.secrets.words import split_name
from reviewloop.secrets.written import written_passwords

_TRANSLATIONS = ("locale", "i18n", "lang", "translation", "l10n", "messages", "intl")
_LONG_WORD = re.compile(r"[A-Za-z0-9_\-+/]{14,}")  # every vendor's key holds one
_VENDORS = {word: rule for rule in NAMED_RULES for word in rule.vendor}


class Guess(NamedTuple):
    """A secret that only its place betrays: what rule, where, how bad, what to say."""

    slug: str
    start: int
    end: int
    severity: Severity
    what: str


def guessed(file: SourceFile) -> Iterator[Guess]:
    """Yield what looks like a secret for where it stands; stretches may overlap."""
    translated = any(word in file.path.lower() for word in _TRANSLATIONS)
    for found in written_passwords(file.text, file.path):
        yield Guess(*found, BY_NAME[found.rule])
    for given in givens(file.text, file.language):
        vendor = _vendor_of(given)
        if vendor:
            what = f"{vendor.what} in the code"
            yield Guess(VENDOR_BY_NAME, given.start, given.end, Severity.MUST_FIX, what)
            continue
        judged = judge(given.promise, given.name, given.value, quoted=given.quoted)
        if judged is None or (judged is Severity.NIT and translated):
            continue
        slug = "password" if given.promise is Promise.PASSWORD else "generic-api-key"
        what = f"{BY_NAME[slug]} {given.name.strip('.-$')[:60]}"
        yield Guess(slug, given.start, given.end, judged, what)


def vendors_by_name(text: str) -> Iterator[tuple[NamedRule, int, int]]:
    """Yield (rule, start, end) of the keys that only their vendor's name beside them betrays.

    What another name is given is searched for them too.
    """
    long_words = (match.span() for match in _LONG_WORD.finditer(text))
    for given in givens(text, "", wanted=_names_vendor, near=long_words):
        rule = _vendor_of(given)
        if rule:
            yield rule, given.start, given.end


def _vendor_of(given: Given) -> NamedRule | None:
    """Return the vendor whose keys look like the value, when the name names one."""
    if given.promise is not Promise.KEY or not is_random(given.value):
        return None
    if judge(given.promise, given.name, given.value, quoted=given.quoted) is None:
        return None
    for rule in _vendors_in(given.name):
        if rule.pattern.fullmatch(given.value):
            return rule
    return None


def _names_vendor(name: str) -> bool:
    return bool(_vendors_in(name))


@lru_cache(maxsize=4096)
def _vendors_in(name: str) -> tuple[NamedRule, ...]:
    words = split_name(name)
    joined = ["".join(pair) for pair in pairwise(words)]
    return tuple(_VENDORS[word] for word in (*words, *joined) if word in _VENDORS)
