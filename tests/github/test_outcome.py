"""The outcome for a runner: every status with its exit code, never a false success."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.sample_review import sample_report

from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.finding import Placement, Severity
from reviewloop.github.api.errors import MissingPermission
from reviewloop.github.api.model import Posted, PullRequest, Repo, Status
from reviewloop.github.job.outcome import (
    JobOutcome,
    annotations_of,
    exit_code_of,
    failure_outcome,
    finish,
    job_summary,
    outputs_of,
    reason_of,
    status_of,
    with_threshold,
    without_dismissed,
    write_file,
)
from reviewloop.render.review_words import failures

REPORT = replace(sample_report(), outcome="findings", exit_code=0, below=0)
KINDS = ("error", "warning", "notice")
PULL = PullRequest(Repo("octo", "demo"), 7, "b" * 40, "a" * 40, "main", "f", "octo/demo", "ada")
MUST = {f.id for f in REPORT.findings if f.severity.label == "must fix"}
REVIEWS: dict[str, tuple[dict[str, Any], str, set[str], Status, ExitCode]] = {
    "nobody asked it to fail": ({}, "never", set(), Status.FINDINGS, ExitCode.CLEAN),
    "nobody asked, what must be fixed is dismissed": (
        *({}, "never", MUST, Status.PASSED, ExitCode.CLEAN),
    ),
    "it fails": ({"exit_code": 1}, "must", set(), Status.NEEDS_CHANGES, ExitCode.FINDINGS),
    "all of those dismissed": ({"exit_code": 1}, "must", MUST, Status.PASSED, ExitCode.CLEAN),
    "what counts is not listed": (
        {"findings": (), "exit_code": 1, "below": 2},
        *("should", set(), Status.NEEDS_CHANGES, ExitCode.FINDINGS),
    ),
    "a reviewer failed": (
        {"outcome": "incomplete", "exit_code": 5},
        *("never", set(), Status.REVIEW_ERROR, ExitCode.INCOMPLETE),
    ),
    "the budget ended it": (
        {"outcome": "clean", "findings": (), "exit_code": 6},
        *("never", set(), Status.REVIEW_ERROR, ExitCode.INCOMPLETE),
    ),
    "nothing there": (
        {"outcome": "nothing_to_review", "findings": ()},
        *("must", set(), Status.SKIPPED, ExitCode.CLEAN),
    ),
}


@pytest.mark.parametrize("name", REVIEWS)
def test_each_review_has_its_status(name: str) -> None:
    changed, fail_on, dismissed, status, code = REVIEWS[name]
    report = replace(REPORT, **changed)
    open_ = [f.severity for f in report.findings if f.id not in dismissed]
    found = status_of(report, fail_on, open_=open_)
    assert (found, exit_code_of(found)) == (status, code)
    verdict = status in {Status.PASSED, Status.FINDINGS, Status.NEEDS_CHANGES}
    assert bool(reason_of(report, status)) != verdict


def test_what_names_no_file_fails_no_check_and_is_no_pass_either() -> None:
    nowhere = REPORT.findings[0].model_copy(
        update={
            "severity": Severity.MUST_FIX,
            "placement": Placement.UNANCHORED,
            "file_exists": False,
        }
    )
    report = replace(REPORT, findings=(nowhere,))
    open_ = [Severity.MUST_FIX]
    assert status_of(report, "must", open_=open_, counting=()) is Status.FINDINGS
    assert status_of(report, "must", open_=open_) is Status.NEEDS_CHANGES
    assert with_threshold(replace(report, fail_on="never"), "must").exit_code == ExitCode.CLEAN


def test_an_error_is_never_a_success() -> None:
    missing = failure_outcome(
        MissingPermission("add `pull-requests: write`", line_to_add="p"), PULL
    )
    assert (missing.status, missing.exit_code) == (Status.REVIEW_ERROR, ExitCode.USAGE)
    assert outputs_of(missing)["status"] == "review_error"


def test_the_runner_gets_outputs_summary_and_annotations(tmp_path: Path) -> None:
    out, page = tmp_path / "out", tmp_path / "page"
    environ = {"GITHUB_OUTPUT": str(out), "GITHUB_STEP_SUMMARY": str(page)}
    said: list[str] = []
    ended = JobOutcome(
        *(Status.SKIPPED, "one\nstatus=passed @all"),
        pull=PULL,
        report=REPORT,
        posted=Posted(inline=("a",), on_file=("b",), left=("c",), known=("d", "e")),
        summary="<!-- reviewloop:state:v1 abc -->\n# Words",
        annotations="::error::x\n",
    )
    finish(
        ended, environ, print_line=said.append, redact=lambda text: text.replace("# Words", "# ***")
    )
    assert said == []  # nobody reads commands outside of a workflow
    finish(ended, {"GITHUB_ACTIONS": "true"}, print_line=said.append, redact=str)
    assert said[0].startswith("::notice title=reviewloop%3A skipped::one status=passed")
    assert said[1:] == ["::error::x"]
    lines = out.read_text().splitlines()
    values = {}
    for at in range(0, len(lines), 3):
        name, _, end = lines[at].partition("<<")
        assert lines[at + 2] == end
        values[name] = lines[at + 1]
    assert values == outputs_of(ended)
    assert (values["status"], values["reviewed-sha"]) == ("skipped", "a" * 40)
    # The next job takes it as a variable, and a program that is given too much does not start.
    assert len(outputs_of(replace(ended, reason="ü" * 200_000))["reason"]) == 8000
    assert [values[f"comments-{n}"] for n in ("posted", "demoted", "known")] == ["1", "2", "2"]
    shown = page.read_text()
    assert "# ***" in shown
    assert "reviewloop:state" not in shown
    assert "@all" not in shown


def test_only_what_has_no_comment_is_annotated() -> None:
    must, should, nit = (
        [f.id for f in REPORT.findings if f.severity is severity] for severity in Severity
    )
    assert must and should and nit

    def annotated(posted: Posted | None, least: str = "should") -> tuple[int, ...]:
        lines = annotations_of(JobOutcome(Status.PASSED, report=REPORT, posted=posted), least)
        assert lines.count("\n") == sum(lines.count(f"::{kind} ") for kind in KINDS)
        return tuple(lines.count(f"::{kind} ") for kind in KINDS)

    failing = len(failures(REPORT))
    all_of_them = len(must) + failing, len(should), len(nit)
    assert annotated(None, "nit") == all_of_them  # nothing was posted
    assert annotated(Posted()) == (*all_of_them[:2], 0)
    assert annotated(Posted(left=tuple(must)), "must") == (all_of_them[0], 0, 0)
    there = Posted(inline=(must[0],), on_file=tuple(should), known=tuple(must[1:]))
    assert annotated(there, "nit") == (failing, 0, len(nit))
    assert annotations_of(JobOutcome(Status.SKIPPED, "a draft"), "nit") == ""


def test_a_summary_fits_into_what_the_step_has_left(tmp_path: Path) -> None:
    page = tmp_path / "page"
    environ = {"GITHUB_STEP_SUMMARY": str(page)}
    ended = JobOutcome(Status.PASSED, summary="äöü line\n" * 60_000)
    for _ in range(3):
        finish(ended, environ, print_line=print, redact=str)
    assert page.stat().st_size < 1024 * 1024
    assert page.read_text().count("does not fit") >= 1


def test_a_reader_of_the_status_never_finds_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        finish(
            JobOutcome(Status.PASSED),
            {"GITHUB_OUTPUT": str(tmp_path)},
            print_line=print,
            redact=str,
        )


def test_a_report_replaces_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "out.sarif").symlink_to(precious)
    write_file(str(tmp_path / "out.sarif"), "{}")
    assert (precious.read_text(), (tmp_path / "out.sarif").read_text()) == ("mine", "{}")
    with pytest.raises(UsageError, match="cannot be written"):
        write_file(str(tmp_path / "none" / "out.sarif"), "{}")


def test_what_was_dismissed_is_silenced_with_its_reason() -> None:
    report = replace(REPORT, fail_on="must", exit_code=1)
    kept = without_dismissed(report, dict.fromkeys(MUST, "ada: by design"))
    assert MUST
    assert {f.id for f in report.findings} - {f.id for f in kept.findings} == MUST
    assert {f.id for f in kept.silenced if f.note == "ada: by design"} == MUST
    assert (kept.exit_code, kept.outcome) == (0, "findings")
    assert without_dismissed(report, {}) == report
    none_left = without_dismissed(report, dict.fromkeys([f.id for f in report.findings], "no"))
    assert (none_left.exit_code, none_left.outcome) == (0, "clean")


def test_a_summary_without_a_reason_stays_as_it_is() -> None:
    assert job_summary(JobOutcome(Status.PASSED, summary="x")) == "x\n"
