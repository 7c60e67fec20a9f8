"""Every rule of ours holds its own positives and negatives; here all of them are run."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from support.change_views import change_view
from support.rule_examples import bad_files, good_files

from reviewloop.analysis.contract import Options, Rule, SourceFile
from reviewloop.analysis.languages import language_of, path_class
from reviewloop.analysis.rule_book import change_checks, file_checks, own_rules
from reviewloop.analysis.rule_files import CodeBlock
from reviewloop.analysis.rule_packs import read_examples
from reviewloop.review.selection import _by_content
from reviewloop.rules.tests import coverage_hits, read_coverage


def source(example: CodeBlock) -> SourceFile:
    """Return an example as a file in which every line is new."""
    last = len(example.code.split("\n"))
    return SourceFile(
        path=example.path,
        text=example.code,
        added=((1, last),),
        language=language_of(example.path, example.code),
        path_class=path_class(example.path),
        status="A",
    )


def found(rule: Rule, example: CodeBlock) -> bool:
    """Whether a rule fires on an example, in the checks that read such a file."""
    file = source(example)
    checks = [check for check in file_checks() if rule in check.rules and check.understands(file)]
    assert checks, f"no check with {rule.id} reads {example.path}"
    return any(hit.rule == rule.id for check in checks for hit in check.run(file))


FILE_RULES = list({rule.id: rule for check in file_checks() for rule in check.rules}.values())
CHANGE_RULES = list({rule.id: rule for check in change_checks() for rule in check.rules}.values())


@pytest.mark.parametrize("rule", FILE_RULES, ids=lambda rule: rule.id)
def test_examples_of_a_rule_are_found_or_left_alone(rule: Rule) -> None:
    for example in bad_files(rule):
        assert found(rule, example), example.code
    for example in good_files(rule):
        assert not found(rule, example), example.code


def found_in_change(rule: Rule, example: tuple[CodeBlock, ...], folder: Path) -> bool:
    """Whether a rule fires on a change, with the settings and reports that stand beside it."""
    base = {block.path: block.code for block in example if block.base}
    new = {block.path: block.code for block in example if not block.base}
    settings = tomllib.loads(new.pop("reviewloop.toml", "")).get("governance", {})
    report = new.pop("lcov.info", "")
    for path in [path for path in new if path.startswith("advisories/")]:
        (folder / path.rpartition("/")[2]).write_text(new.pop(path))
    tags = tuple(settings.get("required_tags", ()))
    known = any(folder.iterdir())
    view = change_view(base, new, Options(tags, advisories=str(folder) if known else ""))
    files = (replace(f, claim=_by_content(f.text.encode(), f.path)) for f in view.files)
    view = replace(view, files=tuple(files))
    hits = [hit for check in change_checks() if rule in check.rules for hit in check.run(view)]
    if report:
        hits += coverage_hits(view, read_coverage("lcov.info", report.encode(), "/"), "lcov.info")
    return rule.id in {hit.rule for hit in hits}


@pytest.mark.parametrize("rule", CHANGE_RULES, ids=lambda rule: rule.id)
def test_changes_that_show_a_rule_are_found_or_left_alone(rule: Rule, tmp_path: Path) -> None:
    examples = read_examples(rule)
    told = [*((example, True) for example in examples.bad), *((e, False) for e in examples.good)]
    for number, (example, wanted) in enumerate(told):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert found_in_change(rule, example, folder) is wanted, example


@pytest.mark.parametrize("rule", list(own_rules()), ids=lambda rule: rule.id)
def test_a_rule_can_be_explained(rule: Rule) -> None:
    family, _, slug = rule.id.partition("/")
    assert family
    assert slug
    assert rule.id == rule.id.lower()
    assert rule.title
    assert rule.why, "a rule says what the risk is"
    assert rule.fix, "a rule says what to do"


def test_an_id_names_one_rule() -> None:
    rules = [rule for check in (*file_checks(), *change_checks()) for rule in check.rules]

    assert {rule.id: rule for rule in rules} == {rule.id: rule for rule in reversed(rules)}


def test_a_rule_shows_what_it_finds_and_what_it_leaves_alone() -> None:
    without = {rule.id for rule in own_rules() if not all(read_examples(rule))}

    # Tokens of vendors are rows of a table, and tests build them: a literal one is a finding.
    assert {name for name in without if not name.startswith("secret/")} == set()
    assert "secret/password" not in without


def test_names_of_checks_are_unique() -> None:
    names = [check.name for check in (*file_checks(), *change_checks())]

    assert sorted(set(names)) == sorted(names)
