"""`baseline` and `dismiss`: accepted findings are not reported again, new ones are."""

import json
import re
from pathlib import Path

import pytest

YELLOW = "def f(items=[]):\n    return items\n"
BASELINE = Path(".reviewloop/baseline.json")


@pytest.fixture
def findings(reviewloop):
    """Return a function that reviews and returns open and silenced findings."""

    def run(*arguments: str):
        report = json.loads(reviewloop("review", *arguments, "--json").out)
        return report["findings"], report["silenced"]

    return run


@pytest.fixture
def flawed(project):
    (project / "src").mkdir()
    (project / "src/a.py").write_text(YELLOW)
    (project / "b.py").write_text("import os\n")
    return project


def test_what_a_baseline_accepts_is_silenced_and_listed(flawed, reviewloop, findings):
    said = reviewloop("baseline")
    stay, gone = findings()

    assert said.out == "2 findings accepted in .reviewloop/baseline.json; commit that file\n"
    assert stay == []
    assert {f["note"] for f in gone} == {"in the baseline"}
    table = reviewloop("review").out.partition("reviewer ")[2]
    assert re.search(r"done +0, \d silenced", table)
    assert "2 findings: 2 in the baseline" in table
    assert not re.search(r"done +[1-9]\d*\s*$", table, re.MULTILINE)


def test_a_baseline_says_what_it_takes_off_the_table(flawed, reviewloop):
    (flawed / "src/a.py").write_text(
        'import subprocess\n\nfrom flask import request\n\nTOKEN = "ghp_'
        + "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT1uV2wX"
        + '"\n\n\ndef run():\n    subprocess.run("echo " + request.args["x"], shell=True)\n'
    )
    said = reviewloop("baseline")
    assert "accepted in .reviewloop/baseline.json; commit that file\nAmong them: " in said.out
    assert re.search(r"Among them: [12] must fix, 1 secret; `reviewloop baseline --show`", said.out)


def test_what_is_new_is_told_even_if_it_copies_what_was_accepted(flawed, reviewloop, findings, git):
    git(flawed, "add", ".")
    git(flawed, "commit", "-q", "-m", "flaws")
    reviewloop("baseline")
    (flawed / "src/a.py").write_text(YELLOW + "\n\n" + YELLOW)

    changed, _ = findings()
    whole, _ = findings("--files", ".")
    assert [(f["rule"], f["line"]) for f in changed if f["rule"] == "ruff/B006"] == [
        ("ruff/B006", 5)
    ]
    assert [f["rule"] for f in whole if f["rule"] == "ruff/B006"] == ["ruff/B006"]


@pytest.mark.slow
def test_a_baseline_of_some_paths_keeps_what_is_accepted_elsewhere(
    flawed, reviewloop, findings, monkeypatch
):
    reviewloop("baseline")
    (flawed / "src/a.py").write_text(YELLOW.replace("items", "others"))
    monkeypatch.chdir(flawed / "src")
    said = reviewloop("baseline", "a.py")

    assert said.out.startswith("1 finding accepted")
    assert "1 of other files stay" in said.out
    assert findings()[0] == []


def test_a_baseline_written_again_forgets_what_is_gone(flawed, reviewloop):
    reviewloop("baseline")
    (flawed / "b.py").write_text("")
    reviewloop("baseline")

    assert [e["path"] for e in json.loads(BASELINE.read_text())["findings"]] == ["src/a.py"]


def test_a_baseline_is_made_of_everything_wherever_one_stands(flawed, reviewloop, monkeypatch):
    monkeypatch.chdir(flawed / "src")

    assert reviewloop("baseline").out.startswith("2 findings")
    assert (flawed / BASELINE).is_file()


def test_a_baseline_can_be_looked_at(flawed, reviewloop):
    assert reviewloop("baseline", "--show").out.startswith("0 findings")
    reviewloop("baseline")
    said = reviewloop("baseline", "--show")

    assert said.out.splitlines()[-1] == "2 findings accepted in .reviewloop/baseline.json"
    assert "ruff/B006" in said.out


@pytest.mark.parametrize("command", [("review",), ("baseline", "--show"), ("baseline", "src")])
def test_a_broken_baseline_is_an_error_until_it_is_written_anew(flawed, reviewloop, command):
    BASELINE.parent.mkdir()
    BASELINE.write_text("{")
    said = reviewloop(*command)

    assert said.code == 2
    assert "write it anew" in said.err
    assert reviewloop("baseline").code == 0


def test_an_incomplete_review_makes_no_baseline(flawed, reviewloop, monkeypatch):
    monkeypatch.setenv("REVIEWLOOP_REVIEW__ANALYSER_SECONDS", "0.0001")
    said = reviewloop("baseline")

    assert said.code == 2
    assert "ruff" in said.err
    assert not BASELINE.exists()


