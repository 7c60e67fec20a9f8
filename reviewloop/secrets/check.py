"""The checks for secrets: vendors' tokens, suspicious literals, values that this machine holds."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from reviewloop.analysis.contract import OF_OTHERS, FileCheck, Hit, PathClass, SourceFile
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.secrets.names import reads_like_words
from reviewloop.secrets.redaction import Redactor
from reviewloop.secrets.scan import (
    Lines,
    SecretHit,
    Stretches,
    redact_value,
    scan_for_vendors,
    without_invisible,
)
from reviewloop.secrets.values import encodes_placeholder, is_surely_random, looks_random
from reviewloop.secrets.vendors import BY_NAME, HELD, RULES, VENDOR_BY_NAME, rule_id

if TYPE_CHECKING:
    from reviewloop.secrets.guesses import Guess

BY_KEY = "generic-api-key"  # the slug of keys that are recognised by their name
_ONLY_WORDS = regex(r"[A-Za-z]+(?:[-_./: ]+[A-Za-z]+)*")


class Exposure(NamedTuple):
    """A stretch of a text that exposes a held value, by offsets."""

    start: int
    end: int
    name: str  # name of the variable, key or setting with the value
    drawn: bool  # looks random: it has no harmless reason to be here

    @property
    def what(self) -> str:
        """The exposed value in words, without the value."""
        return f"the value of {self.name}, which this machine holds"


def find_exposures(text: str, redactor: Redactor) -> list[Exposure]:
    """Return the exposures of held values, in order: random ones in part, others only as a whole.

    Values of plain words are left out, because harmless code contains the same words.
    """
    found = []
    values = redactor.values
    for start, end, name in values.spans(text):
        written = without_invisible(text[start:end])
        if _names_no_password(written):
            continue
        # A part of a random value may be its first words, as in prod-service-key-8f3a….
        drawn = looks_random(written) or (
            values.is_surely_random(name) and not _reads_like_words(written)
        )
        if drawn or (values.is_whole(written) and not _is_words(written)):
            found.append(Exposure(start, end, redactor.label(name), drawn))
    return found


# Parts of an address around its password, and an address whose password a program fills in.
_AROUND_A_PASSWORD = regex(
    r"(?:[a-z][a-z+]*://)?(?:(?P<before>[a-z_-]*):?@)?[a-z][a-z.-]*:?(?:\d{2,5})?(?:/[a-z0-9_.-]*)?"
)


def _names_no_password(part: str) -> bool:
    """Whether a part of a held address is its host, its user or a password that is filled in."""
    if ":${" in part and "}@" in part:
        return True
    left = _FILLED_IN.sub("", part) if "}" in part else part
    if left != part and sum(map(str.isalnum, left)) < _FEWEST:
        return True
    if "@" not in part and "://" not in part:
        return False
    found = _AROUND_A_PASSWORD.fullmatch(part)
    before = found["before"] or "" if found else ""
    return found is not None and (len(before) <= _SHORT or reads_like_words(before))


# What a shell or a template puts in, also where the part begins or ends inside of it.
_FILLED_IN = regex(r"\$?\{[A-Z_]\w*(?:\}|$)|^[A-Z_]+\}")
_FEWEST = 8  # letters and digits: fewer expose nothing
_SHORT = 3  # characters of a password's end: they tell nothing of the rest


def _reads_like_words(part: str) -> bool:
    mixed = any(c.islower() for c in part) and any(c.isupper() for c in part)
    return reads_like_words(part) and not (mixed and any(c.isdigit() for c in part))


def _is_words(value: str) -> bool:
    return bool(_ONLY_WORDS.fullmatch(value)) and reads_like_words(value)


def find_new_exposures(
    old: str, new: str, added: Callable[[int], bool], redactor: Redactor
) -> list[tuple[int, Exposure]]:
    """Return (line, exposure) for the added lines of a file that expose more than before.

    `added` tells whether a line number of the new text was added. For each value as many locations
    count as known as the old text had, untouched lines first.
    """
    found = find_exposures(new, redactor)
    if not found:
        return []
    lines = Lines(new)
    known = Counter(span.name for span in find_exposures(old, redactor))
    located = [(lines.number(span.start), span) for span in found]
    fresh = []
    for line, span in sorted(located, key=lambda item: added(item[0])):
        if known[span.name] > 0:
            known[span.name] -= 1
        elif added(line):
            fresh.append((line, span))
    return fresh


_NOT_SEARCHED = (".lock", ".min.js", ".map", ".svg", ".ipynb", "package-lock.json", ".sum")
_DOCUMENTATION = ("* ", "///", ">>>", "/**")  # a line that only shows a usage
_ENVIRONMENT = regex(r"(?:^|/)\.env(?:rc|[._-][^/]*)?$", re.IGNORECASE)
_EXAMPLE_NAME = regex(r"(?:example|sample|template|dummy|fake|mock|stub)", re.IGNORECASE)
# Keys that a service's page sends to every browser.
_FOR_EVERYBODY = regex(
    r"publi[cs]|site_?key|search_?(?:only_?)?(?:api_?)?key|anon_?key|client_?(?:id|key|token)|firebase"
    r"|analytics|write_?key|\bdsn\b|sentry_?(?:dsn|key)|captcha_?(?:v\d_?)?(?:site_?)?key|telemetry"
    r"|tracking",
    re.IGNORECASE,
)
# Values that their vendor gives out for pages: of Stripe, Mapbox, PostHog.
_PUBLIC_VALUE = regex(r"pk_(?:live|test)_|pk\.eyJ|phc_")
# Folders of programs that visit pages of others, and use the keys that these send to everybody.
_VISITS_OTHERS = regex(
    r"(?:^|/)(?:\w*plug(?:ins?)?|addons?|bridges?|engines?|extractors?|scrapers?|crawlers?|spiders?"
    r"|sites?|parsers?|downloaders?|indexers?)/",
    re.IGNORECASE,
)
# The first lines of an OpenAPI description, whose values are examples of requests and answers.
_DESCRIBES_AN_API = regex(
    r"\A(?:[#\s{-][^\n]*\n){0,20}[\s{]*[\"']?(?:openapi|swagger)[\"']?\s*:\s*[\"']?[23]\."
)
_NAMED_FOR_TESTS = regex(r" (?:test|dummy|fake|mock|example|sample)_?[\w.]*$", re.IGNORECASE)
_HASH = regex(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})", re.IGNORECASE)
_ARGUMENT = regex(r"[(,]\s*[\"']$")
# Text near keys of Google that their own pages send to every browser and application.
_GOOGLE_FOR_EVERYBODY = regex(
    r"auth_?Domain|messaging_?Sender_?Id|storage_?Bucket|youtubei/|innertube|maps/api/js\b"
    r"|initializeApp\(|android\.geo\.API_KEY|google_maps_(?:api_)?key|maps\.googleapis\.com",
    re.IGNORECASE,
)
# What stands beside the key that pages search a documentation with.
_SEARCHED_BY_ALL = regex(
    r"\bindex_?Name\b|(?<![a-z])algolia(?![\w-]*admin)|docsearch|typesense|meilisearch",
    re.IGNORECASE,
)
_TO_BE_REPLACED = regex(r"\breplace\b[^\n]{0,30}\bwith your\b", re.IGNORECASE)
_NEAR = 400  # characters before and after a key
_APPLICATIONS = ("google-services.json", "GoogleService-Info.plist")
# Settings that only builds of every push use.
_FOR_CI = regex(r"(?:^|/)(?:settings|config|conf)/(?:[\w-]+[._-])?ci\.\w+$", re.IGNORECASE)
_EXAMPLE = regex(r"[._-](?:example|sample|template|dist)$", re.IGNORECASE)


def run(file: SourceFile, redactor: Redactor | None = None) -> Iterator[Hit]:
    """Yield every secret of a file, at most one for each stretch of text; values are redacted.

    Values that this machine holds, by `redactor`, come first: they are certainly secrets.
    """
    taken = Stretches()
    lines = Lines(file.text)
    if redactor is not None:
        yield from _held_hits(file, redactor, taken, lines)
    for secret in scan_for_vendors(file.text):
        if taken.take(secret.start, secret.end):
            hit = _vendor_hit(file, secret, lines)
            if _is_described(file, lines.number(secret.start)):
                yield replace(hit, severity=Severity.NIT)
                continue
            is_open = hit.severity is None and (
                _is_for_everybody(file, secret) or _is_made_up(file, secret)
            )
            yield replace(hit, severity=Severity.SHOULD_FIX) if is_open else hit
    if file.path.lower().endswith(_NOT_SEARCHED):
        return
    # Its patterns take a while to compile.
    from reviewloop.secrets.guesses import find_guesses

    for guess in find_guesses(file):
        if taken.take(guess.start, guess.end):
            span = lines.span(guess.start, guess.end)
            value = file.text[guess.start : guess.end]
            severity = _lowered(file, span.line, _in_use(file, value, guess))
            yield Hit(
                rule_id(guess.slug),
                file.path,
                span,
                f"{guess.what}: {redact_value(value)}",
                severity=severity,
                confidence="high" if severity is Severity.MUST_FIX else "medium",
            )


CHECKS: tuple[FileCheck, ...] = (
    FileCheck("secrets", RULES, understands=lambda file: bool(file.text), run=run),
)


def checks_with(checks: Iterable[FileCheck], redactor: Redactor) -> tuple[FileCheck, ...]:
    """Return the checks, with the held values of this machine in the one for secrets."""
    with_held = partial(run, redactor=redactor)
    return tuple(replace(c, run=with_held) if c.run is run else c for c in checks)


def _held_hits(
    file: SourceFile, redactor: Redactor, taken: Stretches, lines: Lines
) -> Iterator[Hit]:
    for span in find_exposures(file.text, redactor):
        if _is_meant_for_all(file, span):
            continue
        # A user's password may be a plain word of a test; and an environment file is where the
        # value belongs, so only random values are certainly meant to stay secret.
        if not span.drawn and (
            file.path_class is not PathClass.PRODUCT or _is_environment(file.path)
        ):
            continue
        taken.take(span.start, span.end)
        yield Hit(
            rule=rule_id(HELD),
            path=file.path,
            span=lines.span(span.start, span.end),
            message=f"{span.what[0].upper()}{span.what[1:]}, stands in the code",
            identity=span.name,
        )


# Builds put variables with these beginnings into what every browser loads.
_INTO_BROWSERS = regex(
    r"(?:\w+_)?PUBLIC_|VITE_|REACT_APP_|GATSBY_|VUE_APP_|NG_APP_|.*public_?key", re.IGNORECASE
)
_OF_TESTS = regex(
    r"\b(?:NODE|RAILS|RACK|APP|DJANGO|FLASK|MIX|GO)_ENV[\"']?\s*[:=]\s*[\"']?test(?:ing)?\b",
    re.IGNORECASE,
)


def _is_meant_for_all(file: SourceFile, exposure: Exposure) -> bool:
    """Return whether a held value is sent to every browser, or is of a test's or an example's file.

    Words near it do not count: a change chooses them, and the value is held, not guessed.
    """
    for_tests = _is_environment(file.path) and file.path_class is not PathClass.PRODUCT
    return for_tests or _INTO_BROWSERS.match(exposure.name) is not None


def _is_set_for_tests(file: SourceFile, at: int) -> bool:
    around = file.text[max(0, at - _NEAR) : at + _NEAR]
    return bool(_OF_TESTS.search(around))


def _is_environment(path: str) -> bool:
    return bool(_ENVIRONMENT.search(path)) and not _EXAMPLE.search(path)


def _in_use(file: SourceFile, value: str, guess: "Guess") -> Severity:
    """Return the severity of a guess: a random value opens something, wherever it is.

    Environment files hold values in real use, including short ones.
    """
    if _is_environment(file.path) and file.path_class is PathClass.PRODUCT:
        return Severity.MUST_FIX if looks_random(value) else guess.severity
    open_to_all = _EXAMPLE_NAME.search(file.path) or _FOR_EVERYBODY.search(guess.what)
    published = file.claim in OF_OTHERS  # by its author, wherever it is kept
    by_name = guess.slug == VENDOR_BY_NAME
    named = _name_before(file, guess.start)
    if by_name and (_FOR_EVERYBODY.search(named) or _SEARCHED_BY_ALL.search(named)):
        return Severity.SHOULD_FIX
    if guess.severity is Severity.NIT or open_to_all or published or by_name:
        return guess.severity
    if _is_given_out(file, value, guess):
        return guess.severity
    around = file.text[max(0, guess.start - _NEAR) : guess.end + _NEAR]
    harmless = _SEARCHED_BY_ALL.search(around) or _TO_BE_REPLACED.search(around)
    live = not harmless and not _is_set_for_tests(file, guess.start)
    return Severity.MUST_FIX if live and is_surely_random(value) else guess.severity


def _is_given_out(file: SourceFile, value: str, guess: "Guess") -> bool:
    """Whether a value is no secret of this project as it seems: a page, a hash, an answer shown."""
    if guess.slug != BY_KEY:
        return False
    # What takes the key itself is recognised by its name: `jwt.sign(payload, "...")`.
    named = guess.what != BY_NAME[BY_KEY]
    argument = named and _ARGUMENT.search(file.text[max(0, guess.start - 80) : guess.start])
    return bool(
        _PUBLIC_VALUE.match(value)
        or _NAMED_FOR_TESTS.search(guess.what)
        or encodes_placeholder(value)
        or _VISITS_OTHERS.search(file.path)
        or _DESCRIBES_AN_API.search(file.text)
        or (argument and _HASH.fullmatch(value))
        or _is_in_shown_answer(file, file.text.count("\n", 0, guess.start))
        or _is_in_an_example(file, file.text.count("\n", 0, guess.start))
        or _is_of_a_client(file, guess)
    )


_CODE = frozenset({"python", "javascript", "typescript", "tsx", "go", ""})
_OPENS = regex(r"secret|token|passw|private|credential|sign|encrypt|session|master|admin", re.I)
_SERVICE = regex(r"https?://(?!localhost|127\.|(?:[\w-]+\.)*example\b)[\w-]+(?:\.[\w-]+)+")


def _is_of_a_client(file: SourceFile, guess: "Guess") -> bool:
    """Whether a key stands in code beside the address of the service that it names us to.

    Nearly all of these in maintained code came with the program that everybody installs. Names that
    say that they open something are meant to stay secret, and so is what a configuration holds.
    """
    if file.language not in _CODE or _OPENS.search(guess.what) or "." not in file.path:
        return False
    if not file.language and file.path.endswith(_CONFIGURES):
        return False
    around = file.text[max(0, guess.start - _NEAR) : guess.end + _NEAR]
    return _SERVICE.search(around) is not None


_CONFIGURES = (".xml", ".ini", ".conf", ".cfg", ".properties", ".env", ".npmrc", ".netrc", ".txt")


def _name_before(file: SourceFile, start: int) -> str:
    return file.text[max(0, start - 80) : start].rpartition("\n")[2]


_SHOWN_MEMBER = regex(r"\s*(?:#|//|\*)\s*(?:[\"'][^\"'\n]{1,80}[\"']\s*:|[{}\[\]]+,?\s*$)")
_SHOWN_AROUND = 2  # lines on either side


def _is_in_shown_answer(file: SourceFile, index: int) -> bool:
    """Whether a line is a member of JSON that a comment shows, as an answer of a service."""
    around = file.lines[max(0, index - _SHOWN_AROUND) : index + _SHOWN_AROUND + 1]
    return len(around) > _SHOWN_AROUND and all(map(_SHOWN_MEMBER.match, around))


_HEADS_AN_EXAMPLE = regex(
    r"\s*(?:#|//|;)[\s#/]*(?:an? )?examples?\b[^\n]{0,40}:\s*$", re.IGNORECASE
)
_MOST_ABOVE = 30  # lines


def _is_in_an_example(file: SourceFile, index: int) -> bool:
    """Whether a line is in a comment below its head `Example:`."""
    for number in range(index, max(-1, index - _MOST_ABOVE), -1):
        if not _COMMENT.match(file.lines[number]):
            return False
        if _HEADS_AN_EXAMPLE.match(file.lines[number]):
            return True
    return False


def _vendor_hit(file: SourceFile, secret: SecretHit, lines: Lines) -> Hit:
    rule = secret.rule
    what = rule.what[0].upper() + rule.what[1:]
    value = secret.redacted.split("\n")[0]
    return Hit(
        rule=rule_id(rule.name),
        path=file.path,
        span=lines.span(secret.start, secret.end),
        message=f"{what} in the code: {value}",
        severity=_vendor_severity(file.path_class, secret),
    )


_COMMENT = regex(r"\s*(?:#|//|--|;|\*)")
_DESCRIBES = regex(
    r"\blooks? (?:\w+ ){0,3}like\b|\be\.g\.|\bfor example\b|\bexample:", re.IGNORECASE
)


def _is_described(file: SourceFile, line: int) -> bool:
    """Whether a comment shows how such a value looks; one that is only commented out is real."""
    if not _COMMENT.match(file.lines[line - 1]):
        return False
    above = file.lines[max(0, line - 4) : line]
    return any(_COMMENT.match(text) and _DESCRIBES.search(text) for text in above)


def _is_for_everybody(file: SourceFile, secret: SecretHit) -> bool:
    """Whether a key is public to all clients: its owner restricts its use, or should."""
    if secret.rule.name != "google-api-key":
        return False
    around = file.text[max(0, secret.start - _NEAR) : secret.end + _NEAR]
    if _VISITS_OTHERS.search(file.path):
        return True
    return file.path.endswith(_APPLICATIONS) or bool(_GOOGLE_FOR_EVERYBODY.search(around))


# Names of files and folders whose keys protect nothing but a trial.
_FOR_TRIALS = regex(
    r"(?:^|[^a-z])(?:demos?|examples?|samples?|snake-?oil|self-?signed|localhost|dummy|fake|mock|stub"
    r"|tests?)(?:[^a-z]|$)|(?<!/la)(?<!con)(?<!at)(?<!pro)(?<=[a-z])test/",
    re.IGNORECASE,
)
_CUT = regex(r"\.{3}|\u2026")


def _is_made_up(file: SourceFile, secret: SecretHit) -> bool:
    """Whether a key without an owner is for a trial, by its file's name, or only its beginning."""
    if not secret.rule.public_in_tests or secret.rule.live:
        return False
    cut = _CUT.match(file.text, secret.end)
    return bool(cut or _FOR_TRIALS.search(file.path))


def _vendor_severity(path_class: PathClass, secret: SecretHit) -> Severity | None:
    """Return the severity of a token in its file: tests often need one that opens nothing."""
    if path_class is PathClass.PRODUCT or secret.rule.live:
        return None
    return Severity.NIT if secret.rule.public_in_tests else Severity.SHOULD_FIX


def _lowered(file: SourceFile, line: int, severity: Severity) -> Severity:
    """Return the severity for a file's class: documentation is full of made-up passwords."""
    text = file.lines[line - 1]
    explains = file.language == "markdown" or text.lstrip().startswith(_DOCUMENTATION)
    made_up = file.path_class is not PathClass.PRODUCT or _FOR_CI.search(file.path)
    return Severity.NIT if explains or made_up else severity
