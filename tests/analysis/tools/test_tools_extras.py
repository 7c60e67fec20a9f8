"""Optional tools: their recorded output, and real runs where they are installed."""

import json

import pytest
from support.analysed_files import source

from reviewloop.analysis.contract import MUST, NIT, SHOULD, AnalyserStatus, Options
from reviewloop.analysis.tools import TOOLS, find_tool, run_tool, tool_rule
from reviewloop.analysis.tools.layout import lay_out
from reviewloop.analysis.tools.readers.plain import (
    read_actionlint,
    read_bandit,
    read_cfn_lint,
    read_checkov,
    read_lizard,
    read_shellcheck,
)
from reviewloop.analysis.tools.tool import UnusableOutput

BY_NAME = {tool.name: tool for tool in TOOLS}
SHELL = source("bin/a.sh", "#!/bin/bash\n\trm -rf $1/*\ncd foo\n")
PYTHON = source("a.py", 'import pickle\nx = "é"; pickle.loads(x)\n')
BRACES = source("a.js", "function f(a) {\n" + "  if (a) { f() }\n" * 30 + "}\n")
TEMPLATE = source("t.yaml", 'AWSTemplateFormatVersion: "2010-09-09"\nResources:\n  B:\n'
                  "    Type: AWS::S3::Bucket\n    Properties:\n      BucketNam: x\n")  # fmt: skip
WORKFLOW = source(".github/workflows/a.yml", "on:\n  push:\n    branch: main\n")


def reading(read, file, tmp_path, value):
    """Read what a tool wrote about a file; PATH stands for where it was laid out."""
    laid = lay_out([file], tmp_path)
    text = value if isinstance(value, str) else json.dumps(value)
    return read(text.replace("PATH", str(laid.files[0].path)).encode(), laid)


def test_shellcheck(tmp_path):
    ends = {"precedence": 7, "line": 2, "endLine": 2}
    fix = {
        "replacements": [
            {**ends, "column": 9, "endColumn": 9, "replacement": '"', "insertionPoint": "afterEnd"},
            {**ends, "column": 11, "endColumn": 11, "replacement": '"'},
        ]
    }
    at = {"file": "PATH", "line": 2, "endLine": 2, "column": 9, "endColumn": 11}
    comments = [
        {**at, "level": "info", "code": 2086, "message": "Double quote", "fix": fix},
        {**at, "level": "error", "code": 1073, "message": "Could not parse", "fix": None},
        {**at, "level": "error", "code": 1072, "message": "Expected test to end", "fix": None},
    ]
    quote, broken = reading(read_shellcheck, SHELL, tmp_path, {"comments": comments}).hits
    assert (quote.rule, quote.severity, quote.span) == ("shellcheck/SC2086", NIT, (2, 2, 9, 11))
    assert [(edit.span.column, edit.text) for edit in quote.fix.edits] == [(9, '"'), (11, '"')]
    assert broken.rule == "shellcheck/SC1072"


def test_bandit(tmp_path):
    result = {"filename": "PATH", "test_id": "B301", "line_number": 2, "line_range": [2],
              "col_offset": 10, "end_col_offset": 25, "issue_severity": "MEDIUM",
              "issue_confidence": "HIGH", "issue_text": "Pickle can be\nunsafe."}  # fmt: skip
    error = {"filename": "PATH", "reason": "syntax error while parsing AST from file"}
    read = reading(read_bandit, PYTHON, tmp_path, {"results": [result], "errors": [error]})
    (hit,) = read.hits
    assert (hit.rule, hit.severity, hit.confidence) == ("bandit/B301", SHOULD, "high")
    assert hit.span == (2, 2, 10, 25)  # bytes became characters
    assert hit.message == "Pickle can be unsafe."
    assert read.failed == {"a.py": "syntax error while parsing AST from file"}
    assert tool_rule("bandit/B301").category == tool_rule("ruff/S301").category
    assert tool_rule("bandit/B101") is None
    assert tool_rule("bandit/B404") is None


def test_cfn_lint(tmp_path):
    place = {
        "Start": {"LineNumber": 6, "ColumnNumber": 7},
        "End": {"LineNumber": 6, "ColumnNumber": 16},
    }
    record = {"Filename": "PATH", "Level": "Error", "Message": "Not allowed", "Location": place,
              "Rule": {"Id": "E3002"}}  # fmt: skip
    (hit,) = reading(read_cfn_lint, TEMPLATE, tmp_path, [record]).hits
    assert (hit.rule, hit.severity, hit.span) == ("cfn-lint/E3002", MUST, (6, 6, 7, 16))
    assert tool_rule(hit.rule).severity is SHOULD


