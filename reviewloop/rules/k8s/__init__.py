"""Patterns for Kubernetes manifests and compose files."""

from collections.abc import Iterable, Iterator

from reviewloop.analysis.contract import FileCheck, Hit, SourceFile
from reviewloop.rules.k8s.containers import RULES
from reviewloop.rules.k8s.manifests import entries, hit_of, is_compose, is_manifest, readable


def _understands(file: SourceFile) -> bool:
    if file.language != "yaml":
        return False
    return is_manifest(file.text) or is_compose(file.path, file.text)


def _run(file: SourceFile) -> Iterable[Hit]:
    file, _ = file.only(readable)  # whoever calls: other lines end the process
    return _hits(file, is_compose(file.path, file.text))


def _hits(file: SourceFile, compose: bool) -> Iterator[Hit]:
    for entry in entries(file.text):
        for row in RULES:
            message = row.test(entry, compose)
            if message is not None:
                yield hit_of(row, entry, message, file.path, compose)


CHECK = FileCheck("kubernetes", tuple(row.rule for row in RULES), _understands, _run, readable)
