"""Locates the first YAML syntax error, for the syntax check and for tools that skip such files."""

from typing import Any, NamedTuple

_DEEPEST = 200  # levels: the time of the parser grows with their square


class Problem(NamedTuple):
    """The line of a syntax error, and the parser's message."""

    line: int  # 1-based
    message: str


def yaml_problem(text: str) -> Problem | None:
    """Return the first YAML error in a text; tags and further documents are allowed."""
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
        return None  # characters that the library rejects, which others may accept
    return None


def _yaml_problem(text: str, error: Any) -> Problem | None:
    message = str(error.problem or error.context or "")
    if "nesting" in message:
        return None
    mark, start = error.problem_mark or error.context_mark, error.context_mark
    end = len(text.rstrip())
    if mark is None or (mark.index >= end and start is not None):
        mark = start  # an unclosed bracket is reported where it was opened
    if mark is None:
        return None
    if "\\t" in message and text[text.rfind("\n", 0, mark.index) + 1 : mark.index].strip():
        return None  # newer parsers allow a tab between words
    return Problem(text.count("\n", 0, min(mark.index, end)) + 1, lower_first(message))


def lower_first(message: str) -> str:
    """Return a message with a lower-case first letter, for the middle of a sentence."""
    return message[:1].lower() + message[1:].rstrip(".")
