"""Finds names of the change that look like other names: of code, of files, of the language."""

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator

from reviewloop.analysis.contract import (
    SECURITY,
    SHOULD,
    ChangeCheck,
    ChangeView,
    Hit,
    Rule,
    SourceFile,
    Span,
)
from reviewloop.rules.diff.homes import is_at_home
from reviewloop.rules.diff.lookalikes import MIXED, outline, quoted, taken_for
from reviewloop.workspace.hygiene import Hidden, find_hidden

_NAME = re.compile(r"(?<!\w)[^\W\d]\w{2,80}(?!\w)")
_ASCII_NAME = re.compile(r"(?<!\w)[A-Za-z_]\w{2,80}(?!\w)")
_NO_CODE = {"markdown", "html", "", "json"}
_SHORTEST = 3  # of two letters, Greek ones of formulas look like Latin ones by chance
_MOST = 20  # findings for a file
_STANDARD = frozenset(
    (*dir(builtins), *keyword.kwlist, "self", "console", "document", "window", "process", "require",
     "module", "exports", "fetch", "function", "const", "undefined", "Object", "Promise", "string",
     "admin", "password", "token", "secret")
)  # fmt: skip

_IDENTIFIER = Rule(
    id="diff/confusable-name",
    reviewer=SECURITY,
    severity=SHOULD,
    title="A name looks like another one and is not the same",
    why="The reader takes the two for one: a call or a check goes elsewhere than it seems to "
    "(CVE-2021-42694). Python even reads bold and fullwidth letters as plain ones, which hides a "
    "call from searches.",
    fix="Retype the name with the letters it seems to have, or give it another name.",
    category="hidden-text",
    source="https://www.unicode.org/reports/tr39/",
    in_examples=True,
    hard=True,
)
_PATH = Rule(
    id="diff/confusable-path",
    reviewer=SECURITY,
    severity=SHOULD,
    title="The name of a file is not what it looks like",
    why="A second file beside one of the same look is loaded, run or reviewed in its place; "
    "characters that nobody sees do the same, or turn the ending around (`exe` shown as `txt`).",
    fix="Rename the file with ordinary letters, and find out how it came here.",
    category="hidden-text",
    source="https://www.unicode.org/reports/tr36/",
    in_tests=True,
    in_examples=True,
    in_fixtures=True,
    hard=True,
)


def _run(view: ChangeView) -> Iterator[Hit]:
    yield from _path_hits(view)
    candidates = [(file, _odd_names(file)) for file in view.files]
    if any(odd for _, odd in candidates):
        known = _known(view.files)
        for file, odd in candidates:
            yield from _name_hits(file, odd, known)


def _odd_names(file: SourceFile) -> list[tuple[int, re.Match[str]]]:
    """Return the names with letters beyond ASCII on changed lines, those in one script only."""
    if file.language in _NO_CODE or file.text.isascii():
        return []
    return [
        (number, found)
        for number in sorted(file.added_numbers)
        if number <= len(file.lines) and not file.lines[number - 1].isascii()
        for found in _NAME.finditer(file.lines[number - 1])
        if not found.group().isascii()
        and not quoted(file.lines[number - 1], found.start())
        and not MIXED.fullmatch(found.group())  # `diff/mixed-script-name` tells of it
    ]


def _known(files: Iterable[SourceFile]) -> dict[str, str]:
    """Return the ASCII names of the changed files and of languages, by what they look like."""
    known = {outline(name): name for name in _STANDARD}
    for file in files:
        if file.language not in _NO_CODE:
            names = set(_ASCII_NAME.findall(file.text))
            known |= {outline(name): name for name in names if name.isascii()}
    return known


def _name_hits(
    file: SourceFile, odd: Iterable[tuple[int, re.Match[str]]], known: dict[str, str]
) -> Iterator[Hit]:
    told = 0
    for number, found in odd:
        name = found.group()
        other = known.get(outline(name))
        if other is None or len(other) < _SHORTEST or told == _MOST:
            continue
        told += 1
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
        hidden for hidden in find_hidden(path) if not is_at_home(lines[hidden.line - 1], hidden)
    ]
    # Bytes that are no UTF-8 are how old names look; they hide nothing.
    found = [hidden for hidden in found if not "\ud800" <= hidden.char <= "\udfff"]
    if path.startswith("\ufeff"):
        found.insert(0, Hidden(1, 1, "\ufeff"))
    if not found:
        return ""
    names = ", ".join(dict.fromkeys(f"{h.code} {h.name.lower()}" for h in found[:6]))
    return f"Hidden in the name of this file: {names}."


def _looks_like(path: str, view: ChangeView) -> str:
    read = taken_for(path)
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


NAMES = ChangeCheck("confusable names", (_IDENTIFIER, _PATH), _run)
