"""The working files of a run: exactly the tree, whatever a command left behind."""

import os
import subprocess
from pathlib import Path

import pytest

from reviewloop.checkout.workspace import Workspace
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover


@pytest.fixture
def tree(private: PrivateRepo) -> str:
    files = {
        "src/app.py": b"print(1)\n",
        "src/deep/er/x": b"x\n",
        "run.sh": b"#!/bin/sh\n",
        "link": b"src/app.py",
        "\udcff": b"name\n",
    }
    return private.edit(
        private.tree_of(private.head), files, {"link": "120000", "run.sh": "100755"}
    )


@pytest.fixture
def workspace(private: PrivateRepo, tmp_path: Path) -> Workspace:
    return Workspace(private, tmp_path / "work/space")


def files_of(folder: Path) -> set[str]:
    found = set()
    for place, folders, names in os.walk(folder):
        if ".git" in folders and Path(place) == folder:
            folders.remove(".git")
        found |= {str(Path(place, name).relative_to(folder)) for name in names}
        found |= {
            str(Path(place, name).relative_to(folder))
            for name in folders
            if Path(place, name).is_symlink()
        }
    return found


def test_the_folder_holds_exactly_the_tree(private, workspace, tree):
    folder = workspace.reset(tree)
    assert folder == workspace.folder
    assert files_of(folder) == {entry.path for entry in private.entries(tree)}
    assert (folder / "src/app.py").read_bytes() == b"print(1)\n"
    assert os.access(folder / "run.sh", os.X_OK)
    assert os.readlink(folder / "link") == "src/app.py"


def test_next_tree_replaces_the_last(private, workspace, tree):
    workspace.reset(tree)
    other = private.edit(tree, {"src/app.py": b"print(2)\n", "run.sh": None})
    folder = workspace.reset(other)
    assert (folder / "src/app.py").read_bytes() == b"print(2)\n"
    assert not (folder / "run.sh").exists()
    workspace.reset(tree)
    assert (folder / "run.sh").exists()


def test_file_and_folder_swap(private, workspace, tree):
    workspace.reset(tree)
    swapped = private.edit(tree, {"src/app.py": None, "src/app.py/inside": b"x\n"})
    assert (workspace.reset(swapped) / "src/app.py/inside").is_file()
    assert (workspace.reset(tree) / "src/app.py").is_file()


def test_whatever_a_command_did_is_undone(private, workspace, tree):
    folder = workspace.reset(tree)
    (folder / "src/app.py").write_text("broken")
    (folder / "run.sh").chmod(0o644)
    (folder / "src/deep/er/x").unlink()
    (folder / "src/deep/er").rmdir()
    (folder / "link").unlink()
    (folder / "link").mkdir()
    (folder / "link/inside").write_text("x")
    (folder / "new/sub").mkdir(parents=True)
    (folder / "new/sub/f").write_text("x")
    (folder / ".gitignore").write_text("*\n")
    (folder / "src/vendored/.git/hooks").mkdir(parents=True)
    (folder / "src/.git/hooks").mkdir(parents=True)
    os.mkfifo(folder / "pipe")
    (folder / "closed").mkdir()
    (folder / "closed/f").write_text("x")
    (folder / "closed").chmod(0o500)
    (folder / "src").chmod(0o500)
    workspace.reset(tree)
    assert files_of(folder) == {entry.path for entry in private.entries(tree)}
    assert (folder / "src/app.py").read_bytes() == b"print(1)\n"
    assert os.access(folder / "run.sh", os.X_OK)
    assert not (folder / "src/.git").exists()
    assert not (folder / "src/vendored").exists()


def test_links_out_of_the_folder_are_never_followed(private, workspace, tree, tmp_path):
    outside = tmp_path / "outside"
    (outside / "er").mkdir(parents=True)
    (outside / "er/x").write_text("precious")
    (outside / "app.py").write_text("precious")
    folder = workspace.reset(tree)
    subprocess.run(["rm", "-r", "src/deep"], cwd=folder, check=True)
    (folder / "src/deep").symlink_to(outside)
    (folder / "loop").symlink_to(".")
    (folder / "run.sh").unlink()
    (folder / "run.sh").symlink_to(outside / "app.py")
    (folder / "cache").mkdir()
    (folder / "cache/out").symlink_to(outside)
    workspace.reset(tree)
    assert (outside / "er/x").read_text() == "precious"
    assert (outside / "app.py").read_text() == "precious"
    assert not (folder / "run.sh").is_symlink()
    assert not (folder / "src/deep").is_symlink()
    assert files_of(folder) == {entry.path for entry in private.entries(tree)}


