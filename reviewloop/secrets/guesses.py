"""Finds secrets without a vendor's format: literals with a telling name or position."""

import re
import string
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import unquote

from reviewloop.analysis.contract import SourceFile
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.secrets.names import Promise, promise_of, split_name
from reviewloop.secrets.values import decode_basic, looks_random, rate_literal
from reviewloop.secrets.vendors import BY_NAME, NAMED_RULES, VENDOR_BY_NAME, NamedRule


class WrittenPassword(NamedTuple):
    """A password in a known construct; offsets of the password in the text."""

    rule: str  # the slug of the rule
    start: int
    end: int
    severity: Severity


_ADDRESS = regex(
    r"(?<![a-zA-Z0-9])[a-zA-Z][a-zA-Z0-9+.\-]{1,20}://(?P<user>[^\s:/@\"'<>{}$\\]{1,80}):"
    r"(?P<value>(?:[^\s/@\"'<>{}$*%\\]|%[0-9A-Fa-f]{2}){3,128})@(?P<host>[A-Za-z0-9.\-]{1,200})"
)
_LOCAL = regex(
    r"localhost|127\.[\d.]+|0\.0\.0\.0|host|(?:.*\.)?example(?:\.\w+)?|.*\.(?:test|local|invalid)"
    r"|server|hostname|proxy|domain\.\w+|(?:www\.)?foo\.\w+",
    re.IGNORECASE,
)
_PLAIN_USERS = {"user", "username", "login", "foo", "usr", "u", "name", "id", "a"}
_CONNECTION = regex(
    r"(?:[;&?\"' ]|^)(?:password|pwd|passwd)[ ]?=[ ]?"
    r"(?P<value>[^\s;&\"'<>{}$,]{4,120})(?=[;&\"'<\s]|$)",
    re.IGNORECASE | re.MULTILINE,
)
_CONNECTION_PARTNER = regex(
    r"(?:server|host|hostname|data source|user|uid|user id|username|dbname|database|jdbc:\w+"
    r"|initial catalog|endpoint)[ ]?[=:]",
    re.IGNORECASE,
)
_BASIC = regex(r"\bBasic[ ]+(?P<value>[A-Za-z0-9+/]{12,400}={0,2})(?![A-Za-z0-9+/=_\-])")
_BEARER = regex(r"\b[Bb]earer[ ]+(?P<value>[A-Za-z0-9_\-.~+/]{20,2000})")
_TOKEN = regex(r"[\"'](?:[Tt]oken|[Aa]pi-?[Kk]ey)[ ]+(?P<value>[A-Za-z0-9_\-.~+/=]{20,400})[\"']")
_QUERY = regex(
    r"[?&](?:api_?key|api_?token|access_?token|auth_?token|token|client_?secret|secret|app_?secret)="
    r"(?P<value>[A-Za-z0-9_\-.~%]{16,200})",
    re.IGNORECASE,
)
_POSITIONAL = regex(  # the second of two literals: login("user", "password")
    r"(?:\blogin|BasicAuth|basic_auth|BasicAuthentication|NetworkCredential|getConnection"
    r"|PasswordAuthentication|Credentials?|\bauth)\s{0,4}(?:=\s{0,4}|:\s{0,4})?\(\s{0,8}"
    r"(?:[^\"'\n()]{1,80},\s{0,8})?[\"'][^\"'\n]{1,60}[\"']\s{0,4},\s{0,8}"
    r"[\"'](?P<value>[^\"'\n]{4,120})[\"']"
)
_SECURE_STRING = regex(
    r"ConvertTo-SecureString\s{1,8}(?:-String\s{1,8})?[\"'](?P<value>[^\"'$\n]{4,120})[\"']",
    re.IGNORECASE,
)
_SIGNED = regex(
    r"\bjwt\.(?:sign|verify|encode|decode)\([^\"'\n()]{1,80},\s{0,8}[\"'](?P<value>[^\"'\n]{8,200})[\"']"
)
_SQL = regex(
    r"(?:\bidentified\s+(?:with\s+\w{1,40}\s+)?by(?:\s+password)?|\bpassword)\s+"
    r"'(?P<value>[^'\n]{4,120})'",
    re.IGNORECASE,
)
_COMMAND = regex(
    r"\bsshpass\s+-p\s*[\"']?(?P<sshpass>[^\s\"'$]{4,80})"
    r"|\bcurl\b[^\n|;]{0,300}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"'$]{1,60}:(?P<curl>[^\s\"'$]{4,120})"
    r"|\b(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n|;]{0,200}?\s-p(?P<mysql>[^\s\"'$;|]{4,80})"
)
_NETRC = regex(r"\blogin\s+\S{1,120}\s+password\s+(?P<value>\S{4,120})")
_PGPASS = regex(r"^[^\s:#]{1,120}:[\d*]{1,5}:[^\s:]{1,80}:[^\s:]{1,80}:(?P<value>\S{3,120})$", re.M)


