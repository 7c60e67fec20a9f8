"""Finds comments that silence checks: for whole files, for everything, or without a reason."""

import difflib
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from reviewloop.analysis.contract import (
    FileCheck,
    Hit,
    SourceFile,
    Span,
)
from reviewloop.analysis.data_tables import read_table
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.rules.catalogue import rule


class Concern(StrEnum):
    """The subject of a silenced check."""

    SECURITY = "security"
    INFRASTRUCTURE = "infrastructure"
    LINT = "lint"
    TYPES = "types"
    COVERAGE = "coverage"
    OURS = "ours"


@dataclass(frozen=True)
class Silencer:
    """The form of a silencing comment; group `rules` of the pattern holds the silenced rules."""

    tool: str
    concern: Concern
    needle: str  # required in a text for the pattern to be tried
    expression: str
    whole_file: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled pattern, compiled only when needed."""
        return re.compile(self.expression)


@cache
def _table() -> Any:
    return read_table(Path(__file__).with_name("silencers.toml"))


@cache
def silencers() -> tuple[Silencer, ...]:
    """Return the forms of all tools; of two that match, the first one counts."""
    lists = _table()["lists"]

    def whole(pattern: str) -> str:
        return pattern.replace("{codes}", lists["codes"]).replace("{names}", lists["names"])

    return tuple(
        Silencer(
            row["tool"],
            Concern(row["concern"]),
            form["needle"],
            whole(form["pattern"]),
            form.get("whole_file", False),
        )
        for row in _table()["silencer"]
        for form in row["comments"]
    )


@cache
def _begins(kind: str) -> re.Pattern[str]:
    """Return the pattern of rules of a kind; `security_rules` of linters count as of security, and
    an exception from `style_rules` needs no reason.
    """
    return re.compile(f"^(?:{'|'.join(_table()[kind])})")


# Lines that tests cannot or need not reach.
UNREACHABLE = regex(
    r"TYPE_CHECKING|NotImplementedError|__main__|^\s*(?:\.\.\.|pass|except\b.*|raise\b.*|return\b.*"
    r"|@?(?:abc\.)?abstractmethod|@overload|if\s+sys\.|elif\s+sys\.|else:|import\s|from\s"
    r"|def __repr__)|:\s*\.\.\.\s*#|assert_never|unreachable|sys\.version|sys\.platform|os\.name"
    r"|platform\."
)


_NOQA, _NOSEC, _TYPE = "# no" + "qa", "# no" + "sec", "# ty" + "pe: ignore"
_SECURITY = rule("diff/security-check-silenced")
_INFRA = rule("diff/infrastructure-check-silenced")
_LINT = rule("diff/lint-silenced")
_COVERAGE = rule("diff/coverage-excluded")
_OURS = rule("diff/ignored-without-reason")
_UNKNOWN = rule("diff/ignores-unknown-rule")
_WITHOUT_RULE = "The comment has no effect: it names no rule. Write `ignore[RULE] REASON`."
_RULES = {
    Concern.SECURITY: _SECURITY,
    Concern.INFRASTRUCTURE: _INFRA,
    Concern.LINT: _LINT,
    Concern.TYPES: _LINT,
    Concern.COVERAGE: _COVERAGE,
    Concern.OURS: _OURS,
}
_WORDS = regex(r"[A-Za-z]{2,}")
_COMMENT_LINE = regex(r"\s*(?:#|//|/\*|\*|--|<!--)\s?(?P<text>.*)")


def find_silenced_checks(file: SourceFile) -> Iterator[Hit]:
    """Yield the comments that silence checks."""
    tried = [silencer for silencer in silencers() if silencer.needle in file.text]
    if not tried:
        return
    for number, line in enumerate(file.lines, 1):
        for silencer in tried:
            if silencer.needle not in line:
                continue
            match = silencer.pattern.search(line)
            if match and not _in_string(line, match.start()):
                hit = _assess(file, number, line, silencer, match)
                if hit:
                    yield hit
                break  # the more specific row is first


def _assess(
    file: SourceFile, number: int, line: str, silencer: Silencer, match: re.Match[str]
) -> Hit | None:
    rules = _rules_of(match)
    concern = silencer.concern
    if any(_begins("security_rules").match(rule) for rule in rules):
        concern = Concern.SECURITY
    severity = _severity(silencer, concern, rules)
    ours = concern is Concern.OURS
    if ours and (unknown := _unknown(rules)):
        span = Span(number, number, match.start() + 1, match.end() + 1)
        return Hit(_UNKNOWN.id, file.path, span, unknown)
    bare = ours and not rules
    if severity is None or (not bare and _has_reason(file, number, line, match, ours)):
        return None
    if concern is Concern.COVERAGE and not silencer.whole_file and UNREACHABLE.search(line):
        return None
    where = "for the whole file" if silencer.whole_file else "here"
    if concern is Concern.COVERAGE:
        message = f"Coverage is not measured {where}, and no reason is given."
    elif rules:
        message = f"{silencer.tool} ignores {', '.join(rules[:4])} {where}; no reason is given."
    elif concern is Concern.OURS:
        message = _WITHOUT_RULE
    elif silencer.tool == "noqa":
        message = f"All lint rules are switched off {where}, and no reason is given."
    else:
        message = f"{silencer.tool} is switched off {where}, and no reason is given."
    span = Span(number, number, match.start() + 1, match.end() + 1)
    return Hit(_RULES[concern].id, file.path, span, message, severity=severity)


def _unknown(names: list[str]) -> str:
    """Return the problem of the first name that is no rule, "" if all are fine."""
    from reviewloop.analysis.rule_book import is_about_a_rule, own_rules

    for name in names:
        # Ids of findings and names of reviewers have no slash.
        if "/" not in name or is_about_a_rule(name):
            continue
        ours = [rule.id for rule in own_rules()]
        near = difflib.get_close_matches(name, ours, 1, 0.6)
        # An unknown family may be a name that a model's reviewer uses.
        if near or any(rule.startswith(f"{name.partition('/')[0]}/") for rule in ours):
            hint = f" Did you mean {near[0]}?" if near else ""
            return f"There is no rule {name}, so the comment has no effect.{hint}"
    return ""


def _rules_of(match: re.Match[str]) -> list[str]:
    named = match.groupdict().get("rules") or ""
    return [rule for rule in re.split(r"[,\s\"]+", named) if rule]


def _severity(silencer: Silencer, concern: Concern, rules: list[str]) -> Severity | None:
    """Return the severity: everything, or a whole file, counts more than one rule at one line."""
    if concern is Concern.OURS:
        return Severity.NIT
    if rules:
        if concern in (Concern.SECURITY, Concern.INFRASTRUCTURE):
            return Severity.NIT
        if concern is Concern.TYPES or all(_begins("style_rules").match(rule) for rule in rules):
            return None
        return Severity.NIT
    if silencer.whole_file or concern in (Concern.SECURITY, Concern.INFRASTRUCTURE):
        return Severity.SHOULD_FIX
    return Severity.NIT


def _has_reason(file: SourceFile, number: int, line: str, match: re.Match[str], ours: bool) -> bool:
    """Whether words beside the comment, or in a comment right above it, give a reason."""
    behind = line[match.end() :].replace("*/", "").replace("-->", "")
    if len(_WORDS.findall(behind)) >= 2 or _one_word_reason(behind):
        return True
    if ours:  # our own comments have a field for the reason, of any length
        return bool(behind.strip(" \t:,-\u2013\u2014"))
    before = _COMMENT_LINE.match(line)
    if before and before.start("text") < match.start():
        ahead = line[before.start("text") : match.start()]
        if len(_WORDS.findall(ahead)) >= 3:
            return True
    if number < 2:
        return False
    above = _COMMENT_LINE.match(file.lines[number - 2])
    return above is not None and len(_WORDS.findall(above["text"])) >= 3


def _one_word_reason(text: str) -> bool:
    return bool(re.match(r"\s*(?:--?|:|#|\()\s*[A-Za-z]{3,}", text))


def _in_string(line: str, at: int) -> bool:
    """Whether the comment is text of a literal, as far as the line shows."""
    before = line[:at]
    return before.count('"') % 2 == 1 or before.count("'") % 2 == 1 or before.count("`") % 2 == 1


def _understands(file: SourceFile) -> bool:
    return bool(file.language) and file.language != "markdown"


SUPPRESSIONS = FileCheck(
    "silenced checks",
    (_SECURITY, _INFRA, _LINT, _COVERAGE, _OURS, _UNKNOWN),
    _understands,
    find_silenced_checks,
)
