"""What the rules say: where, how bad, and when they stay quiet."""

import pytest

from reviewloop.analysis.contract import ChangeView, Options, SourceFile
from reviewloop.analysis.languages import language_of
from reviewloop.domain.finding import Severity
from reviewloop.rules.infra import CHANGE_CHECKS, CHECKS, RULES
from reviewloop.rules.infra.check import infra_hits
from reviewloop.rules.infra.tags import tag_hits

SEVERITIES = {rule.id: rule.severity for rule in RULES}


def hits(text, path="main.tf"):
    return list(infra_hits(SourceFile(path, text, language=language_of(path, text))))


def rules(text, path="main.tf"):
    return {hit.rule for hit in hits(text, path)}


def severity(text, rule):
    (hit,) = [hit for hit in hits(text) if hit.rule == rule]
    return hit.severity or SEVERITIES[rule]


def test_a_missing_attribute_points_at_the_header_and_relates_to_the_whole_block():
    (hit,) = hits('\nresource "aws_kms_key" "k" {\n  description = "d"\n}\n')
    assert (hit.span.line, hit.span.end_line) == (2, 2)
    assert [(span.line, span.end_line) for span, _ in hit.related] == [(2, 4)]
    assert hit.identity == "aws_kms_key.k enable_key_rotation"
    assert "aws_kms_key.k does not set enable_key_rotation" in hit.message


def test_a_wrong_attribute_points_at_its_own_line():
    (hit,) = hits('resource "aws_kms_key" "k" {\n  # why\n  enable_key_rotation = false\n}\n')
    assert hit.span.line == 3
    assert "sets enable_key_rotation to false" in hit.message


def test_the_settings_of_a_resource_beside_it_count():
    bucket = 'resource "aws_s3_bucket" "b" {\n  bucket = "x"\n}\n'
    beside = 'resource "aws_s3_bucket_versioning" "v" {{\n  bucket = {}\n{}}}\n'
    status = '  versioning_configuration {\n    status = "Enabled"\n  }\n'
    assert rules(bucket) == {"infra/bucket-versioning"}
    assert rules(bucket + beside.format("aws_s3_bucket.b.id", status)) == set()
    assert rules(bucket + beside.format('"x"', status)) == set()
    assert rules(bucket + beside.format("var.bucket", status)) == set()
    assert rules(bucket + beside.format('"y"', status)) == {"infra/bucket-versioning"}


@pytest.mark.parametrize(
    "body",
    [
        "enable_key_rotation = var.rotate",
        'enable_key_rotation = "${var.rotate}"',
        "enable_key_rotation = local.prod ? true : false",
        'dynamic "enable_key_rotation" {\n content {}\n }',
    ],
)
def test_what_only_a_run_can_tell_is_not_reported(body):
    assert rules(f'resource "aws_kms_key" "k" {{\n  {body}\n}}\n') == set()


def test_defaults_that_are_safe_today_are_not_reported():
    assert "infra/unencrypted-at-rest" not in rules('resource "aws_s3_bucket" "b" {\n}\n')
    assert "infra/public-access-block-off" not in rules('resource "aws_s3_bucket" "b" {\n}\n')
    assert "infra/unencrypted-at-rest" not in rules('resource "aws_dynamodb_table" "t" {\n}\n')
    assert "infra/unencrypted-at-rest" not in rules('resource "aws_sqs_queue" "q" {\n}\n')


POLICY = (
    'data "aws_iam_policy_document" "a" {{\n statement {{\n'
    '  actions = ["{}"]\n  resources = ["*"]\n }}\n}}\n'
)
CAPABLE = 'container {{\n security_context {{\n capabilities {{\n add = ["{}"]\n }}\n }}\n }}'
BOUND = (
    'resource "kubernetes_cluster_role_binding" "a" {{\n'
    ' role_ref {{\n  name = "cluster-admin"\n }}\n'
    ' subject {{\n  kind = "{}"\n  name = "a"\n }}\n}}\n'
)
POD = 'resource "kubernetes_pod" "a" {{\n spec {{\n  {}\n }}\n}}\n'
ATTACHED = (
    'resource "aws_iam_role_policy_attachment" "a" {{\n'
    '  policy_arn = "arn:aws:iam::aws:policy/{}"\n}}\n'
)


