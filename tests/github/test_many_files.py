"""Pull requests as large as GitHub allows: read completely, in few requests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkout import Checkout
from support.ends import REVIEW, SETTINGS, TALK, Stage, git, limits, refuses
from support.finding_locations import check_standing, on_diff, summaries
from support.github_server import GitHubServer
from support.runner import Clock, Runner

FILES, FINDINGS = 3000, 100
BAD = "#!/bin/sh\nset -e\nchmod 777 out\n"
UNREAD = ("yarn.lock", "logo.png", "web/app.min.js", "data.bin")


def stream() -> Iterator[str]:
    """Yield what git reads: main, `large` with 3,000 files, `larger` with one more, and `some`."""
    identity = "committer Ada Example <ada@example.org> 1700000000 +0000\n"

    def data(text: str) -> str:
        return f"data {len(text.encode())}\n{text}\n"

    yield f"commit refs/heads/main\n{identity}{data('first')}"
    yield f"M 100644 inline reviewloop.toml\n{data(SETTINGS)}"
    yield f"commit refs/heads/large\n{identity}{data('large')}from refs/heads/main\n"
    for number in range(FILES - len(UNREAD)):
        text = BAD if number < FINDINGS else f"#!/bin/sh\nset -e\necho {number}\n"
        yield f"M 100644 inline src/{number % 20}/f{number}.sh\n{data(text)}"
    for path in UNREAD:
        yield f"M 100644 inline {path}\n{data(chr(0) * 9)}"
    yield f"commit refs/heads/larger\n{identity}{data('more')}from refs/heads/large\n"
    yield f"M 100644 inline one.sh\n{data('true')}"
    yield f"commit refs/heads/some\n{identity}{data('some')}from refs/heads/main\n"
    for number in range(FINDINGS):
        yield f"M 100644 inline f{number}.sh\n{data(BAD)}"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "fast-import", "--quiet", stdin="".join(stream()).encode())
    git(folder, "reset", "-q", "--hard")
    return folder


@pytest.fixture
def large(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[GitHubServer, Runner, Clock]]:
    clock = Clock()
    clock.rule(monkeypatch)
    with GitHubServer(repository) as github:
        github.open_pull(head="large")
        yield github, Runner(github, Checkout(repository, tmp_path / "home"), tmp_path), clock


@pytest.mark.slow
def test_three_thousand_files_are_read_and_one_more_is_too_many(large) -> None:
    github, runner, _ = large
    first = runner.review("opened")
    assert (first.out["status"], first.code) == ("passed", 0), first.out["reason"]
    assert first.out["coverage"] == f"{FILES - len(UNREAD)}/{FILES}"
    assert (first.out["should-fix"], first.out["comments-posted"]) == (str(FINDINGS), "30")
    assert len(on_diff(github)) == 30
    assert [path for path in UNREAD if path not in summaries(github)[0].body] == []
    check_standing(github, first.findings)
    # However many files there are: no request for each, and none for the diff.
    assert first.writes == [REVIEW, TALK]
    assert len(first.requests) <= 14
    assert {r.accept for r in first.requests} == {"application/vnd.github+json"}

    again = runner.review("opened")
    assert (again.out["status"], again.out["comments-posted"]) == ("passed", "0")
    check_standing(github, again.findings)
    assert len(again.requests) <= 14

    github.push(7, "larger")
    larger = runner.review("synchronize")
    assert (larger.out["status"], larger.code, larger.writes) == ("skipped", 0, [])
    assert "changes 3001 files, more than the 3000" in larger.out["reason"]
    assert [r.operation for r in larger.requests] == ["pulls/get"]


@pytest.mark.slow
def test_many_writes_slow_down_when_github_says_that_they_are_too_fast(large) -> None:
    github, runner, clock = large
    github.push(7, "some")
    stage = Stage(github, runner, clock)
    limits(REVIEW, 5)(stage)
    refuses(REVIEW, times=999)(stage)
    ran = runner.review("opened", "--max-comments", "60")
    assert (ran.out["status"], ran.out["comments-demoted"]) == ("passed", "100")
    check_standing(github, ran.findings)
    assert len(ran.writes) == 2 * 59 + 60 + 1 + 1  # both batches bisected, files, summary, limit
    assert sum(clock.slept) >= 5 + 60 * (len(ran.writes) // 40)
