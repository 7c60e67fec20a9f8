"""Looks up the AWS names of a spec in the data of botocore and cfn-lint, offline.

The data is read as files: neither package is imported. A name is listed as unverified where the
package is not installed, or where its data leaves such names out by design (IAM actions, custom
commands).
"""

import gzip
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from reviewloop.analysis.contract import Hit
from reviewloop.domain.task import Spec
from reviewloop.regex import regex
from reviewloop.specs.checks.view import SpecLine, SpecView

_CALL = regex(
    r"(?<![\w./-])(?P<service>[a-z][a-z0-9]{1,20})\.(?P<operation>[a-z]+(?:_[a-z0-9]+)+)"
    r"(?:\((?P<arguments>[^()]*)\))?(?![\w/])"
)
_COMMAND = regex(
    r"(?<![\w-])aws (?P<service>[a-z][a-z0-9-]+) (?P<operation>[a-z][a-z0-9-]+)(?![\w/.=])"
    r"(?=(?P<rest>[^`|;&<>]*))"
)
_OPTION = regex(r"(?<!\S)--[a-z][a-z0-9-]+")
_TYPE = regex(r"\bAWS::(?P<service>\w+)::(?P<resource>\w+)(?:\.(?P<property>[A-Z]\w+))?")
_ACTION = regex(r"(?<![\w:/.-])(?P<service>[a-z][a-z0-9-]{1,20}):(?P<action>[A-Z][A-Za-z]+)\b")
_ARGUMENT = regex(r"\b([A-Z]\w*)\s*=")

# Methods of boto3's clients that are no operations of the service.
# https://boto3.amazonaws.com/v1/documentation/api/latest/reference/core/session.html
_OWN = """
    get_paginator get_waiter can_paginate generate_presigned_url generate_presigned_post upload_file
    download_file upload_fileobj download_fileobj
"""
_OWN_METHODS = frozenset(_OWN.split())
# Commands that the AWS CLI adds to services; these are no operations.
# https://docs.aws.amazon.com/cli/latest/reference/
_ADDED = """
    cloudformation cloudfront cloudtrail codeartifact codecommit configservice configure
    datapipeline deploy dlm dynamodb ec2-instance-connect ecr ecr-public ecs eks emr emr-containers
    gamelift help history login logs opsworks rds rolesanywhere s3 servicecatalog ssm sso
"""
_ADDS_COMMANDS = frozenset(_ADDED.split())


# Services whose names are common in code of any kind: `events.venue_id` is a column.
_COMMON = """
    account artifact backup batch billing budgets chatbot config connect deadline detective
    discovery events forecast health inspector invoicing location logs notifications organizations
    outposts payments pipes pricing scheduler schemas shield signer signin support transcribe
    transfer translate workspaces
"""
_WORDS = frozenset(_COMMON.split())
# https://docs.aws.amazon.com/cli/latest/reference/#options and those of every operation
_ANYWHERE = """
    --debug --endpoint-url --no-verify-ssl --no-paginate --output --query --profile --region
    --version --color --no-sign-request --ca-bundle --cli-read-timeout --cli-connect-timeout
    --cli-binary-format --no-cli-pager --cli-auto-prompt --no-cli-auto-prompt --cli-input-json
    --cli-input-yaml --generate-cli-skeleton --starting-token --page-size --max-items
"""
_EVERYWHERE = frozenset(_ANYWHERE.split())
# Least similarity of an option to count as a misspelling; the CLI adds options of its own.
_TYPO = 0.8


class Fact(NamedTuple):
    """What the installed data has about one name; None where it cannot decide."""

    name: str
    supported: bool | None
    detail: str
    source: str  # the data and its version, "" for none


def facts_of(text: str) -> list[Fact]:
    """Return a fact about each name of AWS in a text: operations, commands, types of resources."""
    found: dict[str, Fact] = {}
    for number, one in enumerate(text.splitlines(), 1):
        line = SpecLine("", number, one, "requirements", code=False)
        for match in _CALL.finditer(one):
            if match["service"] in services() and match["operation"] not in _OWN_METHODS:
                found.setdefault(match[0], _fact(match, line, _of_call, "botocore"))
        for match in _COMMAND.finditer(one):
            found.setdefault(match[0], _fact(match, line, _of_command, "botocore"))
        for match in _TYPE.finditer(one):
            found.setdefault(match[0], _fact(match, line, _of_type, "cfn-lint"))
    return list(found.values())


