"""Files that cannot be parsed are told at their line, and nothing else is made up about them."""

import pytest
from support.analysed_files import source
from support.change_views import change_view

from reviewloop.analysis.contract import AnalyserStatus
from reviewloop.analysis.examine import examine
from reviewloop.rules.syntax import CHECKS

(CHECK,) = CHECKS


def told(path, text):
    file = source(path, text)
    return [(hit.rule, hit.span.line) for hit in CHECK.run(file)] if CHECK.understands(file) else []


@pytest.mark.parametrize(
    ("path", "text", "rule", "line"),
    [
        ("package.json", '{"a": 1,,}\n', "json", 1),
        ("src/data.json", '{\n  "a": 1\n  "b": 2\n}\n', "json", 3),
        (".github/workflows/ci.yml", "on: push\njobs: [\n", "yaml", 2),
        ("k8s.yaml", "a: 1\n---\nb: [1\nc: 2\n", "yaml", 4),
        ("pyproject.toml", "[project\nname = 1\n", "toml", 1),
        ("a.ts", "const a = 1;\nconst x = {;\n", "code", 2),
        ("a.go", "package a\n\nfunc {\n", "code", 3),
        ("a.sh", "for x in 1 2; do\n  echo $x\n", "code", 3),
        ("a.tf", 'resource "a" "b" {\n  x = [1, 2]\n\nlocals {}\n', "code", 1),
        ("a.tf", "locals {\n  x = [1, 2\n}\n", "code", 3),
    ],
)
def test_broken_file_is_told_at_its_line(path, text, rule, line):
    assert told(path, text) == [(f"syntax/{rule}", line)]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("empty.json", ""),
        ("bom.json", "\ufeff{}"),
        ("deep.json", "[" * 100_000),
        ("deep.yml", "[" * 100_000 + "]" * 100_000),
        ("open.yml", "{{ " * 100_000),
        ("dots.toml", "a" + ".a" * 50_000 + " = "),
        ("deep.toml", "a = " + "[" * 100_000),
        (".devcontainer/devcontainer.json", "{} // here"),
        ("pyrightconfig.json", '{"a": 1,}'),
        ("group_vars/all.yml", "a: {{ b }}c\n"),
        ("a.yml", "<<<<<<< ours\na: 1\n=======\na: [\n>>>>>>> theirs\n"),
        ("a.ts", "interface A {\n  (a: string): void\n  <T>(a: T): void\n}\n"),
        ("translations.ts", '<?xml version="1.0"?>\n<TS/>\n'),
        ("types.js", "// @flow\nconst a: number = 1;\n"),
        ("a.sh", "for i\ndo echo $i\ndone\n"),
        ("tests/invalid.js", "const x = {;\n"),
        ("plopfile/{{name}}.json", "{"),
    ],
)
def test_what_may_be_right_is_left_alone(path, text):
    assert told(path, text) == []


def test_file_that_was_broken_before_is_no_news():
    broken, more = '{"a": 1,,}\n', '{"b": 2,\n"a": 1,,\n}\n'
    off = ["[!s]*", "secrets", "shellcheck", "semgrep"]
    for base, count in (("{}\n", 1), (broken, 0)):
        view = change_view({"package.json": base}, {"package.json": more})
        assert len(examine(view, off=off).hits) == count


def test_end_that_a_change_takes_away_is_told_where_it_is_missed():
    code = "function f() {\n  return 1;\n}\n"
    view = change_view({"a.js": code}, {"a.js": code.replace("}\n", "")})
    found = examine(view, off=["[!s]*", "secrets", "shellcheck", "semgrep"])
    assert [placed.hit.rule for placed in found.hits] == ["syntax/code"]


def test_broken_workflow_is_a_finding_and_the_review_is_whole():
    path = ".github/workflows/ci.yml"
    view = change_view({}, {path: "on: push\njobs: [\n"})
    found = examine(view)
    assert ("syntax/yaml", 2) in {(p.hit.rule, p.hit.span and p.hit.span.line) for p in found.hits}
    assert [r.name for r in found.reports if r.status is AnalyserStatus.FAILED] == []


def test_nothing_is_missed_in_a_block_that_is_cut_off():
    bucket = 'resource "aws_s3_bucket" "a" {\n  bucket = "a"\n  acl = "public-read"\n'
    rules = {}
    for end in ("", "}\n"):
        view = change_view({}, {"main.tf": bucket + end})
        rules[end] = {p.hit.rule for p in examine(view).hits if p.hit.rule[:5] == "infra"}
        said = [p.hit.message for p in examine(view).hits]
        assert any("does not set" in message for message in said) is bool(end)
    assert rules[""] < rules["}\n"]
