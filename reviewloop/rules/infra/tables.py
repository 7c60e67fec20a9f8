"""Tables of required and forbidden values of resource attributes; read once, then evaluated.

A table is a TOML file beside this module; a row is under the slug of its rule:

    [[public-database]]
    must_not = true                                    # the test
    at = ["aws_db_instance publicly_accessible"]       # kinds and paths: the locations
    severity = "must"                                  # if it differs from the rule's
    says = "it is reachable from the internet"         # if it differs from the rule's title

`must`: the attribute has to be set and pass; `must_if_set`: its default is fine; `must_not`: a
value that passes is wrong; `never`: kinds that should not be declared at all. A test is true,
false, "present", "given" (references count), or what it compares with: in, like, source (like, of
the source text of references, too), holds, holds_all, at_least, at_most, longer_than. A place is
"kind,kind path|other.path" or "kind scope[].path", each block of the scope judged by itself; {name}
stands for each entry of that list in the table's `groups`. `when`: tests of other attributes
without which the row does not apply ("@path": of the same block; missing = true: also where that is
not set). `beside`: "kind.attribute" of resources that may set the attribute from outside, by naming
the resource.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from reviewloop.analysis import data_tables
from reviewloop.analysis.contract import MUST, NIT, SHOULD, Hit, Rule, Span
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.rules.infra.rules import RULES
from reviewloop.rules.infra.values import UNKNOWN, Node, Resource, Template, find, parts

_SHOWN = 60

Test = Callable[[Node], bool | None]
"""Whether a set value passes; None if unknown before a run."""
AttributePath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition on another attribute; `missing` is its result when that is not set.

    `near`: the path starts from the nested block under test, not from the resource.
    """

    path: AttributePath
    test: Test
    missing: bool
    near: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A row: for one kind of resource the value at one of the paths has to pass the test.

    `required`: a missing value fails as well. `scope`: the nested block from which the paths start.
    `beside`: kind and attribute of resources that may set it from outside.
    """

    rule: Rule
    scope: AttributePath
    paths: tuple[AttributePath, ...]
    test: Test
    required: bool
    when: tuple[Guard, ...]
    beside: tuple[tuple[str, str], ...]
    severity: Severity | None
    sentence: str


# Reading the tables

_TABLES: Mapping[str, tuple[str, ...]] = {  # tables by the prefix of the kinds of resources
    "azurerm_": ("azure",),
    "google_": ("google",),
    "data.google_": ("google",),
    "kubernetes_": ("kubernetes",),
    "github_": ("github",),
    **dict.fromkeys(("digitalocean_", "alicloud_", "oci_", "linode_", "scaleway_"), ("clouds",)),
    "": ("encryption", "access", "operations"),
}
_SEVERITIES = {"must": MUST, "should": SHOULD, "nit": NIT}
_GROUP = regex(r"\{(\w+)\}")

Index = Mapping[str, Sequence[Row]]


def rows_about(kind: str) -> Sequence[Row]:
    """Return the rows about a kind of resource; only the tables of its provider are read."""
    provider = next(prefix for prefix in _TABLES if kind.startswith(prefix))
    return _index(provider).get(kind, ())


def table_names() -> tuple[str, ...]:
    """Return the names of all tables."""
    return tuple(dict.fromkeys(name for names in _TABLES.values() for name in names))


@cache
def read_table(name: str) -> dict[str, Any]:
    """Return a table of this folder."""
    table: dict[str, Any] = data_tables.read_table(Path(__file__).with_name(f"{name}.toml"))
    return table


@cache
def _index(provider: str) -> Index:
    index: dict[str, list[Row]] = {}
    for name in _TABLES[provider]:
        for kind, row in table_rows(read_table(name)):
            index.setdefault(kind, []).append(row)
    return index


def table_rows(table: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a table, each with its kind of resource."""
    groups: Mapping[str, Sequence[str]] = table.get("groups", {})
    rules = {rule.id.removeprefix("infra/"): rule for rule in RULES}
    for slug, entries in table.items():
        for entry in entries if slug not in {"sources", "groups"} else ():
            yield from _rows(rules[slug], entry, groups)


def _rows(
    rule: Rule, entry: Mapping[str, Any], groups: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Row]]:
    required, test, locations = _judgement(entry)
    when = tuple(_guard(one) for one in entry.get("when", ()))
    beside = tuple(_pair(one) for one in entry.get("beside", ()))
    severity = _SEVERITIES[entry["severity"]] if "severity" in entry else None
    sentence = entry.get("says", "")
    for location in locations:
        for kinds, where in _expanded(location, groups):
            scope, _, rest = where.rpartition("[].")
            paths = tuple(tuple(filter(None, path.split("."))) for path in rest.split("|"))
            parent = tuple(scope.split(".")) if scope else ()
            row = Row(rule, parent, paths, test, required, when, beside, severity, sentence)
            for kind in kinds.split(","):
                yield kind, row


