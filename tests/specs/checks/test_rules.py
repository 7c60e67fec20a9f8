"""Every rule about specs finds its own bad examples and leaves its good ones alone."""

import pytest

from reviewloop.analysis.book import spec_rules
from reviewloop.analysis.contract import RuleEntry, Tree
from reviewloop.analysis.rule_files import CodeBlock
from reviewloop.analysis.rule_packs import read_examples
from reviewloop.specs.checks import check_spec, read_view
from reviewloop.specs.discover import find_specs
from reviewloop.specs.files import MemoryFiles


def rules_found(example: tuple[CodeBlock, ...]) -> set[str]:
    """Return the rules that speak of the one spec in an example's files."""
    files = MemoryFiles({block.path: block.code.encode() for block in example})
    (ref,) = find_specs(files)
    tree = Tree(
        read=lambda path: (files.read(path) or b"").decode() or None, paths=lambda: files.paths()
    )
    return {finding.rule for finding in check_spec(read_view(files, ref, tree)).findings}


@pytest.mark.parametrize("entry", spec_rules(), ids=lambda entry: entry.rule.id)
def test_examples_are_found_or_left_alone(entry: RuleEntry) -> None:
    examples = read_examples(entry.rule)
    assert examples.bad
    for example in examples.bad:
        assert entry.rule.id in rules_found(example), example
    for example in examples.good:
        assert entry.rule.id not in rules_found(example), example
