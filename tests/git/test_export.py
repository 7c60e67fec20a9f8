"""A run's commit becomes a branch of the user's repository, and nothing else of it changes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.git.commits import export_branch
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover

ADA = ("Ada Example", "ada@example.org")


@pytest.fixture
def stacked(repo: Path, tmp_path: Path) -> tuple[PrivateRepo, str]:
    """Return a private repository with two commits on top of the user's."""
    private = PrivateRepo.create(tmp_path / "private.git", discover(repo))
    commit = private.head
    for number in (1, 2):
        tree = private.edit(private.tree_of(commit), {f"dir/{number}.txt": b"%d\n" % number})
        commit = private.commit(tree, [commit], f"task {number}", ADA, ADA)
    private.close()
    return private, commit


def test_a_commit_becomes_a_branch(
    repo: Path, stacked: tuple[PrivateRepo, str], git: Callable[..., str]
) -> None:
    private, commit = stacked
    index = (repo / ".git/index").read_bytes()
    (repo / "README.md").write_text("edited\n")
    reference = export_branch(discover(repo), private, commit, "reviewloop/task-2")
    assert reference == "refs/heads/reviewloop/task-2"
    assert git(repo, "log", "--format=%s", "reviewloop/task-2").split("\n") == [
        "task 2",
        "task 1",
        "first",
    ]
    assert git(repo, "show", "reviewloop/task-2:dir/2.txt") == "2"
    assert (repo / ".git/index").read_bytes() == index
    assert git(repo, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert (repo / "README.md").read_text() == "edited\n"
    git(repo, "fsck", "--strict")


def test_the_branch_outlives_the_run(
    repo: Path, stacked: tuple[PrivateRepo, str], git: Callable[..., str], tmp_path: Path
) -> None:
    private, commit = stacked
    export_branch(discover(repo), private, commit, "kept")
    (tmp_path / "private.git").rename(tmp_path / "gone")
    git(repo, "gc", "-q", "--prune=now")
    assert git(repo, "show", "kept:dir/1.txt") == "1"


def test_exporting_again_is_fine_but_another_commit_is_not(
    repo: Path, stacked: tuple[PrivateRepo, str], git: Callable[..., str]
) -> None:
    private, commit = stacked
    user = discover(repo)
    export_branch(user, private, commit, "task")
    export_branch(user, private, commit, "task")
    with pytest.raises(WorkspaceError, match="exists already"):
        export_branch(user, private, f"{commit}~1", "task")
    assert git(repo, "rev-parse", "task") == commit


@pytest.mark.parametrize("name", ["", "-f", "a..b", "a b", ".git", "a.lock", "HEAD", "x\ny", "a~1"])
def test_names_that_git_does_not_allow_are_refused(
    repo: Path, stacked: tuple[PrivateRepo, str], git: Callable[..., str], name: str
) -> None:
    private, commit = stacked
    refs = git(repo, "for-each-ref")
    with pytest.raises(UsageError, match="choose another"):
        export_branch(discover(repo), private, commit, name)
    assert git(repo, "for-each-ref") == refs


def test_no_hook_runs(repo: Path, stacked: tuple[PrivateRepo, str], tmp_path: Path) -> None:
    private, commit = stacked
    hook = repo / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/fired'\n")
    hook.chmod(0o755)
    export_branch(discover(repo), private, commit, "task")
    assert not (tmp_path / "fired").exists()
