"""A change cannot hide its own files from review: every reason for skipping, as an attack."""

import os
from pathlib import Path

import pytest
from support.disguises import FOUND, INCOMPLETE, JS, PY, TRICKS, WAITS, Trick

from reviewloop.app.review.review import ReviewRequest, review
from reviewloop.domain.finding import Severity
from reviewloop.git.comparison import CompareSpec
from reviewloop.render.json import review_object
from reviewloop.render.report import ReviewReport
from reviewloop.render.review_words import outcome_sentence

IMAGE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def write(folder: Path, files: dict) -> None:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture
def changed(repo, git, monkeypatch):
    """Return a function that makes a change upon a base and reviews it, committed or not."""
    tools = {"git", "ruff"}
    monkeypatch.setenv(
        "PATH",
        os.pathsep.join(
            place
            for place in os.environ["PATH"].split(os.pathsep)
            if any((Path(place) / tool).exists() for tool in tools)
        ),
    )

    def run(files: dict, base: dict | None = None, **wish) -> ReviewReport:
        write(repo, {"kept.txt": "kept\n", **(base or {})})
        git(repo, "add", "-A")
        git(repo, "commit", "-q", "-m", "base")
        git(repo, "switch", "-q", "-c", "work")
        write(repo, files)
        git(repo, "add", "-A", "-f")
        git(repo, "commit", "-q", "-m", "change")
        with review(
            ReviewRequest(CompareSpec(range="main...work"), model="none", **wish), repo
        ) as done:
            return done.report

    return run


def red(report: ReviewReport, path: str) -> list[str]:
    found = (f for f in report.findings if f.severity is Severity.MUST_FIX)
    return [finding.rule for finding in found if finding.path == path]


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.name)
def test_what_hides_a_fault_is_found_or_told(changed, trick: Trick) -> None:
    report = changed(trick.files(tricked=True), trick.base)

    if trick.outcome == FOUND:
        assert red(report, trick.path), report
        assert report.exit_code == 1
        return
    (left,) = [file for file in report.skipped if file.path == trick.path]
    assert left.chosen
    assert report.exit_code == {WAITS: 0, INCOMPLETE: 5}[trick.outcome]
    assert report.outcome == {WAITS: "nothing_to_review", INCOMPLETE: "incomplete"}[trick.outcome]
    record = review_object(report)
    assert "1 changed file" in record["summary"] or "could not be read" in record["summary"]
    assert record["counts"]["not_reviewed"] == 1
    assert record["skipped"][0]["chosen_by_change"] is True


@pytest.mark.parametrize(
    "trick", {trick.control: trick for trick in TRICKS}.values(), ids=lambda trick: trick.control[0]
)
def test_the_same_without_the_trick_is_red(changed, trick: Trick) -> None:
    report = changed(trick.files(tricked=False), trick.base)

    assert red(report, trick.control[0])
    assert report.skipped == ()


def test_what_is_not_read_stands_in_the_first_line(changed):
    report = changed({"a.py": "a = 1\n", "logo.png": IMAGE})

    assert (report.outcome, report.exit_code) == ("clean", 0)
    assert outcome_sentence(report) == "Clean: no findings; 1 file not reviewed."


def test_a_line_that_is_too_long_is_named_and_the_others_are_read(changed):
    """Half a megabyte of code in one line would take minutes."""
    code = f"const logo = [{'x(),' * 125_000}];"
    report = changed({"a.js": f"{code}\n{JS}"})

    assert red(report, "a.js")
    (partial,) = [one for one in report.analysers if one.status == "partial"]
    assert partial.reason.startswith(f"a.js: line 1 ({len(code):,} characters) not read")
    assert report.exit_code == 5


@pytest.mark.parametrize("path", ["web/editor-bundle.js", "web/charts.bundle.dev.js"])
def test_a_bundle_of_others_is_named_and_makes_no_review_incomplete(changed, path):
    code = f"const logo = [{'x(),' * 125_000}];"
    report = changed({path: f"{code}\n", "a.js": JS})

    assert report.exit_code == 1  # for a.js
    assert [one.path for one in report.findings if "bundle" in one.path] == []
    (reason,) = {one.reason for one in report.analysers if path in one.reason}
    assert reason.startswith(f"{path}: line 1")


def test_the_code_around_half_a_megabyte_of_data_is_read(changed):
    report = changed({"a.js": f"const logo = '{'x' * 500_000}'; {JS}"})

    assert red(report, "a.js")
    assert report.exit_code == 1


def test_a_long_line_that_was_there_before_costs_nobody_an_exit_code(changed):
    line = f"const logo = [{'x(),' * 125_000}];\n"
    report = changed({"a.js": f"{line}f();\n"}, {"a.js": line})

    assert (report.outcome, report.exit_code) == ("clean", 0)


def test_a_mark_on_a_hand_written_file_is_a_finding_that_nobody_may_reject(changed):
    report = changed({"a.py": "# @generated\nb = 1\n"}, {"a.py": "a = 1\n"})

    assert {(f.rule, f.line) for f in report.findings} == {("diff/marked-as-generated", 1)}
    assert any("a.py" in note and "generated" in note for note in report.notes)


def test_the_setting_believes_the_change(changed):
    files = {"reviewloop.toml": "[review]\nskip_new = true\n"}
    report = changed({"a.py": f"# @generated\n{PY}", "vendor/b.py": PY}, files)

    assert [(file.path, file.chosen) for file in report.skipped] == [
        ("a.py", False),
        ("vendor/b.py", False),
    ]
    assert report.findings == ()


def test_attributes_of_uncommitted_work_keep_no_code_in_git_lfs(repo):
    write(repo, {".gitattributes": "*.py filter=lfs\n", "a.py": PY})
    with review(ReviewRequest(model="none"), repo) as done:
        assert red(done.report, "a.py")
        assert any("filter 'lfs' was not run" in note for note in done.report.notes)


@pytest.mark.parametrize("known", [False, True])
def test_a_new_submodule_waits_for_a_person_and_a_known_one_does_not(repo, git, known):
    for number, where in enumerate(("base", "work")):
        git(repo, "switch", "-q", "-c", where)
        if known or where == "work":
            entry = f"160000,{str(number + 1) * 40},lib"
            git(repo, "update-index", "--add", "--cacheinfo", entry)
        git(repo, "commit", "-q", "--allow-empty", "-m", where)
    with review(ReviewRequest(CompareSpec(range="base..work"), model="none"), repo) as done:
        assert [(file.path, file.chosen) for file in done.report.skipped] == [("lib", not known)]