def find_written_passwords(text: str, path: str) -> Iterator[WrittenPassword]:
    """Yield the passwords without a name, in no particular order."""
    lowered = text.lower()
    if "://" in text and "@" in text:
        yield from _addresses(text)
    if "password" in lowered or "pwd" in lowered:
        yield from _connection_strings(text)
    if "Basic " in text or "earer " in text:
        yield from _headers(text)
    if "identified" in lowered or "password '" in lowered:
        yield from _matches("password", _SQL, text)
    yield from _calls(text, lowered)
    if any(word in text for word in ("sshpass", "curl", "mysql", "mariadb")):
        yield from _commands(text)
    name = path.rsplit("/", 1)[-1].lower()
    if name in {".netrc", "_netrc", ".authinfo"}:
        yield from _matches("password", _NETRC, text)
    if name in {".pgpass", "pgpass.conf"}:
        yield from _matches("password", _PGPASS, text)


def _addresses(text: str) -> Iterator[WrittenPassword]:
    for match in _ADDRESS.finditer(text):
        password = unquote(match["value"])
        severity = _rate_password(password)
        if severity and not (
            _LOCAL.fullmatch(match["host"])
            or match["user"].lower() in _PLAIN_USERS
            or password == match["user"]
        ):
            yield WrittenPassword("basic-auth-url", *match.span("value"), severity)


def _headers(text: str) -> Iterator[WrittenPassword]:
    for match in _BASIC.finditer(text):
        user, _, password = decode_basic(match["value"]).partition(":")
        severity = _rate_password(password) if user not in _PLAIN_USERS else None
        if severity:
            yield WrittenPassword("authorization-header", *match.span("value"), severity)
    yield from _keys("authorization-header", _BEARER, text)


def _connection_strings(text: str) -> Iterator[WrittenPassword]:
    for match in _CONNECTION.finditer(text):
        first = text.rfind("\n", max(0, match.start() - 400), match.start()) + 1
        around = text[max(first, match.start() - 400) : match.start()]
        behind = text[match.end() : match.end() + 200].partition("\n")[0]
        if not (_CONNECTION_PARTNER.search(around) or _CONNECTION_PARTNER.search(behind)):
            continue
        severity = _rate_password(match["value"])
        if severity:
            yield WrittenPassword("connection-string", *match.span("value"), severity)


def _matches(rule: str, pattern: re.Pattern[str], text: str) -> Iterator[WrittenPassword]:
    for match in pattern.finditer(text):
        severity = _rate_password(match["value"])
        if severity:
            yield WrittenPassword(rule, *match.span("value"), severity)


def _keys(rule: str, pattern: re.Pattern[str], text: str) -> Iterator[WrittenPassword]:
    for match in pattern.finditer(text):
        value = match["value"]
        if looks_random(value) and rate_literal(Promise.KEY, "key", value, quoted=True):
            yield WrittenPassword(rule, *match.span("value"), Severity.SHOULD_FIX)


def _calls(text: str, lowered: str) -> Iterator[WrittenPassword]:
    if any(word in lowered for word in ("login", "auth", "credential", "getconnection")):
        yield from _matches("password", _POSITIONAL, text)
    if "convertto-securestring" in lowered:
        yield from _matches("password", _SECURE_STRING, text)
    if "jwt." in text:
        yield from _keys("generic-api-key", _SIGNED, text)
    if "oken " in text or "ey " in text:
        yield from _keys("authorization-header", _TOKEN, text)
    if "token=" in lowered or "key=" in lowered or "secret=" in lowered:
        yield from _keys("generic-api-key", _QUERY, text)


