"""Applies the edits of analysers to texts, and checks that the result still parses."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import Edit, Fix
from reviewloop.analysis.languages import language_of
from reviewloop.analysis.parsing import parse
from reviewloop.dataclass import dataclass

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_GRAMMARS = {
    "python": "python",
    "javascript": "javascript",
    "typescript": "typescript",
    "tsx": "tsx",
    "go": "go",
    "shell": "bash",
    "terraform": "hcl",
    "java": "java",
    "rust": "rust",
    "ruby": "ruby",
    "css": "css",
    "html": "html",
}
_MARK = "\ufeff"
_CLOSERS = frozenset((")", "]", "}", '"', "'", ">", "fi", "done", "esac", "end"))
_YAML = {"yaml", "cloudformation", "github-workflow", "github-action", "dependabot"}


@dataclass(frozen=True)
class Applied:
    """A text with fixes applied, and which; overlapping ones are left out."""

    text: str
    fixes: tuple[int, ...]  # indices into the input


def apply_fixes(text: str, fixes: Sequence[Fix]) -> Applied:
    """Return the text with every fix whose edits overlap no earlier one.

    A fix equal to an earlier one counts as applied. Analysers do not count a byte order mark, so it
    is kept apart.
    """
    if text.startswith(_MARK):
        applied = apply_fixes(text.removeprefix(_MARK), fixes)
        return Applied(_MARK + applied.text, applied.fixes)
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    taken: list[tuple[int, int, str]] = []
    done: list[int] = []
    for number, fix in enumerate(fixes):
        edits = [_offsets(edit, starts, len(text)) for edit in fix.edits]
        fresh = [edit for edit in edits if edit not in taken]
        if edits and not any(_overlap(edit, other) for edit in fresh for other in taken):
            taken += fresh
            done.append(number)
    for first, last, new in sorted(taken, reverse=True):
        text = text[:first] + new + text[last:]
    return Applied(text, tuple(done))


def parses(path: str, before: str, after: str) -> bool:
    """Return whether a file has no more syntax errors after an edit than before; False
    if unknown.
    """
    language = language_of(path, after)
    if language in _GRAMMARS:
        grammar = _GRAMMARS[language]
        return _errors(after, grammar) <= _errors(before, grammar)
    if language == "json":
        return _loads_json(after) or not _loads_json(before)
    if language in _YAML:
        return _composes_yaml(after) or not _composes_yaml(before)
    if language == "toml":
        return _loads_toml(after) or not _loads_toml(before)
    # A Dockerfile consists of lines: an edit inside of one cannot break another.
    return language == "dockerfile"


def _offsets(edit: Edit, starts: Sequence[int], end: int) -> tuple[int, int, str]:
    span = edit.span
    last_line = len(starts) - 1
    first = starts[min(span.line, last_line) - 1] + max(span.column, 1) - 1
    last = starts[min(span.end_line, last_line + 1) - 1] + max(span.end_column, 1) - 1
    return min(first, end), min(max(first, last), end), edit.text


def _overlap(one: tuple[int, int, str], two: tuple[int, int, str]) -> bool:
    # Two insertions at one position have no order.
    return (one[0] < two[1] and two[0] < one[1]) or one[0] == two[0]


def _errors(text: str, grammar: str) -> int:
    return sum(1 for _ in _error_nodes([parse(text, grammar)]))


def _error_nodes(todo: list["SgNode"]) -> Iterable["SgNode"]:
    while todo:
        node = todo.pop()
        below = node.children()
        # A token that the grammar inserted has no text.
        kind = node.kind()
        if kind == "ERROR" or (kind in _CLOSERS and not node.text()):
            yield node
        todo.extend(below)


def _loads_json(text: str) -> bool:
    import json

    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _loads_toml(text: str) -> bool:
    import tomllib

    try:
        tomllib.loads(text)
    except ValueError:
        return False
    return True


def _composes_yaml(text: str) -> bool:
    import yaml

    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):
            pass
    except yaml.YAMLError:
        return False
    return True
