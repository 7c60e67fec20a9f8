"""What holds for all pattern checks: examples, places, hostile files, and their cost."""

import subprocess
import sys

import pytest
from support.growth import ends_within
from support.rule_examples import PATTERN_CHECKS as CHECKS
from support.rule_examples import bad_files, good_files

from reviewloop.analysis.contract import FileCheck, Hit, Rule, SourceFile
from reviewloop.analysis.languages import language_of, path_class
from reviewloop.domain.finding import Severity

RULES = [(check, rule) for check in CHECKS for rule in check.rules]
DEEP = 5_000


def run(path: str, code: str) -> list[Hit]:
    source = SourceFile(
        path, code, ((1, code.count("\n") + 1),), language_of(path, code), path_class(path)
    )
    return [hit for check in CHECKS if check.understands(source) for hit in check.run(source)]


@pytest.mark.parametrize(("check", "rule"), RULES, ids=[rule.id for _, rule in RULES])
def test_rules_hold_for_their_bad_examples_and_not_for_the_good_ones(check: FileCheck, rule: Rule):
    for example in bad_files(rule):
        assert rule.id in {hit.rule for hit in run(example.path, example.code)}, example.code
    for example in good_files(rule):
        assert rule.id not in {hit.rule for hit in run(example.path, example.code)}, example.code


def test_rule_ids_are_unique():
    ids = [rule.id for _, rule in RULES]
    assert len(ids) == len(set(ids))


def test_every_hit_lies_inside_its_file():
    for _, rule in RULES:
        for example in (*bad_files(rule), *good_files(rule)):
            lines = example.code.split("\n")
            for hit in run(example.path, example.code):
                if hit.span is None:
                    continue
                assert 1 <= hit.span.line <= hit.span.end_line <= len(lines)
                if hit.span.column:
                    assert hit.span.column <= len(lines[hit.span.line - 1])
                    assert hit.span.end_column <= len(lines[hit.span.end_line - 1]) + 1


def test_columns_count_characters():
    (hit,) = [h for h in run("a.js", "const 😀 = 'é'; eval(x);") if h.rule == "js/eval"]
    assert (hit.span.line, hit.span.column, hit.span.end_column) == (1, 16, 23)


def test_lines_end_with_lf_only():
    code = "a\r\nb\x0c\u2028\x85\neval(x)\r\n"
    assert [h.span.line for h in run("a.js", code) if h.rule == "js/eval"] == [3]


def test_lines_that_a_program_wrote_are_read_for_what_is_unsafe():
    minified = "if (a == b) { console.log(a) };" * 2_000 + "eval(x);"
    found = run("a.js", f"{minified}\nconsole.log(y);\neval(y);\n")

    assert {hit.rule for hit in found if hit.span.line == 1} == {"js/eval"}
    assert {hit.rule for hit in found if hit.span.line > 1} > {"js/eval"}


@pytest.mark.parametrize("path", ["a.js", "a.ts", "a.tsx", "a.test.ts"])
def test_every_kind_of_node_is_known_to_the_grammar(path: str):
    javascript = CHECKS[0]
    words = " ".join(example.code for rule in javascript.rules for example in bad_files(rule))
    run(path, "// " + words.replace("\n", " "))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("a.js", "f(" * DEEP + ")" * DEEP),
        ("a.js", "'a'+b+" * DEEP + "c"),
        ("a.js", "if (a) {" * DEEP),
        ("a.js", "`${" * DEEP),
        ("a.test.js", "it(1, () => {" * DEEP),
        ("a.tsx", "<a>" * DEEP),
        ("a.go", "package p\nfunc f() {" + "if a {" * DEEP),
        ("a.py", "f(" * DEEP + ")" * DEEP),
        ("a.py", "".join(" " * n + "for x in y:\n" for n in range(900))),
        ("a.sh", "a | " * DEEP + "b"),
        ("a.sh", "$(" * DEEP),
        ("a.sh", "rm -rf $A/\n" * DEEP),
        ("Dockerfile", "FROM a\nRUN " + "a | " * DEEP + "b"),
        ("Dockerfile", "FROM a\n" + "RUN <<A\n" * DEEP),
        ("Dockerfile", "FROM a AS b\nCOPY --from=b . .\nRUN npm ci\n" * DEEP),
        ("pod.yaml", "apiVersion: 1\nkind: Pod\na: " + "{a: " * DEEP),
    ],
)
def test_hostile_files_cost_little(path: str, code: str):
    run(path, code[:20])  # loads and compiles what the first file needs
    assert ends_within(lambda: run(path, code), 200_000 + 100 * len(code))


@pytest.mark.parametrize("level", ["- ", "? - ", "- ? : ", ": "])
def test_nesting_that_would_end_the_process_is_not_parsed(level: str):
    assert run("pod.yaml", "apiVersion: 1\nkind: Pod\na:\n  " + level * 300) == []
    steps = "".join(" " * n + "a:\n" for n in range(300))
    assert run("pod.yaml", "apiVersion: 1\nkind: Pod\n" + steps) == []


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_broken_files_do_not_raise(check: FileCheck):
    for rule in check.rules:
        for example in bad_files(rule):
            for cut in range(0, len(example.code), 7):
                run(example.path, example.code[:cut])
                run(example.path, example.code[cut:])


def test_importing_the_checks_loads_no_parser():
    code = (
        "import sys; import reviewloop.rules;"
        "print({'ast_grep_py', 'yaml', 'tree_sitter'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('eval value="\\$${1}_FILE"', Severity.NIT),
        ("eval value=\\$$name", Severity.NIT),
        ('eval value="$1"', Severity.SHOULD_FIX),
        ('eval "$1"', Severity.SHOULD_FIX),
        ('set -- $QUERY_STRING; eval "$1"', Severity.MUST_FIX),
    ],
)
def test_reading_the_variable_that_another_one_names_is_how_a_plain_shell_does_it(line, wanted):
    (hit,) = [hit for hit in run("a.sh", f"#!/bin/sh\n{line}\n") if hit.rule == "sh/eval"]
    assert hit.severity is wanted