def _commands(text: str) -> Iterator[WrittenPassword]:
    for match in _COMMAND.finditer(text):
        group = match.lastgroup or ""
        severity = _rate_password(match[group])
        if severity:
            yield WrittenPassword("password", *match.span(group), severity)


def _rate_password(password: str) -> Severity | None:
    return rate_literal(Promise.PASSWORD, "password", password, quoted=False)


class Assignment(NamedTuple):
    """A name and its literal; offsets of the literal in the text."""

    promise: Promise
    name: str
    value: str
    start: int
    end: int
    quoted: bool


_REACH = 700  # most characters between the start of a name and its literal
# Required in every name of a secret, lower case; `names` then rates the whole name.
_STEMS = ("pass", "pwd", "psw", "secret", "token", "key", "cred", "auth", "salt", "pswd", "senha")
_RARE_STEMS = ("kennwort", "contrasena", "_pw", "jwt", "_pat", "pword", "parola")
_NAME_CHARACTERS = string.ascii_letters + string.digits + "_.-$"
_NAME_RIGHT = regex(r"[\w.\-]{0,60}")
_VALUE = r"(?P<q>[\"'`])(?P<value>(?:(?!(?P=q))[^\\\n]|\\[^\n]){1,600})(?P=q)"
_QUOTED = regex(
    # The name's own quote or bracket, the type of a name without quotes, the operator, a wrapper or
    # an "or else" with its first operand, the literal.
    r"(?:[\"'`][\])]?\s{0,20}|[\])]?\s{0,20}"
    r"(?:(?::\s{0,4}|\s)[A-Za-z_*&][\w.\[\]<>|?*&]{0,40}\s{0,8}(?==)|\[\d{0,6}\]\s{0,4}(?==))?)"
    r"(?P<sep>=>|:=|={1,3}|!==?|:|,|\(|\?\?|\|\||<-|\bor\b|-eq\b|\beq\b)\s{0,40}"
    r"(?:[A-Za-z_$][\w.$]{0,60}(?:\([^()\n]{0,60}\)|\[[^\[\]\n]{0,60}\])?\s{0,4}"
    r"(?:\|\||\?\?|\bor\b)\s{0,4})?"
    r"(?:[A-Za-z][\w.]{0,30}\()?[rbufRBUFL@]{0,2}" + _VALUE
)
_BEHIND_SPACE = regex(r"[ \t]{1,20}" + _VALUE)  # #define NAME "x", storePassword "x"
_LINE_START = regex(r"(?:^|\n)[ \t]*(?:#[ \t]*define[ \t]+)?$")
_HEADER = regex(r":[ ]?(?P<value>[^\s\"'`<>{}$]{8,300})[\"'`]")
_PLACEHOLDER_DEFAULT = regex(  # ${name:default}, ${NAME:-default}
    r":-?(?P<value>[^\s{}\"'+?=\-][^\s{}\"']{3,200})\}"
)
_BARE = regex(r"[\"']?[ \t]{0,20}(?:=|:(?![/:=]))[ \t]{0,20}(?P<value>[^\s\"'#,`][^\s\"'`]{2,300})")
_BARE_END = regex(r"[ \t]*(?:$|[#;,]|\\$|[A-Z_]+=)", re.MULTILINE)
_SPACED = regex(r"[ \t]{1,4}[\"']?(?P<value>[^\s\"'`=:]{4,200})[\"']?")
_ELEMENT = regex(r"(?:[\"']?(?:\s[^<>\n]{0,80})?)?>(?P<value>[^<>\n]{4,300})</")
_BESIDE = regex(  # name="x" value="y", "name": "x", "value": "y", also on the next line
    r"[\"']?[ \t]{0,8},?\s{1,60}[\"']?(?:value|defaultValue|ParameterValue|content|Value)"
    r"[\"']?\s{0,4}[:=]\s{0,4}(?P<q>[\"']?)(?P<value>[^\s\"'<>,}]{3,300})(?P=q)"
)
_NAMED_BY = regex(r"(?:name|key|ParameterKey|Name|Key)[\"']?\s{0,4}[:=]\s{0,4}[\"']?$")
_DEFAULT = regex(
    r"[\"']?\s{0,4}(?:\{|:)\s{0,60}(?:[^\n{}]{0,200}\n){0,5}?\s{0,40}[\"']?[dD]efault[\"']?"
    r"\s{0,20}[:=]\s{0,20}[\"'](?P<value>[^\"'\n]{4,200})[\"']"
)
_BEFORE_BARE = regex(
    r"(?:^|[\n;&|])[ \t]*(?:export[ \t]+|ENV[ \t]+|ARG[ \t]+|set[ \t]+|setx[ \t]+|-[ \t]+|[\"']|"
    r"environment[ \t]*=[ \t]*|(?:[A-Za-z_]\w{0,40}=\S{0,80}[ \t]+){1,5}|#+[ \t]*|//[ \t]*"
    r"|//[^\s]{1,120}:)?$"
)
_IN_CALL = regex(r"\(\s{0,40}[\w.\"'`\[\]]{0,40}$|[\"']--$|-$")
_SETTERS = ("set", "with", "use", "add", "put", "append", "using", "define", "create")