def _fact(
    match: re.Match[str],
    line: SpecLine,
    check: Callable[[SpecView, SpecLine, re.Match[str]], Iterator[Hit]],
    package: str,
) -> Fact:
    view = SpecView(_NO_SPEC, ())
    hits = list(check(view, line, match))
    if view.unverified:
        return Fact(match[0], None, view.unverified[0].partition(": ")[2], "")
    detail = hits[0].message if hits else f"{match[0]} exists"
    return Fact(match[0], not hits, detail, f"{package} {version(package)}")


_NO_SPEC = Spec("", "", "", "", {}, (), {}, "")


class Operation(NamedTuple):
    """An operation of a service with the names of its parameters."""

    name: str
    parameters: tuple[str, ...]


def find_unknown_operations(view: SpecView) -> Iterator[Hit]:
    """Yield calls of operations that a service lacks, and of parameters that an operation lacks."""
    for line in _named_in(view):
        for found in _CALL.finditer(line.text):
            yield from _of_call(view, line, found)
        for found in _COMMAND.finditer(line.text):
            yield from _of_command(view, line, found)
        for found in _ACTION.finditer(line.text):
            _note_action(view, line, found)


def find_unknown_types(view: SpecView) -> Iterator[Hit]:
    """Yield types of CloudFormation resources, or properties of them, that do not exist."""
    for line in _named_in(view):
        for found in _TYPE.finditer(line.text):
            yield from _of_type(view, line, found)


def _of_type(view: SpecView, line: SpecLine, found: re.Match[str]) -> Iterator[Hit]:
    known = resource_types()
    name = f"AWS::{found['service']}::{found['resource']}"
    if not known:
        view.note(line, f"{found[0]}: cfn-lint is not installed")
    elif name not in known:
        message = f"there is no resource type {name}{_near(name, known)}"
        yield view.hit("spec/unknown-aws-type", line, message, name)
    elif found["property"]:
        yield from _of_property(view, line, name, found["property"])


def _of_property(view: SpecView, line: SpecLine, name: str, prop: str) -> Iterator[Hit]:
    known = properties_of(name)
    if known and prop not in known:
        message = f"{name} has no property {prop}{_near(prop, known)}"
        yield view.hit("spec/unknown-aws-type", line, message, prop)


def _of_call(view: SpecView, line: SpecLine, found: re.Match[str]) -> Iterator[Hit]:
    if found["service"] not in services() or found["operation"] in _OWN_METHODS:
        return
    operations = operations_of(found["service"])
    operation = operations.get(found["operation"].replace("_", ""))
    if operation is None:
        names = [_kebab(one.name).replace("-", "_") for one in operations.values()]
        if found["service"] in _WORDS and not _is_like(found["operation"], names):
            return
        near = _near(found["operation"], names)
        message = f"{found['service']} has no operation {found['operation']}{near}"
        yield view.hit("spec/unknown-aws-name", line, message, found["operation"])
        return
    for name in _ARGUMENT.findall(found["arguments"] or ""):
        if name not in operation.parameters:
            near = _near(name, operation.parameters)
            message = f"{found['operation']} of {found['service']} has no parameter {name}{near}"
            yield view.hit("spec/unknown-aws-name", line, message, name)


def _of_command(view: SpecView, line: SpecLine, found: re.Match[str]) -> Iterator[Hit]:
    service = found["service"]
    operations = operations_of(service) if service in services() else {}
    if operation := operations.get(found["operation"].replace("-", "")):
        yield from _of_options(view, line, found, operation)
        return
    if service in _ADDS_COMMANDS or found["operation"] in {"help", "wait"}:
        view.note(line, f"{found[0]}: the AWS CLI adds commands of its own there")
    elif not services():
        view.note(line, f"{found[0]}: botocore is not installed")
    elif service not in services():
        message = f"the AWS CLI has no service {service}{_near(service, services())}"
        yield view.hit("spec/unknown-aws-name", line, message, service)
    else:
        names = [_kebab(one.name) for one in operations.values()]
        near = _near(found["operation"], names)
        message = f"aws {service} has no command {found['operation']}{near}"
        yield view.hit("spec/unknown-aws-name", line, message, found["operation"])


