"""`init --full`: shows all it would write, writes what is not there, and nothing twice."""

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.shop import make_shop
from support.untouched import photograph


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root, branch="work")
    return Checkout(root, tmp_path / "home", settings=QUIET_GATES)


def test_all_is_shown_and_nothing_written_until_a_user_agrees(checkout):
    before = photograph(checkout.root)
    said = checkout.run("init", "--full")
    assert (said.code, "nothing was written; --yes writes them" in said.err) == (4, True)
    assert photograph(checkout.root) == before
    shown = [line[4:] for line in said.out.splitlines() if line.startswith("=== ")]
    assert shown[0] == "reviewloop.toml"
    assert "- python: " in said.out
    done = checkout.run("init", "--full", "--yes")
    assert done.code == 0
    assert all((checkout.root / path).is_file() for path in shown)
    listed = checkout.run("steering", "list").out
    assert "tech.md (project): always" in listed


def test_again_on_a_full_repository_nothing_changes(checkout):
    checkout.run("init", "--full", "--yes")
    before = photograph(checkout.root)
    said = checkout.run("init", "--full", "--yes")
    assert (said.code, said.out) == (0, "")
    assert "nothing to add: settings, steering and a spec are there" in said.err
    assert photograph(checkout.root) == before


def test_a_skeleton_is_no_task_that_a_batch_would_begin(checkout):
    checkout.run("init", "--full", "--yes")
    said = checkout.run("tasks", "--spec", ".kiro/specs/first-change", "--json")
    assert '"tasks": []' in said.out.replace("\n", "") or said.code == 2, said


def test_force_and_full_exclude_each_other(checkout):
    said = checkout.run("init", "--full", "--force")
    assert (said.code, "only what is not there" in said.err) == (2, True)


def test_a_link_out_of_the_repository_is_not_followed(checkout, tmp_path):
    (tmp_path / "outside").mkdir()
    (checkout.root / ".kiro/steering").symlink_to(tmp_path / "outside")
    said = checkout.run("init", "--full", "--yes")
    assert (said.code, ".kiro/steering is a link or a file" in said.err) == (2, True), said.err
    assert not (checkout.root / "reviewloop.toml").exists()
    assert list((tmp_path / "outside").iterdir()) == []