_PROSE = {"markdown", ""}
# Bare values are literals only where no other token can be.
BARE_LANGUAGES = {
    *("yaml", "toml", "shell", "dockerfile", "cloudformation", "github-workflow", "github-action"),
    *("terraform", "markdown", ""),
}


def _any_name(name: str) -> bool:
    return bool(name)


def find_assignments(
    text: str,
    language: str,
    *,
    accepts: Callable[[str], bool] = _any_name,
    near: Iterable[tuple[int, int]] | None = None,
) -> Iterator[Assignment]:
    """Yield every name that suggests a secret, with its literal.

    Names that `accepts` rejects are skipped, and so are those that are not in or shortly before one
    of the stretches `near` (all if None; in order).
    """
    read = -1
    bare = language in BARE_LANGUAGES
    stems = _stems(text)
    for position in stems if near is None else _shortly_before(stems, near):
        if position < read:
            continue
        left = text[max(0, position - 80) : position]
        start = position - len(left) + len(left.rstrip(_NAME_CHARACTERS))
        right = _NAME_RIGHT.match(text, position)
        name = text[start : right.end() if right else position].rstrip("-.")
        end = start + len(name)
        read = end
        start += len(name) - len(name.lstrip("-"))
        name = name.lstrip("-")
        promise = promise_of(name)
        if promise is Promise.NOTHING or not accepts(name):
            continue
        for match, quoted in _literals(text, start, end, bare=bare, language=language):
            if not quoted or not _is_call_about(name, match):
                yield Assignment(promise, name, match["value"], *match.span("value"), quoted)
                # The value may hold a name itself: key="password", ${PASSWORD:-default}.
                if promise is not Promise.PERHAPS and "${" not in match["value"]:
                    read = max(read, match.end("value"))
                break


def _shortly_before(stems: list[int], near: Iterable[tuple[int, int]]) -> Iterator[int]:
    stretches = iter(near)
    start, end = next(stretches, (-1, -1))
    for position in stems:
        while 0 <= end <= position:
            start, end = next(stretches, (-1, -1))
        if end < 0:
            return
        if start - position <= _REACH:
            yield position


def _stems(text: str) -> list[int]:
    """Return the possible positions of names of secrets, in order."""
    # The one character whose lower case is longer than itself would shift every offset.
    lowered = text.replace("\u0130", "I").lower()
    found = []
    for stem in (*_STEMS, *_RARE_STEMS):
        at = lowered.find(stem)
        while at >= 0:
            found.append(at)
            at = lowered.find(stem, at + len(stem))
    return sorted(found)


def _literals(
    text: str, start: int, end: int, *, bare: bool, language: str
) -> Iterator[tuple[re.Match[str], bool]]:
    """Yield the possible matches of the value, the most likely first."""
    before = text[max(0, start - 120) : start]
    named_by = _NAMED_BY.search(before) is not None
    beside = _BESIDE.match(text, end) if named_by else None
    if beside:
        yield beside, bool(beside["q"])
    quoted = _QUOTED.match(text, end)
    # In a list of words neighbours are unrelated; only a call assigns one to the other.
    if quoted and (quoted["sep"] != "," or _IN_CALL.search(before)):
        yield quoted, True
    if named_by or before.endswith("<") or (before.endswith(":") and "<" in before):
        element = _ELEMENT.match(text, end)
        if element:
            yield element, False
    special = _special(before)
    found = special.match(text, end) if special else None
    if found:
        yield found, True
    if language in {"terraform", "cloudformation"}:
        default = _DEFAULT.match(text, end)
        if default:
            yield default, True
    if bare:
        yield from _bare(text, end, before, language)


