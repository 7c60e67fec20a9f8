"""`init --full`: prints all it would write, writes missing files only, and nothing twice."""

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
    assert shown[:4] == [
        "reviewloop.toml",
        ".kiro/steering/product.md",
        ".kiro/steering/tech.md",
        ".kiro/steering/structure.md",
    ]
    assert "- python: " in said.out
    done = checkout.run("init", "--full", "--yes")
    assert done.code == 0
    for command in ("hooks init", "skills install all"):
        assert f"`reviewloop {command}`" in done.err
    assert all((checkout.root / path).is_file() for path in shown)
    listed = checkout.run("steering", "list").out
    assert "tech.md (project): always" in listed


def test_drafts_say_what_a_small_project_says_of_itself(checkout):
    manifest = '[project]\nname = "shop"\ndescription = "Sells things to clerks"\n'
    (checkout.root / "pyproject.toml").write_text(manifest)
    (checkout.root / "package.json").write_text('{"description": "Its ```pages```"}')
    (checkout.root / "README.md").write_text("# Shop\n\n![x](y)\n\nOrders by\nphone and by mail.\n")
    (checkout.root / "web.js").write_text("var x = 1\n")
    said = checkout.run("init", "--full", "--print")
    product = said.out.partition("=== .kiro/steering/product.md\n")[2].partition("=== ")[0]
    assert "- `pyproject.toml`: Sells things to clerks" in product
    assert "- `package.json`: Its" in product
    assert "- `README.md`: Orders by phone and by mail." in product
    assert "- python: " in said.out
    assert "- `shop/`: 2 files" in said.out
    assert "1 files" not in said.out


@pytest.mark.parametrize(
    "text", ["[project", '{"description": 3', "[]", "[project]\ndescription = 3"]
)
def test_a_manifest_that_cannot_be_read_describes_nothing(checkout, text):
    for name in ("pyproject.toml", "package.json"):
        (checkout.root / name).write_text(text)
    said = checkout.run("init", "--full", "--print")
    assert said.code in (0, 2)
    assert "Traceback" not in said.err


def test_a_project_of_one_file_has_code(checkout):
    for path in ("shop/store.py", "tests/test_store.py"):
        (checkout.root / path).unlink()
    said = checkout.run("init", "--full", "--print")
    assert "- python: 1 file\n" in said.out


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
