"""Finds access policies that are too broad, too public, or lack a condition."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from reviewloop.analysis.contract import MUST, NIT, Hit, Rule, Span
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.rules.infra.hcl import read_json
from reviewloop.rules.infra.rules import (
    IAM_ADMIN,
    IAM_ALLOW_ALL_BUT,
    IAM_MISSING_CONDITION,
    IAM_PUBLIC_PRINCIPAL,
    IAM_WILDCARD,
)
from reviewloop.rules.infra.tables import read_table
from reviewloop.rules.infra.values import UNKNOWN, Node, Resource, Template, walk

_WHOLE_SERVICE = regex(r"^[a-z0-9-]+:\*$", re.IGNORECASE)
_SERVED = regex(r"^(?:aws_|AWS::)(?:sns|sqs|s3|kms|SNS|SQS|S3|KMS|secretsmanager)")
_DEFAULT_OPEN = {"aws_vpc_endpoint", "AWS::EC2::VPCEndpoint", "aws_vpc_endpoint_policy"}
_ACCOUNT = regex(r"^(?:arn:aws[\w-]*:iam::)?\d{12}(?::root)?$")
_MOST_TEXT = 200_000
_ANY_PRINCIPAL = regex(r"\b(?:AnyPrincipal|StarPrincipal)\(|ArnPrincipal\(['\"]\*['\"]\)")
_SERVICE_PRINCIPAL = regex(r"ServicePrincipal\(['\"]([\w.-]+)")


# Statements in all their forms


@dataclass(slots=True)
class Statement:
    """One statement; principals are (type, value) with known values."""

    allow: bool
    line: int
    end_line: int
    actions: Node | None
    resources: Node | None
    principals: list[tuple[str, str, int]] = field(default_factory=list)
    has_principal: bool = False
    condition: Node | None = None
    negative: Node | None = None  # NotAction, NotPrincipal or NotResource
    all_but_some: bool = False  # NotPrincipal: everyone else
    trust: bool = False  # the trust policy of a role

    def has_action(self, *any_of: str) -> bool:
        """Whether one of these is among the actions, in any letter case."""
        actions = {text.lower() for text in self.actions.texts()} if self.actions else set()
        return not actions.isdisjoint(any_of)

    def on_everything(self) -> bool:
        """Whether the resources are literally all."""
        return self.resources is not None and "*" in self.resources.texts()


def statements_of(resource: Resource) -> Iterator[Statement]:
    """Yield the statements in a resource: maps, JSON texts, policy documents, CDK statements."""
    if resource.kind == "data.aws_iam_policy_document":
        for node in (resource.body.get("statement") or Node([], 0, 0)).items():
            if isinstance(node.value, dict):
                yield _document_statement(node)
        return
    if resource.kind == "aws_iam.PolicyStatement":
        yield _cdk_statement(resource.body)
        return
    for key, node in walk(resource.body):
        if isinstance(node.value, dict) and "Statement" in node.value:
            yield from _policy(node, key)
            continue
        text = node.text if not isinstance(node.value, dict | list) else ""
        if '"Statement"' in text and len(text) < _MOST_TEXT and text.lstrip()[:1] == "{":
            policy = read_json(text, node.inner_line or node.line)
            if policy is not None:
                yield from _policy(policy, key)


def _policy(policy: Node, key: str) -> Iterator[Statement]:
    statements = policy.get("Statement")
    trust = key.lower() in {"assume_role_policy", "assumerolepolicydocument"}
    for node in statements.items() if statements is not None else ():
        if isinstance(node.value, dict):
            yield _statement(node, trust)


def _statement(node: Node, trust: bool) -> Statement:
    effect = node.get("Effect")
    principal = node.get("Principal")
    statement = Statement(
        allow=effect is not None and effect.value == "Allow",
        line=node.line,
        end_line=node.end_line,
        actions=node.get("Action"),
        resources=node.get("Resource"),
        has_principal=principal is not None,
        condition=node.get("Condition"),
        negative=node.get("NotAction") or node.get("NotPrincipal") or node.get("NotResource"),
        all_but_some=node.get("NotPrincipal") is not None,
    )
    if principal is not None and isinstance(principal.value, dict):
        for kind, values in principal.value.items():
            _principals(statement, kind, values)
    elif principal is not None:
        _principals(statement, "AWS", principal)
    statement.trust = trust or statement.has_action("sts:assumerolewithwebidentity")
    return statement


def _principals(statement: Statement, kind: str, values: Node) -> None:
    for item in values.items():
        text = item.text
        if text:
            statement.principals.append((kind, text, item.line))


def _document_statement(node: Node) -> Statement:
    effect = node.get("effect")
    statement = Statement(
        allow=effect is None or effect.value == "Allow",
        line=node.line,
        end_line=node.end_line,
        actions=node.get("actions"),
        resources=node.get("resources"),
        condition=node.get("condition"),
        negative=node.get("not_actions") or node.get("not_principals") or node.get("not_resources"),
        all_but_some=node.get("not_principals") is not None,
    )
    principals = node.get("principals")
    statement.has_principal = principals is not None
    for block in principals.items() if principals is not None else ():
        kind, values = block.get("type"), block.get("identifiers")
        if kind is not None and values is not None:
            _principals(statement, "AWS" if kind.text == "*" else kind.text, values)
    statement.trust = statement.has_principal and any(
        text.startswith("sts:AssumeRole")
        for text in (statement.actions.texts() if statement.actions else ())
    )
    return statement


def _cdk_statement(body: Node) -> Statement:
    effect = body.get("effect")
    principals = body.get("principals")
    condition = body.get("conditions")
    statement = Statement(
        allow=effect is None or not effect.text.endswith("DENY"),
        line=body.line,
        end_line=body.end_line,
        actions=body.get("actions"),
        resources=body.get("resources"),
        has_principal=principals is not None,
        condition=condition or (Node(UNKNOWN, body.line, body.line) if body.open else None),
        negative=body.get("notActions") or body.get("notPrincipals") or body.get("notResources"),
    )
    for item in principals.items() if principals is not None else ():
        service = _SERVICE_PRINCIPAL.search(item.text)
        if _ANY_PRINCIPAL.search(item.text):
            statement.principals.append(("AWS", "*", item.line))
        elif service:
            statement.principals.append(("Service", service[1], item.line))
    return statement


# Problems of statements


@cache
def _actions(what: str) -> re.Pattern[str]:
    """Return a pattern for the actions of a list of the table."""
    return re.compile(f"(?:{'|'.join(read_table('policies')['actions'][what])})$", re.IGNORECASE)


def _is_of(action: str, what: str) -> bool:
    return _actions(what).match(action) is not None


def policy_hits(path: str, template: Template) -> Iterator[Hit]:
    """Yield the problems of access policies in a file."""
    for resource in template.resources:
        if resource.body.value is UNKNOWN:
            continue
        for number, statement in enumerate(statements_of(resource)):
            if statement.allow:
                yield from _assess(path, resource, statement, number)
        yield from _permission(path, resource)


def _assess(path: str, resource: Resource, statement: Statement, number: int) -> Iterator[Hit]:
    def hit(rule: Rule, node: Node | None, message: str, severity: Severity | None = None) -> Hit:
        line = node.line if node is not None else statement.line
        return Hit(
            rule=rule.id,
            path=path,
            span=Span(line, line),
            message=f"{resource.address}: {message}",
            severity=severity,
            related=((Span(statement.line, max(statement.line, statement.end_line)), "statement"),),
            identity=f"{resource.address} {number}",
        )

    if statement.negative is not None:
        everybody = statement.all_but_some and statement.condition is None
        severity = MUST if everybody else None
        yield hit(IAM_ALLOW_ALL_BUT, statement.negative, IAM_ALLOW_ALL_BUT.title, severity)
    public = next((one for one in statement.principals if _is_public(one)), None)
    if public is not None and statement.condition is None and resource.kind not in _DEFAULT_OPEN:
        yield hit(
            IAM_PUBLIC_PRINCIPAL, Node(None, public[2], public[2]), IAM_PUBLIC_PRINCIPAL.title
        )
    if not statement.has_principal:
        for rule, message, severity in _too_much(statement):
            yield hit(rule, statement.actions, message, severity)
    elif resource.kind not in _DEFAULT_OPEN and statement.has_action(
        "*", "s3:*", "sqs:*", "sns:*", "es:*", "secretsmanager:*", "ecr:*"
    ):
        yield hit(IAM_WILDCARD, statement.actions, "the resource policy allows every action", NIT)
    yield from (
        hit(IAM_MISSING_CONDITION, None, *one) for one in _unconditional(resource, statement)
    )


def _is_public(principal: tuple[str, str, int]) -> bool:
    kind, value, _ = principal
    return kind in {"AWS", "*"} and value in {"*", "arn:aws:iam::*:root", "arn:aws:iam::*"}


def _too_much(statement: Statement) -> Iterator[tuple[Rule, str, Severity | None]]:
    everything = statement.on_everything()
    actions = statement.actions.texts() if statement.actions is not None else []
    if statement.has_action("*", "*:*"):
        if everything:
            yield IAM_ADMIN, IAM_ADMIN.title, None
        else:
            yield IAM_WILDCARD, "every action of every service is allowed", None
        return
    whole = [action for action in actions if _WHOLE_SERVICE.match(action)]
    if whole and everything:
        grave = [action for action in whole if _is_of(action, "grave")]
        severity = MUST if grave and statement.condition is None else None
        yield IAM_WILDCARD, f"{(grave or whole)[0]} on every resource is allowed", severity
        return
    of_rights = [action for action in whole if _is_of(action, "rights")]
    if of_rights and statement.condition is None:
        yield IAM_WILDCARD, f"{of_rights[0]} is allowed, changing rights included", None
        return
    if not everything or statement.condition is not None:
        return
    escalating = [action for action in actions if _is_of(action, "escalating")]
    if escalating:
        sentence = f"{escalating[0]} on every resource lets its holder give itself every right"
        yield IAM_WILDCARD, sentence, MUST
        return
    passed = [action for action in actions if _is_of(action, "passing")]
    started = [action for action in actions if _is_of(action, "starting")]
    if passed and started:
        sentence = f"{passed[0]} on every resource and {started[0]} together take over any role"
        yield IAM_WILDCARD, sentence, MUST
        return
    sensitive = [action for action in actions if _is_of(action, "sensitive")]
    if sensitive:
        yield IAM_WILDCARD, f"{sensitive[0]} is allowed on every resource", None


def _unconditional(
    resource: Resource, statement: Statement
) -> Iterator[tuple[str, Severity | None]]:
    condition = statement.condition
    if condition is not None:
        text = _condition_text(condition)
        if "repo:*" in text or (":sub" in text and '"*"' in text):
            yield "the condition on the subject lets every repository in", MUST
        return
    kinds = {kind for kind, _, _ in statement.principals}
    if "Federated" in kinds and statement.trust:
        yield "everybody the identity provider knows may take this role", None
    elif statement.trust and any(_ACCOUNT.match(value) for _, value, _ in statement.principals):
        yield "another account may take this role without an external id or a second factor", NIT
    elif "Service" in kinds and not statement.trust and _SERVED.match(resource.kind):
        yield "the service may act here for any account's resources", NIT


def _condition_text(condition: Node, depth: int = 0) -> str:
    if depth > 6:
        return ""
    if isinstance(condition.value, dict):
        inner = condition.value.items()
        return " ".join(f"{key} {_condition_text(one, depth + 1)}" for key, one in inner)
    if isinstance(condition.value, list):
        return " ".join(_condition_text(one, depth + 1) for one in condition.value)
    return f'"{condition.text}"'


def _permission(path: str, resource: Resource) -> Iterator[Hit]:
    """Check the permission to invoke a function."""
    snake = resource.kind == "aws_lambda_permission"
    if not snake and resource.kind != "AWS::Lambda::Permission":
        return
    principal = resource.body.get("principal" if snake else "Principal")
    names = ("source_arn", "source_account", "principal_org_id", "event_source_token")
    wide = ("SourceArn", "SourceAccount", "PrincipalOrgID", "EventSourceToken")
    limited = any(resource.body.get(name) for name in (names if snake else wide))
    if principal is None or not isinstance(principal.value, str) or limited:
        return
    public = principal.value == "*"
    if public or principal.value.endswith(".amazonaws.com"):
        rule = IAM_PUBLIC_PRINCIPAL if public else IAM_MISSING_CONDITION
        yield Hit(
            rule=rule.id,
            path=path,
            span=Span(principal.line, principal.line),
            message=f"{resource.address}: {rule.title}",
            related=((Span(resource.line, resource.end_line), "the permission"),),
            identity=resource.address,
        )
