"""Checks how resources depend on each other: versions, state, other stacks, queues and
consumers.
"""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import SHOULD, Hit, Rule, Span
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.rules.infra.rules import (
    COUPLED_STACKS,
    HARD_CODED_ACCOUNT,
    QUEUE_HIDES_TOO_BRIEFLY,
    QUEUE_WITHOUT_DEAD_LETTERS,
    STATE_UNPROTECTED,
    UNPINNED_MODULE,
)
from reviewloop.rules.infra.values import UNKNOWN, Node, Resource, Template, walk

_LOCAL = ("./", "../", "/")
_BRANCH = regex(r"[?&]ref=(?:master|main|develop|dev|head|latest|trunk)(?:&|$)", re.IGNORECASE)
_REGISTRY = regex(r"^(?:[\w.-]+\.[a-z]+/)?[\w-]+/[\w-]+/[\w-]+(?://[\w/.-]+)?$")
_GIT = regex(r"^(?:git::|git@|github\.com/|bitbucket\.org/|gitlab\.com/)|\.git(?:$|\?|//)")
_ARN = regex(r"arn:aws[\w-]*:[\w-]*:[\w-]*:(\d{12}):")
_ZONE = regex(r"^[a-z]{2}(?:-gov|-iso)?-[a-z]+-\d[a-f]$")
# Accounts in documentation, and those of a cloud provider's own services.
_SAMPLES = {"123456789012", "111122223333", "444455556666", "000000000000", "999999999999"}
_ZONED = {"AWS::EC2::Volume", "AWS::EC2::Subnet", "AWS::EC2::Instance", "AWS::RDS::DBInstance"}


def layout_hits(path: str, template: Template) -> Iterator[Hit]:
    """Yield hits on fixed references to versions, stacks and accounts."""
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
            yield _hit(path, COUPLED_STACKS, resource, resource.line)
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
            yield _hit(path, UNPINNED_MODULE, resource, source.line, "no tag or commit is named")
        elif _BRANCH.search(where):
            yield _hit(path, UNPINNED_MODULE, resource, source.line, "a branch is no version")
    elif _REGISTRY.match(where) and version is None:
        yield _hit(path, UNPINNED_MODULE, resource, source.line, "no version is named")


def _settings(path: str, resource: Resource) -> Iterator[Hit]:
    for section in (resource.body.get("required_providers") or Node([], 0, 0)).items():
        for name, looked_for in section.value.items() if isinstance(section.value, dict) else ():
            if isinstance(looked_for.value, dict) and "version" not in looked_for.value:
                message = f"no version of the provider {name} is named"
                yield _hit(path, UNPINNED_MODULE, resource, looked_for.line, message)
    for backend in (resource.body.get("backend") or Node([], 0, 0)).items():
        entries = backend.value if isinstance(backend.value, dict) else {}
        if "bucket" not in entries or ("key" not in entries and "encrypt" not in entries):
            continue
        encrypt = entries.get("encrypt")
        if encrypt is not None and encrypt.value is False:
            yield _hit(
                path,
                STATE_UNPROTECTED,
                resource,
                encrypt.line,
                "the state is not encrypted",
                SHOULD,
            )
        if "prefix" not in entries and not {"use_lockfile", "dynamodb_table"} & set(entries):
            yield _hit(path, STATE_UNPROTECTED, resource, backend.line, "the state is not locked")


def _of_template(path: str, resource: Resource) -> Iterator[Hit]:
    if resource.kind == "output":
        export = resource.body.get("Export")
        if export is not None:
            yield _hit(
                path, COUPLED_STACKS, resource, export.line, "it is exported to other stacks"
            )
        return
    if resource.kind == "parameter":
        return
    for key, node in walk(resource.body):
        text = node.text if not isinstance(node.value, list | dict) else ""
        if node.value is UNKNOWN and "Fn::ImportValue" in node.raw:
            yield _hit(path, COUPLED_STACKS, resource, node.line, f"{key} is imported")
        account = _ARN.search(text[:2000])
        if account and account[1] not in _SAMPLES:
            yield _hit(
                path, HARD_CODED_ACCOUNT, resource, node.line, "an account id is written out"
            )
        elif key == "AvailabilityZone" and resource.kind in _ZONED and _ZONE.match(text):
            yield _hit(
                path, HARD_CODED_ACCOUNT, resource, node.line, f"the zone {text} is written out"
            )


# Queues that lose messages or deliver them twice

_QUEUES = {"aws_sqs_queue", "AWS::SQS::Queue", "aws_sqs.Queue"}
_REDRIVES = ("redrive_policy", "RedrivePolicy", "deadLetterQueue")
_DEAD = regex(r"dlq|dead|failed|redrive|poison|undeliver", re.IGNORECASE)
_TIMES = ("visibility_timeout_seconds", "VisibilityTimeout", "visibilityTimeout")
_LAMBDAS = regex(r"^(?:aws_lambda_function|AWS::(?:Lambda|Serverless)::Function)$|^aws_lambda")
_DEFAULT_HIDDEN, _DEFAULT_TIMEOUT = 30, 3  # seconds
_DURATION = regex(r"Duration\.(seconds|minutes|hours|millis)\(\s*(\d{1,7})\s*\)")
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "millis": 0.001}
_MAPPINGS = {
    "aws_lambda_event_source_mapping": ("event_source_arn", "function_name"),
    "AWS::Lambda::EventSourceMapping": ("EventSourceArn", "FunctionName"),
}
_VARIABLE = regex(r"(?:const|let|var)?\s*(?:self\.|this\.)?(\w+)\s*(?::\s*[\w.]+\s*)?=\s")
_EVENT_SOURCE = regex(
    r"(\w+)\.(?:add_event_source|addEventSource)\(\s*(?:new\s+)?(?:\w+\.)?SqsEventSource\(\s*"
    r"(?:self\.|this\.)?(\w+)"
)


