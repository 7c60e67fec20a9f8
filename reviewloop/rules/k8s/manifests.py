"""Reads Kubernetes manifests and compose files as named values with their place."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from reviewloop.analysis.contract import MUST, Example, Hit, Rule
from reviewloop.analysis.patterns import nodes_of, parse, span_of
from reviewloop.domain.finding import Severity
from reviewloop.rules.categories import category_of
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_MANIFEST = Regex(r"^apiVersion:", re.MULTILINE)
_KIND = Regex(r"^kind:\s*[\"']?\w+", re.MULTILINE)
_COMPOSE = Regex(r"^services:\s*$", re.MULTILINE)
_MARK = Regex(r"[-?:](?=\s|$)")
_PLAIN_MARK = Regex(r"(?<![\"'])[-?:](?=\s|$)")  # none of JSON
_MOST_MARKS = 60
_MOST_INDENT = 80
_MOST_DEPTH = 400
_MOST_VISITED = 3_000_000  # nodes: hostile nesting must not make the walk quadratic
_MOST_TEXT = 3_000  # characters of a value that a rule may want to look into


def readable(line: str) -> bool:
    """Whether a line is nested as people nest; JSON in a line opens no levels by its colons.

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
    value: str  # without quotes; the text of the whole block where it is no plain value
    path: tuple[str, ...]
    plain: bool

    @property
    def parent(self) -> str:
        """The key this one is under, "" at the top."""
        return self.path[-1] if self.path else ""


class KubernetesRule(NamedTuple):
    """One row: a rule and the test for one entry of a file; the flag tells compose files."""

    rule: Rule
    test: "Callable[[Entry, bool], str | None]"
    """Returns the message ("": the rule's own), None when the entry is fine."""
    in_compose: Severity | None = None  # where a compose file makes less of it
    graver: "Callable[[Entry], bool] | None" = None  # which of what the test finds must be fixed


def entries(text: str) -> Iterator[Entry]:
    """Yield every `key: value` of a YAML text."""
    budget = _MOST_VISITED
    for node in nodes_of(parse(text, "yaml"), ("block_mapping_pair", "flow_pair")):
        key, value = node.field("key"), node.field("value")
        around = node.ancestors()
        budget -= len(around)
        if budget < 0:
            return  # nested as no person writes
        if key is None or value is None:
            continue
        place = value.range()
        large = place.end.index - place.start.index > _MOST_TEXT
        whole = "" if large else value.text()
        plain = place.start.line == place.end.line
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


def hit_of(row: KubernetesRule, entry: Entry, message: str, path: str, compose: bool) -> Hit:
    """Return the hit for an entry; of a block its first line."""
    span = span_of(entry.node)
    if span.end_line > span.line:
        key = entry.node.field("key")
        span = span_of(key) if key is not None else span
    severity = row.in_compose if compose else None
    if row.graver is not None and row.graver(entry):
        severity = MUST
    return Hit(row.rule.id, path, span, message or row.rule.title, severity)


def row(
    slug: str,
    reviewer: str,
    severity: Severity,
    source: str,
    *,
    title: str,
    why: str,
    fix: str,
    bad: str,
    good: str,
) -> Rule:
    """Return a rule; its examples are the insides of a pod's spec, or whole compose files."""
    return Rule(
        f"k8s/{slug}",
        reviewer,
        severity,
        title,
        why,
        fix,
        category=category_of(source, reviewer),
        source=source,
        bad=tuple(_example(code) for code in bad.split("\n---\n")),
        good=tuple(_example(code) for code in good.split("\n---\n")),
    )


def _example(code: str) -> Example:
    if code.startswith("services:"):
        return Example("docker-compose.yml", code)
    if code.startswith("apiVersion:"):
        return Example("pod.yaml", code)
    inside = "".join(f"  {line}\n" for line in code.split("\n"))
    return Example("pod.yaml", "apiVersion: v1\nkind: Pod\nspec:\n" + inside)
