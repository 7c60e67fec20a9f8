"""The check for secrets: vendors' tokens, and literals whose name says that they are secret."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from reviewloop.analysers.base import FileCheck, Hit, PathClass, SourceFile
from reviewloop.analysers.secrets.assignments import Given, givens
from reviewloop.analysers.secrets.book import (
    BY_NAME,
    RULES,
    VENDOR_BY_NAME,
    rule_id,
)
from reviewloop.analysers.secrets.names import Promise
from reviewloop.analysers.secrets.rule import NamedRule
from reviewloop.analysers.secrets.scanning import SecretHit, masked_value, scan_for_vendors
from reviewloop.analysers.secrets.stretches import Lines, Stretches
from reviewloop.analysers.secrets.table import NAMED_RULES
from reviewloop.analysers.secrets.values import is_random, judge
from reviewloop.analysers.secrets.words import split_name
from reviewloop.analysers.secrets.written import written_passwords
from reviewloop.findings import Severity

_TRANSLATIONS = ("locale", "i18n", "lang", "translation", "l10n", "messages", "intl")
_NOT_SEARCHED = (".lock", ".min.js", ".map", ".svg", ".ipynb", "package-lock.json", ".sum")
_DOCUMENTATION = ("* ", "///", ">>>", "/**")  # a line that only shows how something is used
_VENDORS = {word: rule for rule in NAMED_RULES for word in rule.vendor}


def run(file: SourceFile) -> Iterator[Hit]:
    """Yield every secret of a file, at most one for each stretch of text; values are masked."""
    taken = Stretches()
    places = Lines(file.text)
    for secret in scan_for_vendors(file.text):
        taken.take(secret.start, secret.end)
        yield _vendor_hit(file, secret, places)
    if file.path.lower().endswith(_NOT_SEARCHED):
        return
    for guess in _guessed(file):
        if taken.take(guess.start, guess.end):
            span = places.span(guess.start, guess.end)
            value = masked_value(file.text[guess.start : guess.end])
            severity = _lowered(file, span.line, guess.severity)
            yield Hit(
                rule_id(guess.slug),
                file.path,
                span,
                f"{guess.what}: {value}",
                severity=severity,
                confidence="high" if severity is Severity.MUST_FIX else "medium",
            )


CHECKS: tuple[FileCheck, ...] = (
    FileCheck("secrets", RULES, understands=lambda file: bool(file.text), run=run),
)


def _vendor_hit(file: SourceFile, secret: SecretHit, places: Lines) -> Hit:
    rule = secret.rule
    what = rule.what[0].upper() + rule.what[1:]
    shown = secret.masked.split("\n")[0]
    return Hit(
        rule=rule_id(rule.name),
        path=file.path,
        span=places.span(secret.start, secret.end),
        message=f"{what} in the code: {shown}",
        severity=_vendor_severity(file.path_class, secret),
    )


def _vendor_severity(path_class: PathClass, secret: SecretHit) -> Severity | None:
    """Return what a token is worth where it stands: tests often need one that opens nothing."""
    if path_class is PathClass.PRODUCT or secret.rule.live:
        return None
    return Severity.NIT if secret.rule.public_in_tests else Severity.SHOULD_FIX


class _Guess(NamedTuple):
    """A secret that only its place betrays: what rule, where, how bad, what to say."""

    slug: str
    start: int
    end: int
    severity: Severity
    what: str


def _guessed(file: SourceFile) -> Iterator[_Guess]:
    translated = any(word in file.path.lower() for word in _TRANSLATIONS)
    for found in written_passwords(file.text, file.path):
        yield _Guess(*found, BY_NAME[found.rule])
    for given in givens(file.text, file.language):
        vendor = _vendor_of(given)
        if vendor:
            what = f"{vendor.what} in the code"
            yield _Guess(VENDOR_BY_NAME, given.start, given.end, Severity.MUST_FIX, what)
            continue
        judged = judge(given.promise, given.name, given.value, quoted=given.quoted)
        if judged is None or (judged is Severity.NIT and translated):
            continue
        slug = "password" if given.promise is Promise.PASSWORD else "generic-api-key"
        what = f"{BY_NAME[slug]} {given.name.strip('.-$')[:60]}"
        yield _Guess(slug, given.start, given.end, judged, what)


def _vendor_of(given: Given) -> NamedRule | None:
    """Return the vendor whose keys look like the value, when the name names one."""
    if given.promise is not Promise.KEY or not is_random(given.value):
        return None
    if judge(given.promise, given.name, given.value, quoted=given.quoted) is None:
        return None
    words = split_name(given.name)
    joined = ["".join(pair) for pair in pairwise(words)]
    for word in (*words, *joined):
        rule = _VENDORS.get(word)
        if rule and rule.pattern.fullmatch(given.value):
            return rule
    return None


def _lowered(file: SourceFile, line: int, severity: Severity) -> Severity:
    """Return a severity that fits the place: documentation is full of made-up passwords."""
    told = file.language == "markdown" or file.lines[line - 1].lstrip().startswith(_DOCUMENTATION)
    return Severity.NIT if told or file.path_class is not PathClass.PRODUCT else severity
