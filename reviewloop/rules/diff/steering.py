"""Lists the files of a change that tell agents what to do or that tools run by themselves."""

import re
import tomllib
from collections.abc import Iterator

from reviewloop.analysis.contract import (
    NIT,
    SECURITY,
    SHOULD,
    ChangeCheck,
    ChangeView,
    Hit,
    Rule,
    SourceFile,
    Span,
)

_INSTRUCTIONS = re.compile(
    r"(?:^|/)(?:CLAUDE(?:\.local)?|AGENTS|AGENT|GEMINI|QWEN|WARP|CRUSH)\.md$"
    r"|(?:^|/)\.(?:cursorrules|windsurfrules|clinerules|roorules|goosehints)$"
    r"|(?:^|/)\.(?:cursor|windsurf|clinerules|roo|continue|trae|augment|junie)/"
    r"|(?:^|/)\.kiro/(?:steering|agents|hooks|settings|prompts)/|(?:^|/)\.(?:claude|codex|gemini)/"
    r"|(?:^|/)\.github/(?:copilot-instructions\.md|instructions/|prompts/|agents/|chatmodes/)"
    r"|(?:^|/)\.?mcp\.json$|(?:^|/)\.vscode/mcp\.json$|(?:^|/)\.aider[^/]*$"
    r"|(?:^|/)(?:\.reviewloop/(?!baseline\.json$)|reviewloop\.toml$)|(?:^|/)\.opencode(?:/|\.json$)|(?:^|/)opencode\.json$",
    re.IGNORECASE,
)
_RUN_BY_THEMSELVES = re.compile(
    r"(?:^|/)\.vscode/(?:tasks|launch|settings|extensions)\.json$|(?:^|/)\.idea/runConfigurations/"
    r"|(?:^|/)\.(?:husky|githooks|git-hooks)/|(?:^|/)lefthook\.ya?ml$|(?:^|/)\.envrc$"
    r"|(?:^|/)\.devcontainer(?:/|\.json$)|(?:^|/)\.gitmodules$|(?:^|/)\.gitconfig$"
    r"|(?:^|/)\.(?:npmrc|yarnrc(?:\.yml)?|pnpmfile\.cjs|pypirc)$|(?:^|/)sitecustomize\.py$"
    r"|\.pth$|(?:^|/)\.gitpod\.ya?ml$|(?:^|/)\.mise\.toml$",
    re.IGNORECASE,
)
_HOOKS = re.compile(r"(?:^|/)\.pre-commit-config\.yaml$", re.IGNORECASE)
_PIPELINES = re.compile(
    r"(?:^|/)\.github/(?:workflows|actions)/"
    r"|(?:^|/)\.gitlab-ci\.ya?ml$|(?:^|/)\.circleci/|(?:^|/)Jenkinsfile$|(?:^|/)azure-pipelines\.ya?ml$"
    r"|(?:^|/)bitbucket-pipelines\.ya?ml$|(?:^|/)\.travis\.ya?ml$|(?:^|/)\.buildkite/"
    r"|(?:^|/)\.drone\.ya?ml$|(?:^|/)buildspec\.ya?ml$",
    re.IGNORECASE,
)
_SCRIPT = re.compile(
    r"^\s*\"(?:preinstall|install|postinstall|prepare|prepublish|preprepare|postprepare)\"\s*:"
)
_WHY = (
    "Such a file acts on whoever opens or checks out the repository. Attackers, and agents that "
    "were led astray, change them because few people read them."
)
_FIX = "Read the whole file, not only the lines that changed, and ask who wanted this."
_SOURCE = "https://owasp.org/www-project-top-10-for-large-language-model-applications/"

_AGENTS = Rule(
    id="diff/agent-instructions",
    reviewer=SECURITY,
    severity=NIT,
    title="The change alters what agents are told or may run",
    why=_WHY,
    fix=_FIX,
    category="poisoning",
    source=_SOURCE,
    in_tests=False,
    in_examples=True,
)
_TOOLS = Rule(
    id="diff/runs-by-itself",
    reviewer=SECURITY,
    severity=SHOULD,
    title="The change alters what tools run on other people's machines",
    why=_WHY,
    fix=_FIX,
    category="poisoning",
    source="https://cwe.mitre.org/data/definitions/829.html",
    in_examples=True,
)
_BUILD = Rule(
    id="diff/pipeline-changed",
    reviewer=SECURITY,
    severity=NIT,
    title="The change alters what the pipeline runs",
    why="Pipelines hold credentials: a line there can read them all.",
    fix="Have someone look at it who knows what the pipeline may reach.",
    category="poisoning",
    source="https://docs.github.com/actions/reference/security/secure-use",
    in_examples=True,
)


def _run(view: ChangeView) -> Iterator[Hit]:
    for path in view.changed_paths:
        found = _rule_of(path)
        if found is None or view.read_new(path) is None:
            continue
        done = "adds" if view.read_base(path) is None else "changes"
        if done == "adds" and _says_nothing(path, view.read_new(path) or ""):
            continue
        rule, what = found
        yield Hit(rule.id, path, None, f"This {done} {what}.", identity=rule.id)
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
    """Return a line of JSON without what another line after it changes: the comma."""
    return line.strip().removesuffix(",").rstrip()


def _says_nothing(path: str, text: str) -> bool:
    """Whether settings of reviewloop hold comments and empty tables only, as `init` writes them."""
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


STEERING = ChangeCheck("agents and tools", (_AGENTS, _TOOLS, _BUILD), _run)
