"""Trivy and Grype as gates: small programs on PATH that print reports in their formats."""

import shutil
from pathlib import Path

import pytest

from reviewloop.domain.finding import Severity
from reviewloop.domain.gate import GateStatus
from reviewloop.guards import security_scan

REPORTS = Path(__file__).parents[1] / "data/scanners"
CHANGED = {"requirements.txt": "django==2.0.9\n", "Dockerfile": "FROM alpine\nRUN true\n"}


@pytest.fixture
def scanner(tmp_path, monkeypatch):
    """Return a function: a scanner's name and how it behaves -> it is on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    shutil.copytree(REPORTS, folder / "reports")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def install(name, script=""):
        text = script or f'echo "scanned with $*" >&2; cat "$(dirname "$0")/reports/{name}.json"'
        program = folder / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)

    return install


def scanned(project, with_settings, files=CHANGED, **security):
    with_settings(gates={"security": security})
    return security_scan.check(project.change(files))


def test_trivy_stops_a_change_from_the_named_severity_on(project, with_settings, scanner):
    scanner("trivy")
    result = scanned(project, with_settings, tool="trivy", fail_on="critical")
    assert result.status is GateStatus.FAILED
    assert "4 in changed files, 1 of them critical or worse: django 2.0.9" in result.summary
    assert [(f.rule, f.path, f.line, f.severity) for f in result.findings] == [
        ("trivy.CVE-2019-14234", "requirements.txt", None, Severity.MUST_FIX),
        ("trivy.DS002", "Dockerfile", None, Severity.SHOULD_FIX),
        ("trivy.DS001", "Dockerfile", 1, Severity.SHOULD_FIX),
        ("trivy.CVE-2018-18074", "requirements.txt", None, Severity.NIT),
    ]
    assert result.findings[0].suggestion == "use django 2.2.4, 2.1.11"
    assert "--offline-scan" in result.command
    never = scanned(project, with_settings, fail_on="never")
    assert never.status is GateStatus.WARNING


def test_what_stands_in_files_that_the_change_leaves_alone_does_not_stop_it(
    project, with_settings, scanner
):
    scanner("trivy")
    project.commit(CHANGED)
    result = scanned(
        project, with_settings, {"Dockerfile": "FROM alpine\nRUN false\n"}, tool="trivy"
    )
    assert "trivy: 1 in changed files, 1 of them high or worse" in result.summary
    assert "3 in files that the change leaves alone" in result.summary
    quiet = scanned(project, with_settings, {"a.txt": "x\n"}, tool="trivy")
    assert quiet.status is GateStatus.PASSED


def test_grype(project, with_settings, scanner):
    scanner("grype")
    result = scanned(project, with_settings, tool="grype", fail_on="high")
    assert result.status is GateStatus.FAILED
    (finding,) = result.findings
    assert (finding.rule, finding.path) == ("grype.GHSA-6r97-cj55-9hrq", "requirements.txt")
    assert finding.suggestion == "use django 2.1.11"


def test_a_command_of_your_own_starts_the_scanner(project, with_settings, scanner):
    scanner("trivy", 'test "$1 $2" = "fs --only-mine" && cat "$(dirname "$0")/reports/trivy.json"')
    command = ("trivy", "fs", "--only-mine")
    result = scanned(project, with_settings, tool="trivy", command=command)
    assert result.status is GateStatus.FAILED
    assert result.command == command


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (None, "trivy was not found"),
        (
            "echo 'FATAL first run cannot skip downloading DB' >&2; exit 1",
            "exit code 1 and no report",
        ),
        ("echo '{}'", "exit code 0 and no report"),
        ('echo \'{"SchemaVersion": 2, "Results": [{"Vulnerabilities": 3}]}\'', "and no report"),
        ("kill -9 $$", "no report"),
        ("true", "no report"),
    ],
)
def test_a_scanner_that_did_not_scan_is_a_failure(project, with_settings, scanner, script, why):
    if script is not None:
        scanner("trivy", script)
    result = scanned(project, with_settings, tool="trivy", fail_on="critical")
    assert result.status is GateStatus.FAILED
    assert "trivy could not scan" in result.summary
    assert why in result.summary


def test_a_clean_report_passes(project, with_settings, scanner):
    scanner("trivy", 'echo \'{"SchemaVersion": 2, "ArtifactName": "."}\'')
    assert scanned(project, with_settings, tool="trivy").status is GateStatus.PASSED
    scanner("grype", "echo '{\"matches\": []}'")
    assert scanned(project, with_settings, tool="grype").status is GateStatus.PASSED
