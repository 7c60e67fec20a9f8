"""Determines the language and the purpose of a file by its path."""

import re
from pathlib import PurePosixPath

from reviewloop.analysis.contract import PathClass
from reviewloop.regex import regex

_BY_SUFFIX = {
    ".py": "python",
    ".pyi": "python",
    ".pyw": "python",
    ".js": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".jsx": "javascript",
    ".ts": "typescript",
    ".mts": "typescript",
    ".cts": "typescript",
    ".tsx": "tsx",
    ".go": "go",
    ".sh": "shell",
    ".bash": "shell",
    ".tf": "terraform",
    ".tofu": "terraform",
    ".dockerfile": "dockerfile",
    ".toml": "toml",
    ".json": "json",
    ".yml": "yaml",
    ".yaml": "yaml",
    ".java": "java",
    ".rs": "rust",
    ".rb": "ruby",
    ".php": "php",
    ".cs": "csharp",
    ".kt": "kotlin",
    ".c": "c",
    ".h": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".hpp": "cpp",
    ".swift": "swift",
    ".scala": "scala",
    ".md": "markdown",
    ".rst": "markdown",
    ".sql": "sql",
    ".html": "html",
    ".css": "css",
}
CODE = frozenset(_BY_SUFFIX.values()) - {"toml", "json", "yaml", "markdown", "html", "css"}
"""Languages with executable code or build steps."""
_WORKFLOW = regex(r"(?:^|/)\.github/workflows/[^/]+\.ya?ml$")
_ACTION = regex(r"(?:^|/)action\.ya?ml$")
_DEPENDABOT = regex(r"(?:^|/)\.github/dependabot\.ya?ml$")
_DOCKERFILE = regex(r"(?:^|/)(?:dockerfile|containerfile)(?:[.\-_][^/]*)?$", re.IGNORECASE)
_TEMPLATE = regex(
    r"(?:^|[{,])[ \t]*[\"']?(?:AWSTemplateFormatVersion|Transform)[\"']?[ \t]*:", re.MULTILINE
)
_TYPED_RESOURCE = regex(r"Type[\"']?[ \t]*:[ \t]*[\"']?AWS::[A-Z]\w+::\w+")
_RESOURCES = regex(r"(?:^|[{,])[ \t]*[\"']?Resources[\"']?[ \t]*:", re.MULTILINE)
_SHEBANG = regex(r"#!\s*\S*/(?:env\s+(?:-S\s+)?)?(python|bash|sh|dash|ksh|zsh|node)[\d.]*\b")
_TEMPLATES = {".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".erb", ".mustache", ".hbs"}
_SHEBANGS = {"python": "python", "node": "javascript"}


def language_of(path: str, text: str = "") -> str:
    """Return the language of a file, "" if unknown.

    Beside programming languages: terraform, dockerfile, cloudformation (by its content),
    github-workflow, github-action, dependabot, json, yaml, toml, markdown.
    """
    if _WORKFLOW.search(path):
        return "github-workflow"
    if _DEPENDABOT.search(path):
        return "dependabot"
    if _ACTION.search(path) and ("runs:" in text or not text):
        return "github-action"
    suffix = PurePosixPath(path).suffix.lower()
    language = _BY_SUFFIX.get(suffix, "")
    if language in {"yaml", "json"} or suffix == ".template":
        return "cloudformation" if is_cloudformation(text) else language
    if suffix == ".dockerignore":
        return language
    if _DOCKERFILE.search(path) and language in {"", "dockerfile"}:
        return "dockerfile"
    if not language and text.startswith("#!") and suffix not in _TEMPLATES:
        found = _SHEBANG.match(text)
        return _SHEBANGS.get(found.group(1), "shell") if found else ""
    return language


def is_cloudformation(text: str) -> bool:
    """Whether a YAML or JSON text is a CloudFormation (or SAM) template."""
    return bool(_RESOURCES.search(text)) and bool(
        _TEMPLATE.search(text) or _TYPED_RESOURCE.search(text)
    )


_TEST_FOLDERS = {
    "test",
    "tests",
    "__tests__",
    "spec",
    "specs",
    "testing",
    "e2e",
    "testsuite",
    "suites",
    "playwright",
    "cypress",
    "dredd",
    "molecule",
    "dummy",
    "unittest",
    "unittests",
}
_FIXTURE_FOLDERS = {
    "data",
    "cases",
    "fixtures",
    "fixture",
    "__fixtures__",
    "resources",
    "snapshots",
    "__snapshots__",
    "testdata",
    "test_data",
    "test-data",
}
_EXAMPLE_FOLDERS = {
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "doc",
    "docs",
    "docs_src",
    "documentation",
    "tutorial",
    "tutorials",
    "bench",
    "benchmark",
    "benchmarks",
    "seed",
    "seeds",
    "seeders",
    "local-environment",
    "local-dev",
    "localdev",
}


_FIXTURES = {
    "testdata",
    "_testdata",
    "_fixtures",
    "__snapshots__",
    "__fixtures__",
    "__mocks__",
    "fixtures",
    "semgrep",
}
_TEST_FOLDER = regex(
    r"(?:^|[-_])(?:e2e|tests?)(?:[-_]\w|$)|^e2e(?:config|env|data|tests?)$"
    r"|^test(?:helpers?|utils?|kit|suites?|support|lib|env)$"
)
# Packages of Go for tests are named so after what they test: `httptest`. Some words end so, too.
_GO_TESTS = regex(r"(?!(?:la|con|at|pro|fas|grea|new|quick|smal|lar)test$)[a-z0-9]{2,}test$")
_TEST_ROOTS = {"t", "integration"}  # a folder deeper in may hold integrations of the product
_TEST_SETTINGS = regex(r"\.env\.(?:tests?|testing|ci|e2e)$")
_TEST_SERVICES = regex(r"(?:docker-)?compose[.-](?:ci|tests?|e2e|cypress)\b")


def path_class(path: str) -> PathClass:
    """Return the purpose of a file, from its path alone."""
    folders = [folder.removeprefix(".") for folder in path.lower().split("/")[:-1]]
    tested = [index for index, folder in enumerate(folders) if _holds_tests(folder)]
    if folders and folders[0] in _TEST_ROOTS:
        tested.insert(0, 0)
    if path.endswith(".go"):
        tested += [index for index, folder in enumerate(folders) if _GO_TESTS.match(folder)]
        tested.sort()
    if _FIXTURES & set(folders) or "/.snapshots/" in f"/{path}":
        return PathClass.FIXTURE
    if tested and set(folders[tested[0] + 1 :]) & _FIXTURE_FOLDERS:
        return PathClass.FIXTURE
    if tested or is_test_name(path):
        return PathClass.TEST
    if set(folders) & _EXAMPLE_FOLDERS:
        return PathClass.EXAMPLE
    return PathClass.PRODUCT


def _holds_tests(folder: str) -> bool:
    """Whether a folder's name is that of a test folder, as `test-environments` is."""
    return folder in _TEST_FOLDERS or _TEST_FOLDER.search(folder) is not None


def purpose_folder(path: str) -> str:
    """Return the folder that decides the purpose of a file, "" if its name or nothing does."""
    parts = path.split("/")
    if is_test_name(path):
        return ""
    purposes = _EXAMPLE_FOLDERS | _FIXTURES
    for index, folder in enumerate(parts[:-1]):
        if folder.lower() in purposes or _holds_tests(folder.lower()):
            return "/".join(parts[: index + 1])
    return ""


_PROBE = regex(
    r"(?:^|[-_.])(?:health[-_]?checks?|smoke|(?:load|stress|perf\w*)[-_]?tests?|tests?|testing"
    r"|bench\w*|probes?)(?:[-_.]|$)"
)


def is_probe(path: str) -> bool:
    """Whether a program's name says that it only tries if another one answers, and how fast."""
    return _PROBE.search(path.rsplit("/", 1)[-1].lower()) is not None


def is_test_name(path: str) -> bool:
    """Whether a file's own name is that of a test file."""
    name = path.rsplit("/", 1)[-1]
    stem = name.split(".")[0]
    lower = name.lower()
    return (
        stem.lower().startswith("test_")
        or stem.lower().endswith(("_test", "_spec"))
        or stem.lower() in {"conftest", "tests"}
        or stem.endswith(("Test", "Tests"))
        or ".test." in lower
        or ".spec." in lower
        or ".mock." in lower
        or _TEST_SERVICES.match(lower) is not None
        or _TEST_SETTINGS.match(lower) is not None
    )
