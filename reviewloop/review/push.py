"""A push on top of a reviewed change: the open findings before it, and those it fixes."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.git.diff import Change
from reviewloop.review.anchoring import ChangedLines, occurrences
from reviewloop.review.intake import decode_nested_json

_SHORTEST = 8  # characters without white space: shorter quotes are found everywhere
_QUOTED = 1200  # characters shown of an open finding's code
_SHOWN = 100


@dataclass(frozen=True)
class Known:
    """An open finding of an earlier review, as far as it was stored."""

    id: str
    path: str
    title: str = ""
    quote: str = ""  # its code
    line: int | None = None  # at that time
    severity: str = ""


@dataclass(frozen=True)
class Push:
    """The tree reviewed before a push, and its open findings; what is new is read in depth."""

    tree: str  # as models may read it
    known: tuple[Known, ...] = ()


def known_text(known: Sequence[Known], paths: Collection[str]) -> str:
    """Return the open findings in these files as text for a prompt, or "".

    One with only a stored location is left out.
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


def confirmed_fixes(
    arguments: Any,
    known: Sequence[Known],
    pushed: Change,
    read: Callable[[str], str | None],
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the ids of open findings that an answer shows as fixed, and why others do not count.

    A claim counts for a finding that was asked about, in a file of the push, with a quote of pushed
    code; `read` returns the current text of a file. In a file from which the push only removed
    lines, code around them may be quoted. A finding without an answer stays open.
    """
    whole = decode_nested_json(arguments)
    given = decode_nested_json(whole.get("fixed")) if isinstance(whole, Mapping) else None
    paths = {file.path for file in pushed.files}
    open_ = {one.id: one for one in known if one.path in paths}
    found: set[str] = set()
    problems: list[str] = []
    for raw in [given] if isinstance(given, Mapping) else given if isinstance(given, list) else []:
        item = decode_nested_json(raw)
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
        return False  # the faulty code fixes nothing, even if it was moved
    lines = ChangedLines({file.path: file.added_ranges for file in pushed.files})
    for file in pushed.files:
        text = read(file.path)
        for first, last in occurrences(quote, text) if text is not None else ():
            if not file.added or lines.touch(file.path, first, last):
                return True
    return False
