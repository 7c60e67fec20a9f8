"""Runs on commits that only other runs have."""

import shutil
from dataclasses import replace

import pytest
from support.started import programs_started

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.commits import Base, create_on, rebase_change
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover

ADA = ("Ada Example", "ada@example.org")


@pytest.fixture
def below(private: PrivateRepo, tmp_path) -> Base:
    """Return a commit of one run, for others to stand on."""
    tree = private.edit(private.tree_of(private.head), {"dir/one.txt": b"1\n"})
    commit = private.commit(tree, [private.head], "one", ADA, ADA)
    return Base(commit, private.folder, private.head, tmp_path / "line")


def test_a_commit_is_copied_once_and_outlives_its_run(repo, below, tmp_path):
    user = discover(repo)
    create_on(tmp_path / "first.git", user, below).close()
    shutil.rmtree(below.private)
    with programs_started() as started:
        second = create_on(tmp_path / "second.git", user, below, for_reading=True)
    assert started == []
    assert second.read(second.tree_of(below.commit), "dir/one.txt") == b"1\n"
    second.git.run("fsck", "--strict", "--connectivity-only", below.commit)
    second.close()


def test_a_copy_that_did_not_come_about_is_not_taken_for_one(repo, below, tmp_path):
    user = discover(repo)
    lost = replace(below, private=tmp_path / "empty.git")
    PrivateRepo.create(lost.private, user).close()
    for name in ("one.git", "again.git"):
        with pytest.raises(WorkspaceError):
            create_on(tmp_path / name, user, lost)


def test_a_repository_that_reads_already_sees_what_it_borrows(repo, below, tmp_path):
    user = discover(repo)
    private = PrivateRepo.create(tmp_path / "other.git", user)
    tree = private.edit(private.tree_of(private.head), {"two.txt": b"2\n"})
    moved = rebase_change(private, tree, private.head, below, user)
    assert private.read(moved.tree, "dir/one.txt") == b"1\n"
    assert private.read(moved.tree, "two.txt") == b"2\n"
    private.close()


def test_tags_are_for_runs_and_not_for_reading(repo, git, tmp_path):
    git(repo, "tag", "v1")
    user = discover(repo)
    for for_reading, tags in ((False, "v1"), (True, "")):
        private = create_on(tmp_path / f"{for_reading}.git", user, None, for_reading=for_reading)
        assert private.git.text("tag") == tags
        private.close()
