"""A labelled set: what must be found in the wrong block must not be found in the right one."""

from collections.abc import Iterator
from dataclasses import dataclass

from rules.infra import (
    planted_aws,
    planted_cdk,
    planted_critical,
    planted_others,
    planted_templates,
)

from reviewloop.analysis.contract import SourceFile
from reviewloop.analysis.languages import language_of
from reviewloop.analysis.rule_book import file_checks
from reviewloop.domain.finding import Severity

_NAMES = {"terraform", "cloudformation", "cdk", "kubernetes"}
_CHECKS = tuple(check for check in file_checks() if check.name in _NAMES)
_RULES = {rule.id: rule for check in _CHECKS for rule in check.rules}
_PYTHON = """from aws_cdk import (CfnOutput, RemovalPolicy, SecretValue, Stack,
    aws_cloudfront as cloudfront, aws_dynamodb as dynamodb, aws_ec2 as ec2, aws_efs as efs,
    aws_iam as iam, aws_kms as kms, aws_lambda as lambda_,
    aws_rds as rds, aws_s3 as s3, aws_sqs as sqs)
"""
_SCRIPT = """import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { RemovalPolicy, aws_rds as rds, aws_s3 as s3, aws_kms as kms, aws_iam as iam,
  aws_ecr as ecr, aws_ecs as ecs, aws_logs as logs, aws_ssm as ssm,
  aws_apigateway as apigateway } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
"""


@dataclass(frozen=True)
class Block:
    """One labelled block: whether the rule has to speak about it."""

    rule: str
    wrong: bool
    path: str
    text: str
    least: Severity = Severity.MUST_FIX


def blocks() -> Iterator[Block]:
    """Yield every labelled block of every dialect."""
    for line in _lines(planted_aws.ROWS + planted_others.ROWS):
        rule, kind, *pair = line
        for body, wrong in zip(pair, (True, False), strict=True):
            yield Block(rule, wrong, "main.tf", _terraform(kind, body))
    for rule, kind, *pair in _lines(planted_templates.ROWS):
        for body, wrong in zip(pair, (True, False), strict=True):
            yield Block(rule, wrong, "template.yaml", _template(kind, body))
    for rows, path, head in (
        (planted_cdk.PYTHON, "stack.py", _PYTHON),
        (planted_cdk.SCRIPT, "stack.ts", _SCRIPT),
    ):
        for rule, *pair in _lines(rows):
            for body, wrong in zip(pair, (True, False), strict=True):
                yield Block(rule, wrong, path, f"{head}{body}\n")


def critical_blocks() -> Iterator[Block]:
    """Yield every labelled block of a fault that hands something to strangers."""
    for rule, kind, *pair in _lines(planted_critical.TERRAFORM):
        for body, wrong in zip(pair, (True, False), strict=True):
            yield _critical("infra", rule, wrong, "main.tf", _terraform(kind, body))
    for rule, kind, *pair in _lines(planted_critical.TEMPLATES):
        for body, wrong in zip(pair, (True, False), strict=True):
            yield _critical("infra", rule, wrong, "template.yaml", _template(kind, body))
    for rule, text, *pair in planted_critical.MANIFESTS:
        for value, wrong in zip(pair, (True, False), strict=True):
            yield _critical("k8s", rule, wrong, "manifest.yaml", text % value)


def _critical(family: str, rule: str, wrong: bool, path: str, text: str) -> Block:
    slug, yellow, _ = rule.partition(" (yellow)")
    least = Severity.SHOULD_FIX if yellow else Severity.MUST_FIX
    return Block(f"{family}/{slug}", wrong, path, text, least)


def _lines(rows: str) -> Iterator[list[str]]:
    for row in filter(None, rows.splitlines()):
        yield [part.strip() for part in row.split(" | ")]


def _terraform(kind: str, body: str) -> str:
    if body.startswith("~"):
        kind, body = body[1:].split(": ", 1)
    word = "resource"
    if kind.startswith("data."):
        word, kind = "data", kind.removeprefix("data.")
    return f'{word} "{kind}" "x" {{\n' + body.replace("; ", "\n") + "\n}\n"


