"""Finds firewall rules that allow the whole internet, for all providers."""

import re
from collections.abc import Iterator
from functools import cache

from reviewloop.analysis.contract import MUST, SHOULD, Hit, Span
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex
from reviewloop.rules.infra.rules import OPEN_TO_THE_INTERNET
from reviewloop.rules.infra.tables import read_table
from reviewloop.rules.infra.values import UNKNOWN, Node, Resource, Template, find, parts

_ANYWHERE = {"0.0.0.0/0", "::/0", "*", "internet", "any", "<nw>/0", "/0", "::/00"}
_ALL_PROTOCOLS = {"-1", "all", "*"}
_QUIET_PROTOCOLS = {"icmp", "icmpv6", "1", "58", "esp", "ah", "50", "51"}


@dataclass(frozen=True, slots=True)
class Form:
    """How a kind of resource declares allowed sources and ports: paths below `scope`.

    `only`: attribute and value without which a rule allows nothing.
    """

    scope: str
    sources: tuple[str, ...]
    first: str
    last: str
    ports: str
    protocol: str
    only: tuple[tuple[str, str], ...]
    stateless: bool


@cache
def _forms() -> dict[str, Form]:
    return {
        kind: Form(
            scope=entry.get("scope", ""),
            sources=tuple(entry["sources"]),
            first=entry.get("first", ""),
            last=entry.get("last", ""),
            ports=entry.get("ports", ""),
            protocol=entry.get("protocol", "protocol"),
            only=tuple(entry.get("only", {}).items()),
            stateless=entry.get("stateless", False),
        )
        for entry in read_table("network")["form"]
        for kind in entry["kinds"]
    }


@cache
def _ports(use: str) -> frozenset[int]:
    return frozenset(read_table("network")["ports"][use])


_CDK_CALLS = {"call.addIngressRule", "call.allowFrom", "call.allowFromAnyIpv4"}
_ANY_PEER = regex(r"any_?ipv[46]|0\.0\.0\.0/0|::/0", re.IGNORECASE)
_CDK_PORT = regex(r"\.(?:tcp|udp|tcp_range|tcpRange)\(\s*(\d+)(?:\s*,\s*(\d+))?")
_CDK_ALL = regex(r"\.(?:all_?traffic|all_?tcp|all_?udp)\(", re.IGNORECASE)
_CDK_NAMED = regex(r"Port\.(SSH|RDP|MYSQL_AURORA|POSTGRES|MSSQL|REDIS|ORACLE|NFS|SMB)")


def network_hits(path: str, template: Template) -> Iterator[Hit]:
    """Yield the firewall rules of a file that allow the whole internet."""
    for resource in template.resources:
        form = _forms().get(resource.kind)
        if form is not None and resource.body.value is not UNKNOWN:
            yield from _openings(path, resource, form)
        elif resource.kind in _CDK_CALLS:
            yield from _cdk_opening(path, resource)


def _openings(path: str, resource: Resource, form: Form) -> Iterator[Hit]:
    for scope in parts(resource.body, (form.scope,) if form.scope else ()):
        if not _lets_in(scope, form):
            continue
        source = _open_source(scope, form)
        if source is None:
            continue
        ranges, known = _ranges(scope, form)
        protocols = {str(node.value).lower() for node in _known(scope, form.protocol)}
        if (protocols and protocols <= _QUIET_PROTOCOLS) or not known:
            continue
        everything = bool(protocols & _ALL_PROTOCOLS) or not ranges
        ranges = [(0, 65535)] if everything else ranges
        yield from _hit(path, resource, source, ranges, form.stateless)


def _lets_in(scope: Node, form: Form) -> bool:
    for attribute, required in form.only:
        node = scope.get(attribute)
        if node is None or node.value is None:
            if not required.endswith("?"):
                return False
        elif required == "*":
            continue
        elif node.value is UNKNOWN or str(node.value).lower() != required.rstrip("?"):
            return False
    return True


