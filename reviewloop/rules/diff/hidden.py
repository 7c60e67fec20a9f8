"""Finds invisible characters and letters that only look like others."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import (
    FileCheck,
    Hit,
    PathClass,
    Rule,
    SourceFile,
    Span,
)
from reviewloop.analysis.patterns import is_generated
from reviewloop.domain.finding import Severity
from reviewloop.domain.hidden_characters import Hidden, find_hidden, reorders
from reviewloop.regex import regex
from reviewloop.rules.catalogue import rule
from reviewloop.rules.diff.lookalikes import DOUBLES, MIXED, is_legitimate, is_quoted

_MOST = 20  # findings of one kind for a file; the last one counts the rest
_PADDING, _LONGEST_PERIOD = 40, 13
_RUN = 4  # so many invisible characters in one line can carry a message


_BIDI = rule("diff/bidi-control")
_MESSAGE = rule("diff/invisible-text")
_INVISIBLE = rule("diff/invisible-character")
_SPACE = rule("diff/odd-space")
_LOOKALIKE = rule("diff/mixed-script-name")

_BIDI_CHARACTERS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_TRANSLATED = regex(r"(?:^|/)(?:i18n|l10n|lang|langs|languages|locales?|translations?)/", re.I)
_NO_CODE = {"markdown", "html", "", "json"}
_SPACE_MATTERS = {"python", "shell", "dockerfile", "yaml", "github-workflow", "cloudformation"}
_ODD_SPACE = regex("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def find_hidden_characters(file: SourceFile) -> Iterator[Hit]:
    """Yield the hidden characters of a file."""
    counts: dict[str, int] = {}
    for hit in (*_hidden_hits(file), *_space_hits(file), *_name_hits(file)):
        counts[hit.rule] = counts.get(hit.rule, 0) + 1
        if counts[hit.rule] <= _MOST:
            yield hit


_NO_TEXT = regex("[\ufffd\udc80-\udcff]")  # for bytes that are no UTF-8
_MANY_BYTES = 20  # of so many characters one: nobody could hide among them


def _is_no_text(file: SourceFile) -> bool:
    """Whether a file is data without a zero byte, as a PDF: any sequence of bytes occurs in it."""
    if file.language or file.text.isascii():
        return False
    return len(_NO_TEXT.findall(file.text)) * _MANY_BYTES > len(file.text)


def _hidden_hits(file: SourceFile) -> Iterator[Hit]:
    by_line: dict[int, list[Hidden]] = {}
    if _is_no_text(file):
        return
    for hidden in find_hidden(file.text):
        if not is_legitimate(file.lines[hidden.line - 1], hidden):
            by_line.setdefault(hidden.line, []).append(hidden)
    for line, found in by_line.items():
        rule, chosen = _rule_for(file, found)
        first = chosen[0]
        names = ", ".join(dict.fromkeys(f"{h.code} {h.name.lower()}" for h in chosen[:6]))
        more = f" and {len(chosen) - 6} more" if len(chosen) > 6 else ""
        yield Hit(
            rule.id,
            file.path,
            Span(line, line, first.column, first.column + 1),
            f"Hidden in this line: {names}{more}.",
            severity=_severity(file, rule, file.lines[line - 1]),
        )


def _rule_for(file: SourceFile, found: list[Hidden]) -> tuple[Rule, list[Hidden]]:
    bidi = [h for h in found if h.char in _BIDI_CHARACTERS]
    if bidi:
        return _BIDI, bidi
    tags = [h for h in found if 0xE0000 <= ord(h.char) < 0xE0100]
    if tags:
        return _MESSAGE, tags
    blank = [h for h in found if ord(h.char) > 0xFF]
    if _spells(blank) and not _is_padding(blank):
        return _MESSAGE, blank
    fillers = [h for h in found if h.char in _FILLERS]
    if fillers and file.language not in _NO_CODE:
        return _MESSAGE, fillers
    return _INVISIBLE, found


def _is_padding(found: list[Hidden]) -> bool:
    """Whether few characters repeat over and over, as mails pad their preview."""
    signs = [hidden.char for hidden in found]
    if len(signs) < _PADDING:
        return False
    period = next((n for n in range(1, _LONGEST_PERIOD) if signs[n : 2 * n] == signs[:n]), 0)
    if not period:
        return False
    repeats = sum(one == other for one, other in zip(signs, signs[period:], strict=False))
    return repeats >= (len(signs) - period) * 0.95


def _spells(found: list[Hidden]) -> bool:
    """Whether neighbours may spell something: one character repeated says nothing."""
    run: list[Hidden] = []
    for hidden in found:
        if run and hidden.column != run[-1].column + 1:
            run = []
        run.append(hidden)
        if len(run) >= _RUN and len({one.char for one in run}) > 1:
            return True
    return False


# Programs put such characters into tables of what an editor shows; nobody reads them here.
_BUILT = regex(r"[.-](?:min|bundle|umd|iife)\.[cm]?js$")
_WRITTEN_BY_HAND = 2_000  # characters of a line


def _severity(file: SourceFile, rule: Rule, line: str) -> Severity | None:
    """Return the severity: tests and prose may need such characters, but never hidden sentences."""
    built = _BUILT.search(file.path) or is_generated(file)
    if rule is _BIDI and len(line) > _WRITTEN_BY_HAND and built:
        return Severity.SHOULD_FIX
    if file.path_class in (PathClass.TEST, PathClass.FIXTURE):
        return Severity.NIT
    if file.language not in _NO_CODE or rule is _MESSAGE:
        isolated = rule is _BIDI and not reorders(line, around_isolates=True)
        return Severity.SHOULD_FIX if isolated else None
    if rule is _INVISIBLE or _TRANSLATED.search(file.path):
        return Severity.NIT
    return Severity.SHOULD_FIX if rule is _BIDI else None  # no code runs in another order


def _space_hits(file: SourceFile) -> Iterator[Hit]:
    if file.language not in _SPACE_MATTERS:
        return
    for number, line in enumerate(file.lines, 1):
        if line.isascii():
            continue
        found = _ODD_SPACE.search(line)
        if found and not is_quoted(line, found.start()):
            code = f"U+{ord(found.group()):04X}"
            span = Span(number, number, found.start() + 1, found.start() + 2)
            yield Hit(_SPACE.id, file.path, span, f"The space here is {code}.")


def _name_hits(file: SourceFile) -> Iterator[Hit]:
    if file.language in _NO_CODE:
        return
    for number, line in enumerate(file.lines, 1):
        if line.isascii():
            continue
        for found in MIXED.finditer(line):
            if not is_quoted(line, found.start()):
                odd = next(c for c in found.group() if c in DOUBLES)
                yield Hit(
                    _LOOKALIKE.id,
                    file.path,
                    Span(number, number, found.start() + 1, found.end() + 1),
                    f"U+{ord(odd):04X} in `{found.group()}` is no Latin letter.",
                )


HIDDEN = FileCheck(
    "hidden characters",
    (_BIDI, _MESSAGE, _INVISIBLE, _SPACE, _LOOKALIKE),
    lambda file: bool(file.text),
    find_hidden_characters,
)
