"""Finds files that steer agents and tools, and files that a change keeps from being read."""

import re
import tomllib
from collections.abc import Iterator

from reviewloop.analysis.contract import (
    NIT,
    ChangeCheck,
    ChangeView,
    Claim,
    FileCheck,
    Hit,
    Rule,
    SourceFile,
    Span,
)
from reviewloop.analysis.languages import CODE
from reviewloop.regex import regex
from reviewloop.rules.catalogue import rule

_MARKED = rule("diff/marked-as-generated")
_BYTES = rule("diff/source-as-binary")


def find_disguises(view: ChangeView) -> Iterator[Hit]:
    """Yield each file that the change keeps from being read as code."""
    for file in view.files:
        if file.claim == Claim.GENERATED and file.status != "A":
            number = next(
                (n for n, line in enumerate(file.lines[:5], 1) if file.touched(n, n) and line), 1
            )
            yield Hit(_MARKED.id, file.path, Span(number, number), _MARKED.title)
        elif file.claim == Claim.BINARY and file.language in CODE:
            yield Hit(_BYTES.id, file.path, None, "Git takes this code for a binary file.")


DISGUISES = ChangeCheck("disguises", (_MARKED, _BYTES), find_disguises)


_HIDING = regex(r"(?<!\S)(?:-diff|binary|linguist-generated(?:=true)?|linguist-vendored)(?!\S)")
# Generated or binary files.
_RIGHTLY = regex(
    r"lock|\.sum\b|generated|(?:^|[/_.])gen(?:[/_.]|$)|vendor|third.?party|dist\b|build\b|\.min\."
    r"|\.map\b|\.pb\.|_pb2|snap(?:shots?)?\b|fixtures?|testdata|node_modules|\.designer\.|mocks?\b"
    r"|openapi|swagger|schema|pnp|\.yarn|migrations?|__generated__|api\.json|\.g\.|bindings",
    re.IGNORECASE,
)
_SOURCE_FILE = regex(
    r"\.(?:py|pyi|js|mjs|cjs|jsx|ts|tsx|go|rs|rb|php|java|kt|cs|c|cc|cpp|h|hpp|swift|scala|sh|bash|tf"
    r"|ya?ml|sql|toml|html|vue|svelte)$|(?:^|/)(?:Dockerfile|Makefile)$|^(?:\*|\*\*|/?src/.*|\*\*/\*"
    r"|/?lib/.*|/?app/.*)$",
    re.IGNORECASE,
)

_ATTRIBUTES_RULE = rule("diff/hidden-from-diffs")


def find_hiding_attributes(file: SourceFile) -> Iterator[Hit]:
    """Yield each line of `.gitattributes` that keeps code out of diffs."""
    for number, line in enumerate(file.lines, 1):
        pattern, _, attributes = line.strip().partition(" ")
        found = _HIDING.search(attributes)
        if not found or pattern.startswith("#") or _RIGHTLY.search(pattern):
            continue
        if _SOURCE_FILE.search(pattern.strip('"')):
            yield Hit(
                _ATTRIBUTES_RULE.id,
                file.path,
                Span(number, number),
                f"`{found.group()}` keeps `{pattern[:80]}` out of the diffs that people read.",
            )


def _understands(file: SourceFile) -> bool:
    return file.path.rsplit("/", 1)[-1] == ".gitattributes"


ATTRIBUTES = FileCheck("git attributes", (_ATTRIBUTES_RULE,), _understands, find_hiding_attributes)


