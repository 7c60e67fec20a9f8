"""Finds names and web addresses of a change that look like other ones."""

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator

from reviewloop.analysis.contract import (
    ChangeCheck,
    ChangeView,
    FileCheck,
    Hit,
    SourceFile,
    Span,
)
from reviewloop.domain.hidden_characters import Hidden, find_hidden
from reviewloop.regex import regex
from reviewloop.rules.catalogue import rule
from reviewloop.rules.diff.lookalikes import MIXED, ascii_look, is_legitimate, is_quoted, outline

_MOST_ADDRESSES = 20  # findings for a file
_HOST = regex(r"\b(?:https?|wss?|ftp|ssh|git)://([^\s/?#\\\"'<>`)\]}]{1,255})", re.IGNORECASE)
_SLASHES = "\u2044\u2215\u29f8\uff0f"
_DOTLESS_I = "\u0131"  # an ordinary letter of Turkish names

_ADDRESS = rule("diff/confusable-address")


def find_confusable_addresses(file: SourceFile) -> Iterator[Hit]:
    """Yield the web addresses of a file that look like other ones."""
    reported = 0
    for number, line in enumerate(file.lines, 1):
        if line.isascii() and "xn--" not in line:
            continue
        for found in _HOST.finditer(line):
            reason = _deceives(found.group(1).rpartition("@")[2])
            if reason and reported < _MOST_ADDRESSES:
                reported += 1
                span = Span(number, number, found.start(1) + 1, found.end(1) + 1)
                yield Hit(_ADDRESS.id, file.path, span, reason)


def _deceives(host: str) -> str:
    """Return the problem of a host, "" for none."""
    slash = next((char for char in host if char in _SLASHES), "")
    if slash:
        return f"U+{ord(slash):04X} in the host looks like a slash: the host does not end there."
    name = ".".join(map(_decoded, host.partition(":")[0].lower().split(".")))
    if name.isascii() or not ascii_look(name.rpartition(".")[2]).isascii():
        return ""
    for label in name.split("."):
        read = ascii_look(label)
        odd = [char for char in label if not char.isascii() and char != _DOTLESS_I]
        if odd and (read.isascii() or MIXED.search(label)):
            names = ", ".join(dict.fromkeys(f"U+{ord(char):04X}" for char in odd[:4]))
            return f"The host reads like `{ascii_look(name)}`, but holds {names}."
    return ""


def _decoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label.removeprefix("xn--").encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label


ADDRESSES = FileCheck(
    "addresses", (_ADDRESS,), lambda file: bool(file.text), find_confusable_addresses
)


_NAME = regex(r"(?<!\w)[^\W\d]\w{2,80}(?!\w)")
_ASCII_NAME = regex(r"(?<!\w)[A-Za-z_]\w{2,80}(?!\w)")
_NO_CODE = {"markdown", "html", "", "json"}
_SHORTEST = 3  # of two letters, Greek ones of formulas look like Latin ones by chance
_MOST_NAMES = 20  # findings for a file
_STANDARD = frozenset(
    (*dir(builtins), *keyword.kwlist, "self", "console", "document", "window", "process", "require",
     "module", "exports", "fetch", "function", "const", "undefined", "Object", "Promise", "string",
     "admin", "password", "token", "secret")
)  # fmt: skip

_IDENTIFIER = rule("diff/confusable-name")
_PATH = rule("diff/confusable-path")


def find_confusable_names(view: ChangeView) -> Iterator[Hit]:
    """Yield names in code, and of files, that look like other ones."""
    yield from _path_hits(view)
    candidates = [(file, _odd_names(file)) for file in view.files]
    if any(odd for _, odd in candidates):
        known = _known(view.files)
        for file, odd in candidates:
            yield from _name_hits(file, odd, known)


def _odd_names(file: SourceFile) -> list[tuple[int, re.Match[str]]]:
    """Return the names with letters beyond ASCII on changed lines, only those in one script."""
    if file.language in _NO_CODE or file.text.isascii():
        return []
    return [
        (number, found)
        for number in sorted(file.added_numbers)
        if number <= len(file.lines) and not file.lines[number - 1].isascii()
        for found in _NAME.finditer(file.lines[number - 1])
        if not found.group().isascii()
        and not is_quoted(file.lines[number - 1], found.start())
        and not MIXED.fullmatch(found.group())  # reported by `diff/mixed-script-name`
    ]


def _known(files: Iterable[SourceFile]) -> dict[str, str]:
    """Return the ASCII names of the changed files and of languages, by their look."""
    known = {outline(name): name for name in _STANDARD}
    for file in files:
        if file.language not in _NO_CODE:
            names = set(_ASCII_NAME.findall(file.text))
            known |= {outline(name): name for name in names if name.isascii()}
    return known


def _name_hits(
    file: SourceFile, odd: Iterable[tuple[int, re.Match[str]]], known: dict[str, str]
) -> Iterator[Hit]:
    reported = 0
    for number, found in odd:
        name = found.group()
        other = known.get(outline(name))
        if other is None or len(other) < _SHORTEST or reported == _MOST_NAMES:
            continue
        reported += 1
        span = Span(number, number, found.start() + 1, found.end() + 1)
        yield Hit(
            _IDENTIFIER.id,
            file.path,
            span,
            f"`{name}` reads like `{other}`, but holds {_odd(name)}.",
        )


def _path_hits(view: ChangeView) -> Iterator[Hit]:
    paths = [path for path in view.changed_paths if not path.isascii() or not path.isprintable()]
    for path in (path for path in paths if view.read_new(path) is not None):
        reason = _hidden_in(path) or _looks_like(path, view)
        if reason:
            yield Hit(_PATH.id, path, None, reason, identity=_PATH.id)


def _hidden_in(path: str) -> str:
    lines = path.split("\n")
    found = [
        hidden for hidden in find_hidden(path) if not is_legitimate(lines[hidden.line - 1], hidden)
    ]
    # Bytes that are no UTF-8 come from old names; they hide nothing.
    found = [hidden for hidden in found if not "\ud800" <= hidden.char <= "\udfff"]
    if path.startswith("\ufeff"):
        found.insert(0, Hidden(1, 1, "\ufeff"))
    if not found:
        return ""
    names = ", ".join(dict.fromkeys(f"{h.code} {h.name.lower()}" for h in found[:6]))
    return f"Hidden in the name of this file: {names}."


def _looks_like(path: str, view: ChangeView) -> str:
    read = ascii_look(path)
    if read.isascii() and read != path:
        seen = outline(path)
        for other in view.list_new():
            if other.isascii() and len(other) == len(path) and outline(other) == seen:
                return f"The name of this file reads like `{other}`, but holds {_odd(path)}."
    mixed = MIXED.search(path)
    if mixed:
        return f"`{mixed.group()}` mixes scripts: it holds {_odd(mixed.group())}."
    return ""


def _odd(text: str) -> str:
    odd = [char for char in text if not char.isascii()]
    names = (f"U+{ord(c):04X} {unicodedata.name(c, 'unnamed').lower()}" for c in odd[:3])
    return ", ".join(dict.fromkeys(names))


NAMES = ChangeCheck("confusable names", (_IDENTIFIER, _PATH), find_confusable_names)
