"""The formats of vendors' secrets, read from `vendors.toml`, and the rules about secrets."""

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import islice, product
from pathlib import Path
from typing import Required, TypedDict

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Rule
from reviewloop.analysis.data_tables import read_table
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

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
_PART = regex(r"\{(?P<cls>\w):(?P<least>\d+)(?:-(?P<most>\d+))?\}|\((?P<choice>[^)]+)\)")
WORD = r"A-Za-z0-9_\-"
_LEADING_WORD = regex(f"[{WORD}]*")


def pattern_of(shape: str) -> str:
    """Return the regular expression of a shape, without the text allowed before it.

    `{a:36}` is 36 characters of class `a`, `{a:36-40}` 36 to 40, `(p|o)` p or o.
    """
    return "".join(_expression(part) for part in _parts(shape)) + rf"(?![{WORD}])"


def sample_of(shape: str, seed: int = 1) -> str:
    """Return a made-up token of the shape, always the same one for the same seed."""
    return "".join(_sample_parts(shape, seed))


def _sample_start(shape: str) -> str:
    """Return the start of a shape's sample that decides where its tokens are searched."""
    return "".join(islice(_sample_parts(shape), 2 * _RUN))  # a choice may be empty


def _sample_parts(shape: str, seed: int = 1) -> Iterator[str]:
    """Yield the parts of a sample of the shape."""
    state = seed * 2654435761 + 12345
    for part in _parts(shape):
        if isinstance(part, str):
            yield part
        elif part["choice"]:
            yield part["choice"].split("|")[0]
        else:
            alphabet = CLASSES[part["cls"]][1]
            for _ in range(int(part["least"])):
                state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
                yield alphabet[(state >> 33) % len(alphabet)]


def prefixes_of(shape: str) -> tuple[str, ...]:
    """Return every fixed prefix of the shape's tokens."""
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
    """Return the letters, digits, underscores and dashes at the start of a text."""
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


_RUN = 16  # words of this length may start with a token (see `scan`)


@dataclass(frozen=True)
class SecretRule:
    """One kind of secret; group `secret` of the pattern (or all of it) is the value."""

    name: str
    what: str
    shapes: tuple[str, ...] = ()  # see `pattern_of`; their prefixes are searched at word starts
    expression: str = ""  # for formats that no shape can express
    hints: tuple[str, ...] = ()  # the text must contain one of these: a cheap test beforehand
    stops: bool = True  # False: worth a hit, but it may be a harmless value
    redacts: bool = True  # False: not certain enough to redact it for models
    live: bool = False  # its format excludes test keys
    public_in_tests: bool = False  # tests need such values: they are rarely live there
    entropy: float = 2.5  # bits per character below which a value is a placeholder
    ignore_case: bool = False
    source: str = ""  # the vendor's documentation of it

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled pattern, for `finditer`; compiled on first use."""
        flags = re.IGNORECASE if self.ignore_case else 0
        return re.compile(self.expression or rf"(?<![{WORD}])(?:{self._choices})", flags)

    @cached_property
    def at_word_start(self) -> re.Pattern[str]:
        """The compiled pattern, for `match` at the start of a word."""
        return re.compile(self._choices)

    @property
    def _choices(self) -> str:
        return "|".join(pattern_of(shape) for shape in self.shapes)

    @cached_property
    def word_prefixes(self) -> tuple[str, ...]:
        """The prefixes to search at long words; none if the shape has no fixed prefix."""
        if self.expression or any(
            len(leading_word("".join(islice(_sample_parts(shape), _RUN)))) < _RUN
            or len(leading_word(prefix)) < 2
            for shape in self.shapes
            for prefix in prefixes_of(shape)
        ):
            return ()
        return tuple(prefix for shape in self.shapes for prefix in prefixes_of(shape))

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """The words of which a text must contain one for the pattern to be tried."""
        return self.hints or tuple(p for shape in self.shapes for p in prefixes_of(shape) if p)


@dataclass(frozen=True)
class NamedRule:
    """A vendor's key that only its name identifies: `DATADOG_API_KEY = "<32 hexadecimal
    digits>"`.
    """

    name: str
    what: str
    vendor: tuple[str, ...]  # words of the variable's name, lower case, written together
    shapes: tuple[str, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled pattern of the whole value."""
        return re.compile("|".join(pattern_of(shape) for shape in self.shapes))


