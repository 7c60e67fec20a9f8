"""How infrastructure code hangs together: versions, state, other stacks, names written out."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import INFRASTRUCTURE, NIT, SHOULD, Hit, Rule, Span
from reviewloop.findings import Severity
from reviewloop.rules.infra.examples import template, terraform
from reviewloop.rules.infra.values import UNKNOWN, Node, Resource, Template, walk

UNPINNED = Rule(
    id="infra/unpinned-module",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="the version of a module or provider is left open",
    why="The next run may bring another version, with other defaults or another author's code.",
    fix="Name a version, or a tag or commit for a module from git.",
    category="versions",
    source="https://developer.hashicorp.com/terraform/language/modules/syntax#version",
    bad=terraform(
        'module "a" {; source = "terraform-aws-modules/vpc/aws"; }',
        'module "a" {; source = "git::https://example.com/vpc.git"; }',
    ),
    good=terraform(
        'module "a" {; source = "terraform-aws-modules/vpc/aws"; version = "5.1.0"; }',
        'module "a" {; source = "./vpc"; }',
        'module "a" {; source = "git::https://example.com/vpc.git?ref=v1.2.0"; }',
    ),
)
STATE = Rule(
    id="infra/state-unprotected",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="the state is not encrypted or not locked",
    why="The state holds every attribute in plain text, passwords included; two runs at once"
    " corrupt it.",
    fix="Set encrypt = true, and use_lockfile or a lock table.",
    category="encryption",
    source="https://developer.hashicorp.com/terraform/language/backend/s3",
    bad=terraform('terraform {; backend "s3" {; bucket = "b"; encrypt = false; }; }'),
    good=terraform(
        'terraform {; backend "s3" {; bucket = "b"; encrypt = true; use_lockfile = true; }; }'
    ),
)
COUPLED = Rule(
    id="infra/coupled-stacks",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="this stack depends on the inside of another one",
    why="An exported value cannot be changed or removed while anybody imports it, so the stacks"
    " have to be deployed, and undone, in step; reading a state also shows all its secrets.",
    fix="Hand the value over by a parameter store or a data source.",
    category="coupling",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
    "using-cfn-stack-exports.html",
    bad=(
        *terraform('data "terraform_remote_state" "a" {; backend = "s3"; }'),
        *template("AWS::EC2::Instance | SubnetId: !ImportValue net-subnet"),
    ),
    good=(
        *terraform('data "aws_ssm_parameter" "a" {; name = "/net/subnet"; }'),
        *template("AWS::EC2::Instance | SubnetId: !Ref Subnet"),
    ),
)
WRITTEN_OUT = Rule(
    id="infra/hard-coded-account",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="an account, region or zone is written out",
    why="The code works in one account and one place only; copied elsewhere it points at the wrong"
    " one.",
    fix="Use a reference, a data source, a pseudo parameter or a variable.",
    category="portability",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
    "pseudo-parameter-reference.html",
    bad=template("AWS::EC2::Volume | Encrypted: true, AvailabilityZone: us-east-1a"),
    good=template("AWS::EC2::Volume | Encrypted: true, AvailabilityZone: !Select [0, !GetAZs '']"),
)
RULES = (UNPINNED, STATE, COUPLED, WRITTEN_OUT)

_LOCAL = ("./", "../", "/")
_BRANCH = re.compile(r"[?&]ref=(?:master|main|develop|dev|head|latest|trunk)(?:&|$)", re.IGNORECASE)
_REGISTRY = re.compile(r"^(?:[\w.-]+\.[a-z]+/)?[\w-]+/[\w-]+/[\w-]+(?://[\w/.-]+)?$")
_GIT = re.compile(r"^(?:git::|git@|github\.com/|bitbucket\.org/|gitlab\.com/)|\.git(?:$|\?|//)")
_ARN = re.compile(r"arn:aws[\w-]*:[\w-]*:[\w-]*:(\d{12}):")
_ZONE = re.compile(r"^[a-z]{2}(?:-gov|-iso)?-[a-z]+-\d[a-f]$")
# Accounts that documentation uses, and those of a cloud provider's own services.
_SAMPLES = {"123456789012", "111122223333", "444455556666", "000000000000", "999999999999"}
_ZONED = {"AWS::EC2::Volume", "AWS::EC2::Subnet", "AWS::EC2::Instance", "AWS::RDS::DBInstance"}


def layout_hits(path: str, template: Template) -> Iterator[Hit]:
    """Yield what ties the code of a file to other versions, stacks and places."""
    for resource in template.resources:
        if resource.cut_off:
            continue
        if resource.kind == "terraform":
            yield from _settings(path, resource)
        elif resource.partial or resource.kind == "module":
            yield from _module(path, resource)
        elif (
            resource.kind == "data.terraform_remote_state"
            or resource.kind
            in {
                "call.exportValue",
                "call.importValue",
            }
            or (resource.kind == "CfnOutput" and resource.body.get("exportName"))
        ):
            yield _hit(path, COUPLED, resource, resource.line)
        elif template.dialect == "cloudformation":
            yield from _of_template(path, resource)


def _hit(
    path: str,
    rule: Rule,
    resource: Resource,
    line: int,
    message: str = "",
    severity: Severity | None = None,
) -> Hit:
    return Hit(
        rule=rule.id,
        path=path,
        span=Span(line, line),
        message=f"{resource.address}: {message or rule.title}",
        severity=severity,
        confidence="medium",
        related=((Span(resource.line, max(resource.line, resource.end_line)), "the block"),),
        identity=f"{resource.address} {message}",
    )


def _module(path: str, resource: Resource) -> Iterator[Hit]:
    source, version = resource.body.get("source"), resource.body.get("version")
    if source is None or not isinstance(source.value, str) or source.value.startswith(_LOCAL):
        return
    where = source.value
    if _GIT.search(where):
        if "ref=" not in where:
            yield _hit(path, UNPINNED, resource, source.line, "no tag or commit is named")
        elif _BRANCH.search(where):
            yield _hit(path, UNPINNED, resource, source.line, "a branch is no version")
    elif _REGISTRY.match(where) and version is None:
        yield _hit(path, UNPINNED, resource, source.line, "no version is named")


def _settings(path: str, resource: Resource) -> Iterator[Hit]:
    for section in (resource.body.get("required_providers") or Node([], 0, 0)).items():
        for name, wanted in section.value.items() if isinstance(section.value, dict) else ():
            if isinstance(wanted.value, dict) and "version" not in wanted.value:
                message = f"no version of the provider {name} is named"
                yield _hit(path, UNPINNED, resource, wanted.line, message)
    for backend in (resource.body.get("backend") or Node([], 0, 0)).items():
        entries = backend.value if isinstance(backend.value, dict) else {}
        if "bucket" not in entries or ("key" not in entries and "encrypt" not in entries):
            continue
        encrypt = entries.get("encrypt")
        if encrypt is not None and encrypt.value is False:
            yield _hit(path, STATE, resource, encrypt.line, "the state is not encrypted", SHOULD)
        if "prefix" not in entries and not {"use_lockfile", "dynamodb_table"} & set(entries):
            yield _hit(path, STATE, resource, backend.line, "the state is not locked")


def _of_template(path: str, resource: Resource) -> Iterator[Hit]:
    if resource.kind == "output":
        export = resource.body.get("Export")
        if export is not None:
            yield _hit(path, COUPLED, resource, export.line, "it is exported to other stacks")
        return
    if resource.kind == "parameter":
        return
    for key, node in walk(resource.body):
        text = node.text if not isinstance(node.value, list | dict) else ""
        if node.value is UNKNOWN and "Fn::ImportValue" in node.raw:
            yield _hit(path, COUPLED, resource, node.line, f"{key} is imported")
        account = _ARN.search(text[:2000])
        if account and account[1] not in _SAMPLES:
            yield _hit(path, WRITTEN_OUT, resource, node.line, "an account id is written out")
        elif key == "AvailabilityZone" and resource.kind in _ZONED and _ZONE.match(text):
            yield _hit(path, WRITTEN_OUT, resource, node.line, f"the zone {text} is written out")
