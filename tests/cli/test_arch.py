"""`arch` on a repository, as a person types it."""

import json
import subprocess

import pytest

FILES = {
    "src/controllers/user.ts": "import { find } from '../services/user';\n",
    "src/services/user.ts": "import { rows } from '../repositories/user';\n",
    "src/repositories/user.ts": "export const rows = () => [];\n",
}
PAST = "import { rows } from '../repositories/user';\nexport const all = rows;\n"


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True, capture_output=True)


def write(root, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


@pytest.fixture
def layered(project, reviewloop):
    """Return a repository of three layers with its architecture, all of it committed."""
    write(project, FILES)
    assert reviewloop("arch", "init", "--pattern", "layered").code == 0
    file = project / ".reviewloop/architecture.toml"
    text = file.read_text().replace(
        '[layer.controllers]\npaths = ["src/controllers"]',
        '[layer.controllers]\npaths = ["src/controllers"]\nmay_import = ["services"]',
    )
    file.write_text(text)
    git("add", ".")
    git("commit", "-qm", "layers")
    return project


def test_init_writes_what_nothing_breaks(project, reviewloop):
    write(project, FILES)

    written = reviewloop("arch", "init")

    assert written.code == 0
    assert "broken today: 0" in written.out
    assert reviewloop("arch", "check", "--all").code == 0
    again = reviewloop("arch", "init")
    assert again.code == 2
    assert "is there already; --force writes it anew" in again.err
    file = project / ".reviewloop/architecture.toml"
    before = file.read_text()
    decided = 'decisions = ["One queue, as there is one reader"]\n'
    file.write_text(decided + before.replace("[layer.services]", "# Ask Ada.\n[layer.services]"))
    assert reviewloop("arch", "init", "--force").code == 0
    assert "# Ask Ada.\n[layer.services]" in file.read_text()
    assert "One queue, as there is one reader" in file.read_text()
    file.write_bytes(b"# caf\xe9\nlayers = 1\n")  # neither UTF-8 nor rules
    assert reviewloop("arch", "init", "--force").code == 0
    assert file.read_text().count("# caf") == 1
    assert file.with_name(f"{file.name}.bak").read_bytes() == b"# caf\xe9\nlayers = 1\n"


def test_check_names_the_line_and_what_is_allowed(layered, reviewloop):
    write(layered, {"src/controllers/order.ts": PAST})

    said = reviewloop("arch", "check")

    assert said.code == 1
    assert "src/controllers/order.ts:1" in said.out
    assert "imports src/repositories/user.ts of the layer repositories" in said.out
    assert "arch/layer" in said.out
    assert reviewloop("arch", "check", "--fail-on", "must").code == 0


@pytest.mark.slow
def test_what_was_there_before_is_shown_with_all_only(layered, reviewloop):
    write(layered, {"src/controllers/order.ts": PAST})
    git("add", ".")
    git("commit", "-qm", "past the layer")
    write(layered, {"src/controllers/order.ts": PAST + "export const more = 1;\n"})

    assert reviewloop("arch", "check", "--base", "HEAD").code == 0
    found = reviewloop("arch", "check", "--all", "--json")
    assert found.code == 1
    (finding,) = json.loads(found.out)["findings"]
    assert (finding["path"], finding["line"], finding["rule"]) == (
        "src/controllers/order.ts",
        1,
        "arch/layer",
    )
    assert reviewloop("arch", "check", "--all", "src/services").code == 0


@pytest.mark.slow
def test_a_review_has_the_finding_of_the_same_id(layered, reviewloop, quick_tools):
    write(layered, {"src/controllers/order.ts": PAST})

    found = json.loads(reviewloop("review", "--json", "--model", "none").out)["findings"]
    (checked,) = json.loads(reviewloop("arch", "check", "--json").out)["findings"]

    assert [one["id"] for one in found if one["rule"] == "arch/layer"] == [checked["id"]]


@pytest.mark.slow
def test_a_change_cannot_loosen_the_rules_that_its_review_is_held_to(
    layered, reviewloop, quick_tools
):
    file = layered / ".reviewloop/architecture.toml"
    git("switch", "-qc", "feature")
    file.write_text(file.read_text().replace('may_import = ["services"]\n', ""))
    write(layered, {"src/controllers/order.ts": PAST})
    git("add", ".")
    git("commit", "-qm", "looser")

    said = reviewloop("review", "main..feature", "--json", "--model", "none")
    mine = reviewloop(
        "review", "main..feature", "--json", "--model", "none", "--rules-from", "change"
    )

    assert "arch/layer" in {one["rule"] for one in json.loads(said.out)["findings"]}
    assert "arch/layer" not in {one["rule"] for one in json.loads(mine.out)["findings"]}


@pytest.mark.slow
@pytest.mark.parametrize("command", [("arch", "check"), ("review", "--model", "none")])
def test_a_circle_in_the_layers_ends_with_2_and_its_line(layered, reviewloop, command):
    write(layered, {"src/new.ts": "export const x = 1;\n"})
    file = layered / ".reviewloop/architecture.toml"
    file.write_text(
        file.read_text().replace(
            'paths = ["src/repositories"]',
            'paths = ["src/repositories"]\nmay_import = ["services"]',
        )
    )
    line = file.read_text().split("\n").index("[layer.repositories]") + 1

    said = reviewloop(*command)

    assert said.code == 2
    assert f".reviewloop/architecture.toml:{line}: the layers import each other" in said.err


def test_without_the_file_init_is_named(project, reviewloop):
    said = reviewloop("arch", "check")

    assert said.code == 2
    assert "`reviewloop arch init` writes it" in said.err


@pytest.mark.slow
def test_diff_says_where_two_revisions_differ(layered, reviewloop):
    same = reviewloop("arch", "diff", "HEAD", "HEAD")
    assert (same.code, same.out) == (0, "HEAD and HEAD have the same structure\n")

    write(layered, {"src/controllers/order.ts": PAST})
    differs = reviewloop("arch", "diff", "--json")

    assert differs.code == 1
    found = json.loads(differs.out)["differences"]
    assert [(one["kind"], one["side"]) for one in found] == [("import", "B"), ("finding", "B")]
    assert found[0]["text"] == "controllers -> repositories"
    assert found[1]["text"].startswith("src/controllers/order.ts:1 imports")


@pytest.mark.slow
def test_two_implementations_of_one_spec_have_the_same_structure_or_it_says_where_not(
    layered, reviewloop
):
    """Two people do the same task on branches of their own; the third reaches past a layer."""
    service = "import { rows } from '../repositories/{}';\nexport const {} = rows;\n"
    written = {
        "ada": {
            "src/repositories/order.ts": "export const rows = () => [];\n",
            "src/services/order.ts": service.replace("{}", "order"),
            "src/controllers/order.ts": "import { order } from '../services/order';\n",
        },
        "bob": {
            "src/repositories/orders-table.ts": "export const rows = () => [1];\n",
            "src/services/order-list.ts": service.replace("{}", "orders-table", 1).replace(
                "{}", "listed"
            ),
            "src/services/order-sums.ts": "export const sum = 1;\n",
            "src/controllers/orders.ts": "import { listed } from '../services/order-list';\n",
        },
        "eve": {"src/controllers/order.ts": PAST},
    }
    git("branch", "start")
    for name, files in written.items():
        git("switch", "-qc", name, "start")
        write(layered, files)
        git("add", ".")
        git("commit", "-qm", "orders")

    same = reviewloop("arch", "diff", "ada", "bob")
    assert (same.code, same.out) == (0, "ada and bob have the same structure\n")
    other = reviewloop("arch", "diff", "ada", "eve")
    assert other.code == 1
    assert "only in eve: import controllers -> repositories" in other.out


@pytest.mark.slow
def test_diff_lists_the_files_that_break_a_changed_rule(layered, reviewloop):
    file = layered / ".reviewloop/architecture.toml"
    file.write_text(
        file.read_text().replace(
            'paths = ["src/services"]', 'paths = ["src/services"]\nmay_import = []'
        )
    )

    said = reviewloop("arch", "diff")

    assert said.code == 1
    assert "only in HEAD: rule services may import repositories" in said.out
    assert "only in the files on disk: finding src/services/user.ts:1" in said.out


@pytest.mark.slow
def test_a_diagram_is_drawn_checked_and_never_overwrites_an_edit(layered, reviewloop):
    document = layered / "docs/architecture.md"
    write(layered, {"docs/architecture.md": "# Ours\n\nText.\n"})

    assert reviewloop("arch", "diagram", "docs/architecture.md", "--check").code == 1
    assert reviewloop("arch", "diagram", "docs/architecture.md").code == 0
    drawn = document.read_bytes()
    assert drawn.startswith(b"# Ours\n\nText.\n\n<!-- reviewloop arch diagram ")
    assert b"```mermaid\nflowchart TD\n" in drawn
    assert reviewloop("arch", "diagram", "docs/architecture.md").code == 0
    assert document.read_bytes() == drawn
    assert reviewloop("arch", "diagram", "docs/architecture.md", "--check").code == 0

    write(layered, {"src/controllers/order.ts": PAST})
    old = reviewloop("arch", "diagram", "docs/architecture.md", "--check")
    assert old.code == 1
    assert "out of date" in old.out
    assert document.read_bytes() == drawn

    document.write_bytes(drawn.replace(b"services", b"helpers"))
    edited = reviewloop("arch", "diagram", "docs/architecture.md")
    assert edited.code == 2
    assert "docs/architecture.md:5: the block of the diagram was edited by hand" in edited.err
    assert reviewloop("arch", "diagram", "docs/architecture.md", "--force").code == 0
    assert "-. not allowed .->" in document.read_text()


@pytest.mark.slow
def test_the_architecture_names_its_document(layered, reviewloop):
    printed = reviewloop("arch", "diagram")
    assert printed.out.startswith("flowchart TD\n")
    file = layered / ".reviewloop/architecture.toml"
    file.write_text('diagram = "README.md"\n' + file.read_text())

    assert reviewloop("arch", "diagram").code == 0
    assert "flowchart TD" in (layered / "README.md").read_text()
    assert reviewloop("arch", "diagram", "--check").code == 0


KEYS = "codingStyle:\n  preferServices: true\n  fileCase: kebab-case\n"
TOML = ".reviewloop/architecture.toml"


def test_a_key_alone_is_enough_for_a_finding(project, reviewloop):
    folder = project / ".kiro/steering"
    folder.mkdir(parents=True)
    (folder / "style.yaml").write_text(KEYS)
    (project / "userList.ts").write_text("export const one = 1;\n")

    said = reviewloop("arch", "check", "--json")
    listed = reviewloop("steering", "check")

    assert [one["rule"] for one in json.loads(said.out)["findings"]] == ["style/file-case"]
    assert listed.code == 0
    assert ".kiro/steering/style.yaml:3 codingStyle.fileCase: kebab-case -> rule" in listed.out
    assert "codingStyle.preferServices: true -> words, no layer is called services" in listed.out
    assert reviewloop("steering", "check", "--json").code == 0

    (project / TOML).parent.mkdir()
    (project / TOML).write_text('[style]\nfile_case = "snake_case"\n')
    conflict = reviewloop("steering", "check")
    assert conflict.code == 1
    assert "left out, in architecture.toml file_case is snake_case already" in conflict.out
