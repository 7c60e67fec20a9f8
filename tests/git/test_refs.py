"""Names of the branches that tasks go to."""

import subprocess

import pytest

from reviewloop.git.revisions import task_name


@pytest.mark.parametrize(
    ("spec", "task", "name"),
    [
        (".kiro/specs/orders", "2.1", "orders_2.1"),
        ("specs/001-login/", "T001", "001-login_T001"),
        ("docs/shop-spec.md", "3", "shop-spec_3"),
        ("", "0102-run-a1b2", "0102-run-a1b2"),
    ],
)
def test_a_branch_is_named_after_spec_and_task(spec, task, name):
    assert task_name(spec, task) == name


def test_other_specs_and_tasks_have_other_names_that_git_takes():
    specs = [f"specs/{n}" for n in ("a", "a-b", "a_b", "größe", "grüße", "x" * 60, "x" * 70)]
    specs += ["specs/" + n for n in ("..", "a.lock", "-a", "…", "a b", "a..b", "a/../b", "y" * 300)]
    tasks = ["1", "b-1", "b_1", "b", "1.lock", "2.1.", "…", "z" * 300, "~^:?*[\\@{"]
    names = [task_name(spec, task) for spec in specs for task in tasks]
    assert len({name.casefold() for name in names}) == len({*specs}) * len(tasks)
    assert max(map(len, names)) <= 100
    assert names == [task_name(spec, task) for spec in specs for task in tasks]
    for name in names:
        subprocess.run(["git", "check-ref-format", f"refs/heads/reviewloop/{name}"], check=True)
