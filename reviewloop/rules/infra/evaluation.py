"""Hold the tables against the resources of one file."""

from collections.abc import Iterator

from reviewloop.analysis.contract import Hit, Span
from reviewloop.rules.infra.facts import Entry, Fact
from reviewloop.rules.infra.values import UNKNOWN, Node, Resource, Template, find, parts

_SHOWN = 60

Index = dict[str, list[tuple[Entry, Fact]]]


def index_of(entries: tuple[Entry, ...]) -> Index:
    """Return the rows by the kind of resource they speak about."""
    index: Index = {}
    for entry in entries:
        for fact in entry.facts:
            for kind in fact.kinds:
                index.setdefault(kind, []).append((entry, fact))
    return index


def table_hits(path: str, template: Template, index: Index) -> Iterator[Hit]:
    """Yield what the tables say about the resources of a file, each place once per rule."""
    seen: set[tuple[str, int, str]] = set()
    for resource in template.resources:
        for entry, fact in index.get(resource.kind, ()):
            for hit in _judge(path, template, resource, entry, fact):
                key = (hit.rule, hit.span.line if hit.span else 0, hit.identity)
                if key not in seen:
                    seen.add(key)
                    yield hit


def _judge(
    path: str, template: Template, resource: Resource, entry: Entry, fact: Fact
) -> Iterator[Hit]:
    body = resource.body
    if body.value is UNKNOWN or not _applies(body, fact, near=False):
        return
    for scope in parts(body, fact.scope):
        if not _applies(scope, fact, near=True):
            continue
        wrong, missing = _wrong(scope, fact)
        if wrong is None and not missing:
            continue
        open_ended = resource.partial or resource.cut_off
        if missing and (open_ended or _set_beside(template, resource, fact)):
            continue
        yield make_hit(path, resource, entry, fact, scope if fact.scope else None, wrong)


def _applies(body: Node, fact: Fact, *, near: bool) -> bool:
    for guard in fact.when:
        if guard.near is not near:
            continue
        found = find(body, guard.path)
        answers = [guard.missing if one is None else guard.test(one) for one in found]
        if True not in answers:
            return False
    return True


def _wrong(scope: Node, fact: Fact) -> tuple[Node | None, bool]:
    """Return the value that fails, and whether the row is broken by nothing being set."""
    failing: Node | None = None
    for path in fact.paths:
        found = find(scope, path)
        answers = [None if one is None else (fact.test(one) is not False) for one in found]
        bad = [one for one, fine in zip(found, answers, strict=True) if fine is False]
        if bad:
            failing = failing or bad[0]
        elif True in answers and fact.required:
            return None, False
    if failing is not None:
        return failing, False
    return None, fact.required


def _set_beside(template: Template, resource: Resource, fact: Fact) -> bool:
    return any(
        belongs(one, companion.refers, resource)
        for companion in fact.companions
        for one in template.by_kind.get(companion.kind, ())
    )


def belongs(companion: Resource, attribute: str, resource: Resource) -> bool:
    """Whether a resource names another one; a name that is not known may be any."""
    named = companion.body.get(attribute)
    if named is None:
        return False
    if named.value is UNKNOWN:
        return resource.name in named.raw or f"{resource.kind}." not in named.raw
    own = resource.body.get(attribute) or resource.body.get("name")
    return own is not None and (own.value is UNKNOWN or own.value == named.value)


def make_hit(
    path: str, resource: Resource, entry: Entry, fact: Fact, scope: Node | None, wrong: Node | None
) -> Hit:
    """Return the hit for a value that is wrong, or for one that is not set."""
    attribute = ".".join(part for part in (*fact.scope, *fact.paths[0]) if part != "*")
    says = fact.says or entry.rule.title
    related: tuple[tuple[Span, str], ...]
    if not attribute:
        span, related = Span(resource.line, resource.line), ()
        message = f"{resource.address}: {says}"
    elif wrong is not None:
        span = Span(wrong.line, min(wrong.end_line, wrong.line + 20) or wrong.line)
        message = f"{resource.address} sets {attribute}{_shown(wrong)}: {says}"
        related = ()
    else:
        first, last = resource.line, resource.end_line
        if scope is not None:
            first, last = scope.line, scope.end_line
        span = Span(first, first)
        message = f"{resource.address} does not set {attribute}: {says}"
        related = ((Span(first, max(first, last)), "the resource"),)
    return Hit(
        rule=entry.rule.id,
        path=path,
        span=span,
        message=message,
        severity=fact.severity,
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