def _judgement(entry: Mapping[str, Any]) -> tuple[bool, Test, Sequence[str]]:
    """Return whether the attribute is required, its test, and the locations."""
    if "never" in entry:
        return False, _literal(lambda value: False), entry["never"]
    if "must_not" in entry:
        return False, negate(make_test(entry["must_not"])), entry["at"]
    required = "must" in entry
    return required, make_test(entry["must" if required else "must_if_set"]), entry["at"]


def _expanded(location: str, groups: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield kinds and path of a location, once for each entry of its group."""
    named = _GROUP.search(location)
    if named is None:
        kinds, _, where = location.partition(" ")
        yield kinds, where
        return
    head, _, where = location.partition(" ")
    for kind in head.split(","):
        group = _GROUP.match(kind)
        for one in groups[group[1]] if group else ("",):
            rest = kind[group.end() :] if group else kind
            yield from _expanded(f"{one}{rest} {where}".rstrip(), groups)


def _guard(entry: Mapping[str, Any]) -> Guard:
    path: str = entry["path"]
    test = make_test(entry["is"])
    missing = entry.get("missing", False)
    return Guard(tuple(path.lstrip("@").split(".")), test, missing, path.startswith("@"))


def _pair(companion: str) -> tuple[str, str]:
    kind, _, attribute = companion.rpartition(".")
    return kind, attribute


# Tests of one value


def make_test(test: bool | str | Mapping[str, Any]) -> Test:
    """Return the test that a table names."""
    if isinstance(test, bool):
        return _true if test else _false
    if isinstance(test, str):
        return _NAMED[test]
    ((name, compared),) = test.items()
    return _COMPARING[name](compared)


def negate(test: Test) -> Test:
    """Return the opposite of a test; unknown stays unknown."""

    def check(node: Node) -> bool | None:
        answer = test(node)
        return None if answer is None else not answer

    return check


def _literal(test: Callable[[object], bool | None]) -> Test:
    def check(node: Node) -> bool | None:
        return None if node.value is UNKNOWN else test(node.value)

    return check


def _as_bool(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    return {1: True, 0: False}.get(value) if isinstance(value, int) else None


def _as_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value.rstrip("s") if isinstance(value, str) else value)
    except ValueError:
        return None


def _given(node: Node) -> bool | None:
    """Accept any set value, references included; generated blocks may be empty."""
    return None if node.raw == "dynamic" else True


def _at_least(least: float) -> Test:
    def check(value: object) -> bool | None:
        number = _as_number(value)
        return None if number is None else number >= least

    return _literal(check)


def _is_in(values: Sequence[str]) -> Test:
    """Return a test: one of these, in any letter case."""
    lower = {value.lower() for value in values}
    return _literal(lambda value: None if value is None else str(value).lower() in lower)


def _like(pattern: str) -> Test:
    """Return a test: a regular expression matches in the text."""

    def check(value: object) -> bool | None:
        if isinstance(value, list | dict):
            return None
        return bool(re.search(pattern, str(value)))  # compiled on first use, to start quickly

    return _literal(check)


def _source(pattern: str) -> Test:
    """Return a test: the pattern matches in a text, or in the source of an unknown value."""

    def check(node: Node) -> bool | None:
        texts = [item.text for item in node.items()]
        return any(re.search(pattern, text) for text in texts) if any(texts) else None

    return check


def _holds(values: Sequence[str]) -> Test:
    """Return a test of a list: any of these is among its elements."""
    lower = {value.lower() for value in values}

    def check(node: Node) -> bool | None:
        if node.value is UNKNOWN:
            return None
        if any(str(item.value).lower() in lower for item in node.items()):
            return True
        return None if any(item.value is UNKNOWN for item in node.items()) else False

    return check


def _holds_all(values: Sequence[str]) -> Test:
    """Return a test of a list: each of these is among its elements."""
    tests = [_holds([value]) for value in values]

    def check(node: Node) -> bool | None:
        answers = [test(node) for test in tests]
        if False in answers:
            return False
        return None if None in answers else True

    return check


def _longer_than(count: int) -> Test:
    """Return a test of a list's length."""

    def check(node: Node) -> bool | None:
        if not isinstance(node.value, list):
            return None
        unknown = any(item.value is UNKNOWN for item in node.value)
        return None if unknown else len(node.value) > count

    return check


_true: Test = _literal(_as_bool)
_false: Test = _literal(lambda value: None if _as_bool(value) is None else not _as_bool(value))
_present: Test = _literal(lambda value: value not in ("", None) and value != [] and value != {})
_NAMED: Mapping[str, Test] = {"present": _present, "given": _given}
_COMPARING: Mapping[str, Callable[[Any], Test]] = {
    "in": _is_in,
    "like": _like,
    "source": _source,
    "holds": _holds,
    "holds_all": _holds_all,
    "longer_than": _longer_than,
    "at_least": _at_least,
    "at_most": lambda most: negate(_at_least(most + 1e-9)),
}

# Evaluating rows


def table_hits(path: str, template: Template) -> Iterator[Hit]:
    """Yield the hits of the tables in a file, each location once per rule."""
    seen: set[tuple[str, int, str]] = set()
    for resource in template.resources:
        for row in rows_about(resource.kind):
            for hit in _assess(path, template, resource, row):
                key = (hit.rule, hit.span.line if hit.span else 0, hit.identity)
                if key not in seen:
                    seen.add(key)
                    yield hit


def _assess(path: str, template: Template, resource: Resource, row: Row) -> Iterator[Hit]:
    body = resource.body
    if body.value is UNKNOWN or not _applies(body, row, near=False):
        return
    for scope in parts(body, row.scope):
        if not _applies(scope, row, near=True):
            continue
        wrong, missing = _wrong(scope, row)
        if wrong is None and not missing:
            continue
        open_ended = resource.partial or resource.cut_off
        if missing and (open_ended or _set_beside(template, resource, row)):
            continue
        yield _hit(path, resource, row, scope if row.scope else None, wrong)


def _applies(body: Node, row: Row, *, near: bool) -> bool:
    for guard in row.when:
        if guard.near is not near:
            continue
        found = find(body, guard.path)
        answers = [guard.missing if one is None else guard.test(one) for one in found]
        if True not in answers:
            return False
    return True


def _wrong(scope: Node, row: Row) -> tuple[Node | None, bool]:
    """Return the value that fails, and whether the failure is a missing value."""
    failing: Node | None = None
    for path in row.paths:
        found = find(scope, path)
        answers = [None if one is None else (row.test(one) is not False) for one in found]
        bad = [one for one, fine in zip(found, answers, strict=True) if fine is False]
        if bad:
            failing = failing or bad[0]
        elif True in answers and row.required:
            return None, False
    if failing is not None:
        return failing, False
    return None, row.required


def _set_beside(template: Template, resource: Resource, row: Row) -> bool:
    return any(
        _belongs(one, attribute, resource)
        for kind, attribute in row.beside
        for one in template.by_kind.get(kind, ())
    )


def _belongs(companion: Resource, attribute: str, resource: Resource) -> bool:
    """Whether a resource refers to another one; an unknown name may refer to any."""
    named = companion.body.get(attribute)
    if named is None:
        return False
    if named.value is UNKNOWN:
        return resource.name in named.raw or f"{resource.kind}." not in named.raw
    own = resource.body.get(attribute) or resource.body.get("name")
    return own is not None and (own.value is UNKNOWN or own.value == named.value)


def _hit(path: str, resource: Resource, row: Row, scope: Node | None, wrong: Node | None) -> Hit:
    """Return the hit for a wrong or a missing value."""
    attribute = ".".join(part for part in (*row.scope, *row.paths[0]) if part != "*")
    sentence = row.sentence or row.rule.title
    related: tuple[tuple[Span, str], ...]
    if not attribute:
        span, related = Span(resource.line, resource.line), ()
        message = f"{resource.address}: {sentence}"
    elif wrong is not None:
        span = Span(wrong.line, min(wrong.end_line, wrong.line + 20) or wrong.line)
        message = f"{resource.address} sets {attribute}{_shown(wrong)}: {sentence}"
        related = ()
    else:
        first, last = resource.line, resource.end_line
        if scope is not None:
            first, last = scope.line, scope.end_line
        span = Span(first, first)
        message = f"{resource.address} does not set {attribute}: {sentence}"
        related = ((Span(first, max(first, last)), "the resource"),)
    return Hit(
        rule=row.rule.id,
        path=path,
        span=span,
        message=message,
        severity=row.severity,
        related=related,
        identity=f"{resource.address} {attribute}",
    )


def _shown(node: Node) -> str:
    if isinstance(node.value, dict) or node.value is UNKNOWN:
        return ""
    if isinstance(node.value, list):
        values = [item.value for item in node.value if isinstance(item.value, str | int)]
        text = ", ".join(str(value) for value in values)
    else:
        text = str(node.value)
        text = text.lower() if isinstance(node.value, bool) else text
    text = " ".join(text.split())
    return f" to {text[:_SHOWN]}" if text else ""