def _of_options(
    view: SpecView, line: SpecLine, found: re.Match[str], operation: Operation
) -> Iterator[Hit]:
    """Yield options that differ from one of the operation's parameters by a letter or two."""
    known = [f"--{_kebab(name)}" for name in operation.parameters]
    command = f"aws {found['service']} {found['operation']}"
    for option in _OPTION.findall(found["rest"]):
        if {option, f"--{option.removeprefix('--no-')}"} & {*known, *_EVERYWHERE}:
            continue
        if near := get_close_matches(option, known, 1, _TYPO):
            message = f"{command} has no option {option}; did you mean {near[0]}?"
            yield view.hit("spec/unknown-aws-name", line, message, option)
        else:
            view.note(line, f"{command} {option}: the AWS CLI adds options of its own there")


def _note_action(view: SpecView, line: SpecLine, found: re.Match[str]) -> None:
    """List an IAM action that is no operation as unverified; IAM actions have names of their
    own.
    """
    if found["service"] in services():
        known = operations_of(found["service"])
        if found["action"].casefold() not in known:
            view.note(line, f"{found[0]}: an IAM action, of which no list is installed")


def _named_in(view: SpecView) -> Iterator[SpecLine]:
    """Yield every line but headings; names also appear in code blocks."""
    return (line for line in view.lines if not line.level)


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), 1, 0.7)
    return f"; did you mean {near[0]}?" if near else ""


def _is_like(name: str, operations: Iterable[str]) -> bool:
    """Whether a name looks like an operation: it begins with the verb of one."""
    return name.partition("_")[0] in {one.partition("_")[0] for one in operations}


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


@cache
def _data(package: str, *parts: str) -> Path | None:
    """Return a folder inside an installed package, without importing the package."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(next(iter(found.submodule_search_locations))).joinpath(*parts)
    return folder if folder.is_dir() else None


@cache
def services() -> frozenset[str]:
    """Return the services that botocore knows; empty if it is not installed."""
    folder = _data("botocore", "data")
    return (
        frozenset(one.name for one in folder.iterdir() if one.is_dir()) if folder else frozenset()
    )


@cache
def operations_of(service: str) -> Mapping[str, Operation]:
    """Return the operations of a service by their names in lower case."""
    folder = _data("botocore", "data")
    if folder is None or service not in services():
        return {}
    editions = sorted(one for one in (folder / service).iterdir() if one.is_dir())
    for edition in reversed(editions):
        for name in ("service-2.json.gz", "service-2.json"):
            if (path := edition / name).is_file():
                data = path.read_bytes()
                model = json.loads(gzip.decompress(data) if name.endswith("gz") else data)
                return {one.casefold(): _operation(one, model) for one in model["operations"]}
    return {}


def _operation(name: str, model: Mapping[str, Mapping[str, Mapping[str, object]]]) -> Operation:
    taken = model["operations"][name].get("input")
    shape = str(taken["shape"]) if isinstance(taken, dict) else ""
    members = model["shapes"][shape].get("members", {}) if shape else {}
    return Operation(name, tuple(members) if isinstance(members, dict) else ())


@cache
def _schemas() -> Path | None:
    return _data("cfnlint", "data", "schemas", "providers", "us_east_1")


@cache
def resource_types() -> Mapping[str, Path]:
    """Return cfn-lint's schema of each type of resource; empty if it is not installed."""
    folder = _schemas()
    if folder is None:
        return {}
    found: dict[str, Path] = {}
    for path in folder.glob("aws*.json"):
        text = path.read_bytes()
        if named := re.search(rb'"typeName"\s*:\s*"([\w:]+)"', text):
            found[named[1].decode()] = path
    return found


@cache
def properties_of(name: str) -> tuple[str, ...]:
    """Return the properties of a type of resource."""
    path = resource_types().get(name)
    return tuple(json.loads(path.read_bytes()).get("properties", ())) if path else ()
