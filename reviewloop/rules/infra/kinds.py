"""Recognises infrastructure code by path and language, without reading it."""

from reviewloop.analysis.contract import SourceFile


def is_terraform(file: SourceFile) -> bool:
    """Whether a file is Terraform or OpenTofu code."""
    return file.language == "terraform" or file.path.endswith((".tf.json", ".tofu.json"))


def is_template(file: SourceFile) -> bool:
    """Whether a file is a CloudFormation or SAM template."""
    return file.language == "cloudformation" and not is_terraform(file)


def is_cdk(file: SourceFile) -> bool:
    """Whether a file is a program that creates CDK constructs."""
    known = file.language in {"python", "typescript", "tsx", "javascript"}
    return known and ("aws_cdk" in file.text or "aws-cdk" in file.text)
