"""Every rule of ours holds its own positives and negatives; here all of them are run."""

import pytest
from support.rule_examples import bad_files, good_files

from reviewloop.analysis.book import change_checks, file_checks, own_rules
from reviewloop.analysis.contract import FileCheck, Rule, SourceFile
from reviewloop.analysis.languages import language_of, path_class
from reviewloop.analysis.rule_files import CodeBlock


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


RULES = list({rule.id: rule for check in file_checks() for rule in check.rules}.values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_examples_of_a_rule_are_found_or_left_alone(rule: Rule) -> None:
    for example in bad_files(rule):
        assert found(rule, example), example.code
    for example in good_files(rule):
        assert not found(rule, example), example.code


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


@pytest.mark.parametrize("check", file_checks(), ids=lambda check: check.name)
def test_rules_of_file_checks_show_a_positive_and_a_negative(check: FileCheck) -> None:
    # Secrets are built while tests run: a literal one in a file would be a finding itself.
    if check.name == "secrets":
        return
    without = [rule.id for rule in check.rules if not bad_files(rule) or not good_files(rule)]

    assert without == []


def test_names_of_checks_are_unique() -> None:
    names = [check.name for check in (*file_checks(), *change_checks())]

    assert sorted(set(names)) == sorted(names)
