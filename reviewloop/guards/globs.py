"""Match repository paths against the glob patterns of the settings."""

import re
from collections.abc import Iterable
from functools import lru_cache


def first_match(path: str, patterns: Iterable[str]) -> str | None:
    """Return the first pattern that the path matches, or None.

    `*` stays inside one folder, `**` crosses folders, `{a,b}` are alternatives, and a pattern
    without a slash is about the file name at any depth. Case does not matter: a file that must not
    be committed is no better for being called `.ENV`.
    """
    return next((pattern for pattern in patterns if _compiled(pattern).fullmatch(path)), None)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    body = pattern.strip().removeprefix("/")
    if "/" not in body:
        body = f"**/{body}"
    return re.compile(_translate(body), re.IGNORECASE | re.DOTALL)


def _translate(pattern: str) -> str:
    parts: list[str] = []
    position, depth = 0, 0
    while position < len(pattern):
        rest = pattern[position:]
        character = rest[0]
        step = 1
        if rest.startswith("**/"):
            parts.append("(?:[^/]+/)*")
            step = 3
        elif rest.startswith("**"):
            parts.append(".*")
            step = 2
        elif character == "*":
            parts.append("[^/]*")
        elif character == "?":
            parts.append("[^/]")
        elif character == "[" and (end := rest.find("]", 2)) > 0:
            inner = rest[1:end].replace("\\", "\\\\")
            parts.append(f"[^{inner[1:]}]" if inner[0] == "!" else f"[{inner}]")
            step = end + 1
        elif character == "{" and "}" in rest:
            parts.append("(?:")
            depth += 1
        elif character == "}" and depth:
            parts.append(")")
            depth -= 1
        elif character == "," and depth:
            parts.append("|")
        else:
            parts.append(re.escape(character))
        position += step
    return "".join(parts) + ")" * depth
