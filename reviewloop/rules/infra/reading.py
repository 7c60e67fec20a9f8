"""Which files hold infrastructure code, and how each is read."""

from reviewloop.analysis.contract import SourceFile
from reviewloop.rules.infra.values import Template

LARGEST = 20_000_000  # characters; longer templates are generated


def is_terraform(file: SourceFile) -> bool:
    """Whether a file is Terraform or OpenTofu code."""
    return file.language == "terraform" or file.path.endswith((".tf.json", ".tofu.json"))


def is_template(file: SourceFile) -> bool:
    """Whether a file is a CloudFormation or SAM template."""
    return file.language == "cloudformation" and not is_terraform(file)


def is_cdk(file: SourceFile) -> bool:
    """Whether a file is a program that makes CDK constructs."""
    known = file.language in {"python", "typescript", "tsx", "javascript"}
    return known and ("aws_cdk" in file.text or "aws-cdk" in file.text)


def read_template(file: SourceFile) -> Template | None:
    """Return what a file declares, None when it holds no infrastructure code."""
    if len(file.text) > LARGEST:
        return None
    if is_terraform(file):
        from reviewloop.rules.infra.terraform import read_terraform

        return read_terraform(file.path, file.text)
    if is_template(file):
        from reviewloop.rules.infra.cloudformation import read_cloudformation

        return read_cloudformation(file.path, file.text)
    if is_cdk(file):
        from reviewloop.rules.infra.cdk import read_cdk

        return read_cdk(file.text, file.language)
    return None
