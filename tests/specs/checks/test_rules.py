"""Every rule about specs finds its own bad examples and leaves its good ones alone."""

import json
from pathlib import Path

import pytest

from reviewloop.analysis.contract import RuleEntry, Tree
from reviewloop.analysis.rule_book import spec_rules
from reviewloop.analysis.rule_files import CodeBlock
from reviewloop.analysis.rule_packs import read_examples
from reviewloop.specs.checks import aws, check_spec, read_view
from reviewloop.specs.discover import find_specs
from reviewloop.specs.files import MemoryFiles

HELP = {("git", "commit"): "usage: git commit [-a] [--amend] [--[no-]verify]"}


@pytest.fixture
def cfn_lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an installed cfn-lint that knows one type of resource, in the form of its data."""
    folder = tmp_path / "cfnlint/data/schemas/providers/us_east_1"
    folder.mkdir(parents=True)
    (tmp_path / "cfnlint/__init__.py").write_text("")
    schema = {"typeName": "AWS::SQS::Queue", "properties": {"VisibilityTimeout": {}}}
    (folder / "aws-sqs-queue.json").write_text(json.dumps(schema))
    monkeypatch.syspath_prepend(tmp_path)
    for known in (aws._data, aws._schemas, aws.resource_types, aws.properties_of):
        known.cache_clear()


def rules_found(example: tuple[CodeBlock, ...]) -> set[str]:
    """Return the rules that speak of the one spec in an example's files."""
    files = MemoryFiles({block.path: block.code.encode() for block in example})
    (ref,) = find_specs(files)
    texts = {block.path: block.code for block in example}
    tree = Tree(
        read=lambda path: (files.read(path) or b"").decode() or None,
        paths=lambda: files.paths(),
        search=lambda strings: [
            (path, 1, text) for path, text in texts.items() if any(s in text for s in strings)
        ],
    )
    view = read_view(files, ref, tree, lambda words: HELP.get(words))
    return {finding.rule for finding in check_spec(view).findings}


@pytest.mark.usefixtures("cfn_lint")
@pytest.mark.parametrize("entry", spec_rules(), ids=lambda entry: entry.rule.id)
def test_examples_are_found_or_left_alone(entry: RuleEntry) -> None:
    examples = read_examples(entry.rule)
    assert examples.bad
    for example in examples.bad:
        assert entry.rule.id in rules_found(example), example
    for example in examples.good:
        assert entry.rule.id not in rules_found(example), example
