"""`hooks init`: built-in hooks are listed, written once, and never overwrite files."""

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.shop import make_shop
from support.untouched import photograph

from reviewloop.hooks.reading import read_hooks
from reviewloop.hooks.shipped_hooks import shipped_hooks
from reviewloop.specs.files import MemoryFiles

NAMES = [
    *("auto-doc", "auto-optimize", "auto-test", "aws-tagging", "dependency-check"),
    *("pr-description", "pre-commit-review", "refactor-on-save", "spec-sync", "swagger-sync"),
]
PATH = ".reviewloop/hooks/auto-doc.yaml"


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root, branch="work")
    return Checkout(root, tmp_path / "home", settings=QUIET_GATES)


def test_ten_hooks_come_with_us_and_each_is_sound():
    hooks = shipped_hooks()
    assert [hook.name for hook in hooks] == NAMES
    read = read_hooks(MemoryFiles({hook.path: hook.text.encode() for hook in hooks}))
    assert read.problems == ()
    assert sorted(hook.name for hook in read.hooks) == NAMES
    assert all(hook.summary.endswith(".") for hook in hooks)


def test_none_is_in_force_and_a_list_names_them(checkout):
    assert checkout.json("hooks", "list")["hooks"] == []
    said = checkout.run("hooks", "init")
    assert [line.split()[0] for line in said.out.splitlines()] == NAMES
    assert [one["name"] for one in checkout.json("hooks", "init")["hooks"]] == NAMES


def test_it_is_shown_then_written_and_again_changes_nothing(checkout):
    before = photograph(checkout.root)
    shown = checkout.run("hooks", "init", "auto-doc")
    assert (shown.code, shown.out.splitlines()[0]) == (4, f"=== {PATH}")
    assert "scope: documentation" in shown.out
    assert photograph(checkout.root) == before
    said = checkout.run("hooks", "init", "auto-doc", "--yes")
    assert (said.code, f"wrote {PATH}" in said.err) == (0, True)
    assert [one["name"] for one in checkout.json("hooks", "list")["hooks"]] == ["auto-doc"]
    assert checkout.run("hooks", "validate").code == 0
    assert not (checkout.root / ".kiro/hooks").exists()
    written = photograph(checkout.root)
    again = checkout.json("hooks", "init", "auto-doc", "--yes")
    assert (again["state"], photograph(checkout.root)) == ("same", written)


def test_edits_of_a_user_stay(checkout):
    checkout.write(PATH, "# mine\n")
    said = checkout.run("hooks", "init", "auto-doc", "--yes")
    assert (said.code, "it stays as it is" in said.err) == (0, True)
    assert (checkout.root / PATH).read_text() == "# mine\n"


def test_what_cannot_be_written_is_told(checkout, tmp_path):
    said = checkout.run("hooks", "init", "auto-docs", "--yes")
    assert (said.code, "did you mean auto-doc?" in said.err) == (2, True)
    other = "name: auto-doc\ntrigger: {event: manual}\naction: {command: 'true'}\n"
    checkout.write(".reviewloop/hooks/other.yaml", other)
    said = checkout.run("hooks", "init", "auto-doc", "--yes")
    assert (said.code, "other.yaml has a hook called auto-doc" in said.err) == (2, True)
    (checkout.root / ".reviewloop/hooks/other.yaml").unlink()
    (checkout.root / ".reviewloop/hooks").rmdir()
    (tmp_path / "outside").mkdir()
    (checkout.root / ".reviewloop/hooks").symlink_to(tmp_path / "outside")
    said = checkout.run("hooks", "init", "auto-doc", "--yes")
    assert (said.code, "is in its way" in said.err) == (2, True), said.err
    assert list((tmp_path / "outside").iterdir()) == []