@pytest.mark.parametrize(
    ("text", "rule", "wanted"),
    [
        (POLICY.format("s3:*"), "infra/iam-wildcard", "must_fix"),
        (POLICY.format("secretsmanager:*"), "infra/iam-wildcard", "must_fix"),
        (POLICY.format("logs:*"), "infra/iam-wildcard", "should_fix"),
        (POLICY.format("iam:PassRole"), "infra/iam-wildcard", "should_fix"),
        (POLICY.format("*"), "infra/iam-admin", "must_fix"),
        (ATTACHED.format("AdministratorAccess"), "infra/admin-policy-attached", "must_fix"),
        (ATTACHED.format("IAMFullAccess"), "infra/admin-policy-attached", "must_fix"),
        (ATTACHED.format("PowerUserAccess"), "infra/admin-policy-attached", "should_fix"),
        (POLICY.format("iam:PutRolePolicy"), "infra/iam-wildcard", "must_fix"),
        (POD.format("host_network = true"), "infra/pod-privileges", "should_fix"),
        (BOUND.format("ServiceAccount"), "infra/admin-policy-attached", "must_fix"),
        (BOUND.format("User"), "infra/admin-policy-attached", "should_fix"),
        (POD.format(CAPABLE.format("SYS_ADMIN")), "infra/pod-privileges", "must_fix"),
        (POD.format(CAPABLE.format("NET_ADMIN")), "infra/pod-privileges", "should_fix"),
        (
            POD.format("container {\n security_context {\n privileged = true\n }\n }"),
            "infra/pod-privileges",
            "must_fix",
        ),
        (
            POD.format('volume {\n host_path {\n path = "/run/docker.sock"\n }\n }'),
            "infra/pod-privileges",
            "must_fix",
        ),
        (
            POD.format('volume {\n host_path {\n path = "/etc"\n }\n }'),
            "infra/pod-privileges",
            "must_fix",
        ),
        (
            POD.format('volume {\n host_path {\n path = "/proc"\n }\n }'),
            "infra/pod-privileges",
            "should_fix",
        ),
        (
            'resource "aws_db_instance" "a" {\n  publicly_accessible = true\n}\n',
            "infra/public-database",
            "must_fix",
        ),
        (
            'resource "aws_s3_bucket_acl" "a" {\n  acl = "public-read"\n}\n',
            "infra/public-storage",
            "must_fix",
        ),
    ],
)
def test_what_hands_over_data_or_the_account_must_be_fixed(text, rule, wanted):
    assert severity(text, rule) == wanted


def test_only_what_can_be_exploited_must_be_fixed():
    rule = 'resource "aws_security_group_rule" "r" {{\n type = "ingress"\n protocol = "tcp"\n'
    rule += ' from_port = {0}\n to_port = {0}\n cidr_blocks = ["0.0.0.0/0"]\n}}\n'
    for port in (22, 3389, 5432, 27017):
        assert severity(rule.format(port), "infra/open-to-the-internet") is Severity.MUST_FIX
    acl = 'resource "aws_network_acl_rule" "r" {{\n rule_action = "allow"\n protocol = "tcp"\n'
    acl += ' from_port = {}\n to_port = {}\n cidr_block = "0.0.0.0/0"\n}}\n'
    assert severity(acl.format(22, 22), "infra/open-to-the-internet") is Severity.MUST_FIX
    replies = acl.format(1024, 65535)  # of connections that were opened from inside
    assert severity(replies, "infra/open-to-the-internet") is Severity.SHOULD_FIX
    assert severity(rule.format(8443), "infra/open-to-the-internet") is Severity.SHOULD_FIX
    assert rules(rule.format(443)) == set()


def test_a_policy_is_judged_where_it_stands():
    text = 'resource "aws_iam_policy" "p" {\n  policy = <<EOF\n{\n  "Statement": [\n    {\n'
    text += '      "Effect": "Allow",\n      "Action": "*",\n      "Resource": "*"\n    }\n'
    text += "  ]\n}\nEOF\n}"
    (hit,) = hits(text)
    assert (hit.rule, hit.span.line) == ("infra/iam-admin", 7)


