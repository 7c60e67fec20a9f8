"""The folder between two jobs: its contents, and that none of them are trusted."""

import json

import pytest
from support.handoffs import OURS, scratch, task

from reviewloop.domain.errors import UsageError
from reviewloop.git.commits import message_of
from reviewloop.git.transfer import read_bundle
from reviewloop.github.artifacts.handoff import ABOUT, COMMITS, read_handoff, write_handoff
from reviewloop.loop.approval_act import Act, approval_lines, record_act


@pytest.fixture
def source(repo, git, tmp_path):
    """Return git on our directory, the checkout's commit, and one that follows it."""
    here = scratch(repo, tmp_path / "run")
    base = git(repo, "rev-parse", "HEAD")
    made = here.run("commit-tree", f"{base}^{{tree}}", "-p", base, "-m", "Work", env_extra=OURS)
    return here, base, made.decode().strip()


def test_commits_and_words_come_over_and_leave_no_name_behind(source, repo, tmp_path):
    here, base, commit = source
    sent = task(base, commit, reviewers=("max", "octo/team"), title="Grüße")
    write_handoff(tmp_path / "out", sent, here)
    assert read_handoff(tmp_path / "out") == sent
    assert here.text("for-each-ref") == ""
    there = scratch(repo, tmp_path / "other")
    read_bundle(there, tmp_path / "out" / COMMITS)
    assert there.text("show", "-s", "--format=%s", commit) == "Work"
    with pytest.raises(UsageError, match="is not empty"):
        write_handoff(tmp_path / "out", sent, here)


def test_commits_whose_ground_is_not_here_or_that_are_damaged_are_refused(source, git, tmp_path):
    here, base, commit = source
    write_handoff(tmp_path / "out", task(base, commit), here)
    bundle = tmp_path / "out" / COMMITS
    empty = tmp_path / "empty"
    git(tmp_path, "init", "-q", str(empty))
    with pytest.raises(UsageError, match=f"{base[:12]}, which is not in this clone: check out"):
        read_bundle(scratch(empty, tmp_path / "none"), bundle)
    data = bundle.read_bytes()
    bundle.unlink()
    bundle.symlink_to("/dev/zero")  # its size is 0, and it has no end
    with pytest.raises(UsageError, match="larger than a handoff"):
        read_bundle(here, bundle)
    bundle.unlink()
    for broken in (data[:-30], b"# v2 git bundle\n\nPACK", b"nonsense", data.replace(b"PACK", b"")):
        bundle.write_bytes(broken)
        with pytest.raises(UsageError, match=r"refused|no bundle"):
            read_bundle(here, bundle)


def test_a_tree_that_would_write_into_git_is_refused(source, repo, tmp_path):
    here, base, _ = source
    blob = here.run("hash-object", "-w", "--stdin", input=b"#!/bin/sh\n").decode().strip()
    entry = f"100755 blob {blob}\tpost-checkout\n"
    for name in ("hooks", ".GIT"):
        tree = here.run("mktree", input=entry.encode()).decode().strip()
        entry = f"040000 tree {tree}\t{name}\n"
    tree = here.run("mktree", input=entry.encode()).decode().strip()
    made = here.run("commit-tree", tree, "-p", base, "-m", "Work", env_extra=OURS)
    write_handoff(tmp_path / "out", task(base, made.decode().strip()), here)
    with pytest.raises(UsageError, match=r"refused: object .* contains '\.git'"):
        read_bundle(scratch(repo, tmp_path / "other"), tmp_path / "out" / COMMITS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"extra": 1}, "extra"),
        ({"version": 2}, "version"),
        ({"repo": "octo"}, "repo"),
        ({"branch": "-x"}, "branch"),
        ({"branch": "a/../b"}, "no name of a branch"),
        ({"branch": "x.lock"}, "no name of a branch"),
        ({"commit": "HEAD"}, "commit"),
        ({"commit": ""}, "a task names its commit"),
        ({"base": "3" * 40}, "a task begins a branch"),
        ({"pull": 7}, "a task begins a branch"),
        ({"base_branch": "main\n"}, "no name of a branch"),
        ({"kind": "fix"}, "a fix names the pull request"),
        ({"body": "x" * 65_001}, "body"),
        ({"reviewers": ["@ada"]}, "reviewers"),
        ({"approval": {"act": "wish", "actor": "ada"}}, "approval"),
    ],
)
def test_a_folder_that_says_something_else_is_refused(change, reason, tmp_path):
    good = json.loads(task("1" * 40, "2" * 40).model_dump_json())
    (tmp_path / ABOUT).write_text(json.dumps(good | change))
    with pytest.raises(UsageError, match=reason):
        read_handoff(tmp_path)


def test_an_act_is_recorded_beside_an_unchanged_tree_and_parent(source):
    here, _, commit = source
    act = Act("environment", "ada", "reviewloop, run 77", "https://github.com/octo/demo/runs/77")
    made = record_act(here, commit, act)
    assert made == record_act(here, commit, act) != commit
    shape = ("show", "-s", "--format=%T %P %an %ad %cn %cd")
    assert here.text(*shape, made) == here.text(*shape, commit)
    assert message_of(here, made).split("\n")[-3:-1] == [
        "Approved-by: ada",
        "Approval: environment reviewloop, run 77 https://github.com/octo/demo/runs/77",
    ]
    assert approval_lines(message_of(here, made)) == act.trailers
    assert approval_lines(message_of(here, commit)) == ()
    assert Act.of({"choice": "approve", **act.plain()}) == act
    assert Act.of({"choice": "approve"}) is None
    assert record_act(here, commit, Act("terminal", "ada")) == commit