def _template(kind: str, body: str) -> str:
    if body.startswith("~"):
        kind, _, body = body[1:].rpartition(": Engine")
        body = "Engine" + body
    kind, *attributes = kind.split("; ")
    extra = "".join(f"    {attribute}\n" for attribute in attributes)
    return f"Resources:\n  Thing:\n    Type: {kind}\n{extra}    Properties: {{{body}}}\n"


def found_in(block: Block) -> dict[str, Severity]:
    """Return the rules that speak about a block, each with its highest severity."""
    lines = block.text.count("\n") + 1
    language = language_of(block.path, block.text)
    file = SourceFile(block.path, block.text, ((1, lines),), language)
    hits = [hit for check in _CHECKS if check.understands(file) for hit in check.run(file)]
    found: dict[str, Severity] = {}
    for hit in hits:
        severities = {found.get(hit.rule, Severity.NIT), hit.severity or _RULES[hit.rule].severity}
        found[hit.rule] = min(severities, key=lambda severity: severity.rank)
    return found


def score() -> tuple[list[Block], list[Block], dict[str, float]]:
    """Return the blocks missed, those flagged for nothing, and the shares; print the shares."""
    everything = [(block, found_in(block)) for block in blocks()]
    wrong = [(block, found) for block, found in everything if block.wrong]
    right = [(block, found) for block, found in everything if not block.wrong]
    missed = [block for block, found in wrong if f"infra/{block.rule}" not in found]
    flagged = [block for block, found in right if f"infra/{block.rule}" in found]
    acted_on = [one for one in right if any(s is not Severity.NIT for s in one[1].values())]
    shares = {
        "wrong blocks": len(wrong),
        "right blocks": len(right),
        "recall": 1 - len(missed) / len(wrong),
        "false positives": len(flagged) / len(right),
        "right blocks with another red or yellow finding": len(acted_on) / len(right),
        "right blocks with any finding": sum(bool(found) for _, found in right) / len(right),
    }
    for name, share in shares.items():
        print(f"{name:50} {share:8.3f}")  # noqa: T201
    return missed, flagged, shares


def test_planted_problems_are_found_and_their_fixed_twins_are_quiet():
    missed, flagged, shares = score()
    assert shares["wrong blocks"] >= 200
    assert shares["right blocks"] >= 200
    assert [f"{block.rule}: {block.text}" for block in missed] == []
    assert [f"{block.rule}: {block.text}" for block in flagged] == []


def critical_score() -> tuple[list[Block], list[Block], dict[str, float]]:
    """Return the faults that are told too mildly, the right twins flagged, and the shares."""
    everything = [(block, found_in(block)) for block in critical_blocks()]
    wrong = [(block, found) for block, found in everything if block.wrong]
    right = [(block, found) for block, found in everything if not block.wrong]
    shares = {"wrong blocks": float(len(wrong)), "right blocks": float(len(right))}
    for least, name in ((Severity.MUST_FIX, "red"), (Severity.SHOULD_FIX, "red or yellow")):
        for group, label in ((wrong, "wrong"), (right, "right")):
            told = [f for _, f in group if any(s.rank <= least.rank for s in f.values())]
            shares[f"{label} blocks with a {name} finding"] = len(told) / len(group)
    mild = [block for block, found in wrong if found.get(block.rule) is not block.least]
    flagged = [block for block, found in right if block.rule in found]
    for label, share in shares.items():
        print(f"{label:50} {share:8.3f}")  # noqa: T201
    return mild, flagged, shares


def test_critical_faults_are_red_and_their_fixed_twins_are_quiet():
    mild, flagged, shares = critical_score()
    assert shares["wrong blocks"] >= 110
    assert [f"{block.rule}: {block.text}" for block in mild] == []
    assert [f"{block.rule}: {block.text}" for block in flagged] == []
    assert shares["right blocks with a red finding"] == 0
