"""Installed rule packs work like the built-in one."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from support.prepared import run_prepared

from reviewloop.analysis import rule_files
from reviewloop.analysis.contract import SourceFile, resolve
from reviewloop.analysis.patterns import UnusableMatchError
from reviewloop.analysis.rule_book import file_checks, is_about_a_rule, own_rules, rule_of
from reviewloop.analysis.rule_files import RuleFileError, load_records, read_page
from reviewloop.analysis.rule_packs import folder_pack, installed_packs, read_rules
from reviewloop.domain.errors import UsageError
from reviewloop.rules.catalogue import FOLDER

RULE = """\
---
id: acme/print
title: A value is printed.
reviewer: review-maintainability
severity: should_fix
category: leftover
source: https://docs.python.org/3/library/logging.html
languages: [python]
match:
  pattern: print($VALUE)
---

## Why

Nobody reads what a service
prints.

## What to do

Log it.

## Found

```python app.py
print(total)
```

## Not found

```python app.py
log(total)
```
"""
LAST = "```python app.py\nlog(total)\n```\n"


def write(folder: Path, text: str = RULE, name: str = "print") -> Path:
    path = folder / "acme" / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_rule_file_says_all_that_a_rule_is(tmp_path):
    page = read_page(write(tmp_path))

    assert page.record["why"] == "Nobody reads what a service prints."
    assert page.record["fix"] == "Log it."
    assert page.record["match"] == {"pattern": "print($VALUE)"}
    assert page.bad == ((("app.py", "print(total)\n", False),),)
    assert page.good == ((("app.py", "log(total)\n", False),),)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("source: https://docs.python.org/3/library/logging.html", "", "a rule needs a source"),
        ("title: A value is printed.", "", "a rule needs a title"),
        ("category: leftover", "category: ''", "a rule needs a category"),
        ("## Why\n\nNobody reads what a service\nprints.\n", "", "a section `## Why`"),
        ("## Found\n\n```python app.py\nprint(total)\n```\n", "", "a section `## Found`"),
        (LAST, "", "a section `## Not found`"),
        ("acme/print", "acme/prints", "write `id: acme/print`"),
        ("should_fix", "should fix", "severity is one of must_fix, should_fix, nit"),
        ("review-maintainability", "maintainability", "reviewer is the name of an agent"),
        ("match:\n  pattern: print($VALUE)\n", "", "either `match:` or `check:`"),
        ("languages:", "check: a:b\nlanguages:", "either `match:` or `check:`"),
        ("match:\n  pattern: print($VALUE)\n", "check: a.b\n", "check is `module:function`"),
        ("languages: [python]\n", "", "a `match:` needs `languages:`"),
        (
            "match:\n  pattern: print($VALUE)",
            "receiver: a\ncalls: [print]\ncheck: a:b",
            "receiver and",
        ),
        ("match:", "arguments: {1: none}\nmatch:", "receiver and arguments are those of `calls:`"),
        ("match:", "calls: [a]\nnodes: [call]\nmatch:", "leave `nodes:` out"),
        ("match:", "calls: [a]\narguments: {0: none}\nmatch:", "the first argument is 1"),
        ("match:", "calls: [a]\narguments: {1: fixed}\nmatch:", "one of literal, changing, none"),
        ("match:", "calls: [a]\nreport: VALUE\nmatch:", "report names one of the `arguments:`"),
        ("match:", "file_has: (\nmatch:", "file_has is no regular expression"),
        (
            "languages: [python]\nmatch:\n  pattern: print($VALUE)",
            "calls: [a]",
            "with `calls:` needs",
        ),
        ("languages: [python]", "languages: python", "write languages as a list of texts"),
        ("category:", "in_tests: maybe\ncategory:", "write in_tests as true or false"),
        ("category:", "kategory: a\ncategory:", "the front matter does not know kategory"),
        ("category:", "message: It {is}.\ncategory:", "message knows {source} and {sink}, not"),
        ("category:", "a: [\ncategory:", "the front matter is no YAML"),
        ("## Not found", "## Never found", "no section is called 'Never found'"),
        ("```python app.py\nlog", "```python\nlog", "a code block names its language and its file"),
        (LAST, LAST[:-4], "a code block is not closed"),
        ("---\nid", "id", "begin with front matter"),
    ],
)
def test_a_rule_that_is_not_whole_is_refused_with_what_to_change(tmp_path, old, new, reason):
    assert RULE.count(old) == 1 or old == "acme/print"
    path = write(tmp_path, RULE.replace(old, new))

    with pytest.raises(RuleFileError) as refused:
        read_page(path)
    assert str(refused.value).startswith("acme/print.md: ")
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_example_may_be_a_change_of_several_files_and_hold_escapes(tmp_path):
    change = (
        "### A test goes with the code\n\n```python app.py base\nx = 1\n```\n\n"
        "```python app.py\nx = 2\n```\n\n### Hidden\n\n```text a.txt escaped\na\\u{200B}b\n```\n"
    )
    page = read_page(write(tmp_path, RULE.replace(LAST, change)))

    assert page.good == (
        (("app.py", "x = 1\n", True), ("app.py", "x = 2\n", False)),
        (("a.txt", "a\u200bb\n", False),),
    )


def test_what_was_read_is_kept_until_a_file_changes(tmp_path, monkeypatch):
    path = write(tmp_path)
    first = load_records(tmp_path)
    read = []
    monkeypatch.setattr(rule_files, "read_page", lambda path: read.append(path) or read_page(path))

    assert load_records(tmp_path) == first
    assert read == []
    path.write_text(RULE.replace("Log it.", "Log it, or leave it."), encoding="utf-8")
    assert load_records(tmp_path)[0]["fix"] == "Log it, or leave it."
    write(tmp_path, RULE.replace("acme/print", "acme/other"), "other")
    assert [record["id"] for record in load_records(tmp_path)] == ["acme/other", "acme/print"]
    path.unlink()
    assert [record["id"] for record in load_records(tmp_path)] == ["acme/other"]
    (kept,) = (tmp_path / "__pycache__").iterdir()
    assert b"acme/other" not in kept.read_bytes()  # a search of the sources does not show it
    kept.write_text("{")
    assert [record["id"] for record in load_records(tmp_path)] == ["acme/other"]


def test_a_compiled_folder_is_one_file_and_says_the_same(tmp_path):
    write(tmp_path)
    read = load_records(tmp_path)
    rule_files.write_compiled(tmp_path, tmp_path / "rules.json")
    write(tmp_path, "no rule at all")  # not looked at any more

    assert load_records(tmp_path) == read


def test_one_file_makes_a_rule_that_is_found(tmp_path):
    write(tmp_path)
    (check,) = folder_pack("acme", tmp_path).file_checks
    file = SourceFile("a.py", "log(1)\nprint(2)\n", ((1, 2),), "python")

    assert check.name == "acme"
    assert [(hit.rule, hit.span.line) for hit in check.run(file)] == [("acme/print", 2)]
    assert not check.understands(SourceFile("a.go", "print(2)\n", language="go"))


def test_a_rule_may_show_a_part_of_what_matches(tmp_path):
    write(tmp_path, RULE.replace("match:", "report: VALUE\nmatch:"))
    (check,) = folder_pack("acme", tmp_path).file_checks
    (hit,) = check.run(SourceFile("a.py", "print(total)\n", ((1, 1),), "python"))

    assert hit.span == (1, 1, 7, 12)


def lines_found(folder: Path, conditions: str, code: str, path: str = "a.py") -> list[int]:
    """Return the lines with a hit of the rule that says these conditions instead of `match:`."""
    write(folder, RULE.replace("match:\n  pattern: print($VALUE)\n", conditions))
    (check,) = folder_pack("acme", folder).file_checks
    file = SourceFile(path, code, ((1, code.count("\n") + 1),), "python")
    return [hit.span.line for hit in check.run(file) if hit.span]


CALLS = """\
log.send("a", b)
send("a", b)
log.send(a)
log.send()
mail.send(a)
log.keep("a", b)
"""


@pytest.mark.parametrize(
    ("conditions", "lines"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("receiver: ^log$\n", [1, 3, 4]),
        ("receiver: ^$\n", [2]),
        ("not_receiver: ^log$\n", [2, 5]),
        ("arguments: {1: literal}\n", [1, 2]),
        ("arguments: {1: changing}\n", [3, 5]),
        ("arguments: {1: none}\n", [4]),
        ("arguments: {1: {regex: ^a$}, 2: none}\n", [3, 5]),
        ("match:\n  not:\n    has:\n      field: function\n      regex: log\n", [2, 5]),
        ("receiver: ^log$\nmatch:\n  has:\n    field: arguments\n    regex: b\n", [1]),
        ("receiver: ^log$\narguments: {2: {kind: identifier}}\nfile_has: ^mail\n", [1]),
        ("file_has: ^keep\n", []),
        ("file_lacks: ^mail\n", []),
        ("file_lacks: ^keep\n", [1, 2, 3, 4, 5]),
        ("not_paths: (^|/)a\\.py$\n", []),
    ],
)
def test_a_rule_says_which_calls_of_a_name_it_means(tmp_path, conditions, lines):
    assert lines_found(tmp_path, f"calls: [send]\n{conditions}", CALLS) == lines


def test_a_rule_by_calls_may_report_an_argument(tmp_path):
    conditions = "calls: [send]\narguments: {2: {regex: ^b$}}\nreport: argument 2\n"

    assert lines_found(tmp_path, conditions, "send(\n  a,\n  b,\n)\n") == [3]


def test_the_words_of_a_file_count_for_a_rule_of_match_too(tmp_path):
    conditions = "file_lacks: ^import logging\nmatch:\n  pattern: print($VALUE)\n"

    assert lines_found(tmp_path, conditions, "print(a)\n") == [1]
    assert lines_found(tmp_path, conditions, "import logging\nprint(a)\n") == []


def test_classes_in_a_regex_are_those_of_ascii(tmp_path):
    page = read_page(
        write(tmp_path, RULE.replace("pattern:", "regex: '[\\w$]\\\\w\\b'\n  pattern:"))
    )

    assert page.record["match"]["regex"] == r"[[0-9A-Za-z_]$]\\w(?-u:\b)"


def test_rules_of_match_are_found_beside_each_other_whatever_says_their_kind(tmp_path):
    for name, match in {
        "kind": "  kind: call\n  regex: ^print",
        "any": "  any:\n  - kind: call\n  - kind: list\n  regex: ^(print|\\[)",
        "pattern": "  pattern: print($VALUE)",
        "whole": "  rule:\n    pattern: print($VALUE)\n  constraints:\n    VALUE: {regex: a}",
        "never": "  kind: lambda",
    }.items():
        text = RULE.replace("  pattern: print($VALUE)", match).replace("acme/print", f"acme/{name}")
        write(tmp_path, text, name)
    (check,) = folder_pack("acme", tmp_path).file_checks
    hits = check.run(SourceFile("a.py", "print(a)\n", ((1, 1),), "python"))

    assert sorted(hit.rule for hit in hits) == [
        "acme/any",
        "acme/kind",
        "acme/pattern",
        "acme/whole",
    ]


@pytest.mark.parametrize("entry", read_rules(FOLDER), ids=lambda entry: entry.rule.id)
def test_what_finds_a_rule_of_ours_is_there(entry):
    found_by = entry.matcher
    assert (
        found_by.match
        or found_by.receiver
        or found_by.arguments
        or callable(resolve(found_by.check))
    )


def install(folder: Path, name: str, value: str) -> None:
    """Write what an installer writes beside a package with a pack of rules."""
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[reviewloop.rules]\n{name} = {value}\n")


def review(repo: Path, packages: Path) -> dict:
    (repo / "a.py").write_text('"""Say it."""\n\nprint(total)\n')
    asked = ("review", "--model", "none", "--json")
    path = os.pathsep.join((str(packages), str(Path(__file__).resolve().parents[2])))
    environ = {**os.environ, "PYTHONPATH": path}
    _, said, _ = run_prepared(asked, repo, environ, 100)
    return json.loads(said)


def test_an_installed_pack_adds_its_rules_and_one_that_fails_is_shown_as_failed(repo, tmp_path):
    packages = tmp_path / "packages"
    write(packages / "acme_rules")
    (packages / "acme_rules" / "__init__.py").write_text('"""Rules of Acme."""\n')
    install(packages, "acme", "acme_rules")
    install(packages, "broken", "no_such_module:pack")
    (packages / "copied").mkdir()
    write(packages / "copied")
    (packages / "copied" / "__init__.py").touch()
    install(packages, "copied", "copied")
    report = review(repo, packages)

    assert "acme/print" in {finding["rule"] for finding in report["findings"]}
    told = {one["name"]: one for one in report["analysers"]}
    assert told["acme"]["status"] == "done"
    assert told["rules of broken"]["status"] == "failed"
    assert "no_such_module" in told["rules of broken"]["reason"]
    assert "another pack has the rule acme/print, too" in told["rules of copied"]["reason"]


def test_a_rule_of_a_reviewer_that_is_not_there_is_told(repo, tmp_path):
    packages = tmp_path / "packages"
    write(packages / "acme_rules", RULE.replace("review-maintainability", "review-mantainability"))
    (packages / "acme_rules" / "__init__.py").write_text('"""Rules of Acme."""\n')
    install(packages, "acme", "acme_rules")
    notes = review(repo, packages)["notes"]

    told = "acme/print: nobody looks for it, as there is no reviewer review-mantainability"
    assert told in notes


def test_a_folder_with_a_rule_file_that_cannot_be_used_is_refused_in_a_sentence(tmp_path):
    write(tmp_path, RULE.replace("should_fix", "urgent"))
    with pytest.raises(UsageError, match=r"acme/print.md: severity is one of must_fix"):
        read_rules(tmp_path)


@pytest.mark.parametrize(
    ("match", "why"),
    [
        ("match:\n  kind: no_such_kind", "Kind `no_such_kind` is invalid."),
        ("match:\n  kind: call\n  has: {field: nothing, regex: a}", "invalid field nothing."),
        ("match:\n  regex: (", "regex parse error: ( ^ error: unclosed group"),
        ("calls: [print]\nmatch:\n  kind: nope", "Kind `nope` is invalid."),
        ("calls: [print]\narguments:\n  1:\n    kind: nope", "Kind `nope` is invalid."),
    ],
)
def test_a_match_that_the_engine_does_not_know_is_named_without_its_stack(tmp_path, match, why):
    write(tmp_path, name="fine", text=RULE.replace("acme/print", "acme/fine"))
    with pytest.raises(UnusableMatchError) as refused:
        lines_found(tmp_path, f"{match}\n", "print(total)\n")
    said = str(refused.value)
    assert said.startswith("acme/print: `match` cannot be used: ")
    assert said.endswith(why)
    assert len(said) < 150


def test_ours_comes_in_by_the_same_door():
    declared = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8")

    assert (
        '[project.entry-points."reviewloop.rules"]\nreviewloop = "reviewloop.rules:load_pack"\n'
        in declared
    )
    assert {rule.id for rule in own_rules()} >= {entry.rule.id for entry in read_rules(FOLDER)}


def test_a_rule_that_went_to_a_tool_may_still_be_named():
    ids = {rule.id for rule in own_rules()}
    (retired,) = (pack.retired for pack in installed_packs().packs.values() if pack.retired)

    assert len(retired) == 20
    assert ids.isdisjoint(retired)
    assert all(is_about_a_rule(old) for old in retired)
    assert not is_about_a_rule("docker/no-such-rule")
    for new in retired.values():
        assert rule_of(new), new


def test_a_comment_that_silences_a_rule_of_an_earlier_version_is_no_finding():
    (check,) = (c for c in file_checks() if c.name == "silenced checks")
    text = "FROM a:1\nRUN cd /a  # reviewloop: ignore[docker/cd] it reads better\n"
    known = SourceFile("Dockerfile", text, ((1, 2),), "dockerfile")
    unknown = replace(known, text=text.replace("docker/cd", "docker/dc"))

    assert [hit.rule for hit in check.run(known)] == []
    assert [hit.rule for hit in check.run(unknown)] == ["diff/ignores-unknown-rule"]