def _open_source(scope: Node, form: Form) -> Node | None:
    for attribute in form.sources:
        for node in _known(scope, attribute):
            if _is_anywhere(str(node.value).strip().lower()):
                return node
    return None


def _is_anywhere(source: str) -> bool:
    return source in _ANYWHERE or not source.strip("0.")


def _known(scope: Node, path: str) -> list[Node]:
    found = find(scope, tuple(path.split(".")))
    return [one for one in found if one is not None and one.value is not UNKNOWN]


def _ranges(scope: Node, form: Form) -> tuple[list[tuple[int, int]], bool]:
    """Return the port ranges, and whether they are known."""
    if form.first:
        first = _first_set(scope, form.first)
        last = _first_set(scope, form.last) or first
        if first is None or last is None or first.value is None:
            return [], True
        if first.value is UNKNOWN or last.value is UNKNOWN:
            return [], False
        return _range(f"{first.value}-{last.value}"), True
    ranges: list[tuple[int, int]] = []
    given = False
    for path in form.ports.split("|") if form.ports else ():
        for found in find(scope, tuple(path.split("."))):
            for node in found.items() if found is not None else ():
                given = True
                if node.value is UNKNOWN:
                    return [], False
                ranges += _range(str(node.value))
    return ranges, True if not given else bool(ranges)


def _first_set(scope: Node, paths: str) -> Node | None:
    found = (find(scope, tuple(path.split("."))) for path in paths.split("|"))
    return next((one for nodes in found for one in nodes if one is not None), None)


def _range(text: str) -> list[tuple[int, int]]:
    if text.strip() in {"*", "-1--1", "-1/-1", "all", "any"}:
        return [(0, 65535)]
    numbers = re.findall(r"\d{1,6}", text)
    if not numbers:
        return []
    first, last = int(numbers[0]), int(numbers[-1])
    return [(0, 65535)] if (first, last) == (0, 0) else [(first, max(first, last))]


def _hit(
    path: str,
    resource: Resource,
    source: Node,
    ranges: list[tuple[int, int]],
    stateless: bool = False,
) -> Iterator[Hit]:
    wrong = [one for one in ranges if not (one[0] == one[1] and one[0] in _ports("web"))]
    if not wrong:
        return
    worst = max(wrong, key=lambda one: (_is_dangerous(one), one[1] - one[0]))
    first, last = worst
    ports = "every port" if last - first >= 65000 else f"port {first}"
    if ports != "every port" and last != first:
        ports = f"ports {first} to {last}"
    for_replies = stateless and first >= 1024 and last >= 60_000
    yield Hit(
        rule=OPEN_TO_THE_INTERNET.id,
        path=path,
        span=Span(source.line, source.line),
        message=f"{resource.address} opens {ports} to the whole internet",
        severity=MUST if _is_dangerous(worst) and not for_replies else SHOULD,
        related=((Span(resource.line, max(resource.line, resource.end_line)), "the resource"),),
        identity=f"{resource.address} {ports}",
    )


def _is_dangerous(ports: tuple[int, int]) -> bool:
    return any(ports[0] <= port <= ports[1] for port in _ports("guarded"))


def _cdk_opening(path: str, resource: Resource) -> Iterator[Hit]:
    body = resource.body
    peer = body.get("peer") or body.get("other")
    port = body.get("connection") or body.get("portRange")
    if resource.kind != "call.allowFromAnyIpv4" and not (peer and _ANY_PEER.search(peer.text)):
        return
    if port is None:
        return
    numbers, named = _CDK_PORT.search(port.text), _CDK_NAMED.search(port.text)
    if _CDK_ALL.search(port.text) or named:
        ranges = [(22, 22)] if named else [(0, 65535)]
    elif numbers:
        ranges = [(int(numbers[1]), int(numbers[2] or numbers[1]))]
    else:
        return
    yield from _hit(path, resource, Node(None, resource.line, resource.line), ranges)
