"""`reviewloop review` on the command line: requests, output and exit codes."""

import base64
import io
import json
import secrets
import sys
from pathlib import Path

import pytest

RED = "import requests\n\nrequests.get('https://example.org', timeout=9, verify=False)\n"
YELLOW = "def f(items=[]):\n    return items\n"
NIT = "import os\n"
QUIET = ("--format", "concise", "--quiet")


@pytest.fixture
def change(project):
    """Return a function that writes files into the repository that is the current folder."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            place = project / name.replace("__", "/").replace("_py", ".py")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return project

    return write


@pytest.fixture
def reviewed(reviewloop):
    """Return a function that reviews and returns exit code and the JSON object."""

    def run(*arguments: str):
        said = reviewloop("review", *arguments, "--json")
        assert said.out, said.err
        return said.code, json.loads(said.out)

    return run


def rules(report) -> list[str]:
    return [finding["rule"] for finding in report["findings"]]


def test_without_a_change_there_is_nothing_to_review(project, reviewed):
    code, report = reviewed()

    assert (code, report["outcome"], report["findings"]) == (0, "nothing_to_review", [])


def test_with_nothing_staged_it_says_so_where_something_is_changed(project, reviewed):
    (project / "app.py").write_text("changed = True\n")
    code, report = reviewed("--staged")

    assert (code, report["summary"]) == (0, "Nothing to review: nothing is staged.")


def test_a_change_without_a_finding_is_clean(change, reviewed):
    change(a_py="ANSWER = 42\n")
    code, report = reviewed()

    assert (code, report["outcome"]) == (0, "clean")


def test_the_object_holds_what_programs_rely_on(change, reviewed):
    change(a_py=YELLOW)
    Path("uv.lock").write_text("x\n")
    _, report = reviewed()

    assert report["schema"] == "reviewloop.review/1"
    (finding,) = report["findings"]
    assert {
        "id",
        "agents",
        "severity",
        "confidence",
        "category",
        "rule",
        "path",
        "line",
        "end_line",
        "side",
        "title",
        "why",
        "suggestion",
        "replacement",
        "evidence",
        "round_found",
        "status",
        "attempts",
    } <= finding.keys()
    assert finding["agents"] == ["review-maintainability"]
    assert (finding["path"], finding["line"], finding["rule"]) == ("a.py", 1, "ruff/B006")
    reviewed_file = next(file for file in report["reviewed"] if file["path"] == "a.py")
    assert (reviewed_file["status"], reviewed_file["added"]) == ("A", [[1, 2]])
    lock = {"status": "A", "reason": "lock file; only security analysers read it"}
    assert {"path": "uv.lock", **lock, "chosen_by_change": True} in report["skipped"]
    assert {a["name"] for a in report["agents"]} == {
        f"review-{name}"
        for name in (
            "infrastructure",
            "maintainability",
            "performance",
            "security",
            "test-quality",
        )
    }
    for agent in report["agents"]:
        assert {"status", "seconds", "tokens"} <= agent.keys()
    ruff = next(a for a in report["analysers"] if a["name"] == "ruff")
    assert ruff["status"] == "done"
    assert ruff["version"]
    assert ruff["seconds"] >= 0
    assert report["outcome"] == "findings"


@pytest.mark.parametrize(
    ("options", "code", "listed", "outcome"),
    [
        ((), 1, 3, "findings"),
        (("--fail-on", "never"), 0, 3, "findings"),
        (("--min-severity", "must"), 1, 1, "findings"),
        (("--min-severity", "should"), 1, 2, "findings"),
    ],
)
def test_the_threshold_decides_the_exit_code(change, reviewed, options, code, listed, outcome):
    change(a_py=RED + YELLOW, b_py=NIT)
    found, report = reviewed(*options)
    named = [r for r in rules(report) if r in {"ruff/S501", "ruff/B006", "ruff/F401"}]

    assert (found, len(named), report["outcome"]) == (code, listed, outcome)


@pytest.mark.parametrize(("level", "code"), [("must", 0), ("should", 0), ("nit", 1)])
def test_a_nit_fails_a_review_only_where_that_is_asked(change, reviewed, level, code):
    change(a_py=NIT)

    assert reviewed("--fail-on", level)[0] == code


def test_a_hidden_finding_that_fails_the_review_is_no_clean_outcome(change, reviewed, reviewloop):
    change(a_py=NIT)
    options = ("--min-severity", "must", "--fail-on", "nit")
    code, report = reviewed(*options)

    assert (code, report["outcome"], report["findings"]) == (1, "findings", [])
    assert report["counts"]["below_min_severity"] == 1
    assert "--min-severity" in reviewloop("review", *options).out


def test_findings_that_are_not_listed_stay_counted(change, reviewed, reviewloop):
    change(a_py=YELLOW + RED, b_py=NIT)
    counts = reviewed()[1]["counts"]
    shown = reviewed("--min-severity", "must")[1]

    assert min(counts[name] for name in ("must_fix", "should_fix", "nit")) > 0
    assert {f["severity"] for f in shown["findings"]} == {"must_fix"}
    hidden = counts["should_fix"] + counts["nit"]
    assert shown["counts"] == {**counts, "below_min_severity": hidden}
    for form in ("text", "markdown"):
        out = reviewloop("review", "--min-severity", "must", "--format", form).out
        assert f"{counts['should_fix']} should fix" in out
        assert f"{counts['should_fix']} should fix, " in out.partition("ot listed")[2]


def test_reviewers_are_chosen_by_short_or_long_name(change, reviewed):
    change(a_py=RED + YELLOW)
    _, report = reviewed("--agents", "security, review-performance")

    assert [a["name"] for a in report["agents"]] == ["review-security", "review-performance"]
    assert rules(report) == ["ruff/S501"]


def test_an_unknown_reviewer_is_refused_with_the_names_there_are(change, reviewloop):
    change(a_py=NIT)
    said = reviewloop("review", "--agents", "securty")

    assert said.code == 2
    assert "no reviewer 'securty'" in said.err
    assert "review-security" in said.err


def test_only_reviewers_without_analysers_have_read_nothing(change, reviewed):
    folder = change(a_py=NIT) / ".reviewloop/agents"
    folder.mkdir(parents=True)
    (folder / "review-taste.json").write_text('{"name": "review-taste", "prompt": "Judge."}')
    code, report = reviewed("--agents", "taste")

    assert (code, report["outcome"]) == (5, "incomplete")
    assert report["agents"][0]["status"] == "skipped"


def test_an_analyser_that_failed_makes_the_review_incomplete(change, reviewed, monkeypatch):
    change(a_py=YELLOW)
    monkeypatch.setenv("REVIEWLOOP_REVIEW__ANALYSER_SECONDS", "0.0001")
    code, report = reviewed()

    assert (code, report["outcome"]) == (5, "incomplete")
    assert next(a for a in report["analysers"] if a["name"] == "ruff")["status"] == "failed"


def test_it_is_said_when_no_analyser_looked(change, reviewed, monkeypatch):
    change(a_py=YELLOW)
    monkeypatch.setenv("REVIEWLOOP_REVIEW__ANALYSERS_OFF", '["*"]')

    assert any("no analyser" in note for note in reviewed()[1]["notes"])


def test_a_rule_of_the_settings_that_is_none_is_told(change, reviewed):
    change(a_py=YELLOW)
    Path("reviewloop.toml").write_text('[rules]\n"ruff/B006" = "must"\n"tf/opne" = "off"\n')
    code, report = reviewed()

    assert code == 1
    assert [note for note in report["notes"] if "'tf/opne'" in note]
    assert not [note for note in report["notes"] if "B006" in note]


# What is reviewed


@pytest.mark.parametrize("typed", ["app", "app/a.py", "./app", "../src/app", "{root}/src/app"])
def test_paths_are_read_from_the_folder_one_stands_in(
    change, reviewed, project, monkeypatch, typed
):
    change(src__app__a_py=YELLOW, b_py=YELLOW)
    monkeypatch.chdir(project / "src")
    _, report = reviewed(typed.format(root=project))

    assert [file["path"] for file in report["reviewed"]] == ["src/app/a.py"]


def test_without_paths_all_of_the_repository_is_reviewed_from_any_folder(
    change, reviewed, project, monkeypatch
):
    change(src__a_py=YELLOW, b_py=YELLOW)
    monkeypatch.chdir(project / "src")

    assert len(reviewed()[1]["reviewed"]) == 2
    assert len(reviewed(".")[1]["reviewed"]) == 1


@pytest.mark.parametrize("path", ["../..", "/etc/passwd", "../../project-2/a.py"])
def test_what_is_outside_of_the_repository_is_refused(
    change, reviewloop, project, monkeypatch, path
):
    change(src__a_py=YELLOW)
    monkeypatch.chdir(project / "src")
    said = reviewloop("review", path)

    assert said.code == 2
    assert "no path inside the repository" in said.err


def test_a_deleted_file_can_be_named(change, reviewed, project, git, monkeypatch):
    change(src__a_py=YELLOW)
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "a")
    (project / "src/a.py").unlink()
    (project / "src/b.py").write_text(NIT)
    monkeypatch.chdir(project / "src")
    _, report = reviewed("a.py")

    assert [(f["path"], f["status"]) for f in report["reviewed"]] == [("src/a.py", "D")]


@pytest.mark.parametrize("word", ["HEAD~7", "main..nothing", "nothing...main", "v1^{commit}"])
def test_a_revision_that_is_none_is_said_to_be_none(project, reviewloop, word):
    said = reviewloop("review", word)

    assert said.code == 2
    assert "is not a commit, branch or tag" in said.err


def test_a_word_that_is_a_path_and_a_revision_is_refused(change, reviewloop, project, git):
    change(both__a_py=YELLOW)
    git(project, "branch", "both")
    said = reviewloop("review", "both")

    assert said.code == 2
    assert "./both" in said.err
    assert reviewloop("review", "./both", *QUIET).out.startswith("both/a.py:1")


def test_staged_work_commits_ranges_and_whole_files_are_reviewed(change, reviewed, project, git):
    change(a_py=YELLOW)
    git(project, "add", ".")
    change(b_py=NIT)
    assert rules(reviewed("--staged")[1]) == ["ruff/B006"]
    git(project, "commit", "-q", "-m", "a")
    assert rules(reviewed()[1]) == ["ruff/F401"]
    assert rules(reviewed("--commit", "HEAD")[1]) == ["ruff/B006"]
    assert rules(reviewed("HEAD~1..HEAD")[1]) == ["ruff/B006"]
    assert set(rules(reviewed("--files", ".")[1])) == {"ruff/B006", "ruff/F401"}


def test_a_patch_on_standard_input_is_reviewed(change, reviewed, project, git, monkeypatch):
    change(a_py="x = 1\n")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "a")
    change(a_py="x = 1\n" + YELLOW)
    patch = git(project, "diff") + "\n"
    git(project, "checkout", "-q", "a.py")

    class Typed:
        buffer = io.BytesIO(patch.encode())

    monkeypatch.setattr(sys, "stdin", Typed)
    _, report = reviewed("-")

    assert [(f["path"], f["line"]) for f in report["findings"]] == [("a.py", 2)]


def test_lines_that_are_gone_are_a_change_too(change, reviewed, project, git):
    encrypted = 'resource "aws_ebs_volume" "d" {\n  size = 9\n  encrypted = true\n}\n'
    (project / "main.tf").write_text(encrypted)
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "tf")
    (project / "main.tf").write_text(encrypted.replace("  encrypted = true\n", ""))
    _, report = reviewed()
    found = {f["rule"]: f["placement"] for f in report["findings"]}

    assert found["infra/unencrypted-at-rest"] == "context"


@pytest.mark.parametrize(("clean", "notes"), [("", 0), ("printf 1", 1)])
def test_a_filter_takes_no_file_out_of_a_review(change, reviewed, git, clean, notes):
    repo = change(a_py="1\n")
    (repo / ".gitattributes").write_text("*.py filter=strip\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "attributes")
    git(repo, "config", "filter.strip.clean", clean)
    change(a_py=RED, new_py=RED)
    code, report = reviewed()

    assert code == 1
    assert {f["path"] for f in report["findings"]} == {"a.py", "new.py"}
    assert len([n for n in report["notes"] if "filter 'strip' was not run" in n]) == notes


def test_a_change_that_must_not_be_read_makes_the_review_incomplete(
    change, reviewed, reviewloop, git
):
    repo = change(a_key="1\n", b_py="ANSWER = 42\n")
    (repo / ".git/info/attributes").write_text("*_key filter=git-crypt\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "a key")
    git(repo, "config", "filter.git-crypt.clean", "git-crypt clean")
    change(a_key="a changed key\n", new_key="a new key\n")
    code, report = reviewed()

    assert (code, report["outcome"]) == (5, "incomplete")
    listed = {file["path"]: (file["status"], file["reason"]) for file in report["skipped"]}
    why = "needs the filter 'git-crypt', which encrypts and is not run here"
    assert listed == {"a_key": ("M", why), "new_key": ("A", why)}
    said = reviewloop("review", "-v")
    assert "Incomplete: a_key and 1 more could not be read, for the reason given." in said.out


def test_a_huge_file_is_listed_as_skipped(change, reviewed):
    repo = change()
    with (repo / "huge.py").open("wb") as file:
        file.truncate(33 << 20)  # takes no room
    code, report = reviewed()

    assert (code, report["outcome"]) == (0, "nothing_to_review")
    assert [(file["path"], file["status"]) for file in report["skipped"]] == [("huge.py", "A")]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--staged", "--commit", "HEAD"), "--staged and --commit cannot be combined"),
        (("--files",), "--files needs the files"),
        (("main..HEAD", "--staged"), "a range and --staged cannot be combined"),
        (("-o", "/no/such/folder/out.json"), "its folder does not exist"),
        (("-o", "."), "is a folder"),
        (("--apply-fixes", "--staged"), "files as they are on disk"),
        (("--apply-fixes", "main..HEAD"), "files as they are on disk"),
        (("--model", "nonsense"), "provider:model"),
        (("--min-severity", "high"), "'high'"),
        (("",), "empty path"),
        (("no/such.py",), "no branch, commit, file or folder `no/such.py`"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(change, reviewloop, arguments, reason):
    change(a_py=NIT)
    said = reviewloop("review", *arguments)

    assert said.code == 2
    assert reason in said.err
    assert said.out == ""


def test_outside_of_a_repository_there_is_no_review(tmp_path, monkeypatch, reviewloop):
    monkeypatch.chdir(tmp_path)
    said = reviewloop("review")

    assert said.code == 2
    assert "not inside a git repository" in said.err


# What is written


@pytest.mark.parametrize(
    ("format_", "start"),
    [
        ("text", "Reviewed "),
        ("concise", "a.py:3:"),
        ("json", "{"),
        ("sarif", "{"),
        ("markdown", ""),
        ("github", ""),
        ("html", "<!doctype html>"),
    ],
)
def test_every_format_goes_to_a_file_or_to_standard_output(
    change, reviewloop, tmp_path, format_, start
):
    change(a_py=RED)
    target = tmp_path / "report"
    said = reviewloop("review", "--format", format_, "-o", str(target), "-q")
    shown = reviewloop("review", "--format", format_, "-q")

    assert (said.code, said.out, shown.code) == (1, "", 1)
    written = target.read_text("utf-8")
    assert written.lower().lstrip().startswith(start.lower())
    assert "ruff/S501" in written
    assert "ruff/S501" in shown.out


def test_nothing_found_writes_no_empty_line(change, reviewloop):
    change(a_py="ANSWER = 42\n")

    assert reviewloop("review", *QUIET) == (0, "", "")


def test_a_review_changes_nothing(change, reviewloop, project, git):
    change(a_py=RED)
    before = (git(project, "status", "--porcelain"), git(project, "for-each-ref"))
    reviewloop("review")

    assert (git(project, "status", "--porcelain"), git(project, "for-each-ref")) == before


def test_a_state_folder_that_cannot_be_made_does_not_stop_a_review(
    change, reviewloop, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REVIEWLOOP_STATE_DIR", str(tmp_path / "file/state"))
    change(a_py=RED)

    assert reviewloop("review", *QUIET).code == 1


def test_a_secret_that_the_machine_holds_is_a_must_fix_that_no_comment_silences(
    change, reviewed, monkeypatch
):
    token, kept = secrets.token_hex(20), secrets.token_hex(20)
    monkeypatch.setenv("MY_API_TOKEN", token)
    encoded = base64.b64encode(kept.encode()).decode()
    line = f'x = "{token}"  # reviewloop: ignore[secret/held-value] it is ours\n'
    root = change(a_py=line, b_py=f'y = "{encoded}"\nz = "{kept}"\n')
    (root / ".env").write_text(f"STAGE_KEY={kept}\n")
    (root / ".gitignore").write_text(".env\n")
    code, report = reviewed()

    found = [(f["path"], f["line"], f["severity"]) for f in report["findings"]]
    must = "must_fix"
    assert (code, found) == (1, [("a.py", 1, must), ("b.py", 1, must), ("b.py", 2, must)])
    assert set(rules(report)) == {"secret/held-value"}
    assert [f["title"].split(",")[0] for f in report["findings"]] == [
        "The value of MY_API_TOKEN",
        *["The value of STAGE_KEY"] * 2,
    ]
    text = json.dumps(report)
    assert not [part for part in (token, kept, encoded[:40]) if part in text]