# The last one only guesses from a name, and therefore never blocks and redacts nothing.
_ASSIGNED = SecretRule(
    "assigned-secret",
    "a literal assigned to a name that sounds secret",
    expression=r"(?:password|passwd|secret|api_?key|auth_?token|access_?token|client_?secret)"
    r"[\"']?\s{0,4}(?::=|=|:)\s{0,4}(?P<quote>[\"'])"
    r"(?P<secret>[^\s\"'{}<>$]{10,120})(?P=quote)",
    hints=("pass", "secret", "token", "key"),
    stops=False,
    redacts=False,
    entropy=3.2,
    ignore_case=True,
)


class _SecretRow(TypedDict, total=False):
    """A row of `secrets` in the table, which documents its keys."""

    id: Required[str]
    description: Required[str]
    shapes: list[str]
    regex: str
    keywords: list[str]
    entropy: float
    live: bool
    public_in_tests: bool
    ignore_case: bool
    stops: bool
    source: str


class _NameRow(TypedDict):
    description: str
    words: list[str]
    shapes: list[str]


class _Vendor(TypedDict, total=False):
    source: Required[str]
    secrets: list[_SecretRow]
    by_name: _NameRow


def _secret_rule(row: _SecretRow) -> SecretRule:
    return SecretRule(
        name=row["id"],
        what=row["description"],
        shapes=tuple(row.get("shapes", ())),
        expression=row.get("regex", ""),
        hints=tuple(row.get("keywords", ())),
        stops=row.get("stops", True),
        live=row.get("live", False),
        public_in_tests=row.get("public_in_tests", False),
        entropy=row.get("entropy", 2.5),
        ignore_case=row.get("ignore_case", False),
        source=row.get("source", ""),
    )


def _named_rule(vendor: str, row: _NameRow) -> NamedRule:
    name, what = f"{vendor}-by-name", row["description"]
    return NamedRule(name, what, tuple(row["words"]), tuple(row["shapes"]))


_VENDORS: dict[str, _Vendor] = read_table(Path(__file__).with_name("vendors.toml"))
# Those with a shape of their own. Prefixes keep ordinary code from matching.
VENDOR_RULES: tuple[SecretRule, ...] = tuple(
    _secret_rule(row) for vendor in _VENDORS.values() for row in vendor.get("secrets", ())
)
SECRET_RULES: tuple[SecretRule, ...] = (*VENDOR_RULES, _ASSIGNED)
NAMED_RULES: tuple[NamedRule, ...] = tuple(
    _named_rule(name, vendor["by_name"]) for name, vendor in _VENDORS.items() if "by_name" in vendor
)


HELD = "held-value"
VENDOR_BY_NAME = "vendor-key-by-name"
_CWE = "https://cwe.mitre.org/data/definitions/798.html"
_WHY = (
    "Whoever can read the repository, now or at any later time, can use it: history keeps it, "
    "and clones, forks and build logs spread it."
)
_FIX = (
    "Revoke it and have a new one issued, because it was on a disk and may be known. Read it from "
    "the environment or a secret store; taking it out of the code alone does not help."
)


def rule_id(name: str) -> str:
    """Return the rule id of a row of the table."""
    return f"secret/{name}"


def _vendor_rule(secret: SecretRule) -> Rule:
    return Rule(
        id=rule_id(secret.name),
        reviewer=SECURITY,
        severity=MUST if secret.stops else SHOULD,
        title=f"{secret.what[0].upper()}{secret.what[1:]} in the code",
        why=_WHY,
        fix=_FIX,
        category="secrets",
        source=secret.source or _CWE,
        # Tests of signatures are full of tokens that were signed with a key in the same file.
        in_tests=secret.name != "json-web-token",
        in_examples=True,
        in_fixtures=secret.name != "json-web-token",
        hard=True,
    )


# The message of a hit; the redacted value follows.
BY_NAME = {
    "password": "A password is written down in",
    "generic-api-key": "A key is written down in",
    "basic-auth-url": "An address carries a password",
    "connection-string": "A connection string carries a password",
    "authorization-header": "A header carries credentials",
}
_HELD = Rule(
    id=rule_id(HELD),
    reviewer=SECURITY,
    severity=MUST,
    title="A secret that this machine holds stands in the code",
    why="The value of a variable of the environment, of a `.env` file, of an AWS profile or of "
    "git's configuration stands in the change, as it is or encoded. " + _WHY,
    fix=_FIX,
    category="secrets",
    source=_CWE,
    in_tests=True,
    in_examples=True,
    in_fixtures=True,
    hard=True,
)
RULES: tuple[Rule, ...] = (_HELD, *(_vendor_rule(secret) for secret in VENDOR_RULES))
