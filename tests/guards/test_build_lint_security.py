import pytest

from reviewloop.domain.finding import Severity
from reviewloop.domain.gate import GateStatus
from reviewloop.guards import build, lint, security_scan
from reviewloop.guards.lint import read_bandit, read_eslint, read_flake8, read_ruff


def test_broken_fixture_of_a_test_is_not_compiled(project):
    result = build.check(project.change({"tests/fixtures/broken.py": "def (\n"}))
    assert result.status is GateStatus.NOT_DETECTED


def test_configured_build_that_fails_is_quoted(project, with_settings):
    with_settings(gates={"build": {"command": ("sh", "-c", "echo 'no rule'; exit 3")}})
    result = build.check(project.change({"a.txt": "x\n"}))
    assert result.status is GateStatus.FAILED
    assert (result.exit_code, result.excerpt) == (3, "no rule")
    assert result.log == "guard-1-build-command.log"


def test_secrets_in_a_log_are_masked_in_its_excerpt(project, with_settings):
    token = "gh" + "p_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6"
    with_settings(gates={"build": {"command": ("sh", "-c", f"echo {token}; exit 1")}})
    result = build.check(project.change({"a.txt": "x\n"}))
    assert result.excerpt == "ghp_…"
    assert token not in " ".join(result.command)


def test_command_that_does_not_exist_is_not_green(project, with_settings):
    with_settings(gates={"build": {"command": ("no-such-program",)}})
    result = build.check(project.change({"a.txt": "x\n"}))
    assert result.status is GateStatus.NOT_VERIFIABLE
    assert "no-such-program is not installed" in result.summary


def test_detected_linter_makes_findings_on_changed_lines_only(project):
    project.commit({"ruff.toml": "lint.select = ['F', 'E7', 'S']\n", "a.py": "import os\n"})
    result = lint.check(project.change({"a.py": "import os\nimport sys\n\nassert 1\nl = 1\n"}))
    if result.status is GateStatus.NOT_VERIFIABLE:
        pytest.skip("ruff is not installed")
    assert result.status is GateStatus.WARNING
    assert [(f.rule, f.line, f.severity, f.agents[0]) for f in result.findings] == [
        ("ruff.F401", 2, Severity.SHOULD_FIX, "review-maintainability"),
        ("ruff.S101", 4, Severity.SHOULD_FIX, "review-security"),
        ("ruff.E741", 5, Severity.NIT, "review-maintainability"),
    ]
    assert result.findings[0].quote == "import sys"


def test_configured_linter_is_a_gate(project, with_settings):
    with_settings(gates={"lint": {"command": ("sh", "-c", "echo bad; exit 1")}})
    assert lint.check(project.change({"a.txt": "x\n"})).status is GateStatus.FAILED


def test_linter_without_report_is_not_green(project):
    project.commit({"ruff.toml": "no-such-setting = 1\n", "a.py": ""})
    result = lint.check(project.change({"a.py": "x = 1\n"}))
    assert result.status is GateStatus.NOT_VERIFIABLE


def test_no_security_scan_is_said(project):
    result = security_scan.check(project.change({"a.txt": "x\n"}))
    assert result.status is GateStatus.NOT_DETECTED
    assert "looked for bandit" in result.summary


def test_configured_security_scan_is_a_gate(project, with_settings):
    with_settings(gates={"security": {"command": ("false",)}})
    assert security_scan.check(project.change({"a.txt": "x\n"})).status is GateStatus.FAILED


def test_ruff_rule_without_a_code_is_no_syntax_error():
    text = '[{"filename": "a.py", "code": null, "name": "some-rule", "message": "m", '
    text += '"location": {"row": 3, "column": 1}, "end_location": {"row": 4, "column": 1}}]'
    (remark,) = read_ruff(f"warning: first\n{text}\n")
    assert (remark.rule, remark.line, remark.end_line) == ("some-rule", 3, 4)
    assert remark.severity is Severity.NIT


def test_eslint_errors_are_yellow_and_warnings_green():
    text = (
        '[{"filePath": "/w/a.js", "messages": ['
        '{"ruleId": "no-undef", "severity": 2, "message": "m", "line": 1},'
        '{"ruleId": null, "severity": 1, "message": "m", "line": 2, "endLine": 3}]}]'
    )
    assert [(r.rule, r.severity) for r in read_eslint(text)] == [
        ("no-undef", Severity.SHOULD_FIX),
        ("parsing", Severity.NIT),
    ]


def test_bandit_severity_needs_certainty_to_be_red():
    text = (
        '[main] INFO x\n{"errors": [], "results": ['
        '{"filename": "./a.py", "line_number": 3, "line_range": [3, 4], "test_id": "B602",'
        ' "issue_severity": "HIGH", "issue_confidence": "HIGH", "issue_text": "shell"},'
        '{"filename": "./a.py", "line_number": 9, "line_range": [9], "test_id": "B608",'
        ' "issue_severity": "MEDIUM", "issue_confidence": "LOW", "issue_text": "sql"}]}\n'
    ).replace("[main] INFO x\n", "")
    assert [(r.rule, r.end_line, r.severity) for r in read_bandit(text)] == [
        ("B602", 4, Severity.MUST_FIX),
        ("B608", 9, Severity.SHOULD_FIX),
    ]


@pytest.mark.parametrize("read", [read_ruff, read_eslint, read_bandit, read_flake8])
def test_output_that_is_no_report_is_not_clean(read):
    assert read("Segmentation fault\n") is None


def test_flake8_lines():
    (remark,) = read_flake8("./a.py:3:1: F401 'os' imported but unused\n")
    assert (remark.path, remark.line, remark.rule) == ("./a.py", 3, "F401")
