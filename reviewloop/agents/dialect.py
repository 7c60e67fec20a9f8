"""The names Kiro's engines use for tools, and what each kind of agent may be granted."""

import difflib
from collections.abc import Iterable
from typing import NamedTuple

IMPLEMENT = "implement"
FIX = "fix"
QUICK_REVIEW = "quick-review"

READ_ONLY = ("fs_read", "code", "grep", "glob")
_WRITING = ("fs_write", "run_gate", "execute_bash")
_OURS = frozenset({*READ_ONLY, *_WRITING})

# Both engines' names, the IDE's internal ids, and the tags of the newer one; all mean our tools.
_ALIASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("read", ("fs_read", "grep", "glob")),  # a tag: read, list and search
    ("readFile", ("fs_read",)),
    ("readCode", ("fs_read", "code")),
    ("listDirectory", ("fs_read",)),
    ("fsWrite", ("fs_write",)),
    ("fs_append", ("fs_write",)),
    ("fsAppend", ("fs_write",)),
    ("strReplace", ("fs_write",)),
    ("str_replace", ("fs_write",)),
    ("write", ("fs_write",)),
    ("shell", ("execute_bash",)),
    ("bash", ("execute_bash",)),
    ("executeBash", ("execute_bash",)),
    ("executePwsh", ("execute_bash",)),
    ("execute_cmd", ("execute_bash",)),
    ("grepSearch", ("grep",)),
    ("fileSearch", ("glob",)),
    ("*", (*READ_ONLY, *_WRITING)),
    ("@builtin", (*READ_ONLY, *_WRITING)),
)


class Grant(NamedTuple):
    """What an agent gets of what its file asked for."""

    tools: tuple[str, ...]
    dropped: tuple[str, ...]  # as the file wrote them; of an unknown one with the nearest name


def _with_nearest(entry: str) -> str:
    """Return a tool that nobody has, with the name that may have been meant."""
    near = difflib.get_close_matches(entry, sorted(_OURS), n=1, cutoff=0.7)
    return f"{entry} (did you mean {near[0]}?)" if near else entry


def allowed_for(name: str) -> tuple[str, ...]:
    """Return the tools that an agent of this name can have at most."""
    if name in (IMPLEMENT, FIX):
        return (*READ_ONLY, *_WRITING)
    return () if name == QUICK_REVIEW else READ_ONLY


def grant(name: str, asked: Iterable[str], excluded: Iterable[str] = ()) -> Grant:
    """Return what the agent gets.

    A reviewer gets the read-only set, no more and no less. The re-reviewer sees the fix diff and
    nothing else, so it gets none. Whoever may write may also run the named gates, which Kiro's
    files cannot ask for.
    """
    allowed = allowed_for(name)
    wanted: set[str] = set()
    dropped = []
    for entry in asked:
        meant = set(_meaning(entry))
        wanted |= meant
        # A wildcard asks for "whatever there is", so nothing it stands for counts as refused.
        if entry not in ("*", "@builtin") and not meant & set(allowed):
            dropped.append(entry if meant & _OURS else _with_nearest(entry))
    for entry in excluded:
        wanted -= set(_meaning(entry))
    if name.startswith("review-"):
        wanted = set(READ_ONLY)
    elif "fs_write" in wanted:
        wanted.add("run_gate")
    return Grant(tuple(tool for tool in allowed if tool in wanted), tuple(dropped))


def _meaning(entry: str) -> tuple[str, ...]:
    return dict(_ALIASES).get(entry, (entry,))
