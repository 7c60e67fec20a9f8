"""Finds characters that people do not see and letters that only look like others."""

import re
from collections.abc import Iterator
from itertools import pairwise

from reviewloop.analysis.contract import (
    MUST,
    NIT,
    SECURITY,
    SHOULD,
    Example,
    FileCheck,
    Hit,
    PathClass,
    Rule,
    SourceFile,
    Span,
)
from reviewloop.domain.finding import Severity
from reviewloop.domain.hidden_characters import Hidden, find_hidden
from reviewloop.rules.diff.letters import DOUBLES, MIXED, is_at_home, quoted

_MOST = 20  # findings of one kind for a file; the last one says how many more there are
_RUN = 4  # so many invisible characters in one line carry a message
_TROJAN = "https://trojansource.codes/"

_FLAG = "A flag: \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f\n"

_BIDI = Rule(
    id="diff/bidi-control",
    reviewer=SECURITY,
    severity=MUST,
    title="Invisible characters change the order in which the line is shown",
    why="People read another order of the words than compilers and interpreters do: code can look "
    "like a comment, and a check like its opposite (CVE-2021-42574).",
    fix="Delete the characters. Text that needs them can name them by escapes.",
    category="hidden-text",
    source=_TROJAN,
    in_tests=True,
    in_examples=True,
    in_fixtures=True,
    hard=True,
    bad=(Example("app.py", 'if level != "user\u202e \u2066# admin\u2069 \u2066":\n    go()\n'),),
    good=(Example("app.py", 'MARK = "\\u202e"\n'),),
)
_MESSAGE = Rule(
    id="diff/invisible-text",
    reviewer=SECURITY,
    severity=MUST,
    title="The line holds text that nobody sees",
    why="Tag characters, selectors and zero-width characters can spell whole sentences. Models "
    "read them as instructions, and programs can decode them.",
    fix="Delete them, and find out how they came here.",
    category="hidden-text",
    source="https://cwe.mitre.org/data/definitions/451.html",
    in_tests=True,
    in_examples=True,
    in_fixtures=True,
    hard=True,
    bad=(
        Example("README.md", "Hello\U000e0069\U000e0067\U000e006e\U000e006f\U000e0072\U000e0065\n"),
        Example("app.js", "const \u3164 = load();\n"),
    ),
    good=(
        Example("README.md", _FLAG),
        Example("app.js", "const name = load();\n"),
    ),
)
_INVISIBLE = Rule(
    id="diff/invisible-character",
    reviewer=SECURITY,
    severity=SHOULD,
    title="The line holds a character that nobody sees",
    why="Names and strings that look the same are not: comparisons and searches fail, and a "
    "reader cannot find out why.",
    fix="Delete the character, or write it as an escape where it is meant.",
    category="hidden-text",
    source="https://www.unicode.org/reports/tr36/",
    in_tests=True,
    in_examples=True,
    in_fixtures=True,
    hard=True,
    bad=(Example("app.py", 'ROLE = "ad\u200bmin"\n'), Example("run.sh", "echo \u001b[2K done\n")),
    good=(
        Example("app.py", '\ufeffROLE = "admin"\nHEART = "\u2764\ufe0f"\n'),
        Example("text.py", 'WORD = "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"\n'),
    ),
)
_SPACE = Rule(
    id="diff/odd-space",
    reviewer=SECURITY,
    severity=NIT,
    title="A space in the code is no ordinary space",
    why="Shells and parsers do not take a no-break space for a space: the line means something "
    "else than it shows, or nothing.",
    fix="Type an ordinary space, or write an escape where the other one is meant.",
    category="hidden-text",
    source="https://www.unicode.org/reports/tr36/",
    bad=(Example("run.sh", "rm\u00a0-rf build\n"), Example("app.yaml", "a:\n\u00a0 b: 1\n")),
    good=(Example("run.sh", "rm -rf build\n"), Example("page.html", "a\u00a0b\n")),
)
_LOOKALIKE = Rule(
    id="diff/mixed-script-name",
    reviewer=SECURITY,
    severity=SHOULD,
    title="A name mixes letters of two scripts that look the same",
    why="The name looks like another one and is not the same: a call goes elsewhere than it "
    "seems to (CVE-2021-42694).",
    fix="Retype the name in one script.",
    category="hidden-text",
    source=_TROJAN,
    in_examples=True,
    bad=(Example("app.py", "def is_\u0430dmin(user):\n    return True\n"),),
    good=(
        Example("app.py", "\u0394x = 1\nname = 'admin'  # \u0438\u043c\u044f\n"),
        Example("notes.md", "\u0430dmin\n"),
    ),
)

_BIDI_CHARACTERS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_NO_CODE = {"markdown", "html", "", "json"}
_SPACE_MATTERS = {"python", "shell", "dockerfile", "yaml", "github-workflow", "cloudformation"}
_ODD_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def _run(file: SourceFile) -> Iterator[Hit]:
    counts: dict[str, int] = {}
    for hit in (*_hidden_hits(file), *_space_hits(file), *_name_hits(file)):
        counts[hit.rule] = counts.get(hit.rule, 0) + 1
        if counts[hit.rule] <= _MOST:
            yield hit


def _hidden_hits(file: SourceFile) -> Iterator[Hit]:
    by_line: dict[int, list[Hidden]] = {}
    for hidden in find_hidden(file.text):
        if not is_at_home(file.lines[hidden.line - 1], hidden):
            by_line.setdefault(hidden.line, []).append(hidden)
    for line, found in by_line.items():
        rule, chosen = _judged(file, found)
        first = chosen[0]
        names = ", ".join(dict.fromkeys(f"{h.code} {h.name.lower()}" for h in chosen[:6]))
        more = f" and {len(chosen) - 6} more" if len(chosen) > 6 else ""
        yield Hit(
            rule.id,
            file.path,
            Span(line, line, first.column, first.column + 1),
            f"Hidden in this line: {names}{more}.",
            severity=_severity(file, rule),
        )


def _judged(file: SourceFile, found: list[Hidden]) -> tuple[Rule, list[Hidden]]:
    bidi = [h for h in found if h.char in _BIDI_CHARACTERS]
    if bidi:
        return _BIDI, bidi
    tags = [h for h in found if ord(h.char) >= 0xE0000]
    if tags:
        return _MESSAGE, tags
    blank = [h for h in found if ord(h.char) > 0xFF]
    if len(blank) >= _RUN and _adjacent(blank) >= _RUN:
        return _MESSAGE, blank
    fillers = [h for h in found if h.char in _FILLERS]
    if fillers and file.language not in _NO_CODE:
        return _MESSAGE, fillers
    return _INVISIBLE, found


def _adjacent(found: list[Hidden]) -> int:
    """Return the length of the longest run of neighbours."""
    longest = run = 1
    for before, after in pairwise(found):
        run = run + 1 if after.column == before.column + 1 else 1
        longest = max(longest, run)
    return longest


def _severity(file: SourceFile, rule: Rule) -> Severity | None:
    """Tests and prose may need such characters; what hides sentences is never at home."""
    if file.path_class in (PathClass.TEST, PathClass.FIXTURE):
        return Severity.NIT
    if rule is _INVISIBLE and file.language in _NO_CODE:
        return Severity.NIT
    return None


def _space_hits(file: SourceFile) -> Iterator[Hit]:
    if file.language not in _SPACE_MATTERS:
        return
    for number, line in enumerate(file.lines, 1):
        if line.isascii():
            continue
        found = _ODD_SPACE.search(line)
        if found and not quoted(line, found.start()):
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
            if not quoted(line, found.start()):
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
    _run,
)
