"""Runs the checks of infrastructure code over one file."""

from collections.abc import Iterator

from reviewloop.analysis.contract import Hit, SourceFile
from reviewloop.rules.infra.layout import layout_hits, queue_hits
from reviewloop.rules.infra.network import network_hits
from reviewloop.rules.infra.policies import policy_hits
from reviewloop.rules.infra.secrets_in_code import secret_hits
from reviewloop.rules.infra.tables import table_hits
from reviewloop.rules.infra.templates import read_template


def infra_hits(file: SourceFile) -> Iterator[Hit]:
    """Yield the hits in one file of infrastructure code."""
    template = read_template(file)
    if template is None:
        return
    yield from table_hits(file.path, template)
    yield from network_hits(file.path, template)
    yield from policy_hits(file.path, template)
    yield from secret_hits(file.path, template)
    yield from layout_hits(file.path, template)
    yield from queue_hits(file.path, template, file.text)