def _special(before: str) -> re.Pattern[str] | None:
    """Return the form that a value must have after a certain text before the name."""
    if before.endswith("${"):
        return _PLACEHOLDER_DEFAULT
    if before.endswith(("'", '"', "`")):
        return _HEADER
    return _BEHIND_SPACE if _LINE_START.search(before) else None


def _bare(text: str, end: int, before: str, language: str) -> Iterator[tuple[re.Match[str], bool]]:
    value = _BARE.match(text, end)
    if value and _BARE_END.match(text, value.end()):
        if _BEFORE_BARE.search(before) or before.endswith("--"):
            yield value, False
        elif language in _PROSE and before.endswith(" "):
            yield value, True
        return
    spaced = _SPACED.match(text, end)
    if spaced and (
        before.endswith("--")
        or (language == "dockerfile" and before.endswith(("ENV ", "ARG ")))
        or (language == "" and _LINE_START.search(before) and _BARE_END.match(text, spaced.end()))
    ):
        yield spaced, True


def _is_call_about(name: str, match: re.Match[str]) -> bool:
    """Whether `check_password("x")` is a call whose argument is no password."""
    if match.groupdict().get("sep") != "(":
        return False
    lowered = name.rsplit(".", 1)[-1].lower()
    secret_words = (
        "password",
        "passwd",
        "pwd",
        "secret",
        "token",
        "apikey",
        "api_key",
        "passphrase",
    )
    return not lowered.startswith((*_SETTERS, *secret_words))


_TRANSLATIONS = ("locale", "i18n", "lang", "translation", "l10n", "messages", "intl")
_LONG_WORD = regex(r"[A-Za-z0-9_\-+/]{14,}")  # every vendor's key contains one
_VENDORS = {word: rule for rule in NAMED_RULES for word in rule.vendor}


class Guess(NamedTuple):
    """A secret recognised by its position: rule, stretch, severity, message."""

    slug: str
    start: int
    end: int
    severity: Severity
    what: str


def find_guesses(file: SourceFile) -> Iterator[Guess]:
    """Yield literals that look like a secret by their position; stretches may overlap."""
    translated = any(word in file.path.lower() for word in _TRANSLATIONS)
    for found in find_written_passwords(file.text, file.path):
        yield Guess(*found, BY_NAME[found.rule])
    for given in find_assignments(file.text, file.language):
        vendor = _vendor_of(given)
        if vendor:
            what = f"{vendor.what} in the code"
            yield Guess(VENDOR_BY_NAME, given.start, given.end, Severity.MUST_FIX, what)
            continue
        severity = rate_literal(given.promise, given.name, given.value, quoted=given.quoted)
        if severity is None or (severity is Severity.NIT and translated):
            continue
        slug = "password" if given.promise is Promise.PASSWORD else "generic-api-key"
        what = f"{BY_NAME[slug]} {given.name.strip('.-$')[:60]}"
        yield Guess(slug, given.start, given.end, severity, what)


def find_vendors_by_name(text: str) -> Iterator[tuple[NamedRule, int, int]]:
    """Yield (rule, start, end) of the keys that are recognised only by their vendor's name.

    Literals with other names are searched for them too.
    """
    long_words = (match.span() for match in _LONG_WORD.finditer(text))
    for given in find_assignments(text, "", accepts=_names_vendor, near=long_words):
        rule = _vendor_of(given)
        if rule:
            yield rule, given.start, given.end


def _vendor_of(given: Assignment) -> NamedRule | None:
    """Return the vendor in a name, if the value looks like its keys."""
    if given.promise is not Promise.KEY or not looks_random(given.value):
        return None
    if rate_literal(given.promise, given.name, given.value, quoted=given.quoted) is None:
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
