"""Submodules in a workspace: empty folders, or their files from the user's git directory."""

import os
import subprocess
from pathlib import Path

import pytest

from reviewloop.checkout.workspace import Filling, Workspace
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover

_FILE = ("-c", "protocol.file.allow=always", "-c", "user.name=a", "-c", "user.email=b")


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(
        ["git", *_FILE, *args], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def project(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a project that holds a submodule that holds another one."""
    folder = tmp_path_factory.mktemp("shelf")
    inner = project(folder / "inner", {"deep.txt": "deep\n"})
    library = project(folder / "library", {"lib.py": "x = 1\n"})
    git(library, "submodule", "--quiet", "add", str(inner), "vendor/inner")
    git(library, "commit", "-q", "-m", "inner")
    whole = project(folder / "whole", {"main.py": "import lib\n"})
    git(whole, "submodule", "--quiet", "add", "--name", "the library", str(library), "libs/one")
    git(whole, "submodule", "--quiet", "update", "--init", "--recursive")
    git(whole, "commit", "-q", "-m", "library")
    return folder


@pytest.fixture
def whole(shelf: Path, tmp_path: Path) -> Path:
    """Return a copy of the project of one's own."""
    subprocess.run(["cp", "-a", f"{shelf}/whole", f"{tmp_path}/whole"], check=True)
    return tmp_path / "whole"


def written(root: Path, folder: Path, filling: Filling, times: int = 1) -> set[str]:
    private = PrivateRepo.create(folder / "run/git", discover(root))
    workspace = Workspace(private, folder / "workspace", filling)
    for _ in range(times):
        place = workspace.reset(private.tree_of("HEAD"))
        # What commands wrote is taken from there: nothing that we filled in is.
        assert workspace.taken(private.tree_of("HEAD"), ()) == private.tree_of("HEAD")
    private.close()
    found = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith(".git/")}


def test_they_are_empty_by_default(whole: Path, tmp_path: Path) -> None:
    assert written(whole, tmp_path, Filling()) == {".gitmodules", "main.py"}


def test_their_files_are_copied_if_asked_for(whole: Path, tmp_path: Path) -> None:
    assert written(whole, tmp_path, Filling(submodules=True), times=2) == {
        ".gitmodules",
        "main.py",
        "libs/one/.gitmodules",
        "libs/one/lib.py",
        "libs/one/vendor/inner/deep.txt",
    }


def test_a_missing_one_is_told(whole: Path, tmp_path: Path) -> None:
    subprocess.run(["rm", "-r", str(whole / ".git/modules/the library")], check=True)
    with pytest.raises(WorkspaceError, match=r"libs/one is not in .*submodule update --init"):
        written(whole, tmp_path, Filling(submodules=True))


def test_a_missing_commit_is_told(whole: Path, tmp_path: Path) -> None:
    git(whole, "update-index", "--cacheinfo", f"160000,{'1' * 40},libs/one")
    git(whole, "commit", "-q", "-m", "elsewhere")
    with pytest.raises(WorkspaceError, match=r"libs/one is not there at 1111.*submodule update"):
        written(whole, tmp_path, Filling(submodules=True))


@pytest.mark.parametrize("name", ["../../..", "x/../../../outside", "/outside", "linked"])
def test_a_name_leads_nowhere_else(whole: Path, tmp_path: Path, name: str) -> None:
    """A .gitmodules may come from anybody: objects of another repository are not shown."""
    outside = tmp_path / "outside"
    git(tmp_path, "clone", "-q", "--bare", str(whole.parent / "whole"), str(outside))
    (whole / ".git/modules/linked").symlink_to(outside)
    subprocess.run(["rm", "-r", str(whole / ".git/modules/the library")], check=True)
    (whole / ".gitmodules").write_text(
        f'[submodule "{name}"]\n\tpath = libs/one\n\turl = ext::x\n\tupdate = !touch fired\n'
    )
    (whole / "libs/one/.git").unlink()
    git(whole, "add", ".gitmodules")
    git(whole, "commit", "-q", "-m", "hostile")
    with pytest.raises(WorkspaceError, match="libs/one is not in"):
        written(whole, tmp_path, Filling(submodules=True))
    assert not list(tmp_path.rglob("fired"))


def test_a_repository_behind_a_link_is_not_the_submodule(whole: Path, tmp_path: Path) -> None:
    (whole / ".git/modules/the library").rename(tmp_path / "inner")
    (whole / "libs/one/.git").unlink()
    (tmp_path / "inner").rename(whole / "libs/one/.git")
    git(whole / "libs/one", "config", "--unset", "core.worktree")
    written(whole, tmp_path, Filling(submodules=True))
    (whole / "libs").rename(tmp_path / "elsewhere")
    (whole / "libs").symlink_to(tmp_path / "elsewhere")
    subprocess.run(["rm", "-r", *map(str, tmp_path.glob("*workspace*"))], check=True)
    with pytest.raises(WorkspaceError, match="libs/one is not in"):
        written(whole, tmp_path / "again", Filling(submodules=True))


def test_no_program_of_a_submodule_runs(whole: Path, tmp_path: Path) -> None:
    fired = tmp_path / "fired"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{fired}'\ncat\n")
    trap.chmod(0o755)
    inner = whole / ".git/modules/the library"
    for key in ("core.fsmonitor", "filter.x.smudge", "core.hooksPath", "core.sshCommand"):
        git(inner, "config", key, str(trap))
    (inner / "hooks").mkdir(exist_ok=True)
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        (inner / "hooks" / name).write_text(trap.read_text())
        (inner / "hooks" / name).chmod(0o755)
    (inner / "info").mkdir(exist_ok=True)
    (inner / "info/attributes").write_text("* filter=x\n")
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    written(whole, tmp_path, Filling(submodules=True))
    assert {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()} == before
    assert not fired.exists()
    subprocess.run(["git", "checkout-index", "-f", "-a"], cwd=whole / "libs/one", check=False)
    assert fired.exists(), "the trap does not work"


def test_a_folder_that_became_a_link_is_not_written_through(whole: Path, tmp_path: Path) -> None:
    place = tmp_path / "workspace/libs"
    place.parent.mkdir()
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    written(whole, tmp_path, Filling(submodules=True))
    assert os.listdir(tmp_path / "elsewhere") == []