def test_the_folder_itself_may_have_become_a_link(workspace, tree, tmp_path):
    folder = workspace.reset(tree)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_text("precious")
    subprocess.run(["rm", "-r", str(folder)], check=True)
    folder.symlink_to(tmp_path / "outside")
    workspace.reset(tree)
    assert not folder.is_symlink()
    assert (tmp_path / "outside/f").read_text() == "precious"


def test_nothing_that_commands_leave_outlives_a_reset(private, workspace, tree, tmp_path):
    folder = workspace.reset(tree)
    planted = (".venv/bin/python", "packages/a/node_modules/m/x", "conftest.py", ".git/hooks/x")
    for name in planted:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (folder / "lent").symlink_to(tmp_path)
    other = private.edit(tree, {"packages/a/package.json": b"{}\n"})
    workspace.reset(other)
    assert not any((folder / name).exists() for name in planted)
    assert not (folder / "lent").is_symlink()
    assert (folder / "packages/a/package.json").exists()


def test_what_commands_wrote_can_be_taken_into_a_tree(private, workspace, tree, tmp_path):
    ignoring = private.edit(tree, {".gitignore": b"*.log\n"})
    folder = workspace.reset(ignoring)
    (folder / "src/app.py").write_text("print(2)\n")
    (folder / "new file.py").write_text("x = 1\n")
    for name in ("node_modules/m/x.js", "run.log", ".git/hooks/pre-commit", "vendor/.git/config"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("planted")
    (folder / "inside").symlink_to("src/app.py")
    (folder / "outside").symlink_to(tmp_path / "secret")
    (folder / "circle").symlink_to("circle")
    os.mkfifo(folder / "pipe")
    (folder / "run.sh").unlink()
    os.mkfifo(folder / "run.sh")
    with (folder / "huge").open("wb") as huge:
        huge.truncate(33 << 20)
    (folder / "new file.py").chmod(0)
    taken = workspace.taken(ignoring, leave=("node_modules",))
    change = private.change(ignoring, taken)
    names = ["circle", "inside", "new file.py", "src/app.py"]
    assert sorted(file.path for file in change.files) == names
    assert private.read(taken, "src/app.py") == b"print(2)\n"
    assert workspace.taken(taken, leave=("node_modules",)) == taken


def test_folders_too_deep_to_walk_are_removed(private, workspace, tree):
    folder = workspace.reset(tree)
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d" * 100, dir_fd=here)
        Path(f"/proc/self/fd/{here}/file").touch()
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.fchmod(here, 0)
    os.close(here)
    workspace.reset(tree)
    assert files_of(folder) == {entry.path for entry in private.entries(tree)}


def test_same_tree_again_writes_nothing(workspace, tree):
    folder = workspace.reset(tree)
    before = (folder / "src/app.py").stat()
    workspace.reset(tree)
    after = (folder / "src/app.py").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_leftovers_of_a_killed_reset_do_not_matter(private, workspace, tree):
    folder = workspace.reset(tree)
    Path(f"{workspace.index}.lock").write_bytes(b"")
    (folder / "src/app.py").write_text("half")
    workspace.reset(tree)
    assert (folder / "src/app.py").read_bytes() == b"print(1)\n"
    workspace.index.unlink()
    (folder / "src/app.py").write_text("half")
    workspace.reset(tree)
    assert (folder / "src/app.py").read_bytes() == b"print(1)\n"
    workspace.index.write_bytes(b"DIRC garbage")
    workspace.reset(tree)
    assert files_of(folder) == {entry.path for entry in private.entries(tree)}


def test_folder_can_be_used_by_the_next_run(repo, private, workspace, tree, tmp_path):
    folder = workspace.reset(tree)
    second = PrivateRepo.create(tmp_path / "run2/git", discover(repo))
    base = second.tree_of("HEAD")
    Workspace(second, folder).reset(base)
    assert files_of(folder) == {"README.md"}
    second.close()


def test_commands_find_a_git_repository(repo, git, tmp_path):
    git(repo, "tag", "v1.2.3")
    git(repo, "tag", "-a", "v2.0", "-m", "annotated")
    private = PrivateRepo.create(tmp_path / "run", discover(repo))
    tree = private.edit(private.tree_of("HEAD"), {"new.py": b"x\n", "README.md": b"changed\n"})
    folder = Workspace(private, tmp_path / "space").reset(tree)
    assert git(folder, "rev-parse", "HEAD") == private.head
    assert git(folder, "branch", "--show-current") == "main"
    assert git(folder, "describe", "--tags", "--long", "--match", "v2*").startswith("v2.0-0-g")
    assert git(folder, "tag") == "v1.2.3\nv2.0"
    assert git(folder, "ls-files") == "README.md\nnew.py"
    assert git(folder, "status", "--porcelain") == "M  README.md\nA  new.py"
    assert git(folder, "log", "--format=%s") == "first"
    git(folder, "fsck")
    private.close()


def test_detached_head_stays_detached(repo, git, tmp_path):
    git(repo, "checkout", "-q", "--detach")
    private = PrivateRepo.create(tmp_path / "run", discover(repo))
    folder = Workspace(private, tmp_path / "space").reset(private.tree_of("HEAD"))
    assert git(folder, "rev-parse", "HEAD") == private.head
    assert git(folder, "branch", "--show-current") == ""
    private.close()


def test_what_a_command_does_to_the_git_folder_vanishes(
    repo, git, private, workspace, tree, tripwire, contents
):
    before, ours = contents(repo), contents(private.folder)
    folder = workspace.reset(tree)
    (folder / "src/app.py").write_text("committed by a command\n")
    git(folder, "commit", "-qam", "not ours")
    git(folder, "tag", "theirs")
    git(folder, "config", "core.fsmonitor", f"touch {tripwire}")
    (folder / ".git/hooks").mkdir(exist_ok=True)
    hook = folder / ".git/hooks/post-index-change"
    hook.write_text(f"#!/bin/sh\ntouch '{tripwire}'\n")
    hook.chmod(0o755)
    workspace.reset(tree)
    assert not tripwire.exists()
    assert git(folder, "rev-parse", "HEAD") == private.head
    assert git(folder, "tag") == ""
    assert not (folder / ".git/hooks").exists()
    assert contents(repo) == before
    assert contents(private.folder) == ours


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_replaced_git_folder_is_not_followed(workspace, tree, tmp_path, kind):
    folder = workspace.reset(tree)
    subprocess.run(["rm", "-r", ".git"], cwd=folder, check=True)
    (tmp_path / "outside").mkdir()
    if kind == "file":
        (folder / ".git").write_text(f"gitdir: {tmp_path}/outside\n")
    else:
        (folder / ".git").symlink_to(tmp_path / "outside")
    workspace.reset(tree)
    assert list((tmp_path / "outside").iterdir()) == []
    assert (folder / ".git").is_dir() and not (folder / ".git").is_symlink()


def test_attributes_and_filters_of_the_tree_run_nothing(
    private, workspace, trapped, tripwire, repo
):
    user = discover(repo)
    again = PrivateRepo.create(private.folder, user)
    tree = again.edit(
        again.tree_of(user.head),
        {".gitattributes": b"* filter=trap diff=trap merge=trap\n", "a.flt": b"x\n"},
    )
    folder = Workspace(again, workspace.folder).reset(tree)
    assert (folder / "a.flt").read_bytes() == b"x\n"
    assert not tripwire.exists()
    again.close()


def test_submodules_are_empty_folders(private, repo, git, workspace):
    git(repo, "update-index", "--add", "--cacheinfo", f"160000,{private.head},sub")
    git(repo, "commit", "-qm", "submodule")
    tree = private.tree_of(git(repo, "rev-parse", "HEAD"))
    folder = workspace.reset(tree)
    assert list((folder / "sub").iterdir()) == []
    (folder / "sub/.git").mkdir()
    (folder / "sub/planted").write_text("x")
    workspace.reset(tree)
    assert list((folder / "sub").iterdir()) == []


def test_line_ends_are_written_as_the_person_has_them(repo, git, tmp_path):
    git(repo, "config", "core.autocrlf", "true")
    private = PrivateRepo.create(tmp_path / "run", discover(repo))
    tree = private.edit(private.tree_of("HEAD"), {"a.txt": b"one\ntwo\n"})
    folder = Workspace(private, tmp_path / "space").reset(tree)
    assert (folder / "a.txt").read_bytes() == b"one\r\ntwo\r\n"
    private.close()


def test_a_sandbox_is_told_which_folders_git_needs(repo, workspace, private):
    assert workspace.needed_folders == (private.folder / "objects", repo / ".git/objects")


def test_removed_workspace_leaves_nothing(workspace, tree):
    workspace.reset(tree)
    workspace.remove()
    assert list(workspace.folder.parent.iterdir()) == []
