"""Draws layers and their imports as Mermaid, in a marked block of a document.

The first line of the block holds a digest of it, so that an edit by hand is detected and not lost.
"""

import hashlib
import re

from reviewloop.architecture.model import Architecture
from reviewloop.architecture.structure import Structure
from reviewloop.domain.errors import UsageError
from reviewloop.regex import regex

_BEGIN = regex(r"^<!-- reviewloop arch diagram ([0-9a-f]{12}) -->$", re.MULTILINE)
_MARK = "<!-- reviewloop arch diagram"
_END = "<!-- /reviewloop arch diagram -->"


def mermaid(architecture: Architecture, structure: Structure) -> str:
    """Return the diagram; the same structure gives the same bytes.

    An arrow is an existing import, a dotted one an import that the rules forbid.
    """
    lines = ["flowchart TD"]
    names = [layer.name for layer in architecture.layers if layer.name in structure.layers]
    ids = {name: f"n{number}" for number, name in enumerate(names)}
    for level in architecture.levels:
        lines += [f'  {ids[name]}["{name}"]' for name in level if name in ids]
    order = {name: number for number, name in enumerate(names)}
    for layer, imported in sorted(structure.edges, key=lambda e: (order[e[0]], order[e[1]])):
        arrow = "-->" if (layer, imported) in structure.allowed else "-. not allowed .->"
        lines.append(f"  {ids[layer]} {arrow} {ids[imported]}")
    return "\n".join(lines) + "\n"


def block_of(picture: str) -> str:
    """Return the marked block with a diagram."""
    body = f"```mermaid\n{picture}```\n"
    return f"{_MARK} {_digest(body)} -->\n{body}{_END}\n"


def with_block(document: str, picture: str, name: str, *, force: bool = False) -> str:
    """Return a document with the diagram in its block, appended if it has none yet.

    Raise `UsageError` with the line of a block that was edited by hand, or that has no end.
    """
    newline = "\r\n" if "\r\n" in document else "\n"
    text = document.replace("\r\n", "\n")
    begin = text.find(_MARK)
    if begin < 0:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        return (text + gap + block_of(picture)).replace("\n", newline)
    line = text.count("\n", 0, begin) + 1
    end = text.find(_END, begin)
    if end < 0:
        raise UsageError(f"{name}:{line}: the block of the diagram has no end; add {_END}")
    if text.find(_MARK, end) >= 0:
        line = text.count("\n", 0, text.find(_MARK, end)) + 1
        raise UsageError(f"{name}:{line}: a second block of the diagram; delete one")
    head, _, body = text[begin:end].partition("\n")
    found = _BEGIN.fullmatch(head)
    if not force and (found is None or found[1] != _digest(body)):
        raise UsageError(
            f"{name}:{line}: the block of the diagram was edited by hand; move the edits out, "
            "then `reviewloop arch diagram --force` writes it anew"
        )
    after = text[end + len(_END) :].removeprefix("\n")
    return (text[:begin] + block_of(picture) + after).replace("\n", newline)


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:12]
