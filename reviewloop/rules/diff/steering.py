"""Finds files that steer agents and tools, and files that a change keeps from being read."""

import re
import tomllib
from collections.abc import Iterator

from reviewloop.analysis.contract import (
    NIT,
    SECURITY,
    SHOULD,
    ChangeCheck,
    ChangeView,
    Example,
    FileCheck,
    Hit,
    Rule,
    SourceFile,
    Span,
)
from reviewloop.analysis.languages import CODE

_GITHUB_DOCS = "https://docs.github.com/en/repositories/working-with-files/managing-files/customizing-how-changed-files-appear-on-github"

_MARKED = Rule(
    id="diff/marked-as-generated",
    reviewer=SECURITY,
    severity=SHOULD,
    title="The change marks a file that was written by hand as generated",
    why="Review pages, linters and review tools pass over generated files. With the mark, this and "
    "every later change of the file goes unread.",
    fix="Delete the mark. If a program really writes the file from now on, say which one, and list "
    "it in `.gitattributes` as `linguist-generated` in a change of its own.",
    category="review",
    source=_GITHUB_DOCS,
    in_tests=True,
    in_examples=True,
    in_fixtures=True,
    hard=True,
)
_BYTES = Rule(
    id="diff/source-as-binary",
    reviewer=SECURITY,
    severity=SHOULD,
    title="Code that tools take for a binary file",
    why="A NUL byte, or text in UTF-16, makes git and review pages show no diff: the code goes "
    "unread, and interpreters run it all the same.",
    fix="Save the file as UTF-8 without NUL bytes. Data that needs them belongs in a file of its "
    "own.",
    category="hidden-text",
    source="https://git-scm.com/docs/gitattributes#_marking_files_as_binary",
    in_tests=True,
    in_examples=True,
    in_fixtures=True,
    hard=True,
)


def _check_disguises(view: ChangeView) -> Iterator[Hit]:
    for file in view.files:
        if file.claim.startswith("generated") and file.status != "A":
            number = next(
                (n for n, line in enumerate(file.lines[:5], 1) if file.touched(n, n) and line), 1
            )
            yield Hit(_MARKED.id, file.path, Span(number, number), _MARKED.title)
        elif file.claim == "binary" and file.language in CODE:
            yield Hit(_BYTES.id, file.path, None, "Git takes this code for a binary file.")


DISGUISES = ChangeCheck("disguises", (_MARKED, _BYTES), _check_disguises)


_HIDING = re.compile(
    r"(?<!\S)(?:-diff|binary|linguist-generated(?:=true)?|linguist-vendored)(?!\S)"
)
# Files that a program writes, or that hold no lines to read.
_RIGHTLY = re.compile(
    r"lock|\.sum\b|generated|(?:^|[/_.])gen(?:[/_.]|$)|vendor|third.?party|dist\b|build\b|\.min\."
    r"|\.map\b|\.pb\.|_pb2|snap(?:shots?)?\b|fixtures?|testdata|node_modules|\.designer\.|mocks?\b"
    r"|openapi|swagger|schema|pnp|\.yarn|migrations?|__generated__|api\.json|\.g\.|bindings",
    re.IGNORECASE,
)
_SOURCE_FILE = re.compile(
    r"\.(?:py|pyi|js|mjs|cjs|jsx|ts|tsx|go|rs|rb|php|java|kt|cs|c|cc|cpp|h|hpp|swift|scala|sh|bash|tf"
    r"|ya?ml|sql|toml|html|vue|svelte)$|(?:^|/)(?:Dockerfile|Makefile)$|^(?:\*|\*\*|/?src/.*|\*\*/\*"
    r"|/?lib/.*|/?app/.*)$",
    re.IGNORECASE,
)

_ATTRIBUTES_RULE = Rule(
    id="diff/hidden-from-diffs",
    reviewer=SECURITY,
    severity=SHOULD,
    title="Source files are kept out of diffs",
    why="Review pages fold away or leave out what this line covers, so that later changes to it "
    "are merged without anyone having read them.",
    fix="Restrict the pattern to files that a program generates, or drop the attribute.",
    category="review",
    source="https://git-scm.com/docs/gitattributes#_generating_diff_text",
    in_tests=True,
    in_examples=True,
    bad=(
        Example(".gitattributes", "*.py linguist-generated=true\n"),
        Example(".gitattributes", "src/auth/login.ts -diff\n"),
        Example("web/.gitattributes", "*.js binary\n"),
    ),
    good=(
        Example(".gitattributes", "*.png binary\npackage-lock.json -diff\n"),
        Example(".gitattributes", "* text=auto\n*.pb.go linguist-generated=true\n"),
        Example(".gitattributes", "dist/** linguist-generated\n*.py text eol=lf\n"),
    ),
)


def _check_attributes(file: SourceFile) -> Iterator[Hit]:
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


ATTRIBUTES = FileCheck("git attributes", (_ATTRIBUTES_RULE,), _understands, _check_attributes)


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
_OWASP_DOCS = "https://owasp.org/www-project-top-10-for-large-language-model-applications/"

_AGENTS = Rule(
    id="diff/agent-instructions",
    reviewer=SECURITY,
    severity=NIT,
    title="The change alters what agents are told or may run",
    why=_WHY,
    fix=_FIX,
    category="poisoning",
    source=_OWASP_DOCS,
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


def _check_steering(view: ChangeView) -> Iterator[Hit]:
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


STEERING = ChangeCheck("agents and tools", (_AGENTS, _TOOLS, _BUILD), _check_steering)
