"""Queues whose messages are lost or done twice: no dead letters, hidden too briefly."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import INFRASTRUCTURE, NIT, SHOULD, Example, Hit, Rule, Span
from reviewloop.rules.infra.examples import terraform
from reviewloop.rules.infra.values import UNKNOWN, Node, Resource, Template

_DEVELOPERS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide"
_CDK = "from aws_cdk import Duration, aws_sqs as sqs, aws_lambda as lambda_\n"
_LINKED = (
    'resource "aws_sqs_queue" "q" {; redrive_policy = var.r; visibility_timeout_seconds = %s; }; '
    'resource "aws_lambda_function" "f" {; timeout = 60; }; '
    'resource "aws_lambda_event_source_mapping" "m" {; event_source_arn = aws_sqs_queue.q.arn; '
    "function_name = aws_lambda_function.f.arn; }"
)
DEAD_LETTERS = Rule(
    id="infra/queue-without-dead-letters",
    reviewer=INFRASTRUCTURE,
    severity=NIT,
    title="messages that cannot be handled are tried again until they expire, and are lost then",
    why="One message that always fails is delivered again and again for days, and takes the place"
    " of others; nobody is told of it.",
    fix="Set a redrive policy with a dead-letter queue, and an alarm on that queue's length.",
    category="availability",
    source=f"{_DEVELOPERS}/sqs-dead-letter-queues.html",
    bad=(
        *terraform('resource "aws_sqs_queue" "orders" {; sqs_managed_sse_enabled = true; }'),
        Example("stack.py", _CDK + 'orders = sqs.Queue(self, "Orders")\n'),
    ),
    good=(
        *terraform(
            'resource "aws_sqs_queue" "orders" {; redrive_policy = jsonencode({'
            " deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 4 }); }; "
            'resource "aws_sqs_queue" "dead" {; sqs_managed_sse_enabled = true; }',
            'resource "aws_sqs_queue" "orders_dlq" {; sqs_managed_sse_enabled = true; }',
        ),
        Example(
            "stack.py",
            _CDK + 'dead = sqs.Queue(self, "Dead")\norders = sqs.Queue(self, "Orders",\n'
            "    dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=4, queue=dead))\n",
        ),
    ),
)
VISIBILITY = Rule(
    id="infra/queue-hides-too-briefly",
    reviewer=INFRASTRUCTURE,
    severity=SHOULD,
    title="the queue shows a message again while the function still works on it",
    why="Lambda refuses such a pair, and where the queue is changed later messages are done twice.",
    fix="Set the queue's visibility timeout to at least six times the function's timeout.",
    category="availability",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
    bad=(
        *terraform(_LINKED % "30"),
        Example(
            "stack.py",
            _CDK + 'q = sqs.Queue(self, "Dlq", visibility_timeout=Duration.seconds(30))\n'
            'f = lambda_.Function(self, "F", timeout=Duration.minutes(1))\n'
            "f.add_event_source(SqsEventSource(q))\n",
        ),
    ),
    good=(
        *terraform(_LINKED % "360"),
        Example(
            "stack.py",
            _CDK + 'q = sqs.Queue(self, "Dlq", visibility_timeout=Duration.minutes(6))\n'
            'f = lambda_.Function(self, "F", timeout=Duration.minutes(1))\n'
            "f.add_event_source(SqsEventSource(q))\n",
        ),
    ),
)
RULES = (DEAD_LETTERS, VISIBILITY)

_QUEUES = {"aws_sqs_queue", "AWS::SQS::Queue", "aws_sqs.Queue"}
_REDRIVES = ("redrive_policy", "RedrivePolicy", "deadLetterQueue")
_DEAD = re.compile(r"dlq|dead|failed|redrive|poison|undeliver", re.IGNORECASE)
_TIMES = ("visibility_timeout_seconds", "VisibilityTimeout", "visibilityTimeout")
_LAMBDAS = re.compile(r"^(?:aws_lambda_function|AWS::(?:Lambda|Serverless)::Function)$|^aws_lambda")
_DEFAULT_HIDDEN, _DEFAULT_TIMEOUT = 30, 3  # seconds
_DURATION = re.compile(r"Duration\.(seconds|minutes|hours|millis)\(\s*(\d{1,7})\s*\)")
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "millis": 0.001}
_MAPPINGS = {
    "aws_lambda_event_source_mapping": ("event_source_arn", "function_name"),
    "AWS::Lambda::EventSourceMapping": ("EventSourceArn", "FunctionName"),
}
_VARIABLE = re.compile(r"(?:const|let|var)?\s*(?:self\.|this\.)?(\w+)\s*(?::\s*[\w.]+\s*)?=\s")
_EVENT_SOURCE = re.compile(
    r"(\w+)\.(?:add_event_source|addEventSource)\(\s*(?:new\s+)?(?:\w+\.)?SqsEventSource\(\s*"
    r"(?:self\.|this\.)?(\w+)"
)


def queue_hits(path: str, template: Template, text: str) -> Iterator[Hit]:
    """Yield what is wrong with the queues of a file."""
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
            yield _hit(DEAD_LETTERS, path, queue, queue.line, message)
    for queue, function in _pairs(template, names, text):
        hidden = _seconds(queue, _TIMES, _DEFAULT_HIDDEN)
        works = _seconds(function, ("timeout", "Timeout"), _DEFAULT_TIMEOUT)
        if hidden is not None and works is not None and hidden < works:
            said = f"{queue.address} hides a message for {hidden:g} s, and {function.address}"
            node = next((n for t in _TIMES if (n := queue.body.get(t)) is not None), None)
            line = node.line if node is not None else queue.line
            yield _hit(VISIBILITY, path, queue, line, f"{said} may work on it for {works:g} s")


def _hit(rule: Rule, path: str, queue: Resource, line: int, message: str) -> Hit:
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
    wanted = f"aws_sqs_queue.{queue.name}."
    return any((n := one.body.get("queue_url")) is None or wanted in n.raw for one in beside)


def _queue_name(queue: Resource) -> str:
    named = queue.body.get("name") or queue.body.get("QueueName") or queue.body.get("queueName")
    return named.text if named is not None else ""


def _dead_letter_targets(template: Template) -> Iterator[str]:
    """Yield the source text of what names another queue as the one for dead letters."""
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
    """Return what each resource is called in its own file."""
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
    """Yield each queue with the function that reads it."""
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
    """Return a time that is set or is the default; None where only a run can tell."""
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
