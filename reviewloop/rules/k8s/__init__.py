"""Rules for Kubernetes manifests and compose files."""

from collections.abc import Iterator, Sequence

from reviewloop.analysis.contract import Hit, RuleEntry, SourceFile, resolve
from reviewloop.rules.k8s.manifests import entries, hit_of, is_compose, is_manifest, readable


def understands(file: SourceFile) -> bool:
    """Whether a file is a manifest or a compose file."""
    return is_manifest(file.text) or is_compose(file.path, file.text)


def search(rules: Sequence[RuleEntry], file: SourceFile) -> Iterator[Hit]:
    """Yield the hits of the rules; each rule's function is called for every `key: value`."""
    file, _ = file.only(readable)  # also for direct callers: other lines end the process
    compose = is_compose(file.path, file.text)
    for entry in entries(file.text):
        for rule, matcher in rules:
            flaw = resolve(matcher.check)(entry, compose)
            if flaw is not None:
                yield hit_of(rule, entry, flaw, file.path)