def test_the_key_policy_of_an_own_account_is_no_wildcard():
    text = 'resource "aws_kms_key" "k" {\n enable_key_rotation = true\n policy = jsonencode({\n'
    text += 'Statement = [{ Effect = "Allow", Action = "kms:*", Resource = "*", Principal = {'
    text += ' AWS = "arn:aws:iam::123456789012:root" } }]\n})\n}\n'
    assert rules(text) == set()


def test_no_message_holds_a_secret():
    secret = "".join(["Sup3r", "S3cret", "Value"])
    text = f'resource "aws_db_instance" "d" {{\n  password = "{secret}"\n  username = "a"\n}}\n'
    text += f'resource "aws_instance" "i" {{\n  user_data = "DB_PASSWORD={secret}"\n}}\n'
    text += f'variable "api_token" {{\n  default = "{secret}"\n}}\n'
    found = [hit for hit in hits(text) if hit.rule == "infra/literal-secret"]
    assert [hit.span.line for hit in found] == [2, 6, 9]
    assert all(secret not in hit.message + hit.identity for hit in found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password_policy", "strict-policy"),
        ("secret_arn", "arn:aws:secretsmanager:eu-west-1:1:secret:a"),
        ("kms_key_id", "abcdefgh"),
        ("administrator_login", "someadmin"),
        ("password", "{{resolve:ssm-secure:/a:1}}"),
        ("token_type", "Bearer-Token"),
        ("public_key", "ssh-rsa AAAA"),
        ("secret_name", "prod/db/main"),
    ],
)
def test_names_that_only_sound_secret_are_left_alone(name, value):
    text = f'resource "aws_thing" "t" {{\n  {name} = "{value}"\n}}\n'
    assert rules(text) == set()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("operator", Severity.SHOULD_FIX),
        ("admin1", Severity.SHOULD_FIX),
        ("w7#kQ-2vLp", Severity.MUST_FIX),
    ],
)
def test_a_plain_word_in_an_environment_is_no_secret_to_anybody(value, expected):
    text = 'resource "kubernetes_deployment" "d" {\n  env {\n    name = "OPERATOR_SECRET"\n'
    text += f'    value = "{value}"\n  }}\n}}\n'
    assert severity(text, "infra/literal-secret") is expected


def test_every_rule_is_explained_and_shown():
    for rule in RULES:
        assert rule.id.startswith("infra/")
        assert rule.why and rule.fix and rule.source and rule.category, rule.id
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert [check.name for check in CHECKS] == ["terraform", "cloudformation", "cdk"]


# Required tags

UNTAGGED = 'resource "aws_s3_bucket" "b" {\n  tags = {\n    Name = "b"\n  }\n}\n'


def source(text, path="main.tf", added=((1, 99),)):
    return SourceFile(path, text, added, language_of(path, text))


def test_required_tags_are_asked_for_only_on_changed_resources():
    (hit,) = tag_hits([source(UNTAGGED)], ["Name", "Owner"])
    assert hit.message == "aws_s3_bucket.b lacks the tags Owner"
    assert tag_hits([source(UNTAGGED)], ["Name"]) == []
    assert tag_hits([source(UNTAGGED, added=((50, 60),))], ["Owner"]) == []
    assert tag_hits([source(UNTAGGED)], []) == []


@pytest.mark.parametrize("tags", ["var.tags", "merge(local.tags, { A = 1 })"])
def test_tags_that_are_not_known_are_left_alone(tags):
    text = f'resource "aws_s3_bucket" "b" {{\n  tags = {tags}\n}}\n'
    assert tag_hits([source(text)], ["Owner"]) == []


def test_tags_of_templates_are_read_too():
    text = "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n      Tags:\n"
    text += "        - {Key: Owner, Value: me}\n"
    assert tag_hits([source(text, "t.yaml")], ["Owner"]) == []
    assert len(tag_hits([source(text, "t.yaml")], ["Team"])) == 1


CDK_BUCKET = (
    "from aws_cdk import Stack, Tags, aws_s3 as s3\n\n\nclass S(Stack):\n    def __init__(self):\n"
    '        s3.Bucket(self, "B")\n        {}\n'
)


