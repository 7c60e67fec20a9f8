"""`clean` and sessions: finished ones are deleted with their calls, waiting ones stay."""

from pathlib import Path

import pytest
from e2e.test_spec_session import Site
from support.spec_script import replies

from reviewloop.app.deploy_logs import end_deploy

IDEA = "tell members of replies"
QUOTED = {"path": "README.md", "quote": "members"}


@pytest.fixture
def site(repo: Path, tmp_path: Path, git) -> Site:
    (repo / "README.md").write_text("For members.\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "words")
    answer = {
        **{"agent": "ask", "step": "ask", "turn": 0},
        "tool_calls": [{"name": "answer", "args": {"answer": "Members.", "quotes": [QUOTED]}}],
    }
    return Site(repo, tmp_path / "home", [*replies(), answer])


def folders(site: Site, kind: str) -> list[str]:
    """Return the sessions of a kind that have a folder."""
    return sorted(path.name for path in site.state.glob(f"repositories/*/{kind}/runs/*"))


def clean(site: Site, *options: str, fault: str = ""):
    return site.program("clean", "--older-than", "0", "--yes", *options, fault=fault)


def test_sessions_that_are_over_go_and_those_that_wait_stay(site: Site) -> None:
    assert site.new().returncode == 4
    assert site.run("new", "other", "-m", IDEA, "--model", site.model).returncode == 4
    assert site.run("reject", "other").returncode == 7
    assert site.program("ask", "For whom?", "--model", site.model).returncode == 0
    [question] = folders(site, "questions")
    said = site.program("clean")
    assert (said.returncode, said.stdout) == (0, ""), "nothing is old yet"
    said = clean(site)
    assert said.returncode == 0, said.stderr
    assert said.stdout == f"{question} the question: For whom?\nother the spec: {IDEA}\n"
    assert (folders(site, "questions"), folders(site, "spec-sessions")) == ([], ["notify"])
    assert site.run("answer", "notify", "1=email").returncode == 4
    assert site.run("list").stdout.count("other") == 0


def test_a_deletion_that_was_killed_is_finished_by_the_next_one(site: Site) -> None:
    assert site.program("ask", "For whom?", "--model", site.model).returncode == 0
    assert clean(site, fault="clean.record").returncode < 0
    [left] = folders(site, "questions") or [
        path.name for path in site.state.glob("repositories/*/questions/start-*")
    ]
    said = clean(site)
    assert (said.returncode, left in said.stdout) == (0, True), said.stderr
    assert not [*site.state.glob("repositories/*/questions/start-*")]
    assert "nothing to delete" in clean(site).stderr


def test_logs_of_what_was_shipped_without_a_run_go_when_they_are_old(site: Site) -> None:
    assert site.program("ask", "For whom?", "--model", site.model).returncode == 0
    [folder] = site.state.glob("repositories/*")
    log = folder / "ship" / "20260101-000000.log"
    log.parent.mkdir()
    log.write_text("deployed\n")
    end_deploy(log, 0)
    assert f"{log.name}  the log of `reviewloop ship`" in clean(site).stdout
    assert [*log.parent.iterdir()] == []  # nothing beside it, either
