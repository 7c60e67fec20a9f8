"""When a file was added to a repository: read from available history, never guessed."""

import os

from reviewloop.git.repository import discover
from reviewloop.git.revisions import first_commit_time


def _commit(git, repo, text, day):
    (repo / "docs").mkdir(exist_ok=True)
    (repo / "docs/a-spec.md").write_text(text)
    git(repo, "add", ".")
    date = f"{1_700_000_000 + day * 86_400} +0000"
    git(repo, "commit", "-q", "-m", text, env={**os.environ, "GIT_COMMITTER_DATE": date})


def test_the_first_commit_tells_not_the_latest(repo, git):
    _commit(git, repo, "one", 1)
    _commit(git, repo, "two", 2)
    user = discover(repo, for_reading=True)
    assert first_commit_time(user, "docs/a-spec.md") == 1_700_086_400.0
    assert first_commit_time(user, "docs") == 1_700_086_400.0
    (repo / "docs/new-spec.md").write_text("not committed")
    assert first_commit_time(user, "docs/new-spec.md") is None


def test_a_shallow_clone_does_not_know(repo, git, tmp_path):
    _commit(git, repo, "one", 1)
    _commit(git, repo, "two", 2)
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repo}", "shallow")
    user = discover(tmp_path / "shallow", for_reading=True)
    assert first_commit_time(user, "docs/a-spec.md") is None
