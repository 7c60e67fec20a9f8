"""Matches paths against the glob patterns people write in steering files."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

_LONGEST = 500


def matcher(patterns: Iterable[str]) -> Callable[[str], str | None]:
    """Return a function that says which of the patterns a relative path matches first, if any."""
    return _matcher(tuple(patterns))


@lru_cache(maxsize=16)  # the same patterns are asked about the same paths for each task of a batch
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], str | None]:
    compiled = [(pattern, *_compile(pattern)) for pattern in patterns]

    @lru_cache(maxsize=8192)
    def first_match(path: str) -> str | None:
        name = path.rpartition("/")[2]
        for pattern, whole_path, expression in compiled:
            if expression.fullmatch(path if whole_path else name):
                return pattern
        return None

    return first_match


def matches_any(path: str, patterns: Iterable[str]) -> str | None:
    """Return the first pattern that a relative path matches, or None.

    `**` spans folders, a pattern without `/` matches any file name, and braces list alternatives:
    `src/**/*.{ts,tsx}`.
    """
    return matcher(patterns)(path)


def _compile(pattern: str) -> tuple[bool, re.Pattern[str]]:
    clean = pattern.strip().removeprefix("./").removeprefix("/")
    if not clean or len(clean) > _LONGEST:
        return False, re.compile(r"(?!)")
    if clean.endswith("/"):
        clean += "**"
    return "/" in clean, re.compile("|".join(map(_expression, _braces(clean))), re.DOTALL)


def _braces(pattern: str, limit: int = 64) -> list[str]:
    """Spell out `{a,b}`; what goes beyond the limit is left as it is written."""
    done: list[str] = []
    todo = [pattern]
    while todo:
        one = todo.pop()
        found = re.search(r"\{([^{}]*,[^{}]*)\}", one)
        if not found or len(done) + len(todo) >= limit:
            done.append(one)
            continue
        todo += [one[: found.start()] + part + one[found.end() :] for part in found[1].split(",")]
    return done


def _expression(pattern: str) -> str:
    pattern = re.sub(r"(?:\*\*/)+", "**/", pattern)
    pieces: list[str] = []
    index = 0
    while index < len(pattern):
        rest = pattern[index:]
        if rest.startswith("**/"):
            pieces.append("(?:[^/]+/)*")
            index += 3
        elif rest.startswith("**"):
            pieces.append(".*")
            index += 2
        elif rest[0] == "*":
            pieces.append("[^/]*")
            index += 1
        elif rest[0] == "?":
            pieces.append("[^/]")
            index += 1
        elif found := re.match(r"\[(!?)([^\]/\\]+)\]", rest):
            inner = re.escape(found[2]).replace("\\-", "-")
            pieces.append(f"[{'^' if found[1] else ''}{inner}]")
            index += found.end()
        else:
            pieces.append(re.escape(rest[0]))
            index += 1
    return "".join(pieces)