_INSTRUCTIONS = regex(
    r"(?:^|/)(?:CLAUDE(?:\.local)?|AGENTS|AGENT|GEMINI|QWEN|WARP|CRUSH)\.md$"
    r"|(?:^|/)\.(?:cursorrules|windsurfrules|clinerules|roorules|goosehints)$"
    r"|(?:^|/)\.(?:cursor|windsurf|clinerules|roo|continue|trae|augment|junie)/"
    r"|(?:^|/)\.kiro/(?:steering|agents|hooks|settings|prompts)/|(?:^|/)\.(?:claude|codex|gemini)/"
    r"|(?:^|/)\.github/(?:copilot-instructions\.md|instructions/|prompts/|agents/|chatmodes/)"
    r"|(?:^|/)\.?mcp\.json$|(?:^|/)\.vscode/mcp\.json$|(?:^|/)\.aider[^/]*$"
    r"|(?:^|/)(?:\.reviewloop/(?!baseline\.json$)|reviewloop\.(?:toml|hooks\.yaml)$)|(?:^|/)\.opencode(?:/|\.json$)|(?:^|/)opencode\.json$",
    re.IGNORECASE,
)
_RUN_BY_THEMSELVES = regex(
    r"(?:^|/)\.vscode/(?:tasks|launch|settings|extensions)\.json$|(?:^|/)\.idea/runConfigurations/"
    r"|(?:^|/)\.(?:husky|githooks|git-hooks)/|(?:^|/)lefthook\.ya?ml$|(?:^|/)\.envrc$"
    r"|(?:^|/)\.devcontainer(?:/|\.json$)|(?:^|/)\.gitmodules$|(?:^|/)\.gitconfig$"
    r"|(?:^|/)\.(?:npmrc|yarnrc(?:\.yml)?|pnpmfile\.cjs|pypirc)$|(?:^|/)sitecustomize\.py$"
    r"|\.pth$|(?:^|/)\.gitpod\.ya?ml$|(?:^|/)\.mise\.toml$",
    re.IGNORECASE,
)
# An editor offers these to its user, who starts or installs what they name.
_BY_HAND = regex(r"(?:^|/)\.vscode/(?:launch|extensions)\.json$", re.IGNORECASE)
_HOOKS = regex(r"(?:^|/)\.pre-commit-config\.yaml$", re.IGNORECASE)
_PIPELINES = regex(
    r"(?:^|/)\.github/(?:workflows|actions)/"
    r"|(?:^|/)\.gitlab-ci\.ya?ml$|(?:^|/)\.circleci/|(?:^|/)Jenkinsfile$|(?:^|/)azure-pipelines\.ya?ml$"
    r"|(?:^|/)bitbucket-pipelines\.ya?ml$|(?:^|/)\.travis\.ya?ml$|(?:^|/)\.buildkite/"
    r"|(?:^|/)\.drone\.ya?ml$|(?:^|/)buildspec\.ya?ml$",
    re.IGNORECASE,
)
_SCRIPT = regex(
    r"^\s*\"(?:preinstall|install|postinstall|prepare|prepublish|preprepare|postprepare)\"\s*:"
)

_AGENTS = rule("diff/agent-instructions")
_TOOLS = rule("diff/runs-by-itself")
_BUILD = rule("diff/pipeline-changed")


def find_steering(view: ChangeView) -> Iterator[Hit]:
    """Yield each file that agents, tools or pipelines follow."""
    for path in view.changed_paths:
        found = _rule_of(path)
        if found is None or view.read_new(path) is None:
            continue
        done = "adds" if view.read_base(path) is None else "changes"
        if done == "adds" and _is_empty(path, view.read_new(path) or ""):
            continue
        rule, what = found
        severity = NIT if _BY_HAND.search(path) else None
        yield Hit(rule.id, path, None, f"This {done} {what}.", severity, identity=rule.id)
    for file in view.files:
        if file.path.rsplit("/", 1)[-1] == "package.json":
            yield from _scripts(view, file)


def _scripts(view: ChangeView, file: SourceFile) -> Iterator[Hit]:
    before = {_script(line) for line in (view.read_base(file.path) or "").split("\n")}
    for number in sorted(file.added_numbers):
        line = file.lines[number - 1] if number <= len(file.lines) else ""
        if _SCRIPT.match(line) and _script(line) not in before:
            message = "This script runs whenever someone installs the package."
            yield Hit(_TOOLS.id, file.path, _line(number), message)


def _script(line: str) -> str:
    """Return a line of JSON without its trailing comma, which depends on the next line."""
    return line.strip().removesuffix(",").rstrip()


def _is_empty(path: str, text: str) -> bool:
    """Whether settings of reviewloop only have comments and empty tables, as `init` writes them."""
    if path.rsplit("/", 1)[-1] != "reviewloop.toml":
        return False
    try:
        return not _holds_a_value(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError):
        return False


def _holds_a_value(table: object) -> bool:
    return any(map(_holds_a_value, table.values())) if isinstance(table, dict) else True


def _line(number: int) -> Span:
    return Span(number, number)


def _rule_of(path: str) -> tuple[Rule, str] | None:
    if _INSTRUCTIONS.search(path):
        return _AGENTS, "what coding agents are told or may run"
    if _RUN_BY_THEMSELVES.search(path):
        return _TOOLS, "what tools run or load by themselves"
    if _HOOKS.search(path):
        return _BUILD, "the hooks that run before each commit"
    if _PIPELINES.search(path):
        return _BUILD, "what the pipeline runs"
    return None


STEERING = ChangeCheck("agents and tools", (_AGENTS, _TOOLS, _BUILD), find_steering)