def queue_hits(path: str, template: Template, text: str) -> Iterator[Hit]:
    """Yield the problems of queues in a file."""
    queues = [resource for kind in _QUEUES for resource in template.by_kind.get(kind, ())]
    if not queues:
        return
    names = _names(template, text)
    targets = " ".join(_dead_letter_targets(template))
    for queue in queues:
        if _open(queue) or _redrives(queue, template) or _DEAD.search(queue.address):
            continue
        name = _DEAD.search(_queue_name(queue)) or re.search(
            rf"(?<![\w-]){re.escape(names[id(queue)])}(?![\w-])", targets
        )
        if name is None:
            message = f"{queue.address} has no redrive policy"
            yield _queue_hit(QUEUE_WITHOUT_DEAD_LETTERS, path, queue, queue.line, message)
    for queue, function in _pairs(template, names, text):
        hidden = _seconds(queue, _TIMES, _DEFAULT_HIDDEN)
        works = _seconds(function, ("timeout", "Timeout"), _DEFAULT_TIMEOUT)
        if hidden is not None and works is not None and hidden < works:
            both = f"{queue.address} hides a message for {hidden:g} s, and {function.address}"
            node = next((n for t in _TIMES if (n := queue.body.get(t)) is not None), None)
            line = node.line if node is not None else queue.line
            yield _queue_hit(
                QUEUE_HIDES_TOO_BRIEFLY,
                path,
                queue,
                line,
                f"{both} may work on it for {works:g} s",
            )


def _queue_hit(rule: Rule, path: str, queue: Resource, line: int, message: str) -> Hit:
    return Hit(
        rule=rule.id,
        path=path,
        span=Span(line, line),
        message=message,
        related=((Span(queue.line, queue.end_line), "the queue"),),
        identity=queue.address,
    )


def _open(resource: Resource) -> bool:
    """Whether a resource may have settings that the file does not show."""
    return resource.body.value is UNKNOWN or resource.body.open or resource.cut_off


def _redrives(queue: Resource, template: Template) -> bool:
    if any(queue.body.get(name) is not None for name in _REDRIVES):
        return True
    beside = template.by_kind.get("aws_sqs_queue_redrive_policy", ())
    looked_for = f"aws_sqs_queue.{queue.name}."
    return any((n := one.body.get("queue_url")) is None or looked_for in n.raw for one in beside)


def _queue_name(queue: Resource) -> str:
    named = queue.body.get("name") or queue.body.get("QueueName") or queue.body.get("queueName")
    return named.text if named is not None else ""


def _dead_letter_targets(template: Template) -> Iterator[str]:
    """Yield the source text of references to another queue as the dead-letter queue."""
    kinds = (*_QUEUES, "aws_sqs_queue_redrive_policy", "aws_lambda_function")
    for kind in kinds:
        for resource in template.by_kind.get(kind, ()):
            for name in (*_REDRIVES, "dead_letter_config", "DeadLetterConfig"):
                node = resource.body.get(name)
                if node is not None:
                    yield _all_text(node)


def _all_text(node: Node, depth: int = 0) -> str:
    if depth > 8:
        return ""
    inner: list[Node] = []
    if isinstance(node.value, dict):
        inner = list(node.value.values())
    elif isinstance(node.value, list):
        inner = node.value
    return " ".join([node.text, *(_all_text(one, depth + 1) for one in inner)])


def _names(template: Template, text: str) -> dict[int, str]:
    """Return the name of each resource in its own file."""
    if template.dialect != "cdk":
        return {id(resource): resource.name for resource in template.resources}
    lines = text.split("\n")
    found = {}
    for resource in template.resources:
        line = lines[resource.line - 1] if resource.line <= len(lines) else ""
        variable = _VARIABLE.match(line.strip())
        found[id(resource)] = variable[1] if variable else "\0"
    return found


def _pairs(
    template: Template, names: dict[int, str], text: str
) -> Iterator[tuple[Resource, Resource]]:
    """Yield each queue with the function that consumes it."""
    queues = {names[id(q)]: q for kind in _QUEUES for q in template.by_kind.get(kind, ())}
    functions = {names[id(r)]: r for r in template.resources if _LAMBDAS.search(r.kind)}
    if template.dialect == "cdk":
        for function, queue in _EVENT_SOURCE.findall(text):
            if queue in queues and function in functions:
                yield queues[queue], functions[function]
        return
    for kind, (source, target) in _MAPPINGS.items():
        for mapping in template.by_kind.get(kind, ()):
            queue = _named_in(mapping.body.get(source), queues)
            function = _named_in(mapping.body.get(target), functions)
            if queue is not None and function is not None:
                yield queue, function


def _named_in(node: Node | None, known: dict[str, Resource]) -> Resource | None:
    text = _all_text(node) if node is not None else ""
    for name, resource in known.items():
        if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
            return resource
    return None


def _seconds(resource: Resource, names: tuple[str, ...], default: int) -> float | None:
    """Return a time in seconds that is set or the default; None if unknown before a run."""
    if _open(resource):
        return None
    node = next((found for name in names if (found := resource.body.get(name)) is not None), None)
    if node is None or node.value is None:
        return float(default)
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    duration = _DURATION.search(node.text)
    if duration:
        return _UNITS[duration[1]] * int(duration[2])
    return float(node.value) if isinstance(node.value, str) and node.value.isdigit() else None
