"""Firewall rules that let the whole internet in, whatever the provider calls them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Hit, Rule, Span
from reviewloop.rules.infra.examples import cdk, cdk_script, template, terraform
from reviewloop.rules.infra.values import UNKNOWN, Node, Resource, Template, find, parts

OPEN_PORTS = Rule(
    id="infra/open-to-the-internet",
    reviewer=SECURITY,
    severity=SHOULD,
    title="the whole internet may reach ports that are not for the public",
    why="Ports for administration and databases are scanned all day; one weak password or one"
    " unpatched flaw behind them is enough.",
    fix="Name the networks or security groups that need it; use a VPN or a session manager.",
    category="public-access",
    source="CIS AWS Foundations Benchmark 5.2",
    bad=(
        *terraform(
            'resource "aws_security_group_rule" "a" {; type = "ingress"; from_port = 22'
            '; to_port = 22; protocol = "tcp"; cidr_blocks = ["0.0.0.0/0"]; }'
        ),
        *template(
            "AWS::EC2::SecurityGroup | SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 3389,"
            " ToPort: 3389, CidrIp: 0.0.0.0/0}]"
        ),
        *cdk("sg.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(22))"),
        *cdk_script("sg.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.allTraffic());"),
    ),
    good=(
        *terraform(
            'resource "aws_security_group_rule" "a" {; type = "ingress"; from_port = 443'
            '; to_port = 443; protocol = "tcp"; cidr_blocks = ["0.0.0.0/0"]; }',
            'resource "aws_security_group_rule" "a" {; type = "ingress"; from_port = 22'
            '; to_port = 22; protocol = "tcp"; cidr_blocks = ["10.0.0.0/8"]; }',
        ),
        *cdk("sg.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443))"),
    ),
)
RULES = (OPEN_PORTS,)

_ANYWHERE = {"0.0.0.0/0", "::/0", "*", "internet", "any", "<nw>/0", "/0", "::/00"}
_WEB = {80, 443}
_KNOWN = (
    *(20, 21, 22, 23, 25, 110, 111, 135, 137, 138, 139, 161, 389, 445, 512, 513, 514, 636, 873),
    *(1433, 1434, 1521, 2049, 2181, 2375, 2376, 2379, 2380, 2382, 2383, 2483, 2484, 3000, 3020),
    *(3306, 3389, 4333, 4505, 4506, 5432, 5439, 5500, 5601, 5900, 5984, 5985, 5986, 6379, 7000),
    *(7001, 7199, 8020, 8086, 8088, 8140, 8500, 8888, 9000, 9042, 9090, 9092, 9160, 9200, 9300),
    *(10250, 10255, 11211, 11214, 11215, 27015, 27017, 27018, 27019, 50070, 61616, 61620, 61621),
)
_ALL_PROTOCOLS = {"-1", "all", "*"}
_QUIET_PROTOCOLS = {"icmp", "icmpv6", "1", "58", "esp", "ah", "50", "51"}


@dataclass(frozen=True, slots=True)
class Form:
    """Where a kind of resource says who may reach what: paths below `scope`.

    `only`: attribute and value without which a rule does not let anything in.
    """

    scope: str
    sources: tuple[str, ...]
    first: str = ""
    last: str = ""
    ports: str = ""
    protocol: str = "protocol"
    only: tuple[tuple[str, str], ...] = ()


_CIDRS = ("cidr_blocks.*", "ipv6_cidr_blocks.*")
_AZURE = Form(
    "",
    ("source_address_prefix", "source_address_prefixes.*"),
    ports="destination_port_range|destination_port_ranges",
    only=(("access", "allow"), ("direction", "inbound")),
)
_AZURE_NESTED = Form("security_rule", _AZURE.sources, ports=_AZURE.ports, only=_AZURE.only)
_CFN_RULE = Form("", ("CidrIp", "CidrIpv6"), "FromPort", "ToPort", protocol="IpProtocol")
FORMS: dict[str, Form] = {
    "aws_security_group": Form("ingress", _CIDRS, "from_port", "to_port"),
    "aws_default_security_group": Form("ingress", _CIDRS, "from_port", "to_port"),
    "aws_security_group_rule": Form(
        "", _CIDRS, "from_port", "to_port", only=(("type", "ingress"),)
    ),
    "aws_vpc_security_group_ingress_rule": Form(
        "", ("cidr_ipv4", "cidr_ipv6"), "from_port", "to_port", protocol="ip_protocol"
    ),
    "aws_network_acl": Form(
        "ingress",
        ("cidr_block", "ipv6_cidr_block"),
        "from_port",
        "to_port",
        only=(("action", "allow"),),
    ),
    "aws_default_network_acl": Form(
        "ingress",
        ("cidr_block", "ipv6_cidr_block"),
        "from_port",
        "to_port",
        only=(("action", "allow"),),
    ),
    "aws_network_acl_rule": Form(
        "",
        ("cidr_block", "ipv6_cidr_block"),
        "from_port",
        "to_port",
        only=(("rule_action", "allow"), ("egress", "false?")),
    ),
    "aws_db_security_group": Form("ingress", ("cidr",), "from_port", "to_port"),
    "azurerm_network_security_rule": _AZURE,
    "azurerm_network_security_group": _AZURE_NESTED,
    "google_compute_firewall": Form(
        "",
        ("source_ranges.*",),
        ports="allow.ports",
        protocol="allow.protocol",
        only=(("direction", "ingress?"),),
    ),
    "alicloud_security_group_rule": Form(
        "", ("cidr_ip",), ports="port_range", protocol="ip_protocol", only=(("type", "ingress"),)
    ),
    "openstack_networking_secgroup_rule_v2": Form(
        "",
        ("remote_ip_prefix",),
        "port_range_min",
        "port_range_max",
        only=(("direction", "ingress"),),
    ),
    "openstack_compute_secgroup_v2": Form(
        "rule", ("cidr",), "from_port", "to_port", protocol="ip_protocol"
    ),
    "digitalocean_firewall": Form("inbound_rule", ("source_addresses.*",), ports="port_range"),
    "AWS::EC2::SecurityGroup": Form(
        "SecurityGroupIngress", _CFN_RULE.sources, "FromPort", "ToPort", protocol="IpProtocol"
    ),
    "AWS::EC2::SecurityGroupIngress": _CFN_RULE,
    "AWS::RDS::DBSecurityGroup": Form("DBSecurityGroupIngress", ("CIDRIP",)),
    "AWS::RDS::DBSecurityGroupIngress": Form("", ("CIDRIP",)),
}
_CDK_CALLS = {"call.addIngressRule", "call.allowFrom", "call.allowFromAnyIpv4"}
_ANY_PEER = re.compile(r"any_?ipv[46]|0\.0\.0\.0/0|::/0", re.IGNORECASE)
_CDK_PORT = re.compile(r"\.(?:tcp|udp|tcp_range|tcpRange)\(\s*(\d+)(?:\s*,\s*(\d+))?")
_CDK_ALL = re.compile(r"\.(?:all_?traffic|all_?tcp|all_?udp)\(", re.IGNORECASE)
_CDK_NAMED = re.compile(r"Port\.(SSH|RDP|MYSQL_AURORA|POSTGRES|MSSQL|REDIS|ORACLE|NFS|SMB)")


def network_hits(path: str, template: Template) -> Iterator[Hit]:
    """Yield the rules of a file that let the whole internet in."""
    for resource in template.resources:
        form = FORMS.get(resource.kind)
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
        yield from _hit(path, resource, source, [(0, 65535)] if everything else ranges)


def _lets_in(scope: Node, form: Form) -> bool:
    for attribute, wanted in form.only:
        node = scope.get(attribute)
        if node is None or node.value is None:
            if not wanted.endswith("?"):
                return False
        elif node.value is UNKNOWN or str(node.value).lower() != wanted.rstrip("?"):
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
        first, last = scope.get(form.first), scope.get(form.last) or scope.get(form.first)
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


def _range(text: str) -> list[tuple[int, int]]:
    if text.strip() in {"*", "-1--1", "-1/-1", "all"}:
        return [(0, 65535)]
    numbers = re.findall(r"\d{1,6}", text)
    if not numbers:
        return []
    first, last = int(numbers[0]), int(numbers[-1])
    return [(0, 65535)] if (first, last) == (0, 0) else [(first, max(first, last))]


def _hit(
    path: str, resource: Resource, source: Node, ranges: list[tuple[int, int]]
) -> Iterator[Hit]:
    wrong = [one for one in ranges if not (one[0] == one[1] and one[0] in _WEB)]
    if not wrong:
        return
    worst = max(wrong, key=lambda one: (_is_dangerous(one), one[1] - one[0]))
    first, last = worst
    ports = "every port" if last - first >= 65000 else f"port {first}"
    if ports != "every port" and last != first:
        ports = f"ports {first} to {last}"
    yield Hit(
        rule=OPEN_PORTS.id,
        path=path,
        span=Span(source.line, source.line),
        message=f"{resource.address} opens {ports} to the whole internet",
        severity=MUST if _is_dangerous(worst) else SHOULD,
        related=((Span(resource.line, max(resource.line, resource.end_line)), "the resource"),),
        identity=f"{resource.address} {ports}",
    )


def _is_dangerous(ports: tuple[int, int]) -> bool:
    return any(ports[0] <= port <= ports[1] for port in _KNOWN)


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
