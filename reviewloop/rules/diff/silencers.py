"""The comments that silence checks: which tool obeys them, and what each takes away."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Concern(StrEnum):
    """What a silenced check was about."""

    SECURITY = "security"
    INFRASTRUCTURE = "infrastructure"
    LINT = "lint"
    TYPES = "types"
    COVERAGE = "coverage"
    OURS = "ours"


@dataclass(frozen=True)
class Silencer:
    """One comment; group `rules` of the pattern names what is silenced, when anything does."""

    tool: str
    concern: Concern
    needle: str  # what a text must hold for the pattern to be tried
    expression: str
    whole_file: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled pattern; most files need none."""
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

# Rules of linters that are about security: silencing them counts as such.
SECURITY_RULE = re.compile(
    r"^(?:S\d{3}|B\d{3}|G\d{3}|gosec|security/|no-eval|no-implied-eval|no-script-url|Security/"
    r"|DUO\d+|react/no-danger|bandit|detect-|exec-used|eval-used|SC2091|clippy::unwrap|unsafe)"
)
# House style: nobody needs a reason for an exception.
STYLE_RULE = re.compile(
    r"^(?:E\d{3}|W\d{3}|D\d{3}|I\d{3}|N\d{3}|Q\d{3}|ANN\d{3}|COM\d{3}|UP\d{3}|RUF\d{3}|PLR\d{4}|PLC\d{4}"
    r"|C4\d\d|C901|F401|F403|F405|ARG\d{3}|FBT\d{3}|SIM\d{3}|TC\d{3}|TCH\d{3}|PT\d{3}|ERA\d{3}|T20\d?"
    r"|SLF\d{3}|DTZ\d{3}|EM\d{3}|TRY\d{3}|PGH\d{3}|A\d{3}|INP\d{3}|PTH\d{3}|FA\d{3}|Layout/|Style/"
    r"|Metrics/|Naming/|unused|deprecation|rawtypes|unchecked|line-too-long|missing-|invalid-name|too-many-"
    r"|import-outside|protected-access|dead_code|clippy::too_many|non_|max-len|SC1091|SC2034|SC2155"
    r"|lll|funlen|gocyclo|dupl|no-unused|@typescript-eslint/no-unused|camelcase|prettier|import/)"
)
# Lines that no test can or need reach.
UNREACHABLE = re.compile(
    r"TYPE_CHECKING|NotImplementedError|__main__|^\s*(?:\.\.\.|pass|except\b.*|raise\b.*|return\b.*"
    r"|@?(?:abc\.)?abstractmethod|@overload|if\s+sys\.|elif\s+sys\.|else:|import\s|from\s"
    r"|def __repr__)|:\s*\.\.\.\s*#|assert_never|unreachable|sys\.version|sys\.platform|os\.name"
    r"|platform\."
)
