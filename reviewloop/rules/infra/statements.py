"""Find the statements of access policies, wherever and however they are written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from reviewloop.rules.infra.hcl import read_json
from reviewloop.rules.infra.values import UNKNOWN, Node, Resource, walk

_MOST_TEXT = 200_000
_ANY_PRINCIPAL = re.compile(r"\b(?:AnyPrincipal|StarPrincipal)\(|ArnPrincipal\(['\"]\*['\"]\)")
_SERVICE_PRINCIPAL = re.compile(r"ServicePrincipal\(['\"]([\w.-]+)")


@dataclass(slots=True)
class Statement:
    """One statement; principals are (type, value) with values that are known."""

    allow: bool
    line: int
    end_line: int
    actions: Node | None
    resources: Node | None
    principals: list[tuple[str, str, int]] = field(default_factory=list)
    has_principal: bool = False
    condition: Node | None = None
    negative: Node | None = None  # NotAction, NotPrincipal or NotResource
    trust: bool = False  # who may take a role

    def has_action(self, *wanted: str) -> bool:
        """Whether one of these is among the actions, whatever the case."""
        actions = {text.lower() for text in self.actions.texts()} if self.actions else set()
        return not actions.isdisjoint(wanted)

    def on_everything(self) -> bool:
        """Whether the resources are literally everything."""
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
