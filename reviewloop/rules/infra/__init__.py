"""Attribute rules for Terraform, CloudFormation and CDK code."""

from collections.abc import Iterable

from reviewloop.analysis.contract import (
    ChangeCheck,
    ChangeView,
    FileCheck,
    Hit,
    SourceFile,
    resolve,
)
from reviewloop.rules.infra.kinds import is_cdk, is_template, is_terraform
from reviewloop.rules.infra.rules import REQUIRED_TAGS, RULES


def _hits(file: SourceFile) -> Iterable[Hit]:
    hits: Iterable[Hit] = resolve("reviewloop.rules.infra.check:infra_hits")(file)
    return hits


def _untagged(view: ChangeView) -> Iterable[Hit]:
    if not view.options.required_tags:
        return ()
    hits: Iterable[Hit] = resolve("reviewloop.rules.infra.tags:change_tag_hits")(view)
    return hits


CHECKS = (
    FileCheck("terraform", RULES, is_terraform, _hits),
    FileCheck("cloudformation", RULES, is_template, _hits),
    FileCheck("cdk", RULES, is_cdk, _hits),
)
CHANGE_CHECKS = (ChangeCheck("required tags", (REQUIRED_TAGS,), _untagged),)

__all__ = ["CHANGE_CHECKS", "CHECKS", "RULES"]
