"""Parses lists of ids in prose: "Tasks 4-8", "FR-1, FR-2..FR-4", "none"."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

_LONGEST_RANGE = 200
_ID = r"(?:[A-Za-z]{1,12}-|[A-Z]{1,4})?\d+(?:\.\d+)*[a-z]?"
_NOUN = regex(
    r"^(?:(?:and|on|the|see|completion of)\s+)*"
    r"(?:(?:tasks?|requirements?|reqs?\.?|(?:acceptance )?criteri(?:on|a)|stories|story)"
    r"(?![-A-Za-z]))?\s*[#:]?\s*",
    re.IGNORECASE,
)
_RANGE = regex(
    rf"^(?P<low>{_ID})\s*(?:-|–|—|\.{{2,3}}|…|to\b|through\b)\s*(?i:tasks?\s*)?(?P<high>{_ID})$"
)
_SINGLE = regex(rf"^(?P<id>{_ID})\.?(?P<more>(?:\s|:).*)?$")
_PARTS = regex(r"(?P<prefix>[A-Za-z]*-?)(?P<stem>(?:\d+\.)*)(?P<last>\d+)(?P<letter>[a-z]?)")
_NOTHING = regex(
    r"^(?:none\b.*|(?:n/?a|nothing|nil|no|no dependenc(?:y|ies)|not applicable)\W*|[-–—]*)$",
    re.IGNORECASE,
)
_EARLIER = regex(
    r"^all\s+(?:of\s+)?(?:the\s+)?(?:previous|prior|earlier|preceding|above|other)\b", re.IGNORECASE
)
_PREVIOUS = regex(r"^(?:the\s+)?previous(?:\s+(?:task|one|step))?$", re.IGNORECASE)
_ALL = regex(r"^all\b", re.IGNORECASE)


@dataclass(frozen=True)
class References:
    """The ids in a list; `unclear` holds the parts that are no ids."""

    ids: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    everything: bool = False  # "all requirements"
    all_earlier: bool = False  # "all previous tasks"
    previous: bool = False  # "previous task"


def read_references(value: str, known: Sequence[str] = ()) -> References:
    """Parse a list of ids; `known` (in order) lets a range cover ids that are not consecutive."""
    plain = _without_ranges(value)
    return plain if plain is not None else _read(value, known)


@lru_cache(maxsize=4096)  # long lists of tasks are parsed again after each tick
def _without_ranges(value: str) -> References | None:
    """Return a list whose result does not depend on the known ids, None for another one."""
    ranges = any(_RANGE.match(_NOUN.sub("", part)) for part in _split(value))
    return None if ranges else _read(value, ())


def _read(value: str, known: Sequence[str]) -> References:
    ids: list[str] = []
    unclear: list[str] = []
    everything = all_earlier = previous = False
    for part in _split(value):
        bare = _NOUN.sub("", part)
        if _NOTHING.match(part):
            continue
        if _EARLIER.match(part):
            all_earlier = True
        elif _PREVIOUS.match(part):
            previous = True
        elif _ALL.match(part):
            everything = True
        elif span := _RANGE.match(bare):
            expanded = _expand(span["low"], span["high"], known)
            ids += expanded
            unclear += [] if expanded else [part]
        elif (one := _SINGLE.match(bare)) and _reads_as_id(one["id"], one["more"], part, bare):
            ids.append(one["id"])
        else:
            unclear.append(part)
    unique = tuple(dict.fromkeys(ids))
    return References(unique, tuple(unclear), everything, all_earlier, previous)


def canonical(ref: str) -> str:
    """Return the canonical form of an id: "Task 03", "task 3" and "3" are one."""
    bare = _NOUN.sub("", ref.strip()).rstrip(".:").casefold()
    return re.sub(r"\d+", lambda number: str(int(number[0])), bare)


def match_id(ref: str, known: Iterable[str]) -> str | None:
    """Return the known id that an id refers to, or None; "3" matches a lone "T003"."""
    ids = list(known)
    if ref in ids:
        return ref
    key = canonical(ref)
    exact = [one for one in ids if canonical(one) == key]
    if exact:
        return exact[0]
    tail = re.sub(r"^(?:task|requirement|req|t|r)-?(?=\d)", "", key)
    near = [one for one in ids if re.sub(r"^(?:task|req|t|r)-?(?=\d)", "", canonical(one)) == tail]
    return near[0] if len(near) == 1 else None


def _split(value: str) -> list[str]:
    clean = value.strip().strip("_*`").strip().rstrip(".")
    without = re.sub(r"\([^()]*\)", "", clean).strip()
    clean = (without or clean.strip("()")).replace("`", "").replace("**", "")
    parts = re.split(r"[,;/&+]|\band\b", re.sub(r"\bn/a\b", "none", clean, flags=re.IGNORECASE))
    return [part.strip().strip("[]").strip() for part in parts if part.strip()]


def _reads_as_id(ref: str, more: str | None, part: str, bare: str) -> bool:
    # "3 other libraries" is prose, "1.2 Store an upload" and "Task 3 parser" name a task.
    return not (more or "").strip() or not ref.isdigit() or part != bare


def _expand(low: str, high: str, known: Sequence[str]) -> list[str]:
    first, last = _PARTS.fullmatch(low), _PARTS.fullmatch(high)
    if not first or not last:
        return []
    same = (
        first["stem"] == last["stem"]
        and last["prefix"].casefold() in ("", first["prefix"].casefold())
        and not first["letter"] + last["letter"]
    )
    start, end = int(first["last"]), int(last["last"])
    if same and start <= end and end - start <= _LONGEST_RANGE:
        width = len(first["last"])
        lead = first["prefix"] + first["stem"]
        return [f"{lead}{number:0{width}d}" for number in range(start, end + 1)]
    begin, finish = match_id(low, known), match_id(high, known)
    if begin is None or finish is None or known.index(begin) > known.index(finish):
        return []
    return list(known[known.index(begin) : known.index(finish) + 1])
