"""Attribute rules for Terraform, CloudFormation and CDK code."""

from collections.abc import Iterator

from reviewloop.analysis.contract import ChangeCheck, FileCheck, Hit, SourceFile
from reviewloop.rules.infra.layout import layout_hits, queue_hits
from reviewloop.rules.infra.network import network_hits
from reviewloop.rules.infra.policies import policy_hits
from reviewloop.rules.infra.rules import REQUIRED_TAGS, RULES
from reviewloop.rules.infra.secrets_in_code import secret_hits
from reviewloop.rules.infra.tables import table_hits
from reviewloop.rules.infra.tags import change_tag_hits, tag_hits
from reviewloop.rules.infra.templates import is_cdk, is_template, is_terraform, read_template


def infra_hits(file: SourceFile) -> Iterator[Hit]:
    """Yield what the rules say about one file of infrastructure code."""
    template = read_template(file)
    if template is None:
        return
    yield from table_hits(file.path, template)
    yield from network_hits(file.path, template)
    yield from policy_hits(file.path, template)
    yield from secret_hits(file.path, template)
    yield from layout_hits(file.path, template)
    yield from queue_hits(file.path, template, file.text)


CHECKS = (
    FileCheck("terraform", RULES, is_terraform, infra_hits),
    FileCheck("cloudformation", RULES, is_template, infra_hits),
    FileCheck("cdk", RULES, is_cdk, infra_hits),
)
CHANGE_CHECKS = (ChangeCheck("required tags", (REQUIRED_TAGS,), change_tag_hits),)

__all__ = ["CHANGE_CHECKS", "CHECKS", "RULES", "infra_hits", "tag_hits"]
