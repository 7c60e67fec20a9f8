"""Attribute rules for Terraform, CloudFormation and CDK code."""

from collections.abc import Iterator

from reviewloop.analysis.contract import ChangeCheck, FileCheck, Hit, SourceFile
from reviewloop.rules.infra import (
    access,
    azure,
    azure_access,
    durability,
    encryption,
    exposure,
    google,
    google_access,
    keys,
    kubernetes,
    layout,
    logs,
    network,
    observability,
    policies,
    queues,
    secrets_in_code,
    storage_access,
    transit,
    upkeep,
    workload_access,
)
from reviewloop.rules.infra.evaluation import index_of, table_hits
from reviewloop.rules.infra.facts import Entry
from reviewloop.rules.infra.reading import is_cdk, is_template, is_terraform, read_template
from reviewloop.rules.infra.tags import REQUIRED_TAGS, change_tag_hits, tag_hits

_TABLES = (
    encryption,
    keys,
    transit,
    storage_access,
    exposure,
    access,
    workload_access,
    logs,
    observability,
    durability,
    upkeep,
    azure,
    azure_access,
    google,
    google_access,
    kubernetes,
)
_ENTRIES: tuple[Entry, ...] = tuple(entry for table in _TABLES for entry in table.ENTRIES)
_INDEX = index_of(_ENTRIES)
RULES = (
    *{entry.rule.id: entry.rule for entry in _ENTRIES}.values(),
    *network.RULES,
    *policies.RULES,
    *secrets_in_code.RULES,
    *layout.RULES,
    *queues.RULES,
)


def infra_hits(file: SourceFile) -> Iterator[Hit]:
    """Yield what the rules say about one file of infrastructure code."""
    template = read_template(file)
    if template is None:
        return
    yield from table_hits(file.path, template, _INDEX)
    yield from network.network_hits(file.path, template)
    yield from policies.policy_hits(file.path, template)
    yield from secrets_in_code.secret_hits(file.path, template)
    yield from layout.layout_hits(file.path, template)
    yield from queues.queue_hits(file.path, template, file.text)


CHECKS = (
    FileCheck("terraform", RULES, is_terraform, infra_hits),
    FileCheck("cloudformation", RULES, is_template, infra_hits),
    FileCheck("cdk", RULES, is_cdk, infra_hits),
)
CHANGE_CHECKS = (ChangeCheck("required tags", (REQUIRED_TAGS,), change_tag_hits),)

__all__ = ["CHANGE_CHECKS", "CHECKS", "RULES", "infra_hits", "tag_hits"]
