"""Finds passwords that stand in addresses, connection strings, headers, SQL and commands."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from reviewloop.domain.finding import Severity
from reviewloop.secrets.names import Promise
from reviewloop.secrets.values import decoded_basic, is_random, judge


class Written(NamedTuple):
    """A password in its place; offsets of the password in the text."""

    rule: str  # the slug of the rule
    start: int
    end: int
    severity: Severity


_ADDRESS = re.compile(
    r"(?<![a-zA-Z0-9])[a-zA-Z][a-zA-Z0-9+.\-]{1,20}://(?P<user>[^\s:/@\"'<>{}$\\]{1,80}):"
    r"(?P<value>(?:[^\s/@\"'<>{}$*%\\]|%[0-9A-Fa-f]{2}){3,128})@(?P<host>[A-Za-z0-9.\-]{1,200})"
)
_LOCAL = re.compile(
    r"localhost|127\.[\d.]+|0\.0\.0\.0|host|(?:.*\.)?example(?:\.\w+)?|.*\.(?:test|local|invalid)"
    r"|server|hostname|proxy|domain\.\w+|(?:www\.)?foo\.\w+",
    re.IGNORECASE,
)
_PLAIN_USERS = {"user", "username", "login", "foo", "usr", "u", "name", "id", "a"}
_CONNECTION = re.compile(
    r"(?:[;&?\"' ]|^)(?:password|pwd|passwd)[ ]?=[ ]?"
    r"(?P<value>[^\s;&\"'<>{}$,]{4,120})(?=[;&\"'<\s]|$)",
    re.IGNORECASE | re.MULTILINE,
)
_CONNECTION_PARTNER = re.compile(
    r"(?:server|host|hostname|data source|user|uid|user id|username|dbname|database|jdbc:\w+"
    r"|initial catalog|endpoint)[ ]?[=:]",
    re.IGNORECASE,
)
_BASIC = re.compile(r"\bBasic[ ]+(?P<value>[A-Za-z0-9+/]{12,400}={0,2})(?![A-Za-z0-9+/=_\-])")
_BEARER = re.compile(r"\b[Bb]earer[ ]+(?P<value>[A-Za-z0-9_\-.~+/]{20,2000})")
_TOKEN = re.compile(
    r"[\"'](?:[Tt]oken|[Aa]pi-?[Kk]ey)[ ]+(?P<value>[A-Za-z0-9_\-.~+/=]{20,400})[\"']"
)
_QUERY = re.compile(
    r"[?&](?:api_?key|api_?token|access_?token|auth_?token|token|client_?secret|secret|app_?secret)="
    r"(?P<value>[A-Za-z0-9_\-.~%]{16,200})",
    re.IGNORECASE,
)
_POSITIONAL = re.compile(  # the second of two literals: login("user", "password")
    r"(?:\blogin|BasicAuth|basic_auth|BasicAuthentication|NetworkCredential|getConnection"
    r"|PasswordAuthentication|Credentials?|\bauth)\s{0,4}(?:=\s{0,4}|:\s{0,4})?\(\s{0,8}"
    r"(?:[^\"'\n()]{1,80},\s{0,8})?[\"'][^\"'\n]{1,60}[\"']\s{0,4},\s{0,8}"
    r"[\"'](?P<value>[^\"'\n]{4,120})[\"']"
)
_SECURE_STRING = re.compile(
    r"ConvertTo-SecureString\s{1,8}(?:-String\s{1,8})?[\"'](?P<value>[^\"'$\n]{4,120})[\"']",
    re.IGNORECASE,
)
_SIGNED = re.compile(
    r"\bjwt\.(?:sign|verify|encode|decode)\([^\"'\n()]{1,80},\s{0,8}[\"'](?P<value>[^\"'\n]{8,200})[\"']"
)
_SQL = re.compile(
    r"(?:\bidentified\s+(?:with\s+\w{1,40}\s+)?by(?:\s+password)?|\bpassword)\s+"
    r"'(?P<value>[^'\n]{4,120})'",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"\bsshpass\s+-p\s*[\"']?(?P<sshpass>[^\s\"'$]{4,80})"
    r"|\bcurl\b[^\n|;]{0,300}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"'$]{1,60}:(?P<curl>[^\s\"'$]{4,120})"
    r"|\b(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n|;]{0,200}?\s-p(?P<mysql>[^\s\"'$;|]{4,80})"
)
_NETRC = re.compile(r"\blogin\s+\S{1,120}\s+password\s+(?P<value>\S{4,120})")
_PGPASS = re.compile(
    r"^[^\s:#]{1,120}:[\d*]{1,5}:[^\s:]{1,80}:[^\s:]{1,80}:(?P<value>\S{3,120})$", re.M
)


def written_passwords(text: str, path: str) -> Iterator[Written]:
    """Yield the passwords that no name is given, in no particular order."""
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


def _addresses(text: str) -> Iterator[Written]:
    for match in _ADDRESS.finditer(text):
        password = unquote(match["value"])
        severity = _judged(password)
        if severity and not (
            _LOCAL.fullmatch(match["host"])
            or match["user"].lower() in _PLAIN_USERS
            or password == match["user"]
        ):
            yield Written("basic-auth-url", *match.span("value"), severity)


def _headers(text: str) -> Iterator[Written]:
    for match in _BASIC.finditer(text):
        user, _, password = decoded_basic(match["value"]).partition(":")
        severity = _judged(password) if user not in _PLAIN_USERS else None
        if severity:
            yield Written("authorization-header", *match.span("value"), severity)
    yield from _keys("authorization-header", _BEARER, text)


def _connection_strings(text: str) -> Iterator[Written]:
    for match in _CONNECTION.finditer(text):
        first = text.rfind("\n", max(0, match.start() - 400), match.start()) + 1
        around = text[max(first, match.start() - 400) : match.start()]
        behind = text[match.end() : match.end() + 200].partition("\n")[0]
        if not (_CONNECTION_PARTNER.search(around) or _CONNECTION_PARTNER.search(behind)):
            continue
        severity = _judged(match["value"])
        if severity:
            yield Written("connection-string", *match.span("value"), severity)


def _matches(rule: str, pattern: re.Pattern[str], text: str) -> Iterator[Written]:
    for match in pattern.finditer(text):
        severity = _judged(match["value"])
        if severity:
            yield Written(rule, *match.span("value"), severity)


def _keys(rule: str, pattern: re.Pattern[str], text: str) -> Iterator[Written]:
    for match in pattern.finditer(text):
        value = match["value"]
        if is_random(value) and judge(Promise.KEY, "key", value, quoted=True):
            yield Written(rule, *match.span("value"), Severity.SHOULD_FIX)


def _calls(text: str, lowered: str) -> Iterator[Written]:
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


def _commands(text: str) -> Iterator[Written]:
    for match in _COMMAND.finditer(text):
        group = match.lastgroup or ""
        severity = _judged(match[group])
        if severity:
            yield Written("password", *match.span(group), severity)


def _judged(password: str) -> Severity | None:
    return judge(Promise.PASSWORD, "password", password, quoted=False)