@pytest.mark.slow
def test_the_baseline_itself_is_no_finding(flawed, reviewloop, findings):
    reviewloop("baseline")

    assert [f for group in findings() for f in group if f["path"] == str(BASELINE)] == []


@pytest.mark.slow
def test_a_dismissed_finding_stays_away_with_its_reason_until_it_is_taken_back(
    flawed, reviewloop, findings
):
    ident = next(f["id"] for f in findings()[0] if f["rule"] == "ruff/B006")
    assert reviewloop("dismiss", ident[:6], "-m", "meant so").code == 0

    stay, gone = findings()
    assert [f["note"] for f in gone] == ["dismissed: meant so"]
    assert ident not in {f["id"] for f in stay}
    assert "meant so" in reviewloop("dismiss", "--list").out

    assert reviewloop("dismiss", "--undo", ident[:6]).code == 0
    assert ident in {f["id"] for f in findings()[0]}
    assert reviewloop("dismiss", "--list").out == ""


def test_a_dismissal_survives_lines_that_move(flawed, reviewloop, findings):
    ident = next(f["id"] for f in findings()[0] if f["rule"] == "ruff/B006")
    reviewloop("dismiss", ident, "-m", "meant so")
    (flawed / "src/a.py").write_text("ANSWER = 42\n\n\n" + YELLOW)

    assert [f["id"] for f in findings()[1]] == [ident]


def test_a_finding_stays_known_after_another_review(flawed, reviewloop, findings):
    ident = next(f["id"] for f in findings()[0] if f["rule"] == "ruff/B006")
    findings("--staged")

    assert reviewloop("dismiss", ident, "-m", "meant so").code == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "name the finding"),
        (("",), "name the finding"),
        (("abc",), "needs a reason"),
        (("abc", "-m", "  "), "needs a reason"),
        (("nothing", "-m", "x"), "'nothing'"),
        (("nothing", "--undo"), "no dismissed finding"),
    ],
)
def test_what_cannot_be_dismissed_is_refused(flawed, reviewloop, arguments, reason):
    said = reviewloop("dismiss", *arguments)

    assert said.code == 2
    assert reason in said.err


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("show", [(), ("--show",), ("b.py",)])
def test_a_baseline_is_neither_written_nor_read_through_a_link(
    flawed, reviewloop, tmp_path, folder, show
):
    outside = tmp_path / "outside"
    outside.mkdir()
    victim = outside / "baseline.json"
    victim.write_text('{"schema": 1}')
    if folder:
        (flawed / ".reviewloop").symlink_to(outside)
    else:
        BASELINE.parent.mkdir()
        BASELINE.symlink_to(victim)
    said = reviewloop("baseline", *show)
    assert said.code == 2
    assert "is no plain file or folder (a link?)" in said.err
    assert victim.read_text() == '{"schema": 1}'
    assert [file.name for file in outside.iterdir()] == ["baseline.json"]


def test_a_review_is_not_written_through_a_link_of_the_repository(flawed, reviewloop, tmp_path):
    victim = tmp_path / "bashrc"
    victim.write_text("precious")
    (flawed / "report.md").symlink_to(victim)
    said = reviewloop("review", "--files", ".", "--format", "markdown", "-o", "report.md")
    assert said.code == 2
    assert "is a symbolic link in the repository" in said.err
    assert victim.read_text() == "precious"


PAIR = """import subprocess

def a(n):
    subprocess.run("rm -r " + n, shell=True)

def b(n):
    if n:
        subprocess.run("rm -r " + n, shell=True)
        subprocess.run("rm -R " + n, shell=True)
"""


@pytest.mark.slow
def test_a_review_tells_baseline_and_dismissal_of_each_of_them(project, reviewloop):
    (project / "a.py").write_text(PAIR)

    def shells() -> dict[int, str]:
        report = json.loads(reviewloop("review", "--json").out)
        return {f["line"]: f["id"] for f in report["findings"] if f["rule"] == "ruff/S602"}

    found = shells()
    assert sorted(found) == [4, 8, 9]

    reviewloop("dismiss", found[8], "-m", "meant so")
    assert sorted(shells()) == [4, 9]

    reviewloop("baseline")
    assert shells() == {}


def test_a_rule_is_not_dismissed_but_switched_off(project, reviewloop):
    said = reviewloop("dismiss", "js/sql-injection", "-m", "x")

    assert said.code == 2
    assert "js/sql-injection is a rule" in said.err
    assert '"js/sql-injection" = "off" below [rules] in reviewloop.toml' in said.err
    assert "your own settings" in reviewloop("dismiss", "secret/github-token", "-m", "x").err
