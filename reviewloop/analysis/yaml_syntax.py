"""Locates the first YAML syntax error, for the syntax check and for tools that skip such files."""

from typing import Any, NamedTuple

_MERGED = "<<"  # takes the keys of another mapping
_DEEPEST = 200  # levels: the time of the parser grows with their square


class Problem(NamedTuple):
    """The line of a syntax error, and the parser's message."""

    line: int  # 1-based
    message: str


def yaml_problem(text: str, *, unique_keys: bool = False) -> Problem | None:
    """Return the first YAML error in a text; tags and further documents are allowed.

    With `unique_keys` a mapping with the same key twice is an error, too: most programs take the
    last value, but GitHub refuses the file.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    repeated: Problem | None = None
    around: list[_Keys | None] = []  # the mappings around an event; None is a sequence
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.NodeEvent) and around and around[-1] is not None:
                key = event.value if isinstance(event, yaml.ScalarEvent) else None
                if around[-1].add(key) and repeated is None:
                    line = event.start_mark.line + 1 if event.start_mark else 1
                    repeated = Problem(line, f"the key {str(key)[:60]!r} is given twice")
            if isinstance(event, yaml.CollectionStartEvent):
                around.append(_Keys() if isinstance(event, yaml.MappingStartEvent) else None)
            elif isinstance(event, yaml.CollectionEndEvent):
                around.pop()
            if len(around) > _DEEPEST:
                return None
    except yaml.MarkedYAMLError as error:
        return _yaml_problem(text, error)
    except (yaml.YAMLError, RecursionError):
        return None  # characters that the library rejects, which others may accept
    return repeated if unique_keys else None


class _Keys:
    """The keys of a mapping so far. Its nodes are keys and values in turn."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._at_key = True

    def add(self, scalar: str | None) -> bool:
        """Add the next node, and return whether it is a key that the mapping has already.

        `scalar` is the text of a scalar, None for another node.
        """
        is_key, self._at_key = self._at_key, not self._at_key
        if not is_key or scalar is None or scalar == _MERGED:
            return False
        known = scalar in self._known
        self._known.add(scalar)
        return known


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