@pytest.mark.parametrize(
    ("line", "others", "told"),
    [
        ("pass", {}, 1),
        ('Tags.of(self).add("Owner", "me")', {}, 0),
        ('Tags.of(self).add("Name", "me")', {}, 1),
        ("Tags.of(self).add(key, value)", {}, 0),
        ("pass", {"app.py": 'import aws_cdk\naws_cdk.Tags.of(app).add("Owner", "me")\n'}, 0),
        ("pass", {"app.py": 'import aws_cdk\nS(app, "S", tags={"Owner": "me"})\n'}, 0),
    ],
)
def test_tags_of_constructs_are_asked_for(line, others, told):
    text = CDK_BUCKET.format(line)
    file = SourceFile("stack.py", text, ((1, 9),), "python")
    texts = {"stack.py": text, **others}

    def search(words):
        return [(p, 1, t) for p, t in texts.items() if any(word in t for word in words)]

    options = Options(required_tags=("Owner",))
    view = ChangeView(
        (file,), ("stack.py",), texts.get, lambda _: None, search, lambda: [], options
    )
    (check,) = CHANGE_CHECKS
    assert len(list(check.run(view))) == told


QUEUE = 'resource "aws_sqs_queue" "q" {{\n  redrive_policy = {}\n{}}}\n'
MAPPED = (
    'resource "aws_lambda_function" "f" {{\n  timeout = {}\n}}\n'
    'resource "aws_lambda_event_source_mapping" "m" {{\n'
    "  event_source_arn = aws_sqs_queue.q.arn\n"
    "  function_name = aws_lambda_function.f.arn\n}}\n"
)
SHORT, DEAD = "infra/queue-hides-too-briefly", "infra/queue-without-dead-letters"


@pytest.mark.parametrize(
    ("visibility", "timeout", "found"),
    [
        ("  visibility_timeout_seconds = 30\n", "31", True),
        ("", "31", True),  # 30 seconds where nothing is set
        ("", "30", False),
        ("  visibility_timeout_seconds = 60\n", "60", False),
        ("  visibility_timeout_seconds = var.t\n", "60", False),
        ("  visibility_timeout_seconds = 5\n", "var.t", False),
    ],
)
def test_a_queue_hides_a_message_while_its_function_may_work(visibility, timeout, found):
    text = QUEUE.format("var.r", visibility) + MAPPED.format(timeout)
    assert (SHORT in rules(text)) is found


def test_a_queue_without_dead_letters_is_told_unless_it_holds_them():
    plain = 'resource "aws_sqs_queue" "q" {\n  name = "orders"\n}\n'
    assert DEAD in rules(plain)
    assert DEAD not in rules(plain.replace("orders", "orders-dlq"))
    beside = 'resource "aws_sqs_queue_redrive_policy" "r" {\n  queue_url = aws_sqs_queue.q.id\n}\n'
    assert DEAD not in rules(plain + beside)
    script = (
        "import * as sqs from 'aws-cdk-lib/aws-sqs';\nimport * as cdk from 'aws-cdk-lib';\n"
        "const orders = new sqs.Queue(this, 'Orders', { visibilityTimeout: cdk.Duration.seconds(9)"
        "%s });\n"
    )
    assert DEAD in rules(script % "", "stack.ts")
    assert DEAD not in rules(script % ", deadLetterQueue: { queue: dead }", "stack.ts")
    template = (
        "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  Orders:\n"
        "    Type: AWS::SQS::Queue\n    Properties: {VisibilityTimeout: 10}\n"
    )
    assert DEAD in rules(template, "template.yaml")


def test_default_tags_of_a_file_outside_the_change_count():
    provider = (
        'provider "aws" {\n  default_tags {\n    tags = {\n      Owner = "me"\n    }\n  }\n}\n'
    )
    view = ChangeView(
        files=(source(UNTAGGED),),
        changed_paths=("main.tf",),
        read_new=lambda path: provider if path == "providers.tf" else None,
        read_base=lambda path: None,
        search_new=lambda words: [("providers.tf", 2, "  default_tags {")],
        list_new=lambda: ["main.tf", "providers.tf"],
        options=Options(required_tags=("Owner", "Team")),
    )
    (check,) = CHANGE_CHECKS
    assert [hit.message for hit in check.run(view)] == ["aws_s3_bucket.b lacks the tags Team"]
