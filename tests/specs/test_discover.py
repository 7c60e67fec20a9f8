"""Finding the spec that a user names."""

import os

import pytest

from reviewloop.domain.errors import UsageError
from reviewloop.git.repository import projects_below
from reviewloop.specs.discover import find_specs, open_spec
from reviewloop.specs.files import DiskFiles, MemoryFiles


def test_one_spec_is_opened_without_a_name(kiro_spec, single_spec):
    assert open_spec(kiro_spec()).name == "parcel-labels"
    assert open_spec(single_spec()).name == "returns"


def test_several_specs_have_to_be_chosen_from(kiro_spec, single_spec):
    files = MemoryFiles({**kiro_spec().contents, **single_spec().contents})
    assert [ref.path for ref in find_specs(files)] == [
        ".kiro/specs/parcel-labels", "docs/returns-spec.md",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="ambiguous") as error:
        open_spec(files)
    assert "docs/returns-spec.md" in str(error.value) and "--spec" in str(error.value)


@pytest.mark.parametrize(
    "wanted",
    ["parcel-labels", ".kiro/specs/parcel-labels", ".kiro/specs/parcel-labels/",
     ".kiro/specs/parcel-labels/tasks.md", "./.kiro/specs/parcel-labels/design.md"],
)  # fmt: skip
def test_a_kiro_spec_can_be_named_in_several_ways(kiro_spec, single_spec, wanted):
    files = MemoryFiles({**kiro_spec().contents, **single_spec().contents})
    assert open_spec(files, wanted).path == ".kiro/specs/parcel-labels"


def test_any_markdown_file_can_be_named(single_text):
    files = MemoryFiles({"notes/plan.md": single_text.encode()})
    assert find_specs(files) == []
    assert open_spec(files, "notes/plan.md").name == "plan"


def test_documents_without_tasks_are_no_specs():
    assert find_specs(MemoryFiles({"docs/openapi-spec.md": b"# API\n\ntext\n"})) == []


def test_no_spec_says_where_was_looked():
    with pytest.raises(UsageError, match=r"\.kiro/specs/<feature>/tasks\.md.*docs/<feature>-spec"):
        open_spec(MemoryFiles({"README.md": b""}))


def test_unknown_spec_suggests_the_nearest(kiro_spec):
    with pytest.raises(UsageError, match="did you mean parcel-labels"):
        open_spec(kiro_spec(), "parcel-lables")


def test_spec_outside_the_repository_is_refused(kiro_spec):
    with pytest.raises(UsageError, match="leads out of the repository"):
        open_spec(kiro_spec(), "../other/spec.md")


def test_spec_without_tasks_says_what_is_missing(kiro_spec):
    contents = {k: v for k, v in kiro_spec().contents.items() if not k.endswith("tasks.md")}
    with pytest.raises(UsageError, match=r"has no tasks\.md yet"):
        open_spec(MemoryFiles(contents))


def test_specs_are_found_on_disk_and_links_out_are_not_followed(tmp_path, kiro_spec):
    root = tmp_path / "project"
    for path, data in kiro_spec().contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    outside = tmp_path / "outside.md"
    outside.write_text("- [ ] 1. Elsewhere\n")
    (root / "docs").mkdir()
    (root / "docs/evil-spec.md").symlink_to(outside)
    files = DiskFiles(root)
    assert open_spec(files).name == "parcel-labels"
    assert files.read("docs/evil-spec.md") is None
    assert files.read("../outside.md") is None
    assert files.read(str(outside)) is None
    assert files.read("docs") is None


def test_a_root_without_specs_names_those_of_the_projects_below(tmp_path):
    for path in ("services/billing/.kiro/specs/prices", "node_modules/x/.kiro/specs/not-ours"):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "tasks.md").write_text("- [ ] 1. Raise the price\n")
    (tmp_path / "services/empty/.kiro").mkdir(parents=True)
    with pytest.raises(UsageError) as error:
        open_spec(DiskFiles(tmp_path))
    assert str(error.value) == (
        "no spec was found at the root; projects below it have their own "
        "(services/billing/.kiro/specs/prices): `cd services/billing`, then the same command"
    )
    with pytest.raises(UsageError, match="no spec was found in services/empty/"):
        open_spec(DiskFiles(tmp_path), project="services/empty")


def test_projects_are_looked_for_in_so_many_folders_only(tmp_path, monkeypatch):
    for number in range(40):
        (tmp_path / f"a{number:02}/b/c/d/.kiro").mkdir(parents=True)
    listed, scandir = [], os.scandir

    def counted(path):
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    assert projects_below(tmp_path, levels=4, most=100) == []
    assert len(listed) <= 101
    assert projects_below(tmp_path, levels=4) == [f"a{n:02}/b/c/d" for n in range(40)]


def test_a_file_of_its_own_folder_is_a_spec_before_and_after_it_has_tasks():
    required = b"# Login\n\n## Requirements\n\n### FR-1: Sign in\n\n- Answer 401 otherwise\n"
    files = {
        "specs/login.md": required,
        "specs/logout.md": required + b"\n## Tasks\n\n- [ ] 1. End the session\n",
        "specs/README.md": b"# What lies here\n",
        "specs/login-implementation-plan.md": b"- [ ] 1. Create app.py\n",
        "specs/001-photos/notes.md": required,
    }
    found = find_specs(MemoryFiles(files))
    assert [(ref.name, ref.dialect, ref.tasks_path) for ref in found] == [
        ("login", "single-file", ""),
        ("logout", "single-file", "specs/logout.md"),
    ]
    assert open_spec(MemoryFiles(files)).name == "logout"
    assert list(open_spec(MemoryFiles(files), "login").requirements) == ["FR-1"]
