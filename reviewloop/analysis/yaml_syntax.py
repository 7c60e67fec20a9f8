"""Where a text stops being YAML, for the check of documents and for tools that pass over it."""

from typing import Any, NamedTuple

_DEEPEST = 200  # levels of YAML, parts of a TOML key: their readers' time grows with the square


class Problem(NamedTuple):
    """Where a reader stopped, and what it said."""

    line: int  # 1-based
    message: str


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
    return Problem(text.count("\n", 0, min(mark.index, end)) + 1, lower_first(message))


def lower_first(message: str) -> str:
    """Return a message with a small first letter, for the middle of a sentence."""
    return message[:1].lower() + message[1:].rstrip(".")
