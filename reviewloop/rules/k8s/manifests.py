"""Parses Kubernetes manifests and compose files into entries with their lines."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from reviewloop.analysis.contract import Hit, Rule
from reviewloop.analysis.parsing import parse
from reviewloop.analysis.patterns import nodes_of, span_of
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_MANIFEST = regex(r"^apiVersion:", re.MULTILINE)
_KIND = regex(r"^kind:\s*[\"']?\w+", re.MULTILINE)
_DOCUMENT_KIND = regex(r"^kind:\s*[\"']?(\w+)", re.MULTILINE)
_COMPOSE = regex(r"^services:\s*$", re.MULTILINE)
_MARK = regex(r"[-?:](?=\s|$)")
_PLAIN_MARK = regex(r"(?<![\"'])[-?:](?=\s|$)")  # none of JSON
_MOST_MARKS = 60
_MOST_INDENT = 80
_MOST_DEPTH = 400
_MOST_VISITED = 3_000_000  # nodes: hostile nesting must not make the walk quadratic
_MOST_TEXT = 3_000  # most characters of a value for a rule


def readable(line: str) -> bool:
    """Whether a line is nested normally; JSON in a line opens no levels by its colons.

    The parser's C code ends the whole process when about 250 levels are open at once.
    """
    deep = len(line) - len(line.lstrip()) > _MOST_INDENT
    if deep or len(line) <= _MOST_MARKS or len(_MARK.findall(line)) <= _MOST_MARKS:
        return not deep
    return len(_PLAIN_MARK.findall(line)) <= _MOST_MARKS and _brackets(line) <= _MOST_MARKS


def _brackets(line: str) -> int:
    """Return how many brackets are open at once, those in strings included."""
    depth = most = 0
    for character in line:
        depth += (character in "{[") - (character in "}]")
        most = max(most, depth)
    return most


def is_manifest(text: str) -> bool:
    """Whether a YAML text describes objects of Kubernetes."""
    return _MANIFEST.search(text) is not None and _KIND.search(text) is not None


def is_compose(path: str, text: str) -> bool:
    """Whether a YAML text is a compose file."""
    name = path.rsplit("/", 1)[-1].lower()
    return "compose" in name and _COMPOSE.search(text) is not None


@dataclass(frozen=True)
class Entry:
    """One `key: value`; `path` holds the keys around it, outermost first."""

    node: "SgNode"
    key: str
    value: str  # without quotes; the text of the whole block if it is no plain value
    path: tuple[str, ...]
    plain: bool

    @property
    def parent(self) -> str:
        """The key this one is under, "" at the top."""
        return self.path[-1] if self.path else ""


class Flaw(NamedTuple):
    """The problem of an entry, if it differs from the rule's title."""

    message: str = ""
    severity: Severity | None = None


def entries(text: str) -> Iterator[Entry]:
    """Yield every `key: value` of a YAML text."""
    budget = _MOST_VISITED
    for node in nodes_of(parse(text, "yaml"), ("block_mapping_pair", "flow_pair")):
        key, value = node.field("key"), node.field("value")
        around = node.ancestors()
        budget -= len(around)
        if budget < 0:
            return  # nested as no user writes
        if key is None or value is None:
            continue
        extent = value.range()
        large = extent.end.index - extent.start.index > _MOST_TEXT
        whole = "" if large else value.text()
        plain = extent.start.line == extent.end.line
        yield Entry(node, _bare(key.text()), _bare(whole), _path(around), plain)


def _bare(text: str) -> str:
    return text.strip().strip("\"'")


def _path(around: "list[SgNode]") -> tuple[str, ...]:
    keys: list[str] = []
    for outer in around[:_MOST_DEPTH]:
        if outer.kind() in {"block_mapping_pair", "flow_pair"}:
            key = outer.field("key")
            keys.append(_bare(key.text()) if key is not None else "")
    return tuple(reversed(keys))


def siblings(entry: Entry) -> dict[str, str]:
    """Return the keys beside an entry, its own included, with the text of their values."""
    return siblings_of(entry.node)


def siblings_of(node: "SgNode") -> dict[str, str]:
    """Return the keys beside a `key: value`, its own included, with the text of their values."""
    around: dict[str, str] = {}
    parent = node.parent()
    for pair in parent.children() if parent is not None else ():
        key, value = pair.field("key"), pair.field("value")
        if key is not None and value is not None:
            around[_bare(key.text())] = _bare(value.text())
    return around


def document_around(entry: Entry) -> str:
    """Return the text of the document that contains an entry."""
    above = entry.node.ancestors()
    return next((node.text() for node in above if node.kind() == "document"), "")


def kind_around(entry: Entry) -> str:
    """Return the kind of the object that contains an entry."""
    kind = _DOCUMENT_KIND.search(document_around(entry))
    return kind.group(1) if kind is not None else ""


def hit_of(rule: Rule, entry: Entry, flaw: Flaw, path: str) -> Hit:
    """Return the hit for an entry; of a block its first line."""
    span = span_of(entry.node)
    if span.end_line > span.line:
        key = entry.node.field("key")
        span = span_of(key) if key is not None else span
    return Hit(rule.id, path, span, flaw.message or rule.title, flaw.severity)
