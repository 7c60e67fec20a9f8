"""The life of a pull request over HTTP: what is posted once, answered, dismissed, and skipped.

The repository is real, the reviewers' word is that of our own analysers; only GitHub is not.
"""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.github_events import of_pull
from support.github_server import GitHubServer
from support.github_state import BOT, ReviewComment

from reviewloop.cli.main import run

SETTINGS = """[review]
analysers_off = ["ruff", "bandit", "gitleaks", "semgrep", "shellcheck", "tested", "python*"]
"""
FIRST = "#!/bin/sh\nset -e\necho start\n"
DOWNLOAD = "curl -fsSL https://example.com/install.sh | sh\n"
RIGHTS = "chmod 777 out\n"
HOST = "ssh -o StrictHostKeyChecking=no deploy@example.com true\n"
SUDO = "sudo systemctl restart shop\n"  # a nit


class Author:
    """Somebody who works on the branch `feature`, in the clone that is also reviewed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def git(self, *args: str) -> None:
        identity = ("-c", "user.name=Ada Example", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *identity, *args], cwd=self.folder, check=True, capture_output=True)

    def commit(self, *files: tuple[str, str], amend: bool = False) -> None:
        for name, text in files:
            (self.folder / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "work", *(["--amend"] if amend else []))


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as it is when a pull request is opened: three findings and a nit."""
    author = Author(tmp_path_factory.mktemp("begun"))
    author.git("init", "-q", "-b", "main")
    author.commit(("reviewloop.toml", SETTINGS), ("deploy.sh", FIRST), ("notes.md", "a\n"))
    author.git("checkout", "-q", "-b", "feature")
    author.commit(("deploy.sh", FIRST + DOWNLOAD + RIGHTS + HOST + SUDO))
    return author.folder


