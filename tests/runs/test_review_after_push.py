"""After a push only the push is reviewed; earlier hits of analysers need no second verdict."""

import re

import pytest
from support.bedrock import BedrockServer
from support.parts import cast
from support.play import agent_of

from reviewloop.app.review.review import ReviewRequest, review
from reviewloop.domain.errors import ExitCode
from reviewloop.git.comparison import CompareSpec
from reviewloop.review.push import Known

MODEL = "bedrock_converse:global.anthropic.claude-sonnet-5-5"
SHELL, MD5, DEFAULT = "ruff/S602", "ruff/S324", "ruff/B006"
FIRST = """import hashlib
import subprocess


def mark(data):
    return hashlib.md5(data).hexdigest()


def names(folder):
    return subprocess.run("ls " + folder, shell=True)
"""
SECOND = "def add(item, items=[]):\n    items.append(item)\n    return items\n"
ONLY = {"review.analysers_off": ("gitleaks", "semgrep", "bandit", "tested")}


@pytest.fixture
def line(repo, git):
    """Return a function that commits files and returns the new commit."""
    git(repo, "switch", "-q", "-c", "feature")

    def commit(**files: str) -> str:
        for name, text in files.items():
            (repo / name.replace("__", ".")).write_text(text)
        git(repo, "add", "-A")
        git(repo, "commit", "-q", "-m", "work")
        return git(repo, "rev-parse", "HEAD")

    return commit


@pytest.fixture
def models(monkeypatch):
    with BedrockServer(cast(), agent_of=agent_of) as server:
        for name, value in server.env().items():
            monkeypatch.setenv(name, value)
        yield server


def reviewed(repo, since="", known=(), model=MODEL, **more):
    request = ReviewRequest(
        CompareSpec(range="main...feature"),
        model=model,
        flags=ONLY,
        remembered=False,
        deep_from=since,
        known=tuple(Known(name, "first.py", "Known") for name in known),
        **more,
    )
    with review(request, repo) as done:
        return done.report


def ids(report) -> dict[str, str]:
    return {f.rule: f.id for f in (*report.findings, *report.silenced) if f.rule}


def asked_about(models) -> set[str]:
    return set(re.findall(r"E\d+ for \S+: \[([^\]]+)\]", models.ledger[-1].said))


def test_evidence_that_is_known_to_be_open_needs_no_second_word(repo, line, models):
    first = line(first__py=FIRST)
    before = ids(reviewed(repo, model="none"))
    line(second__py=SECOND)
    report = reviewed(repo, first, [before[SHELL]])
    # Pushed files, and what was perhaps rejected: nobody remembers that.
    assert asked_about(models) >= {MD5, DEFAULT}
    assert SHELL not in asked_about(models)
    notes = {f.rule: f.note for f in report.findings}
    assert notes[SHELL] == ""
    assert notes[DEFAULT].startswith("not confirmed by")
    assert [f.path for f in report.readership.files] == ["second.py"]
    assert report.readership.since == first
    said = models.ledger[-1].said
    assert "+def add(item, items=[]):" in said.partition("# Around it")[0]
    assert "+def names(folder):" in said.partition("# Around it")[2]


def test_nothing_is_asked_about_a_push_that_nobody_reads(repo, line, models):
    first = line(first__py=FIRST)
    before = ids(reviewed(repo, model="none"))
    line(uv__lock="version = 1\n")
    report = reviewed(repo, first, [before[SHELL]])
    assert models.ledger == []
    assert report.outcome == "findings"
    assert before[SHELL] in {f.id for f in report.findings}
    assert before[MD5] in {f.id for f in report.silenced}  # it was settled before
    assert any("nothing that is read was pushed" in note for note in report.notes)
    assert {a.status for a in report.agents} == {"skipped"}
    # A stranger's change settles nothing.
    strange = reviewed(repo, first, [before[SHELL]], untrusted=True)
    assert before[MD5] in {f.id for f in strange.findings}


def test_work_of_the_base_is_no_push_and_a_conflict_is_read_whole(repo, line, models, git):
    first = line(first__py=FIRST, README__md="# project\nours\n")
    git(repo, "switch", "-q", "main")
    line(other__py="x = 1\n")
    git(repo, "switch", "-q", "feature")
    git(repo, "merge", "-q", "--no-edit", "main")
    assert reviewed(repo, first).readership is None
    assert models.ledger == []
    line(second__py=SECOND)
    assert [f.path for f in reviewed(repo, first).readership.files] == ["second.py"]

    git(repo, "switch", "-q", "main")
    line(README__md="# project\ntheirs\n")
    git(repo, "switch", "-q", "feature")
    git(repo, "merge", "-q", "-s", "ours", "--no-edit", "main")
    whole = reviewed(repo, first).readership
    assert whole.since == ""
    assert {f.path for f in whole.files} == {"first.py", "second.py", "README.md"}


@pytest.mark.parametrize("since", ["0" * 40, "--all", "main"])
def test_a_commit_that_says_nothing_is_no_reason_to_read_less(repo, line, models, since, git):
    line(first__py=FIRST)
    given = git(repo, "rev-parse", since) if since == "main" else since
    report = reviewed(repo, given)
    assert report.exit_code in {ExitCode.CLEAN, ExitCode.FINDINGS}
    assert [f.path for f in report.readership.files] == ["first.py"]
