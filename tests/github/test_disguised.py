"""A stranger's pull request cannot pass by hiding its own files from the review."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkout import Checkout
from support.disguises import FOUND, INCOMPLETE, TRICKS, WAITS, Trick
from support.ends import git, make_repository
from support.github_server import GitHubServer
from support.runner import Runner
from support.two_jobs import TwoJobs

CHECKED = {
    "mark",
    "vendor/",
    "*.min.js",
    "lock file",
    "NUL",
    "pointer",
    "size",
    "padding line",
    "folder of examples",
    "program",
}  # one of each kind; all of them are tried in tests/review/test_disguises.py
ENDS = {
    FOUND: ("needs_changes", 1, "failure"),
    WAITS: ("needs_person", 4, "action_required"),
    INCOMPLETE: ("review_error", 5, "failure"),
}


def branch(folder: Path, name: str, onto: str, files: dict[str, str | bytes]) -> None:
    git(folder, "checkout", "-q", "-b", name, onto)
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "-m", name)


@pytest.fixture
def fork(tmp_path: Path) -> Iterator:
    """Return a function that opens a fork's pull request with a change and reviews it."""
    folder = tmp_path / "there"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "empty")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")

    def run(files: dict, base: dict | None = None, head_repo: str = "eve/demo"):
        branch(folder, "main", "empty", {"kept.txt": "kept\n", **(base or {})})
        branch(folder, "feature", "main", files)
        git(folder, "checkout", "-q", "main")
        github = servers.enter(folder)
        github.grant(checks="write")
        github.open_pull(head="feature", author="eve", head_repo=head_repo)
        runner = Runner(github, Checkout(folder, tmp_path / "home"), tmp_path)
        options = ("--forks", "--check", "--fail-on", "must", "--model", "none")
        ran = runner.review("opened", *options)
        (check,) = (r.body for r in github.asked("checks/create"))
        return ran, check, github

    servers = _Servers()
    yield run
    servers.close()


class _Servers:
    def __init__(self) -> None:
        self.open: list[GitHubServer] = []

    def enter(self, folder: Path) -> GitHubServer:
        server = GitHubServer(folder, roles={"eve": "read"})
        server.__enter__()
        self.open.append(server)
        return server

    def close(self) -> None:
        for server in self.open:
            server.__exit__(None, None, None)


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize(
    "trick", [t for t in TRICKS if t.name in CHECKED], ids=lambda trick: trick.name
)
def test_no_trick_of_a_stranger_is_green(fork, trick: Trick) -> None:
    ran, check, _ = fork(trick.files(tricked=True), trick.base)

    status, code, conclusion = ENDS[trick.outcome]
    assert (ran.out["status"], ran.code, check["conclusion"]) == (status, code, conclusion)


def test_beside_an_honest_file_the_count_stands_in_the_title_and_a_person_is_asked(fork) -> None:
    ran, check, github = fork({"README.md": "# Hello\n", "bin/tool": b"\x7fELF\2\1\1\0\0"})

    assert (ran.out["status"], ran.code) == ("needs_person", 4)
    assert "bin/tool" in ran.out["reason"]
    assert check["output"]["title"] == "Needs a person, 1 file not reviewed"
    (summary,) = github.asked("issues/create-comment")
    assert "## reviewloop: no findings · 1 file not reviewed" in summary.body["body"]


def test_who_may_write_is_believed_and_the_count_is_told(fork) -> None:
    ran, check, _ = fork(
        {"README.md": "# Hello\n", "bin/tool": b"\x7fELF\2\1\1\0\0"}, None, "octo/demo"
    )

    assert (ran.out["status"], ran.code) == ("passed", 0)
    assert check["output"]["title"] == "Reviewed, 1 file not reviewed"


def test_a_picture_of_a_stranger_passes(fork) -> None:
    ran, check, _ = fork({"README.md": "# Hello\n", "a.png": b"\x89PNG\r\n\x1a\n\0\0"})

    assert (ran.out["status"], check["conclusion"]) == ("passed", "success")


def test_in_two_jobs_the_one_that_posts_asks_for_the_person(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "there")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    with GitHubServer(folder, roles={"ada": "write", "eve": "read"}) as github:
        github.open_pull(head="binary", author="eve", head_repo="eve/demo")
        jobs = TwoJobs(github, folder, tmp_path)
        read, posted = jobs.read(), jobs.post("--check")

        assert (read.code, posted.code) == (4, 4)
        assert (read.out["status"], posted.out["status"]) == ("needs_person", "needs_person")
        (check,) = (r.body for r in github.asked("checks/create"))
        assert check["conclusion"] == "action_required"
