"""Recognises tasks that ask for nothing but green checks: the engine answers them by running them.

Kiro, and cc-sdd after it, put such tasks between others ("Checkpoint - Ensure all tests pass").
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reviewloop.specs.model import Task

_WHOLE = r"(?:all|every|the (?:full|whole|entire|complete)|full|whole|entire|complete)"
_CHECKS = (
    r"(?:(?:unit|integration|existing|new|automated|remaining) )*"
    r"(?:tests?(?: suites?)?|checks?|gates?|suites?)"
)
_SUCCEED = r"(?:still )?(?:pass(?:es|ing)?|succeeds?|(?:is|are) (?:green|passing))"
_GREEN = re.compile(
    rf"(?:(?:ensure|verify|confirm|check|make sure)(?: that)? {_WHOLE} {_CHECKS} {_SUCCEED}"
    rf"|(?:run|re-?run) {_WHOLE} {_CHECKS}"
    rf"(?: and (?:ensure|verify|confirm|check)(?: that)? (?:it|they|everything|{_WHOLE} {_CHECKS}) "
    rf"{_SUCCEED})?"
    rf"|{_WHOLE} {_CHECKS} {_SUCCEED})",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"(?:and )?ask the (?:user|person)(?: if (?:there are |any )?questions?(?: arise| come up)?)?",
    re.IGNORECASE,
)
_NAMED = re.compile(r"^(?:final |intermediate )?checkpoint\b[ \t]*\d*[ \t]*[:.–—-]*[ \t]*", re.I)
_REFERENCE = re.compile(r"^[_*]*(?:requirements?|validates|depends(?: on)?)[_*]*:", re.IGNORECASE)


def asks_for_green(title: str, body: Sequence[str]) -> bool:
    """Say whether a task asks only that all checks pass, by its title and the lines below it.

    A line that asks for anything else makes it work for an implementer: ticking it after a test
    run alone would claim more than was checked.
    """
    named = _NAMED.match(title)
    rest = title[named.end() :] if named else title
    lines = [one for line in body if (one := _bare(line)) and not _REFERENCE.match(one)]
    if not all(_only_green(line) for line in lines):
        return False
    said_below = any(_GREEN.search(line) for line in lines)
    if _only_green(rest):
        return said_below or bool(_GREEN.search(rest))
    return bool(named) and said_below


def after_the_rest(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Return the tasks, each checkpoint with the tasks that it is about: those above it.

    They reach back to the checkpoint before. One that waits for something below is not among them.
    """
    rank = {task.id: number for number, task in enumerate(tasks)}
    by_id = {task.id: task for task in tasks}
    since: list[str] = []
    placed: list[Task] = []
    for number, task in enumerate(tasks):
        if task.checkpoint:
            above = [one for one in since if _last_place(one, by_id, rank) < number]
            placed.append(replace(task, follows=tuple(above)))
            since = []
        else:
            placed.append(task)
        if not task.children and not task.optional:
            since.append(task.id)
    return tuple(placed)


def _last_place(start: str, by_id: Mapping[str, Task], rank: Mapping[str, int]) -> int:
    """Return the last place in the file among a task and all that it waits for."""
    seen, todo = {start}, [start]
    while todo:
        new = {one for one in by_id[todo.pop()].depends if one in by_id} - seen
        seen |= new
        todo += new
    return max(rank[one] for one in seen)


def _bare(line: str) -> str:
    return re.sub(r"^[\s>]*(?:[-*+•]\s+)?", "", line).strip().rstrip(".")


def _only_green(text: str) -> bool:
    """Say whether nothing is left of a text without its requests for green checks."""
    left = _ASKING.sub("", _GREEN.sub("", text))
    return not re.sub(r"[\W_]+|\b(?:and|then|so)\b", "", left)
