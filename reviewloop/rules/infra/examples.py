"""Short ways to write the examples of infrastructure rules."""

from reviewloop.analysis.contract import Example

_CFN = "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n"


def terraform(*codes: str) -> tuple[Example, ...]:
    """Make examples of Terraform code; `;` ends a line, so that a block fits on one."""
    return tuple(Example("main.tf", code.replace("; ", "\n") + "\n") for code in codes)


def template(*resources: str) -> tuple[Example, ...]:
    """Make examples of a template with one resource: "Type" or "Type | properties in flow form"."""
    made: list[Example] = []
    for resource in resources:
        kind, _, properties = resource.partition(" | ")
        kind, *attributes = kind.split("; ")
        lines = [f"    {attribute}\n" for attribute in attributes]
        text = f"{_CFN}  Thing:\n    Type: {kind}\n{''.join(lines)}"
        made.append(Example("template.yaml", text + f"    Properties: {{{properties}}}\n"))
    return tuple(made)


def cdk(*codes: str) -> tuple[Example, ...]:
    """Make examples of CDK code in Python."""
    head = (
        "from aws_cdk import (RemovalPolicy, Stack, aws_s3 as s3, aws_rds as rds, aws_ec2 as ec2)\n"
    )
    return tuple(Example("stack.py", head + code + "\n") for code in codes)


def cdk_script(*codes: str) -> tuple[Example, ...]:
    """Make examples of CDK code in TypeScript."""
    head = "import { aws_s3 as s3, aws_rds as rds, aws_iam as iam } from 'aws-cdk-lib';\n"
    return tuple(Example("stack.ts", head + code + "\n") for code in codes)
