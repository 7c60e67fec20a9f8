"""Reports of a review in files and pipes: one line about the file, no empty line."""

from pathlib import Path

import pytest

YELLOW = "def f(items=[]):\n    return items\n"


@pytest.fixture
def yellow(project):
    """Return a repository with a finding in a subfolder."""
    (project / "app").mkdir()
    (project / "app" / "a.py").write_text(YELLOW)
    return project


@pytest.mark.parametrize("format_", ["text", "markdown", "html"])
def test_a_written_report_is_told_of_in_one_line(yellow, reviewloop, format_):
    said = reviewloop("review", "--format", format_, "-o", "report")

    again = (
        "git does not ignore report, so the next review reads it: put it elsewhere or into "
        ".gitignore\n"
    )
    assert (said.out, said.err) == ("", f"report: written; 1 should fix\n{again}")
    assert "items" in (yellow / "report").read_text()


def test_a_report_that_git_ignores_needs_no_warning(yellow, reviewloop):
    (yellow / ".gitignore").write_text("*.html\n")

    said = reviewloop("review", "--format", "html", "-o", "report.html")
    assert said.err == "report.html: written; 1 should fix\n"


def test_quiet_says_nothing_of_the_file(yellow, reviewloop):
    said = reviewloop("review", "-q", "--format", "json", "-o", "report")

    assert (said.out, said.err) == ("", "")


def test_nothing_found_is_told_of_as_well(project, reviewloop):
    (project / "a.py").write_text("ANSWER = 42\n")

    assert reviewloop("review", "-o", "../r").err == "../r: written; no findings\n"


def test_nothing_to_review_is_told_of_as_well(project, reviewloop):
    said = reviewloop("review", "-o", "../r")

    assert said.err == "../r: written; Nothing to review: there are no changes.\n"


def test_concise_prints_nothing_when_there_is_nothing_to_say(project, reviewloop):
    (project / "a.py").write_text("ANSWER = 42\n")
    said = reviewloop("review", "--format", "concise")

    assert (said.code, said.out) == (0, "")


def test_concise_paths_open_from_the_subfolder_one_stands_in(yellow, reviewloop, monkeypatch):
    (yellow / "b.py").write_text(YELLOW)
    monkeypatch.chdir(yellow / "app")
    said = reviewloop("review", "--format", "concise")

    places = [line.partition(":")[0] for line in said.out.splitlines()]
    assert places == ["a.py", "../b.py"]
    assert all(Path(place).exists() for place in places)


def test_a_hook_that_blocks_says_how_to_go_on(project, reviewloop, git):
    hook = ("review", "--staged", "--model", "none", "--format", "concise", "--quiet")
    (project / "a.py").write_text('KEY = "ghp_' + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT1uV2wX" + '"\n')
    git(project, "add", "a.py")
    said = reviewloop(*hook)
    last = "`reviewloop explain ID` tells more; `reviewloop dismiss ID -m REASON` silences one\n"
    assert said.code == 1
    assert said.err == last
    ident = said.out.splitlines()[0].rpartition(" [")[2].rstrip("]")
    assert reviewloop("dismiss", ident, "-m", "made up").code == 0
    assert reviewloop(*hook).err == ""


def test_concise_names_on_stderr_what_was_not_read(project, reviewloop):
    (project / "package-lock.json").write_text("{}\n")
    said = reviewloop("review", "--format", "concise")

    assert (said.code, said.out) == (0, "")
    assert said.err.startswith("1 file not reviewed: package-lock.json (")
