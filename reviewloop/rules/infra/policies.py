"""Access policies that give too much, to too many, or without a condition."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import MUST, NIT, SECURITY, SHOULD, Hit, Rule, Span
from reviewloop.findings import Severity
from reviewloop.rules.infra.examples import cdk, cdk_script, template, terraform
from reviewloop.rules.infra.statements import Statement, statements_of
from reviewloop.rules.infra.values import UNKNOWN, Node, Resource, Template

_REFERENCE = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
_DOCUMENT = 'data "aws_iam_policy_document" "a" {; statement {; %s; }; }'

ADMIN = Rule(
    id="infra/iam-admin",
    reviewer=SECURITY,
    severity=MUST,
    title="every action on every resource is allowed",
    why="Whoever takes over what holds this policy owns the account.",
    fix="Name the actions and the resources that are needed.",
    category="iam",
    source="CIS AWS Foundations Benchmark 1.16",
    bad=(
        *terraform(_DOCUMENT % 'actions = ["*"]; resources = ["*"]'),
        *template(
            "AWS::IAM::Policy | PolicyDocument: {Statement: [{Effect: Allow, Action: '*',"
            " Resource: '*'}]}"
        ),
        *cdk_script("new iam.PolicyStatement({ actions: ['*'], resources: ['*'] });"),
    ),
    good=(
        *terraform(_DOCUMENT % 'actions = ["s3:GetObject"]; resources = [var.arn]'),
        *terraform(_DOCUMENT % 'effect = "Deny"; actions = ["*"]; resources = ["*"]'),
    ),
)
WILDCARD = Rule(
    id="infra/iam-wildcard",
    reviewer=SECURITY,
    severity=SHOULD,
    title="the policy allows more than can be needed",
    why="A wildcard also allows what is dangerous today and what the service adds tomorrow:"
    " deleting, changing policies, taking other roles.",
    fix="Name the actions; limit the dangerous ones to the resources they are for.",
    category="iam",
    source=f"{_REFERENCE}/best-practices.html#grant-least-privilege",
    bad=(
        *terraform(_DOCUMENT % 'actions = ["s3:*"]; resources = ["*"]'),
        *terraform(_DOCUMENT % 'actions = ["iam:PassRole"]; resources = ["*"]'),
        *cdk('iam.PolicyStatement(actions=["s3:*"], resources=["*"])'.replace("iam.", "aws_iam.")),
    ),
    good=terraform(
        _DOCUMENT % 'actions = ["s3:GetObject"]; resources = ["arn:aws:s3:::b/*"]',
        _DOCUMENT % 'actions = ["ec2:DescribeInstances"]; resources = ["*"]',
    ),
)
PUBLIC = Rule(
    id="infra/iam-public-principal",
    reviewer=SECURITY,
    severity=MUST,
    title="everybody is allowed, whatever their account",
    why="A principal of * without a condition means the whole internet or every account there is.",
    fix="Name the accounts, roles or services, or add a condition on organisation or source.",
    category="iam",
    source=f"{_REFERENCE}/reference_policies_elements_principal.html",
    bad=(
        *terraform(
            _DOCUMENT % 'actions = ["s3:GetObject"]; resources = [var.arn]; principals {'
            '; type = "*"; identifiers = ["*"]; }'
        ),
        *template(
            "AWS::SQS::QueuePolicy | PolicyDocument: {Statement: {Effect: Allow, Principal: '*',"
            " Action: 'sqs:SendMessage', Resource: !Ref Q}}"
        ),
    ),
    good=terraform(
        _DOCUMENT % 'actions = ["s3:GetObject"]; resources = [var.arn]; principals {'
        '; type = "AWS"; identifiers = [var.role]; }',
        _DOCUMENT % 'effect = "Deny"; actions = ["s3:*"]; resources = [var.arn]; principals {'
        '; type = "*"; identifiers = ["*"]; }',
    ),
)
NEGATIVE = Rule(
    id="infra/iam-allow-all-but",
    reviewer=SECURITY,
    severity=SHOULD,
    title="everything but a list is allowed",
    why="Allow with NotAction, NotPrincipal or NotResource covers all that exists now and later,"
    " minus what somebody thought of.",
    fix="List what is allowed, or deny the list in a statement of its own.",
    category="iam",
    source=f"{_REFERENCE}/reference_policies_elements_notaction.html",
    bad=terraform(_DOCUMENT % 'not_actions = ["iam:*"]; resources = [var.arn]'),
    good=terraform(_DOCUMENT % 'effect = "Deny"; not_actions = ["iam:*"]; resources = ["*"]'),
)
CONDITION = Rule(
    id="infra/iam-missing-condition",
    reviewer=SECURITY,
    severity=SHOULD,
    title="the trust has no condition on who stands behind it",
    why="A service or an identity provider acts for all its customers: without a condition on the"
    " source, another customer can have it act on yours.",
    fix="Add a condition: the subject for identity providers, aws:SourceArn or aws:SourceAccount"
    " for services, sts:ExternalId for other companies.",
    category="iam",
    source=f"{_REFERENCE}/confused-deputy.html",
    bad=terraform(
        _DOCUMENT % 'actions = ["sts:AssumeRoleWithWebIdentity"]; principals {'
        '; type = "Federated"; identifiers = [var.provider]; }',
        'resource "aws_lambda_permission" "a" {; action = "lambda:InvokeFunction"'
        '; principal = "s3.amazonaws.com"; }',
    ),
    good=terraform(
        _DOCUMENT % 'actions = ["sts:AssumeRole"]; principals {; type = "Service"'
        '; identifiers = ["ec2.amazonaws.com"]; }',
        'resource "aws_lambda_permission" "a" {; action = "lambda:InvokeFunction"'
        '; principal = "s3.amazonaws.com"; source_arn = var.bucket; }',
    ),
)
RULES = (ADMIN, WILDCARD, PUBLIC, NEGATIVE, CONDITION)

_SENSITIVE = re.compile(
    r"(?i)^(?:iam:(?:passrole|create(?!servicelinkedrole)|put|attach|add|update|set|delete|detach|upload)\w*\*?"
    r"|sts:assumerole\w*|secretsmanager:(?:getsecretvalue|put|update|delete)\w*"
    r"|kms:(?:decrypt|reencrypt|creategrant|putkeypolicy|scheduledelet)\w*\*?"
    r"|ssm:(?:getparameter|sendcommand|startsession|putparameter)\w*\*?"
    r"|s3:(?:getobject|putobject|deleteobject|deletebucket|putbucket)\w*\*?"
    r"|lambda:(?:updatefunctioncode|createfunction|addpermission)\w*|ec2:runinstances"
    r"|organizations:\w+\*?|cloudformation:createstack|glue:updatedevendpoint"
    r"|dynamodb:(?:delete|batchwrite|put|update)\w*\*?)$"
)
_WHOLE_SERVICE = re.compile(r"^[a-z0-9-]+:\*$", re.IGNORECASE)
# Services that hold data, keys or rights: all of one on everything is nearly the whole account.
_GRAVE_SERVICE = re.compile(
    r"^(?:iam|sts|organizations|kms|secretsmanager|ssm|s3|dynamodb|rds|ec2|lambda|cloudformation"
    r"|ecr|eks|ecs|cognito-idp|sso|sso-admin|identitystore|account):\*$",
    re.IGNORECASE,
)
_SERVED = re.compile(r"^(?:aws_|AWS::)(?:sns|sqs|s3|kms|SNS|SQS|S3|KMS|secretsmanager)")
_DEFAULT_OPEN = {"aws_vpc_endpoint", "AWS::EC2::VPCEndpoint", "aws_vpc_endpoint_policy"}
_ACCOUNT = re.compile(r"^(?:arn:aws[\w-]*:iam::)?\d{12}(?::root)?$")


def policy_hits(path: str, template: Template) -> Iterator[Hit]:
    """Yield what is wrong with the access policies of a file."""
    for resource in template.resources:
        if resource.body.value is UNKNOWN:
            continue
        for number, statement in enumerate(statements_of(resource)):
            if statement.allow:
                yield from _judge(path, resource, statement, number)
        yield from _permission(path, resource)


def _judge(path: str, resource: Resource, statement: Statement, number: int) -> Iterator[Hit]:
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
        yield hit(NEGATIVE, statement.negative, NEGATIVE.title)
    public = next((one for one in statement.principals if _is_public(one)), None)
    if public is not None and statement.condition is None and resource.kind not in _DEFAULT_OPEN:
        yield hit(PUBLIC, Node(None, public[2], public[2]), PUBLIC.title)
    if not statement.has_principal:
        for rule, message, severity in _too_much(statement):
            yield hit(rule, statement.actions, message, severity)
    elif resource.kind not in _DEFAULT_OPEN and statement.has_action(
        "*", "s3:*", "sqs:*", "sns:*", "es:*", "secretsmanager:*", "ecr:*"
    ):
        yield hit(WILDCARD, statement.actions, "the resource policy allows every action", NIT)
    yield from (hit(CONDITION, None, *one) for one in _unconditional(resource, statement))


def _is_public(principal: tuple[str, str, int]) -> bool:
    kind, value, _ = principal
    return kind in {"AWS", "*"} and value in {"*", "arn:aws:iam::*:root", "arn:aws:iam::*"}


def _too_much(statement: Statement) -> Iterator[tuple[Rule, str, Severity | None]]:
    everything = statement.on_everything()
    actions = statement.actions.texts() if statement.actions is not None else []
    if statement.has_action("*", "*:*"):
        if everything:
            yield ADMIN, ADMIN.title, None
        else:
            yield WILDCARD, "every action of every service is allowed", None
        return
    whole = [action for action in actions if _WHOLE_SERVICE.match(action)]
    if whole and everything:
        grave = [action for action in whole if _GRAVE_SERVICE.match(action)]
        severity = MUST if grave and statement.condition is None else None
        yield WILDCARD, f"{(grave or whole)[0]} on every resource is allowed", severity
        return
    sensitive = [action for action in actions if _SENSITIVE.match(action)]
    if sensitive and everything and statement.condition is None:
        yield WILDCARD, f"{sensitive[0]} is allowed on every resource", None


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
    """Judge who may invoke a function."""
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
        rule = PUBLIC if public else CONDITION
        yield Hit(
            rule=rule.id,
            path=path,
            span=Span(principal.line, principal.line),
            message=f"{resource.address}: {rule.title}",
            related=((Span(resource.line, resource.end_line), "the permission"),),
            identity=resource.address,
        )
