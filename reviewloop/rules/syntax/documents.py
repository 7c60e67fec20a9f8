"""Reads JSON, YAML and TOML as strictly as the programs do that need them."""

import json
import re
import tomllib
from typing import Any, NamedTuple

# npm, composer and the like take no comments, whatever an editor says.
_STRICT = frozenset({"package.json", "package-lock.json", "composer.json", "manifest.json"})
_LENIENT = re.compile(
    r"(?:^|/)(?:(?:ts|js)config[^/]*\.json|\.eslintrc[^/]*|\.?babel(?:rc|\.config)[^/]*"
    r"|(?:\.?devcontainer|tslint|api-extractor|turbo|nx|deno|biome|typedoc|wrangler|language-"
    r"configuration|tasks|launch|settings|keybindings|extensions)\.json|\.[^/]*rc\.json"
    r"|[^/]*(?:renovate|swc)[^/]*)$|(?:^|/)\.(?:vscode|devcontainer|zed)/",
    re.IGNORECASE,
)
_DEEPEST = 200  # levels of YAML, parts of a TOML key: their readers' time grows with the square
_LONGEST_TOML = 1_000_000
_COMMENT = re.compile(r"^\s{0,200}(?://|/\*|#)", re.MULTILINE)
_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_WHERE = re.compile(r"\s*\((?:at|line) [^)]*\)")


class Problem(NamedTuple):
    """Where a reader stopped, and what it said."""

    line: int  # 1-based
    message: str


def json_problem(path: str, text: str) -> Problem | None:
    """Return where a file stops being JSON; None for valid files and readers that take more."""
    text = text.removeprefix("\ufeff")
    strict = path.rsplit("/", 1)[-1] in _STRICT
    if not text.strip() or (not strict and _LENIENT.search(path)):
        return None
    try:
        json.loads(text)
    except RecursionError:
        return None
    except json.JSONDecodeError as error:
        rest = text[error.pos : error.pos + 2]
        if not strict and (_COMMENT.search(text) or rest in {"//", "/*"}):
            return None
        if not strict and error.msg == "Extra data" and rest[:1] in {"{", "["}:
            return None  # one value per line
        return Problem(error.lineno, _lower(error.msg))
    return None


def yaml_problem(text: str) -> Problem | None:
    """Return where a text stops being YAML, tags and further documents being fine."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        depth = 0
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                return None
    except yaml.MarkedYAMLError as error:
        return _yaml_problem(text, error)
    except (yaml.YAMLError, RecursionError):
        return None  # characters the library does not take, which others may
    return None


def _yaml_problem(text: str, error: Any) -> Problem | None:
    message = str(error.problem or error.context or "")
    if "nesting" in message:
        return None
    mark, start = error.problem_mark or error.context_mark, error.context_mark
    end = len(text.rstrip())
    if mark is None or (mark.index >= end and start is not None):
        mark = start  # what is not closed stands where it was opened
    if mark is None:
        return None
    if "\\t" in message and text[text.rfind("\n", 0, mark.index) + 1 : mark.index].strip():
        return None  # a tab between words is allowed by newer readers
    return Problem(text.count("\n", 0, min(mark.index, end)) + 1, _lower(message))


def toml_problem(text: str) -> Problem | None:
    """Return where a text stops being TOML; None for what would take its reader long."""
    if len(text) > _LONGEST_TOML or any(line.count(".") > _DEEPEST for line in text.split("\n")):
        return None
    try:
        tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        return None
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        line = int(found.group(1)) if found else text.rstrip().count("\n") + 1
        return Problem(line, _lower(_WHERE.sub("", str(error))))
    return None


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")
