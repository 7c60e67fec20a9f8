"""Finds names that promise a secret together with the literal they are given, in any language."""

import re
import string
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from reviewloop.secrets.names import Promise, promise_of


class Given(NamedTuple):
    """A name and the literal it is given; offsets of the literal in the text."""

    promise: Promise
    name: str
    value: str
    start: int
    end: int
    quoted: bool


_REACH = 700  # characters between the beginning of a name and the literal it is given, at most
# What every telling name holds, lower case; `names` then judges the whole name.
_STEMS = ("pass", "pwd", "psw", "secret", "token", "key", "cred", "auth", "salt", "pswd", "senha")
_RARE_STEMS = ("kennwort", "contrasena", "_pw", "jwt", "_pat", "pword", "parola")
_NAME_CHARACTERS = string.ascii_letters + string.digits + "_.-$"
_NAME_RIGHT = re.compile(r"[\w.\-]{0,60}")
_VALUE = r"(?P<q>[\"'`])(?P<value>(?:(?!(?P=q))[^\\\n]|\\[^\n]){1,600})(?P=q)"
_QUOTED = re.compile(
    # The name's own quote or bracket, a type, what binds the two, a wrapper or what comes before
    # an "or else", the literal.
    r"[\"'`]?[\])]?\s{0,20}"
    r"(?:(?::\s{0,4}|\s)[A-Za-z_*&][\w.\[\]<>|?*&]{0,40}\s{0,8}(?==)|\[\d{0,6}\]\s{0,4}(?==))?"
    r"(?P<sep>=>|:=|={1,3}|!==?|:|,|\(|\?\?|\|\||<-|\bor\b|-eq\b|\beq\b)\s{0,40}"
    r"(?:[A-Za-z_$][\w.$]{0,60}(?:\([^()\n]{0,60}\)|\[[^\[\]\n]{0,60}\])?\s{0,4}"
    r"(?:\|\||\?\?|\bor\b)\s{0,4})?"
    r"(?:[A-Za-z][\w.]{0,30}\()?[rbufRBUFL@]{0,2}" + _VALUE
)
_BEHIND_SPACE = re.compile(r"[ \t]{1,20}" + _VALUE)  # #define NAME "x", storePassword "x"
_LINE_START = re.compile(r"(?:^|\n)[ \t]*(?:#[ \t]*define[ \t]+)?$")
_HEADER = re.compile(r":[ ]?(?P<value>[^\s\"'`<>{}$]{8,300})[\"'`]")
_PLACEHOLDER_DEFAULT = re.compile(  # ${name:default}, ${NAME:-default}
    r":-?(?P<value>[^\s{}\"'+?=\-][^\s{}\"']{3,200})\}"
)
_BARE = re.compile(
    r"[\"']?[ \t]{0,20}(?:=|:(?![/:=]))[ \t]{0,20}(?P<value>[^\s\"'#,`][^\s\"'`]{2,300})"
)
_BARE_END = re.compile(r"[ \t]*(?:$|[#;,]|\\$|[A-Z_]+=)", re.MULTILINE)
_SPACED = re.compile(r"[ \t]{1,4}[\"']?(?P<value>[^\s\"'`=:]{4,200})[\"']?")
_ELEMENT = re.compile(r"(?:[\"']?(?:\s[^<>\n]{0,80})?)?>(?P<value>[^<>\n]{4,300})</")
_BESIDE = re.compile(  # name="x" value="y", "name": "x", "value": "y", also on the next line
    r"[\"']?[ \t]{0,8},?\s{1,60}[\"']?(?:value|defaultValue|ParameterValue|content|Value)"
    r"[\"']?\s{0,4}[:=]\s{0,4}(?P<q>[\"']?)(?P<value>[^\s\"'<>,}]{3,300})(?P=q)"
)
_NAMED_BY = re.compile(r"(?:name|key|ParameterKey|Name|Key)[\"']?\s{0,4}[:=]\s{0,4}[\"']?$")
_DEFAULT = re.compile(
    r"[\"']?\s{0,4}(?:\{|:)\s{0,60}(?:[^\n{}]{0,200}\n){0,5}?\s{0,40}[\"']?[dD]efault[\"']?"
    r"\s{0,20}[:=]\s{0,20}[\"'](?P<value>[^\"'\n]{4,200})[\"']"
)
_BEFORE_BARE = re.compile(
    r"(?:^|[\n;&|])[ \t]*(?:export[ \t]+|ENV[ \t]+|ARG[ \t]+|set[ \t]+|setx[ \t]+|-[ \t]+|[\"']|"
    r"environment[ \t]*=[ \t]*|(?:[A-Za-z_]\w{0,40}=\S{0,80}[ \t]+){1,5}|#+[ \t]*|//[ \t]*"
    r"|//[^\s]{1,120}:)?$"
)
_IN_CALL = re.compile(r"\(\s{0,40}[\w.\"'`\[\]]{0,40}$|[\"']--$|-$")
_SETTERS = ("set", "with", "use", "add", "put", "append", "using", "define", "create")

_PROSE = {"markdown", ""}
# Bare values are literals only where nothing else could stand.
BARE_LANGUAGES = {
    *("yaml", "toml", "shell", "dockerfile", "cloudformation", "github-workflow", "github-action"),
    *("terraform", "markdown", ""),
}


def _any_name(name: str) -> bool:
    return bool(name)


def givens(
    text: str,
    language: str,
    *,
    wanted: Callable[[str], bool] = _any_name,
    near: Iterable[tuple[int, int]] | None = None,
) -> Iterator[Given]:
    """Yield every name that promises a secret with the literal it is given.

    Names that are not `wanted` are passed over, and so are those that do not stand in or shortly
    before one of the stretches `near` (all when None; in order).
    """
    seen = -1
    bare = language in BARE_LANGUAGES
    stems = _stems(text)
    for position in stems if near is None else _shortly_before(stems, near):
        if position < seen:
            continue
        left = text[max(0, position - 80) : position]
        start = position - len(left) + len(left.rstrip(_NAME_CHARACTERS))
        right = _NAME_RIGHT.match(text, position)
        name = text[start : right.end() if right else position].rstrip("-.")
        end = start + len(name)
        seen = end
        start += len(name) - len(name.lstrip("-"))
        name = name.lstrip("-")
        promise = promise_of(name)
        if promise is Promise.NOTHING or not wanted(name):
            continue
        for match, quoted in _literals(text, start, end, bare=bare, language=language):
            if not quoted or not _is_call_about(name, match):
                yield Given(promise, name, match["value"], *match.span("value"), quoted)
                # The value may hold a name itself: key="password", ${PASSWORD:-default}.
                if promise is not Promise.PERHAPS and "${" not in match["value"]:
                    seen = max(seen, match.end("value"))
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
    """Return where telling names may stand, in order."""
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
    """Yield the places where the value may stand, the likeliest first."""
    before = text[max(0, start - 120) : start]
    named_by = _NAMED_BY.search(before) is not None
    beside = _BESIDE.match(text, end) if named_by else None
    if beside:
        yield beside, bool(beside["q"])
    quoted = _QUOTED.match(text, end)
    # In a list of words each stands beside another one; only a call gives one to the other.
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
    """Return the form that a value can only have behind what stands before the name."""
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
    """Whether `check_password("x")` is a call that is given something else than a password."""
    if match.groupdict().get("sep") != "(":
        return False
    lowered = name.rsplit(".", 1)[-1].lower()
    telling = ("password", "passwd", "pwd", "secret", "token", "apikey", "api_key", "passphrase")
    return not lowered.startswith((*_SETTERS, *telling))
