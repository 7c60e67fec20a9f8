"""Finds comments that silence checks: for whole files, for everything, or without a reason."""

import difflib
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property

from reviewloop.analysis.contract import (
    FileCheck,
    Hit,
    SourceFile,
    Span,
)
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


def _row(
    tool: str,
    concern: Concern,
    needle: str,
    pattern: str,
    *,
    whole_file: bool = False,
) -> Silencer:
    return Silencer(tool, concern, needle, pattern, whole_file)


_CODES = r"(?P<rules>[A-Za-z]+[0-9]+(?:[,\s]+[A-Za-z]+[0-9]+)*)"
_LIST = r"(?P<rules>[\w@./\-]+(?:\s*,\s*[\w@./\-]+)*)"
_HASH, _SLASH = r"#\s*", r"(?://|/\*)\s*"
_S, _I, _L, _T, _C = (
    Concern.SECURITY,
    Concern.INFRASTRUCTURE,
    Concern.LINT,
    Concern.TYPES,
    Concern.COVERAGE,
)

SILENCERS: tuple[Silencer, ...] = (
    _row(
        "ruff",
        _L,
        "noqa",
        _HASH + r"(?:ruff|flake8):\s*noqa\b(?::\s*" + _CODES + ")?",
        whole_file=True,
    ),
    _row("noqa", _L, "noqa", _HASH + r"noqa\b(?::\s*" + _CODES + ")?"),
    _row("bandit", _S, "nosec", _HASH + r"nosec\b(?::?[ \t]*(?P<rules>B\d+(?:[,\s]+B\d+)*))?"),
    _row("gosec", _S, "#nosec", _SLASH + r"#nosec\b(?:[ \t]+(?P<rules>G\d+(?:[,\s]+G\d+)*))?"),
    _row("semgrep", _S, "nosem", r"(?:#|//|/\*)\s*nosem(?:grep)?\b(?::\s*" + _LIST + ")?"),
    _row("CodeQL", _S, "lgtm", r"(?:#|//)\s*lgtm\b(?:\[(?P<rules>[\w/\-, ]+)\])?"),
    _row("CodeQL", _S, "codeql", r"(?:#|//)\s*codeql\[(?P<rules>[\w/\-, ]+)\]"),
    _row("Sonar", _L, "NOSONAR", r"(?:#|//)\s*NOSONAR\b(?:\((?P<rules>[\w:, ]+)\))?"),
    _row("mypy", _T, "type:", _HASH + r"type:\s*ignore\b(?:\[(?P<rules>[^\]]+)\])?"),
    _row("pyright", _T, "pyright:", _HASH + r"pyright:\s*ignore\b(?:\[(?P<rules>[^\]]+)\])?"),
    _row("mypy", _T, "mypy:", _HASH + r"mypy:\s*ignore-errors\b", whole_file=True),
    _row("pylint", _L, "pylint:", _HASH + r"pylint:\s*skip-file\b", whole_file=True),
    _row("pylint", _L, "pylint:", _HASH + r"pylint:\s*disable(?:-next)?\s*=\s*(?!all\b)" + _LIST),
    _row(
        "pylint", _L, "pylint:", _HASH + r"pylint:\s*disable(?:-next)?\s*=\s*all\b", whole_file=True
    ),
    _row(
        "ESLint",
        _L,
        "-disable",
        _SLASH
        + r"(?:eslint|oxlint|tslint:)-?disable(?!-(?:next-)?line)\b[ \t]*(?:(?!\*/|--)"
        + _LIST
        + ")?",
        whole_file=True,
    ),
    _row(
        "ESLint",
        _L,
        "-disable-",
        _SLASH
        + r"(?:eslint|oxlint|tslint:)-?disable-(?:next-)?line\b[ \t]*(?:(?!\*/|--)"
        + _LIST
        + ")?",
    ),
    _row("Biome", _L, "biome-ignore", _SLASH + r"biome-ignore(?:-all)?[ \t]+(?P<rules>[\w/]+)"),
    _row("TypeScript", _T, "@ts-nocheck", _SLASH + r"@ts-nocheck\b", whole_file=True),
    _row("TypeScript", _T, "@ts-ignore", _SLASH + r"@ts-ignore\b"),
    _row("TypeScript", _T, "@ts-expect-error", _SLASH + r"@ts-expect-error\b"),
    _row("golangci-lint", _L, "nolint", r"//\s*nolint\b(?::" + _LIST + ")?"),
    _row("staticcheck", _L, "lint:", r"//lint:(?:file-)?ignore[ \t]+(?P<rules>\S+)"),
    _row(
        "ShellCheck", _L, "shellcheck", _HASH + r"shellcheck\s+disable=(?P<rules>(?!all\b)[\w,\-]+)"
    ),
    _row("ShellCheck", _L, "shellcheck", _HASH + r"shellcheck\s+disable=all\b", whole_file=True),
    _row("hadolint", _I, "hadolint", _HASH + r"hadolint\s+(?:global\s+)?ignore=(?P<rules>[\w,]+)"),
    _row("checkov", _I, "checkov:skip", r"(?:#|//)\s*checkov:skip=(?P<rules>[\w,]+)"),
    _row("tfsec", _I, "tfsec:ignore", r"(?:#|//)\s*tfsec:ignore:(?P<rules>(?!\*)[\w\-]+)"),
    _row("tfsec", _I, "tfsec:ignore", r"(?:#|//)\s*tfsec:ignore:\*"),
    _row("trivy", _I, "trivy:ignore", r"(?:#|//)\s*trivy:ignore:(?P<rules>(?!\*)[\w\-]+)"),
    _row("trivy", _I, "trivy:ignore", r"(?:#|//)\s*trivy:ignore:\*"),
    _row(
        "tflint", _I, "tflint-ignore", r"(?:#|//)\s*tflint-ignore(?:-file)?:\s*(?P<rules>[\w,\- ]+)"
    ),
    _row(
        "KICS",
        _I,
        "kics-scan",
        r"#\s*kics-scan\s+(?:ignore-line|ignore-block|disable=(?P<rules>[\w,\-]+))",
    ),
    _row("KICS", _I, "kics-scan", r"#\s*kics-scan\s+ignore\s*$", whole_file=True),
    _row("zizmor", _I, "zizmor:", _HASH + r"zizmor:\s*ignore\[(?P<rules>[\w\-, ]+)\]"),
    _row("yamllint", _L, "yamllint", _HASH + r"yamllint\s+disable-file\b", whole_file=True),
    _row("coverage", _C, "pragma", _HASH + r"pragma:\s*no\s*cover\b"),
    _row(
        "coverage",
        _C,
        "ignore file",
        _SLASH + r"(?:istanbul|c8|v8)\s+ignore\s+file\b",
        whole_file=True,
    ),
    _row(
        "coverage", _C, "ignore", _SLASH + r"(?:istanbul|c8|v8)\s+ignore\s+(?:next|if|else|start)\b"
    ),
    _row(
        "javac",
        _L,
        "@SuppressWarnings",
        r"@SuppressWarnings\(\s*\{?\s*\"(?P<rules>(?!all\")[^)}]*)\"\s*\}?\s*\)",
    ),
    _row("javac", _L, "@SuppressWarnings", r"@SuppressWarnings\(\s*\"all\"\s*\)"),
    _row(
        "RuboCop",
        _L,
        "rubocop",
        _HASH + r"rubocop\s*:\s*(?:disable|todo)\s+(?P<rules>(?!all\b)[\w/]+(?:\s*,\s*[\w/]+)*)",
    ),
    _row("RuboCop", _L, "rubocop", _HASH + r"rubocop\s*:\s*(?:disable|todo)\s+all\b"),
    _row("rustc", _L, "#![allow", r"#!\[allow\((?P<rules>[^)]*)\)\]", whole_file=True),
    _row("rustc", _L, "#[allow", r"#\[allow\((?P<rules>[^)]*)\)\]"),
    _row(
        "PHPStan",
        _L,
        "@phpstan-ignore",
        r"@phpstan-ignore(?:-(?:next-)?line)?\b(?:[ \t]+(?P<rules>[a-z]\w*\.\w+))?",
    ),
    _row(
        "reviewloop",
        Concern.OURS,
        "reviewloop:",
        r"(?:#|//|/\*|--|<!--)\s*reviewloop:\s*ignore\b(?:\[(?P<rules>[\w/*,\- ]+)\])?",
    ),
)

