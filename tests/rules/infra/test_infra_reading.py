"""Infrastructure code of three dialects becomes values with the right lines."""

import pytest

from reviewloop.rules.infra.cdk import read_cdk
from reviewloop.rules.infra.templates import read_cloudformation, read_terraform
from reviewloop.rules.infra.values import UNKNOWN, find


def value_at(resource, path):
    found = find(resource.body, tuple(path.split(".")))
    return [one.value if one is not None else None for one in found]


def terraform(body, path="main.tf"):
    return read_terraform(path, f'resource "aws_x" "a" {{\n{body}\n}}\n').resources[0]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("true", True),
        ('"text"', "text"),
        ('"a \\"b\\" c"', 'a "b" c'),
        ("42", 42),
        ("1.5", 1.5),
        ("null", None),
        ('"$${literal}"', "$${literal}"),
        ('"${var.x}"', UNKNOWN),
        ('"a-${lookup(var.m, "k}")}-b"', UNKNOWN),
        ("var.x", UNKNOWN),
        ("var.x == 1 ? true : false", UNKNOWN),
        ('file("a.json")', UNKNOWN),
        ("[for s in var.l : s.id]", UNKNOWN),
        ("(true)", True),
        ("!true", UNKNOWN),
    ],
)
def test_terraform_values_are_literal_or_unknown(source, value):
    assert value_at(terraform(f"  a = {source}\n  b = 1"), "a") == [value]
    assert value_at(terraform(f"  a = {source}\n  b = 1"), "b") == [1]


def test_repeated_blocks_are_a_list_and_dynamic_ones_are_unknown():
    resource = terraform(
        "  in {\n    p = 1\n  }\n  in {\n    p = 2\n  }\n"
        '  dynamic "out" {\n    for_each = var.o\n    content {\n      p = 3\n    }\n  }'
    )
    assert value_at(resource, "in.p") == [1, 2]
    assert value_at(resource, "out.p") == [UNKNOWN]


def test_heredocs_and_comments_keep_the_lines():
    resource = terraform("  /* two\n lines */ a = <<-EOT\n    x\n    EOT\n  # c\n  b = 1 // d")
    assert resource.body.get("a").inner_line == 4
    assert resource.body.get("b").line == 7
    assert (resource.line, resource.end_line) == (1, 8)


def test_json_terraform_is_read_with_lines():
    text = '{\n "resource": {\n  "aws_x": {\n   "a": {\n    "acl": "public-read"\n   }\n  }\n }\n}'
    (resource,) = read_terraform("main.tf.json", text).resources
    assert resource.address == "aws_x.a"
    assert resource.body.get("acl").line == 5


def test_registry_modules_are_judged_by_what_they_set_only():
    text = 'module "b" {\n source = "terraform-aws-modules/s3-bucket/aws"\n version = "4.1.0"\n}\n'
    (module,) = read_terraform("main.tf", text).resources
    assert (module.kind, module.partial) == ("aws_s3_bucket", True)


TEMPLATE = """\
AWSTemplateFormatVersion: '2010-09-09'
Globals:
  Function: {Tracing: Active}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties:
      BucketName: !Sub "b-${AWS::Region}"
      Fixed: !Sub plain
      Nested: !If [Prod, {A: 1}, !Ref "AWS::NoValue"]
      Long: {"Fn::GetAtt": [Bucket, Arn]}
      Tags:
        - &tag {Key: a, Value: b}
        - *tag
  Function:
    Type: AWS::Serverless::Function
    Properties:
      MemorySize: 128
"""


def test_templates_keep_lines_and_make_functions_unknown():
    bucket, function = read_cloudformation("t.yaml", TEMPLATE).resources
    assert (bucket.line, bucket.end_line) == (5, 15)
    assert bucket.body.get("BucketName").line == 9
    assert value_at(bucket, "BucketName") == [UNKNOWN]
    assert value_at(bucket, "Fixed") == ["plain"]
    assert value_at(bucket, "Nested.A") == [UNKNOWN]
    assert value_at(bucket, "Long") == [UNKNOWN]
    assert value_at(bucket, "Tags.Key") == ["a", "a"]
    assert value_at(bucket, "@DeletionPolicy") == ["Retain"]
    assert value_at(function, "Tracing") == ["Active"]


def test_json_templates_are_read_with_lines_even_when_indented_by_tabs():
    text = (
        '{\n\t"Resources": {\n\t\t"T": {\n\t\t\t"Type": "AWS::SNS::Topic",\n'
        '\t\t\t"Properties": {\n\t\t\t\t"TopicName": {"Fn::Sub": "${AWS::StackName}-t"},\n'
        '\t\t\t\t"DisplayName": "a"\n\t\t\t}\n\t\t}\n\t}\n}'
    )
    (topic,) = read_cloudformation("t.json", text).resources
    assert (topic.line, topic.body.get("DisplayName").line) == (3, 7)
    assert value_at(topic, "TopicName") == [UNKNOWN]


@pytest.mark.parametrize(
    ("head", "call"),
    [
        ("from aws_cdk import aws_s3 as s3", "s3.Bucket(self, 'B', versioned=True)"),
        ("from aws_cdk.aws_s3 import Bucket", "Bucket(self, 'B', versioned=True)"),
        ("import aws_cdk as cdk", "cdk.aws_s3.Bucket(self, 'B', versioned=True)"),
        ("import aws_cdk.aws_s3 as storage", "storage.Bucket(self, 'B', versioned=True)"),
    ],
)
def test_python_constructs_are_known_by_their_import(head, call):
    (resource,) = read_cdk(f"{head}\n{call}\n", "python").resources
    assert (resource.kind, resource.name, resource.line) == ("aws_s3.Bucket", "B", 2)
    assert value_at(resource, "versioned") == [True]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("import * as s3 from 'aws-cdk-lib/aws-s3';", "s3.Bucket"),
        ("import { Bucket } from 'aws-cdk-lib/aws-s3';", "Bucket"),
        ("import { Bucket as Store } from '@aws-cdk/aws-s3';", "Store"),
        ("import { aws_s3 as s3 } from 'aws-cdk-lib';", "s3.Bucket"),
        ("import * as cdk from 'aws-cdk-lib';", "cdk.aws_s3.Bucket"),
        ("const s3 = require('aws-cdk-lib/aws-s3');", "s3.Bucket"),
    ],
)
def test_script_constructs_are_known_by_their_import(head, name):
    text = f"{head}\nnew {name}(this, 'B', {{\n  versioned: true,\n  ...more }});\n"
    (resource,) = read_cdk(text, "typescript").resources
    assert resource.kind == "aws_s3.Bucket"
    assert resource.body.get("versioned").line == 3
    assert value_at(resource, "encryption") == [UNKNOWN]


def test_constructs_of_the_lowest_level_are_read_as_template_resources():
    text = "from aws_cdk import aws_rds as rds\nrds.CfnDBInstance(self, 'D', multi_az=False)\n"
    (resource,) = read_cdk(text, "python").resources
    assert resource.kind == "AWS::RDS::DBInstance"
