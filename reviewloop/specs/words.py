"""Extracts the key words of a text, and the files that it names."""

from collections.abc import Collection, Iterable

from reviewloop.regex import regex

_WORD = regex(r"[^\W\d_]+(?:\d+)?")
_CAMEL = regex(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PATH = regex(r"[\w.@+-]+(?:/[\w.@+-]+)+/?|[\w@+-]+(?:\.[\w-]+)*\.[A-Za-z]\w{0,5}\b")
_SHORTEST = 3
_STOP_WORDS = """
    a about above add added after all also always and any are as at be been before below but by
    can case check code correct could create created data do does done each else ensure every
    file files for from function get given has have if implement implementation in include into is
    it its let make may method more must name new no none not of on one only or other our out over
    per property requirement requirements return returns run scope set shall should so some spec
    sure system task tasks test tests than that the their them then there these they this to too
    under up update use used uses user using validates value was we when where which while who will
    with within without work write yes you your dependencies depends
"""
_STOP = frozenset(_STOP_WORDS.split())


def terms(text: str) -> dict[str, int]:
    """Return the key words of a text with their counts; names are split, plurals folded."""
    counts: dict[str, int] = {}
    for found in _WORD.finditer(text):
        for part in _CAMEL.split(found[0]):
            word = _stem(part.casefold())
            if len(word) >= _SHORTEST and word not in _STOP:
                counts[word] = counts.get(word, 0) + 1
    return counts


def spellings_in(text: str, names: Collection[str]) -> dict[str, str]:
    """Return the spelling of each name in a text: the word itself, else the first one that fits.

    A word of one part is preferred to a name of several, such as PostgreSQL.
    """
    found: dict[str, str] = {}
    for word in dict.fromkeys(match[0] for match in _WORD.finditer(text)):
        parts = {_stem(part.casefold()) for part in _CAMEL.split(word)}
        shown = word.casefold() if len(parts) == 1 else word
        for name in names:
            known = found.get(name, "")
            is_better = not known or (known != known.casefold() and len(parts) == 1)
            if (shown == name or is_better) and fits(name, parts):
                found[name] = shown
    return found


def fits(word: str, accepted: Collection[str]) -> bool:
    """Whether a word is one of the accepted ones, or shares their start (upload, uploader)."""
    if word in accepted:
        return True
    return len(word) > 4 and any(
        len(one) > 4 and (one.startswith(word) or word.startswith(one)) for one in accepted
    )


def named_paths(text: str) -> list[str]:
    """Return the words of a text that look like a file or a folder, in order, each once."""
    found = (match[0].strip(".").rstrip("/") for match in _PATH.finditer(text))
    return list(dict.fromkeys(path for path in found if path))


def find_paths(named: Iterable[str], existing: Collection[str]) -> list[str]:
    """Return the existing files for these names: the same path, or the only one that ends
    with it.
    """
    by_name: dict[str, list[str]] = {}
    for path in existing:
        by_name.setdefault(path.rpartition("/")[2], []).append(path)
    found: list[str] = []
    for name in named:
        if name in existing:
            found.append(name)
            continue
        ends = [
            path for path in by_name.get(name.rpartition("/")[2], []) if path.endswith("/" + name)
        ]
        if len(ends) == 1:
            found += ends
    return list(dict.fromkeys(found))


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text, at four bytes each."""
    return (len(text.encode("utf-8", "surrogatepass")) + 3) // 4


def _stem(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
