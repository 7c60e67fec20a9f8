"""Finding the user's repository: refused, read, and never changed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.repository import UserRepo, discover, read_config, signing_settings


def test_facts_of_a_plain_repository(repo, git):
    user = discover(repo)
    assert user.root == repo
    assert user.git_dir == user.common_dir == repo / ".git"
    assert user.branch == "main"
    assert user.head == git(repo, "rev-parse", "HEAD")
    assert user.dirty == ()
    assert user.identity == ("Ada Example", "ada@example.org")
    assert user.operation is None
    assert user.object_format == "sha1"


def test_subfolder_and_file_lead_to_the_root(repo):
    (repo / "a/b").mkdir(parents=True)
    assert discover(repo / "a/b").root == repo
    assert discover(repo / "README.md").root == repo


def test_linked_worktree_shares_the_key_but_has_its_own_branch(repo, git, tmp_path):
    git(repo, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    main, side = discover(repo), discover(tmp_path / "side")
    assert side.root == tmp_path / "side"
    assert side.branch == "side"
    assert side.git_dir != main.git_dir
    assert side.common_dir == main.common_dir
    assert side.key == main.key
    (tmp_path / "side/new.txt").write_text("x")
    assert discover(tmp_path / "side").dirty == ("new.txt",)
    assert discover(repo).dirty == ()


def test_dot_git_file_is_followed(repo, git, tmp_path):
    other = tmp_path / "apart"
    git(tmp_path, "clone", "-q", "--separate-git-dir", str(tmp_path / "store"), str(repo), "apart")
    user = discover(other)
    assert user.git_dir == tmp_path / "store"
    assert user.root == other


def test_detached_head_is_marked(repo, git):
    git(repo, "checkout", "-q", "--detach")
    user = discover(repo)
    assert user.branch is None
    assert user.head == git(repo, "rev-parse", "HEAD")


def test_branch_names_of_all_kinds(repo, git):
    for name in ("feature/a.b", "größe"):
        git(repo, "checkout", "-q", "-b", name)
        assert discover(repo).branch == name
    git(repo, "pack-refs", "--all")
    assert discover(repo).head == git(repo, "rev-parse", "HEAD")


def test_not_a_repository(tmp_path):
    with pytest.raises(WorkspaceError, match="not inside a git repository"):
        discover(tmp_path)
    with pytest.raises(WorkspaceError, match="not inside a git repository"):
        discover(tmp_path / "missing")


def test_bare_repository(tmp_path, git):
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    with pytest.raises(WorkspaceError, match="bare repository"):
        discover(tmp_path / "bare.git")


def test_no_commits_yet(tmp_path, git):
    git(tmp_path, "init", "-q", "-b", "main", "fresh")
    with pytest.raises(WorkspaceError, match="no commits yet"):
        discover(tmp_path / "fresh")
    assert discover(tmp_path / "fresh", for_reading=True).head is None


def conflict(repo, git):
    git(repo, "checkout", "-q", "-b", "other")
    (repo / "README.md").write_text("other\n")
    git(repo, "commit", "-qam", "other")
    git(repo, "checkout", "-q", "main")
    (repo / "README.md").write_text("ours\n")
    git(repo, "commit", "-qam", "ours")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["merge", "other"], "merge"),
        (["rebase", "other"], "rebase"),
        (["cherry-pick", "other"], "cherry-pick"),
        (["revert", "HEAD~1"], "revert"),
        (["bisect", "start"], "bisect"),
        (["am", "-3", "other.patch"], "am"),
    ],
)
def test_operation_in_progress_is_named(repo, git, command, name):
    conflict(repo, git)
    if name == "revert":
        (repo / "README.md").write_text("once more\n")
        git(repo, "commit", "-qam", "once more")
    if name == "am":
        (repo / "other.patch").write_text(git(repo, "format-patch", "--stdout", "-1", "other"))
    subprocess.run(["git", *command], cwd=repo, capture_output=True, check=False)
    with pytest.raises(WorkspaceError, match=f"A {name} is in progress"):
        discover(repo)
    assert discover(repo, for_reading=True).operation == name


@pytest.mark.parametrize("name", ["cherry-pick", "revert"])
def test_several_commits_are_in_progress_between_two_of_them(repo, git, name):
    conflict(repo, git)
    second = git(repo, "commit-tree", "main^{tree}", "-p", "other", "-m", "second")
    commits = ["other", second] if name == "cherry-pick" else ["HEAD~1", "HEAD~2"]
    if name == "revert":
        (repo / "README.md").write_text("once more\n")
        git(repo, "commit", "-qam", "once more")
    subprocess.run(["git", name, *commits], cwd=repo, capture_output=True, check=False)
    (repo / "README.md").write_text("resolved\n")
    git(repo, "commit", "-qam", "resolved")
    assert not (repo / ".git/CHERRY_PICK_HEAD").exists()
    assert not (repo / ".git/REVERT_HEAD").exists()
    with pytest.raises(WorkspaceError, match=f"A {name} is in progress"):
        discover(repo)


def test_unresolved_conflict_of_a_stash_is_refused(repo, git):
    (repo / "README.md").write_text("stashed\n")
    git(repo, "stash", "-q")
    (repo / "README.md").write_text("committed\n")
    git(repo, "commit", "-qam", "committed")
    subprocess.run(["git", "stash", "pop"], cwd=repo, capture_output=True, check=False)
    with pytest.raises(WorkspaceError, match="unresolved merge conflicts"):
        discover(repo)


def test_dirty_lists_staged_modified_untracked_and_deleted_but_not_ignored(repo, git):
    for name in ("gone", "same"):
        (repo / name).write_text("x\n")
    (repo / ".gitignore").write_text("*.log\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "more")
    (repo / "README.md").write_text("changed\n")
    (repo / "staged").write_text("x")
    git(repo, "add", "staged")
    (repo / "gone").unlink()
    (repo / "new folder").mkdir()
    (repo / "new folder/it").write_text("x")
    (repo / "debug.log").write_text("x")
    assert sorted(discover(repo).dirty) == ["README.md", "gone", "new folder/it", "staged"]


def test_awkward_names_come_back_exactly(repo):
    names = [
        b'quo"te',
        b"tab\there",
        b"line\nfeed",
        b"back\\slash",
        b" lead",
        b"\xff\xfe",
        "ü".encode(),
    ]
    for name in names:
        Path(os.fsdecode(os.fsencode(repo) + b"/" + name)).write_text("x")
    assert {os.fsencode(path) for path in discover(repo).dirty} == set(names)


def test_assume_unchanged_does_not_hide_an_edit(repo, git):
    git(repo, "update-index", "--assume-unchanged", "README.md")
    (repo / "README.md").write_text("hidden\n")
    assert discover(repo).dirty == ("README.md",)


def test_split_index_and_sparse_checkout_are_read(repo, git):
    for name in ("in/a", "out/b"):
        (repo / name).parent.mkdir()
        (repo / name).write_text("x\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "two folders")
    git(repo, "sparse-checkout", "set", "--cone", "--sparse-index", "in")
    assert not (repo / "out").exists()
    assert discover(repo).dirty == ()
    git(repo, "sparse-checkout", "disable")
    git(repo, "update-index", "--split-index")
    (repo / "in/a").write_text("y\n")
    assert discover(repo).dirty == ("in/a",)


def test_global_and_local_excludes_are_honoured(repo, private_home):
    (private_home / ".config/git").mkdir(parents=True)
    (private_home / ".config/git/ignore").write_text("*.swp\n")
    (repo / ".git/info/exclude").write_text("mine\n")
    for name in ("a.swp", "mine", "seen"):
        (repo / name).write_text("x")
    assert discover(repo).dirty == ("seen",)


def test_line_end_settings_do_not_make_files_dirty(repo, git):
    git(repo, "config", "core.autocrlf", "true")
    (repo / "dos.txt").write_bytes(b"one\r\ntwo\r\n")
    git(repo, "add", "dos.txt")
    git(repo, "commit", "-qm", "dos")
    os.utime(repo / "dos.txt", (1, 1))  # git has to look at the content again
    assert discover(repo).dirty == ()


def test_identity_is_data(repo, git, tmp_path):
    git(repo, "config", "user.email", f'"; touch {tmp_path}/fired; "')
    assert discover(repo).identity == ("Ada Example", f'"; touch {tmp_path}/fired; "')
    git(repo, "config", "--unset", "user.email")
    assert discover(repo).identity is None
    assert not (tmp_path / "fired").exists()


def test_global_identity_counts(repo, git, private_home):
    git(repo, "config", "--unset", "user.name")
    (private_home / ".gitconfig").write_text("[user]\n\tname = Grace\n")
    assert discover(repo).identity == ("Grace", "ada@example.org")


def test_signing_programs_of_the_repository_are_not_taken(repo, git, private_home):
    git(repo, "config", "gpg.program", "./evil")
    git(repo, "config", "user.signingkey", "ABC")
    assert signing_settings(read_config(repo / ".git", repo)) == {"user.signingkey": "ABC"}
    (private_home / ".gitconfig").write_text("[gpg]\n\tprogram = gpg2\n")
    assert signing_settings(read_config(repo / ".git", repo))["gpg.program"] == "gpg2"


def test_sha256_repository(tmp_path, git):
    folder = tmp_path / "long"
    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", "long")
    (folder / "a").write_text("x")
    git(folder, "add", "a")
    git(folder, "-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "first")
    (folder / "b").write_text("x")
    user = discover(folder)
    assert user.object_format == "sha256"
    assert user.head is not None and len(user.head) == 64
    assert user.dirty == ("b",)


def test_nothing_is_executed_or_written(repo, git, contents, trapped, tripwire):
    (repo / "README.md").write_text("changed\n")
    (repo / "new.txt").write_text("x\n")
    before = contents(repo)
    user = discover(repo)
    assert {"README.md", "new.txt"} <= set(user.dirty)
    assert contents(repo) == before
    assert not tripwire.exists()


def test_locked_index_is_read_and_left_locked(repo):
    (repo / ".git/index.lock").write_bytes(b"")
    (repo / "new").write_text("x")
    assert discover(repo).dirty == ("new",)
    assert (repo / ".git/index.lock").exists()


def test_repository_in_a_folder_with_an_awkward_name(tmp_path, git):
    for name in ("$(touch x)", "line\nfeed", '"quoted', " # hash"):
        folder = tmp_path / name
        folder.mkdir()
        git(folder, "init", "-q", "-b", "main")
        (folder / "a").write_text("x")
        git(folder, "add", "a")
        git(folder, "-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "first")
        (folder / "a").write_text("y")
        user = discover(folder)
        assert isinstance(user, UserRepo)
        assert user.root == folder
        assert user.dirty == ("a",)


def test_environment_variables_of_a_hook_do_not_mislead(repo, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere/index"))
    monkeypatch.setenv("GIT_COMMON_DIR", str(tmp_path / "elsewhere"))
    assert discover(repo).root == repo


def test_nested_bare_repository_is_not_taken_for_the_project(repo, git, tripwire):
    git(repo, "init", "-q", "--bare", "vendor.git")
    git(repo / "vendor.git", "config", "core.fsmonitor", f"touch {tripwire}")
    with pytest.raises(WorkspaceError, match="bare repository"):
        discover(repo / "vendor.git")
    assert not tripwire.exists()


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Return a function that tells how often git was started since it was last called."""
    log, folder = tmp_path / "asked", tmp_path / "own bin"
    folder.mkdir()
    real = shutil.which("git")
    (folder / "git").write_text(f'#!/bin/sh\necho x >> "{log}"\nexec "{real}" "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def count() -> int:
        lines = log.read_text().count("x") if log.exists() else 0
        log.unlink(missing_ok=True)
        return lines

    return count


def values_of(repo: Path, name: str) -> list[str]:
    return [value for _, key, value in read_config(repo / ".git", repo) if key == name]


def test_git_is_asked_for_its_configuration_once_and_again_for_any_change(
    repo, git, asked, private_home
):
    assert values_of(repo, "user.name") == ["Ada Example"]
    asked()
    assert values_of(repo, "user.name") == ["Ada Example"]
    assert asked() == 0
    changes = {
        repo / ".git/config": "\n[own]\n\tlocal = 1\n",
        private_home / ".gitconfig": "[own]\n\tlocal = 2\n",
        private_home / ".config/git/config": "[own]\n\tlocal = 3\n",
    }
    found = []
    for place, text in changes.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        stamp = place.stat().st_mtime_ns if place.exists() else 0
        with place.open("a") as file:
            file.write(text)
        os.utime(place, ns=(stamp, stamp))  # a stamp would not tell
        found.append(values_of(repo, "own.local"))
    assert found == [["1"], ["2", "1"], ["3", "2", "1"]]
    (private_home / ".gitconfig").unlink()
    assert values_of(repo, "own.local") == ["3", "1"]


def test_git_is_asked_each_time_where_a_file_includes_others(repo, git, asked, private_home):
    included = private_home / "more"
    git(repo, "config", "include.path", str(included))
    assert values_of(repo, "own.more") == []
    for value in "123":
        included.write_text(f"[own]\n\tmore = {value}\n")
        assert values_of(repo, "own.more") == [value]


def test_configuration_of_one_worktree_is_not_that_of_another(repo, git, asked, tmp_path):
    git(repo, "config", "extensions.worktreeConfig", "true")
    git(repo, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    side = discover(tmp_path / "side").git_dir
    for value in "12":
        git(tmp_path / "side", "config", "--worktree", "own.side", value)
        assert ("worktree", "own.side", value) in read_config(side, tmp_path / "side")
    assert values_of(repo, "own.side") == []