# Security rules of linters: silencing them counts as such.
SECURITY_RULE = regex(
    r"^(?:S\d{3}|B\d{3}|G\d{3}|gosec|security/|no-eval|no-implied-eval|no-script-url|Security/"
    r"|DUO\d+|react/no-danger|bandit|detect-|exec-used|eval-used|SC2091|clippy::unwrap|unsafe)"
)
# Style rules: an exception needs no reason.
STYLE_RULE = regex(
    r"^(?:E\d{3}|W\d{3}|D\d{3}|I\d{3}|N\d{3}|Q\d{3}|ANN\d{3}|COM\d{3}|UP\d{3}|RUF\d{3}|PLR\d{4}|PLC\d{4}"
    r"|C4\d\d|C901|F401|F403|F405|ARG\d{3}|FBT\d{3}|SIM\d{3}|TC\d{3}|TCH\d{3}|PT\d{3}|ERA\d{3}|T20\d?"
    r"|SLF\d{3}|DTZ\d{3}|EM\d{3}|TRY\d{3}|PGH\d{3}|A\d{3}|INP\d{3}|PTH\d{3}|FA\d{3}|Layout/|Style/"
    r"|Metrics/|Naming/|unused|deprecation|rawtypes|unchecked|line-too-long|missing-|invalid-name|too-many-"
    r"|import-outside|protected-access|dead_code|clippy::too_many|non_|max-len|SC1091|SC2034|SC2155"
    r"|lll|funlen|gocyclo|dupl|no-unused|@typescript-eslint/no-unused|camelcase|prettier|import/)"
)
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
    tried = [silencer for silencer in SILENCERS if silencer.needle in file.text]
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
    if any(SECURITY_RULE.match(rule) for rule in rules):
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
        if concern is Concern.TYPES or all(STYLE_RULE.match(rule) for rule in rules):
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
