"""A push on top of a reviewed change: what was open before it, and what it is shown to mend."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reviewloop.git.diff import Change
from reviewloop.review.anchoring import ChangedLines, occurrences
from reviewloop.review.intake import decoded

_SHORTEST = 8  # characters without white space: less is found everywhere
_QUOTED = 1200  # characters of an open finding's code that are shown
_SHOWN = 100


@dataclass(frozen=True)
class Known:
    """An open finding of an earlier review, as far as it is remembered."""

    id: str
    path: str
    title: str = ""
    quote: str = ""  # the code it was about
    line: int | None = None  # at that time
    severity: str = ""


@dataclass(frozen=True)
class Push:
    """What is read in depth: the tree that was reviewed before, and what stayed open then."""

    tree: str  # as models may read it
    known: tuple[Known, ...] = ()


def known_text(known: Sequence[Known], paths: Collection[str]) -> str:
    """Return the open findings about these files as text for a prompt, "" when there are none.

    One of which only its place is remembered cannot be asked about.
    """
    parts = []
    described = [one for one in known if one.path in paths and (one.title or one.quote)]
    for one in described[:_SHOWN]:
        location = f"{one.path}:{one.line}" if one.line else one.path
        parts.append(f"id: {one.id}\nplace: {location}\ntitle: {one.title or '(the quoted code)'}")
        if one.quote.strip():
            quote = one.quote if len(one.quote) <= _QUOTED else one.quote[:_QUOTED] + "\n[cut]"
            parts[-1] += f"\nquoted code, as it was:\n{quote}"
    return "\n\n".join(parts)


def confirmed(
    arguments: Any,
    known: Sequence[Known],
    pushed: Change,
    read: Callable[[str], str | None],
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the open findings that an answer shows to be mended, and what was not believed.

    A word counts for a finding that was asked about, in a file of the push, with a quote of code
    that was pushed; `read` returns a file as it is now. In a file from which the push only removed
    lines, code around them may be quoted. Silence says nothing.
    """
    whole = decoded(arguments)
    given = decoded(whole.get("fixed")) if isinstance(whole, Mapping) else None
    paths = {file.path for file in pushed.files}
    open_ = {one.id: one for one in known if one.path in paths}
    found: set[str] = set()
    problems: list[str] = []
    for raw in [given] if isinstance(given, Mapping) else given if isinstance(given, list) else []:
        item = decoded(raw)
        ident = str(item.get("id", "")).strip() if isinstance(item, Mapping) else ""
        quote = item.get("quote") if isinstance(item, Mapping) else None
        one = open_.get(ident)
        if one is None:
            problems.append(f"{ident[:20] or 'an entry'} of 'fixed' is no open finding here")
        elif not isinstance(quote, str) or not _shows(quote, one, pushed, read):
            problems.append(f"{ident}: its quote in 'fixed' is no pushed code")
        else:
            found.add(ident)
    return frozenset(found), tuple(problems)


def _shows(quote: str, known: Known, pushed: Change, read: Callable[[str], str | None]) -> bool:
    plain = "".join(quote.split())
    if len(plain) < _SHORTEST or plain in "".join(known.quote.split()):
        return False  # what was found wrong mends nothing, even if it was moved
    lines = ChangedLines({file.path: file.added_ranges for file in pushed.files})
    for file in pushed.files:
        text = read(file.path)
        for first, last in occurrences(quote, text) if text is not None else ():
            if not file.added or lines.touch(file.path, first, last):
                return True
    return False
