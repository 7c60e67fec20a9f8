"""Finds cycles of hooks before anything runs: one may write files that another fires on."""

from collections.abc import Iterator, Sequence

from reviewloop.domain.globs import fits
from reviewloop.hooks.hook import EDITS_COUNT, OF_FILES, Hook
from reviewloop.regex import regex

_BRACES = regex(r"\{([^{},]*),[^{}]*\}")
_WITNESSES = (("**/", ""), ("**/", "a/"), ("**/", "a/b/"))


def cycles_of(hooks: Sequence[Hook]) -> list[tuple[Hook, ...]]:
    """Return the cycles of two hooks or more, each once, from its first hook on.

    Only `writes` says what a hook may write. A hook that edits its own file is no cycle, as it does
    not fire once nothing changes.
    """
    follows = {
        hook.name: [other for other in hooks if other is not hook and _may_fire(hook, other)]
        for hook in hooks
    }
    found: dict[frozenset[str], tuple[Hook, ...]] = {}
    for hook in hooks:
        for way in _ways_back(hook, follows):
            found.setdefault(frozenset(one.name for one in way), way)
    return [*found.values()]


def _ways_back(start: Hook, follows: dict[str, list[Hook]]) -> Iterator[tuple[Hook, ...]]:
    """Yield the shortest path from a hook back to itself, if there is one."""
    ways: list[tuple[Hook, ...]] = [(start,)]
    seen = {start.name}
    while ways:
        way = ways.pop(0)
        for other in follows[way[-1].name]:
            if other is start:
                yield way
                return
            if other.name not in seen:
                seen.add(other.name)
                ways.append((*way, other))


def _may_fire(hook: Hook, other: Hook) -> bool:
    """Return whether a hook may write a file on which the other one fires."""
    if hook.event not in EDITS_COUNT or hook.queued or other.event not in OF_FILES:
        return False
    if not hook.writes or not other.filters:
        return False
    included = [pattern for pattern in other.filters if not pattern.startswith("!")]
    paths = {path for pattern in (*hook.writes, *included) for path in _paths_like(pattern)}
    return any(
        other.fits_path(path) and any(fits(one, case=True)(path) for one in hook.writes)
        for path in paths
    )


def _paths_like(pattern: str) -> Iterator[str]:
    """Yield paths that match a pattern, to test other patterns with."""
    plain = _BRACES.sub(r"\1", pattern.strip("/"))
    for sign, text in _WITNESSES:
        path = plain.replace(sign, text).replace("**", "a").replace("*", "a")
        yield path.replace("?", "a")