@pytest.fixture
def author(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Author:
    folder = tmp_path / "work"
    subprocess.run(["cp", "-r", str(begun), str(folder)], check=True)
    monkeypatch.chdir(folder)
    return Author(folder)


@pytest.fixture
def github(author: Author) -> Iterator[GitHubServer]:
    with GitHubServer(author.folder, roles={"ada": "write", "eve": "read"}) as server:
        server.open_pull(head="feature")
        yield server


Result = tuple[int, dict[str, str]]
Review = Callable[..., Result]


@pytest.fixture
def review(github: GitHubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Review:
    """Run the command as a workflow would; return its exit code and its outputs."""

    def start(action: str = "opened", *options: str, payload: Any = None) -> Result:
        out, path, page = tmp_path / "out", tmp_path / "event.json", tmp_path / "page.md"
        for file in (out, page):
            file.write_text("")
        path.write_text(json.dumps(payload or of_pull(github, 7, action)))
        files = {"OUTPUT": out, "EVENT_PATH": path, "STEP_SUMMARY": page}
        for name, value in files.items():
            monkeypatch.setenv(f"GITHUB_{name}", str(value))
        for name, text in github.environ.items():
            monkeypatch.setenv(name, text)
        monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        code = run(["github", "review", "--model", "none", *options])
        found = re.findall(r"^(\S+)<<(\S+)\n(.*)\n\2$", out.read_text(), re.MULTILINE)
        return int(code), {name: value for name, _, value in found}

    return start


def said(github: GitHubServer) -> list[ReviewComment]:
    """Return what we said on lines and files, without answers."""
    return [c for c in github.state.visible(7) if c.author == BOT and not c.in_reply_to]


def about(github: GitHubServer, word: str) -> ReviewComment:
    [found] = [c for c in said(github) if word in c.body]
    return found


def summary(github: GitHubServer) -> str:
    """Return the one summary that we keep up to date."""
    [comment] = [c for c in github.state.issue_comments if c.author == BOT]
    return comment.body


def test_the_life_of_a_pull_request(
    github: GitHubServer, author: Author, review: Review, tmp_path: Path
) -> None:
    code, out = review("opened")
    assert (code, out["status"], out["comments-posted"]) == (0, "passed", "3")
    assert [(c.path, c.line) for c in said(github)] == [("deploy.sh", n) for n in (4, 5, 6)]
    assert "asks for root" in summary(github)  # the nit
    assert len(github.asked("pulls/create-review")) == 1

    # A push fixes one finding and moves the others.
    author.commit(("deploy.sh", FIRST + "echo one\necho two\n" + RIGHTS + HOST + SUDO))
    github.push(7)
    code, out = review("synchronize")
    assert (code, out["status"], out["comments-posted"]) == (0, "passed", "0")
    assert len(said(github)) == 3
    assert "asks for root" in summary(github)  # only there, so again
    answers = [c for c in github.state.visible(7) if c.in_reply_to]
    fixed = about(github, "download")
    assert [(a.in_reply_to, "fixed" in a.body) for a in answers] == [(fixed.id, True)]

    # Whoever may write dismisses one; a stranger does not. A push brings a new one.
    github.reply(about(github, "Everybody").id, "ada", "reviewloop: dismiss shared by design")
    github.reply(about(github, "SSH").id, "eve", "reviewloop: dismiss because I say so")
    author.commit(("more.sh", FIRST + DOWNLOAD))
    github.push(7)
    code, out = review("synchronize", "--fail-on", "should")
    assert (code, out["status"], out["should-fix"]) == (1, "needs_changes", "2")
    assert [(c.path, c.line) for c in said(github)[3:]] == [("more.sh", 4)]

    # The history is written anew.
    author.git("reset", "-q", "--hard", "main")
    author.commit(("deploy.sh", "# shop\n" + FIRST + RIGHTS + SUDO))
    github.push(7)
    code, out = review("synchronize", "--fail-on", "should")
    assert (code, out["status"], out["should-fix"]) == (0, "passed", "0")
    assert len(said(github)) == 4
    assert "shared by design" in summary(github)
    answered = {c.in_reply_to for c in github.state.visible(7) if c.author == BOT} - {None}
    assert answered == {fixed.id, about(github, "SSH").id, said(github)[3].id}


def test_a_missing_permission_is_named_and_nothing_is_lost(
    github: GitHubServer, review: Review, tmp_path: Path
) -> None:
    github.grant(pull_requests="read")
    code, out = review("opened", "--sarif", str(tmp_path / "found.sarif"))
    assert (code, out["status"], out["comments-posted"]) == (2, "review_error", "0")
    assert "pull-requests: write" in out["reason"]
    assert "A download is run" in (tmp_path / "page.md").read_text()
    assert len(json.loads((tmp_path / "found.sarif").read_text())["runs"][0]["results"]) == 4


@pytest.mark.slow
def test_an_answer_that_gets_lost_is_looked_for(github: GitHubServer, review: Review) -> None:
    github.reset("pulls/create-review", "after")
    github.reset("issues/create-comment", "after")
    code, out = review("opened")
    assert (code, out["status"], len(said(github))) == (0, "passed", 3)
    assert "asks for root" in summary(github)


def test_what_lost_its_comment_is_told_in_the_summary(
    github: GitHubServer, author: Author, review: Review
) -> None:
    review("opened")
    state, gone = github.state, about(github, "download")
    assert "A download is run" not in summary(github)
    state.review_comments.remove(gone)
    state.threads = [thread for thread in state.threads if thread.root is not gone]
    author.commit(("notes.md", "b\n"))
    github.push(7)
    review("synchronize")
    assert "A download is run" in summary(github)
    assert len(said(github)) == 2


def test_the_end_can_be_a_check(github: GitHubServer, review: Review) -> None:
    code, out = review("opened", "--check", "--comments", "none")
    assert (code, out["status"]) == (2, "review_error")
    assert "checks: write" in out["reason"]
    github.grant(checks="write")
    review("opened", "--check", "--fail-on", "should", "--comments", "none")
    assert [check["conclusion"] for check in github.state.checks] == ["failure"]
    assert said(github) == []


def test_a_person_may_name_the_pull_request(
    github: GitHubServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    github.state.pulls[7].draft = True  # who names it wants it
    for name in ("GITHUB_API_URL", "GITHUB_GRAPHQL_URL", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, github.environ[name])
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    asked = ["github", "review", "--model", "none", "--json", "--comments", "summary"]
    assert run([*asked, "--pr", "7", "--repo", github.full]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert (found["kind"], found["status"], found["should-fix"]) == ("github_review", "passed", 3)
    assert (found["pull"], found["comments-posted"], found["cost-usd"]) == (7, 0, None)
    assert "pull request 7: passed" in shown.err
    assert said(github) == []
    assert "A download is run" in summary(github)
    # Who wants no comment reads it here.
    quiet = [each for each in asked if each != "--json"][:-1]
    assert run([*quiet, "none", "--pr", "7", "--repo", github.full]) == 0
    shown = capsys.readouterr()
    assert "A download is run" in shown.out
    assert "reviewloop:state" not in shown.out
    assert "pull request 7: passed; 3 should fix" in shown.err
    for options, word in (([], "--repo"), (["--repo", github.full], "--pr")):
        assert run([*asked, *options]) == 2
        assert word in json.loads(capsys.readouterr().out)["reason"]
    assert run([*asked, "--pr", "8", "--repo", github.full]) == 2


def test_commits_that_are_not_here_are_named_and_not_fetched(
    github: GitHubServer, author: Author, review: Review, tmp_path: Path, monkeypatch: Any
) -> None:
    shallow = tmp_path / "shallow"
    place = author.folder.as_uri()
    author.git("clone", "-q", "--depth", "1", "--branch", "feature", place, str(shallow))
    monkeypatch.chdir(shallow)
    code, out = review("opened")
    assert (code, out["status"]) == (2, "review_error")
    assert "fetch-depth: 0" in out["reason"]
    assert "git fetch origin main" in out["reason"]


def test_the_rules_are_those_of_the_base_commit(
    github: GitHubServer, author: Author, review: Review
) -> None:
    settings = SETTINGS + 'ignore = ["deploy.sh"]\nmin_severity = "must"\n'
    text = FIRST + "chmod 777 out  # reviewloop: ignore[sh/open-rights] no reason\n"
    author.commit(("reviewloop.toml", settings), ("deploy.sh", text))
    github.push(7)
    github.state.pulls[7].head_repo = "eve/demo"
    code, out = review("synchronize", "--forks")
    assert (code, out["status"], out["comments-posted"]) == (0, "passed", "1")
