"""File patterns: those of .gitignore, with `{a,b}` for alternatives.

`*` stays inside one folder, `**` crosses folders, and a pattern without a slash is about a name at
any depth. A name without wildcards means a file or a folder with all in it (`infra`, `infra/`,
`./infra/**`); a last name with wildcards means files (`*secret*` is not about `secrets/list.md`).
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Literal

from reviewloop.regex import regex

Folders = Literal["named", "all", "none"]
"""Whether a pattern that matches a folder includes its content: if it names it, always, never.

One that ends in `/` or `**` always does.
"""

_MOST_ALTERNATIVES = 64
_LONGEST = 500
_WILD = regex(r"[*?\[]")
_GLUED = regex(r"(?<=[^/*])\*\*|\*\*(?=[^/*])")


class PatternError(ValueError):
    """A pattern that matches nothing; the message completes "PATTERN ..."."""


def first_match(path: str, patterns: Iterable[str], folders: Folders = "named") -> str | None:
    """Return the first pattern that the path matches, or None.

    Case is ignored: a file that must not be committed is just as bad as `.ENV`.
    """
    return next((one for one in patterns if fits(one, folders=folders)(path)), None)


def matcher(patterns: Iterable[str]) -> Callable[[str], str | None]:
    """Return a function from a relative path to the first pattern it matches; case matters."""
    return _matcher(tuple(patterns))


@lru_cache(maxsize=16)  # each task of a batch matches the same paths
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], str | None]:
    known = [(pattern, fits(pattern, case=True)) for pattern in patterns]

    @lru_cache(maxsize=8192)
    def first(path: str) -> str | None:
        return next((pattern for pattern, fit in known if fit(path)), None)

    return first


@lru_cache(maxsize=512)
def fits(
    pattern: str, *, case: bool = False, rooted: bool = False, folders: Folders = "named"
) -> Callable[[str], bool]:
    """Return a function whether a path matches; a malformed pattern matches nothing.

    `rooted`: a leading slash means the root of the repository, as in CODEOWNERS.
    """
    try:
        expressions = [_expression(one, case, rooted) for one in _alternatives(pattern)]
    except PatternError:
        return lambda _: False
    only_files = [_only_files(one, folders) for one in _alternatives(pattern)]

    def fit(path: str) -> bool:
        for expression, files in zip(expressions, only_files, strict=True):
            found = expression.match(path)
            if found and not (files and found.groupdict().get("ps_d")):
                return True
        return False

    return fit


@lru_cache(maxsize=1024)  # used for every file of settings
def require_sound(pattern: str) -> None:
    """Raise `PatternError` for a pattern that cannot match any file of a repository."""
    plain = _plain(pattern)
    if not plain.strip("/"):
        raise PatternError("names no file")
    if plain.startswith("!"):
        raise PatternError("begins with !, and there are no exceptions here")
    if {"", ".", ".."} & set(plain.strip("/").split("/")):
        raise PatternError("matches no path: paths have no empty names, no . and no ..")
    if re.search(r"\\\w", plain):
        raise PatternError("has a backslash; folders are separated by /")
    if plain.count("{") != plain.count("}"):
        raise PatternError("has a brace without its other half")
    for one in _alternatives(pattern):
        _expression(one, case=False, rooted=False)


def expand_braces(pattern: str) -> list[str]:
    """Return the patterns with `{a,b}` alternatives expanded; unbalanced braces stay."""
    done: list[str] = []
    todo = [pattern]
    while todo and len(done) + len(todo) <= _MOST_ALTERNATIVES:
        current = todo.pop(0)
        close = current.find("}")
        start = current.rfind("{", 0, close) if close >= 0 else -1
        if start < 0 or "," not in current[start:close]:
            done.append(current)
            continue
        for option in current[start + 1 : close].split(","):
            todo.append(current[:start] + option + current[close + 1 :])
    return done + todo


def _plain(pattern: str) -> str:
    plain = pattern.strip()
    while plain.startswith("./"):
        plain = plain[2:]
    return plain


def _alternatives(pattern: str) -> list[str]:
    plain = _plain(pattern)
    if len(plain) > _LONGEST:
        raise PatternError(f"is longer than {_LONGEST} characters")
    expanded = expand_braces(plain)
    if len(expanded) > _MOST_ALTERNATIVES:
        raise PatternError(f"has more than {_MOST_ALTERNATIVES} alternatives")
    return [form for one in expanded for form in _forms(one)]


def _forms(pattern: str) -> list[str]:
    """Return the expansions of `**` beside other characters: `docs/**.md` is at any depth."""
    if not _GLUED.search(pattern):
        return [pattern]
    deep = _GLUED.sub("*/**/*", pattern).replace("/*/**/", "/**/")
    return [_GLUED.sub("*", pattern), deep]


def _expression(pattern: str, case: bool, rooted: bool) -> re.Pattern[str]:
    from pathspec.patterns.gitignore.base import GitIgnorePatternError
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    plain = re.sub(r"(?:\*\*/)+", "**/", pattern if rooted else pattern.removeprefix("/"))
    if plain.startswith(("!", "#")):
        plain = f"\\{plain}"
    try:
        text, _ = GitIgnoreSpecPattern.pattern_to_regex(plain)
        if text is None:
            raise PatternError("is no valid pattern")
        return re.compile(text, re.DOTALL if case else re.DOTALL | re.IGNORECASE)
    except (GitIgnorePatternError, re.error) as error:
        raise PatternError("is no valid pattern") from error


def _only_files(pattern: str, folders: Folders) -> bool:
    last = pattern.rpartition("/")[2]
    if not last or last == "**" or folders == "all":
        return False
    return folders == "none" or bool(_WILD.search(last))