def test_checkov(tmp_path):
    check = {"check_id": "CKV_AWS_18", "check_name": "Access logging", "file_abs_path": "PATH",
             "file_line_range": [3, 6], "resource": "AWS::S3::Bucket.B"}  # fmt: skip
    value = {"results": {"failed_checks": [check], "parsing_errors": []}}
    for shape in (value, [value, {"passed": 0}]):
        (hit,) = reading(read_checkov, TEMPLATE, tmp_path, shape).hits
        assert (hit.rule, hit.span) == ("checkov/CKV_AWS_18", (3, 6, 0, 0))
        assert hit.identity == "AWS::S3::Bucket.B"
    broken = {"results": {"failed_checks": [], "parsing_errors": ["PATH"]}}
    assert reading(read_checkov, TEMPLATE, tmp_path, broken).failed == {
        "t.yaml": "it could not be parsed"
    }


def test_actionlint(tmp_path):
    record = {"message": "unexpected key", "filepath": "PATH", "line": 3, "column": 5,
              "kind": "syntax-check", "snippet": "", "end_column": 10}  # fmt: skip
    (hit,) = reading(read_actionlint, WORKFLOW, tmp_path, [record]).hits
    assert (hit.rule, hit.span) == ("actionlint/syntax-check", (3, 3, 5, 11))
    assert tool_rule(hit.rule).severity is MUST


def test_lizard(tmp_path):
    row = '7,{paths},54,1,7,"f@1-7@PATH","PATH","f","f ( a )",1,32\r\n'
    for paths, severity in ((15, None), (16, NIT), (21, SHOULD)):
        hits = reading(read_lizard, BRACES, tmp_path, row.replace("{paths}", str(paths))).hits
        assert [hit.severity for hit in hits] == ([severity] if severity else [])
    with pytest.raises(UnusableOutput):
        reading(read_lizard, BRACES, tmp_path, "Traceback (most recent call last):\n")


@pytest.mark.parametrize(
    "read", [read_shellcheck, read_bandit, read_cfn_lint, read_checkov, read_actionlint]
)
def test_a_file_that_was_not_given_is_refused(read, tmp_path):
    laid = lay_out([SHELL], tmp_path)
    names = dict.fromkeys(("file", "filename", "Filename", "filepath", "file_abs_path"), "/etc/x")
    parts = {"comments": [names], "results": {"failed_checks": [names]}}
    value = {
        read_shellcheck: parts,
        read_checkov: parts,
        read_bandit: {"results": [names]},
    }.get(read, [names])
    with pytest.raises(UnusableOutput):
        read(json.dumps(value).encode(), laid)


REAL = [
    ("shellcheck", SHELL, {"shellcheck/SC2115", "shellcheck/SC2164"}, ".shellcheckrc",
     "disable=SC2115,SC2164\n"),
    ("hadolint", source("Dockerfile", "FROM ubuntu:latest\nUSER root\n"),
     {"hadolint/DL3007", "hadolint/DL3002"}, ".hadolint.yaml", "ignored: [DL3007, DL3002]\n"),
    ("bandit", PYTHON, {"bandit/B301"}, ".bandit", "[bandit]\nskips: B301\n"),
    ("cfn-lint", TEMPLATE, {"cfn-lint/E3002"}, ".cfnlintrc", "append_rules: [.]\n"),
    ("checkov", TEMPLATE, {"checkov/CKV_AWS_18"}, ".checkov.yaml", "external-checks-dir: [.]\n"),
    ("lizard", BRACES, {"lizard/complexity"}, ".gitignore", "*\n"),
    ("oxlint", source("a.js", "debugger;\n"), {"oxlint/no-debugger"}, ".oxlintrc.json",
     '{"rules": {"no-debugger": "off"}}'),
    ("biome", source("a.js", "debugger;\n"), {"biome/suspicious/noDebugger"}, "biome.json",
     '{"linter": {"enabled": false}}'),
]  # fmt: skip


@pytest.mark.slow_but(*(name for name, *_ in REAL if name != "cfn-lint"))
@pytest.mark.parametrize(
    ("name", "file", "rules", "config", "text"), REAL, ids=[r[0] for r in REAL]
)
def test_real_tool_obeys_only_us(name, file, rules, config, text, tmp_path, monkeypatch):
    tool = BY_NAME[name]
    if find_tool(tool) is None:
        pytest.skip(f"{name} is not installed")
    ran = tmp_path / "ran"
    evil = f"open({str(ran)!r}, 'w').close()\n"
    for planted in (config, "sitecustomize.py", "usercustomize.py", "startup.py", "__init__.py"):
        (tmp_path / planted).write_text(text if planted == config else evil)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "startup.py"))
    done = run_tool(tool, [file], Options(timeout_seconds=100))
    assert done.report.status is AnalyserStatus.DONE, done.report
    assert {hit.rule for hit in done.hits} >= rules
    assert {hit.path for hit in done.hits} == {file.path}
    assert not ran.exists()
    if not tool.configuration or name == "cfn-lint":
        return
    trusted = Options(repository_configuration=True, checkout=str(tmp_path), timeout_seconds=100)
    assert not {hit.rule for hit in run_tool(tool, [file], trusted).hits} & rules
