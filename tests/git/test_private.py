"""The run's private repository: edits of trees, what it keeps, and what it refuses."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.paths import UnsafePathError
from reviewloop.git.private import PrivateRepo, ref_component
from reviewloop.git.repository import discover

ADA = ("Ada Example", "ada@example.org")


@pytest.fixture
def base(private: PrivateRepo) -> str:
    return private.tree_of(private.head)


def listing(private: PrivateRepo, tree: str) -> dict[str, str]:
    return {entry.path: entry.mode for entry in private.entries(tree)}


def test_it_sees_the_objects_of_the_person_and_opens_again(private, repo, git, base):
    assert base == git(repo, "rev-parse", "HEAD^{tree}")
    assert private.read(base, "README.md") == b"# project\n"
    again = PrivateRepo.open(private.folder)
    assert again.head == private.head
    assert again.branch == "main"
    assert again.read(base, "README.md") == b"# project\n"
    again.close()


def test_creating_it_again_keeps_what_was_written(private, repo, base):
    tree = private.edit(base, {"a": b"x"})
    again = PrivateRepo.create(private.folder, discover(repo))
    assert again.read(tree, "a") == b"x"
    again.close()


def test_opening_what_is_not_there_is_an_error(tmp_path):
    with pytest.raises(WorkspaceError, match="cannot be read"):
        PrivateRepo.open(tmp_path / "nothing")


def test_alternates_of_the_person_are_followed(repo, git, tmp_path):
    git(tmp_path, "clone", "-q", "--shared", str(repo), "shared")
    private = PrivateRepo.create(tmp_path / "run2", discover(tmp_path / "shared"))
    assert private.read(private.tree_of("HEAD"), "README.md") == b"# project\n"
    assert private.object_folders == (
        tmp_path / "run2/objects",
        tmp_path / "shared/.git/objects",
        repo / ".git/objects",
    )
    private.close()


def test_edit_writes_changes_and_removes(private, base):
    tree = private.edit(base, {"src/a.py": b"a\n", "README.md": b"new\n"})
    assert private.read(tree, "src/a.py") == b"a\n"
    assert private.read(tree, "README.md") == b"new\n"
    gone = private.edit(tree, {"src/a.py": None, "never/there": None})
    assert listing(private, gone) == {"README.md": "100644"}


def test_edit_is_idempotent(private, base):
    changes = {"a": b"1", "README.md": None}
    once = private.edit(base, changes)
    assert private.edit(base, changes) == once
    assert private.edit(once, changes) == once
    assert private.edit(base, {}) == base


def test_bytes_are_stored_as_they_are(private, base):
    content = b"\xff\r\none\r\n\x00two"
    tree = private.edit(base, {".gitattributes": b"* text=auto eol=lf\n", "raw": content})
    assert private.read(tree, "raw") == content


def test_mode_is_kept_and_can_be_set(private, base):
    tree = private.edit(base, {"run.sh": b"#!/bin/sh\n"}, {"run.sh": "100755"})
    tree = private.edit(tree, {"run.sh": b"#!/bin/sh\ntrue\n"})
    assert listing(private, tree)["run.sh"] == "100755"
    with pytest.raises(UnsafePathError, match="cannot have the mode"):
        private.edit(tree, {"x": b""}, {"x": "160000"})


def test_file_becomes_a_folder_in_one_edit(private, base):
    tree = private.edit(base, {"README.md": None, "README.md/inside": b"x"})
    assert listing(private, tree) == {"README.md/inside": "100644"}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "~/x",
        "../x",
        "a/../../x",
        "./x",
        "a//b",
        "a/",
        "a\0b",
        ".git/config",
        "sub/.GIT/hooks/pre-commit",
        ".git",
        ".git.",
        ".git ",
        "git~1/config",
        ".git::$INDEX_ALLOCATION/config",
        "a\\.git\\config",
        ".g\u200cit/config",
        ".\uff47it/x",
        "\ud800",
        "x" * 256,
        "x/" * 2100 + "y",
    ],
)
def test_unsafe_paths_are_refused(private, base, path):
    with pytest.raises(UnsafePathError):
        private.edit(base, {path: b"x"})
    with pytest.raises(UnsafePathError):
        private.edit(base, {path: None})


@pytest.mark.parametrize(
    "name",
    [
        'quo"te',
        "tab\there",
        "line\nfeed",
        "back\\slash",
        " lead",
        "-dash",
        "*",
        ":(top)x",
        "ü",
        "\udcff",
    ],
)
def test_awkward_names_are_exact(private, base, name):
    path = f"in {name}/{name}"
    tree = private.edit(base, {path: b"x"})
    assert path in listing(private, tree)
    assert private.read(tree, path) == b"x"
    assert private.edit(tree, {path: None}) == base
    if "\udcff" not in name:
        assert [hit.path for hit in private.grep(tree, "x", paths=[path])] == [path]


def test_paths_that_lead_through_something_are_refused(private, base, repo, git):
    sub = git(repo, "rev-parse", "HEAD")
    git(repo, "update-index", "--add", "--cacheinfo", f"160000,{sub},vendored")
    git(repo, "commit", "-qm", "a submodule")
    tree = private.tree_of(git(repo, "rev-parse", "HEAD"))
    tree = private.edit(tree, {"link": b"/etc", "dir/file": b"x"}, {"link": "120000"})
    for path, reason in (
        ("link/passwd", "leads through link"),
        ("README.md/x", "leads through README.md"),
        ("vendored/x", "leads through vendored"),
        ("vendored", "is a submodule"),
        ("dir", "is a folder"),
        ("link", "is a symbolic link"),
    ):
        with pytest.raises(UnsafePathError, match=reason):
            private.edit(tree, {path: b"x"})
    with pytest.raises(UnsafePathError, match="lies below"):
        private.edit(tree, {"new": b"x", "new/below": b"x"})
    assert "link" not in listing(private, private.edit(tree, {"link": None}))
    assert private.read(tree, "link") == b"/etc"


def test_kept_trees_have_stable_commits(private, base):
    tree = private.edit(base, {"a": b"x"})
    first = private.keep(base, "run-1", "base")
    second = private.keep(tree, "run-1", "implement", first)
    assert private.keep(tree, "run-1", "implement", first) == second
    assert private.kept("run-1") == {"base": first, "implement": second}
    assert private.tree_of(second) == tree
    assert private.git.text("rev-parse", f"{second}^") == first


@pytest.mark.parametrize(
    "name", [".git", "../x", "-x", "a..b", "x.lock", "a b", "é" * 300, "@{", ""]
)
def test_names_of_kept_trees_may_be_anything(private, base, name):
    private.keep(base, name, name)
    assert len(private.kept(name)) == 1
    assert ref_component(name) != ref_component(name + "!")


def test_commit_carries_what_it_is_given_and_runs_no_hook(private, base, trapped, tripwire):
    commit = private.commit(
        base,
        [private.head],
        "Add a thing\n\nWith reasons: ü",
        ADA,
        ("reviewloop", "r@localhost"),
        date="1700000000 +0200",
    )
    text = private.git.run("cat-file", "commit", commit).decode()
    assert f"tree {base}\nparent {private.head}\n" in text
    assert "author Ada Example <ada@example.org> 1700000000 +0200\n" in text
    assert "committer reviewloop <r@localhost> 1700000000 +0200\n" in text
    assert text.endswith("\n\nAdd a thing\n\nWith reasons: ü\n")
    assert not tripwire.exists()


def test_signed_commit_uses_the_persons_program(private, base, private_home, tmp_path):
    program = tmp_path / "fake-gpg"
    program.write_text(
        "#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED D' >&2\n"
        "echo '-----BEGIN PGP SIGNATURE-----'\necho for $3\necho '-----END PGP SIGNATURE-----'\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (private_home / ".gitconfig").write_text(
        f"[gpg]\n\tprogram = {program}\n[user]\n\tsigningkey = ADA\n"
    )
    commit = private.commit(base, [private.head], "signed", ADA, ADA, sign=True)
    assert b"for ADA" in private.git.run("cat-file", "commit", commit)


def test_snapshot_holds_staged_unstaged_untracked_and_deleted(repo, git, tmp_path, contents):
    for name in ("gone", "moved"):
        (repo / name).write_text(f"{name}\n")
    (repo / ".gitignore").write_text("*.log\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "more")
    (repo / "gone").unlink()
    (repo / "README.md").write_text("changed\n")
    (repo / "staged").write_text("staged\n")
    git(repo, "add", "staged")
    (repo / "later").write_text("intent\n")
    git(repo, "add", "-N", "later")
    (repo / "new").mkdir()
    (repo / "new/run.sh").write_text("x")
    (repo / "new/run.sh").chmod(0o755)
    (repo / "link").symlink_to("/etc/passwd")
    (repo / "debug.log").write_text("ignored")
    git(repo, "init", "-q", "nested")
    (repo / "nested/file").write_text("its own")
    os.mkfifo(repo / "pipe")
    before = contents(repo / ".git")
    user = discover(repo)
    private = PrivateRepo.create(tmp_path / "run", user)
    tree = private.snapshot_of_checkout(user)
    assert listing(private, tree) == {
        ".gitignore": "100644",
        "README.md": "100644",
        "later": "100644",
        "link": "120000",
        "moved": "100644",
        "new/run.sh": "100755",
        "staged": "100644",
    }
    assert private.read(tree, "README.md") == b"changed\n"
    assert private.read(tree, "link") == b"/etc/passwd"
    assert private.snapshot_of_checkout(user) == tree
    assert contents(repo / ".git") == before
    private.close()


def test_snapshot_converts_line_ends_as_the_person_would(repo, git, tmp_path):
    git(repo, "config", "core.autocrlf", "true")
    (repo / "dos.txt").write_bytes(b"one\r\ntwo\r\n")
    user = discover(repo)
    private = PrivateRepo.create(tmp_path / "run", user)
    assert private.read(private.snapshot_of_checkout(user), "dos.txt") == b"one\ntwo\n"
    private.close()


def test_snapshot_runs_nothing(private, repo, trapped, tripwire, contents):
    (repo / "README.md").write_text("changed\n")
    before = contents(repo)
    user = discover(repo)
    tree = private.snapshot_of_checkout(user)
    assert private.read(tree, "README.md") == b"changed\n"
    private.change(private.head, tree).patch()
    private.grep(tree, "changed")
    assert contents(repo) == before
    assert not tripwire.exists()


def test_snapshot_refuses_a_changed_file_that_needs_a_filter(private, repo, trapped, tripwire):
    (repo / "kept.flt").write_text("now different\n")
    with pytest.raises(WorkspaceError, match=r"kept\.flt was changed and needs the filter 'trap'"):
        PrivateRepo.create(private.folder, discover(repo)).snapshot_of_checkout(discover(repo))
    assert not tripwire.exists()


def test_sha256_repository(tmp_path, git):
    folder = tmp_path / "long"
    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", "long")
    (folder / "a").write_text("x\n")
    git(folder, "add", "a")
    git(folder, "-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "first")
    private = PrivateRepo.create(tmp_path / "run", discover(folder))
    base = private.tree_of("HEAD")
    tree = private.edit(base, {"a": None, "b": b"y\n"})
    assert len(private.keep(tree, "r", "one")) == 64
    assert {file.path: file.status for file in private.change(base, tree).files} == {
        "a": "D",
        "b": "A",
    }
    private.close()


def test_shallow_clone_can_be_worked_on(repo, git, tmp_path):
    (repo / "README.md").write_text("second\n")
    git(repo, "commit", "-qam", "second")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repo}", "shallow")
    private = PrivateRepo.create(tmp_path / "run", discover(tmp_path / "shallow"))
    tree = private.edit(private.tree_of("HEAD"), {"a": b"x"})
    commit = private.commit(tree, [private.head], "on top", ADA, ADA)
    assert private.git.text("rev-list", "--count", commit) == "2"
    private.close()


def test_replace_refs_and_grafts_are_not_seen(private, repo, git, base):
    blob = (
        subprocess.run(
            ["git", "hash-object", "-w", "--stdin"],
            cwd=repo,
            input=b"lie\n",
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .strip()
    )
    git(repo, "replace", git(repo, "rev-parse", "HEAD:README.md"), blob)
    assert private.read(base, "README.md") == b"# project\n"


def test_the_persons_repository_is_untouched_after_everything(private, repo, contents, base):
    before = contents(repo)
    tree = private.edit(base, {"a": b"x\n", "README.md": None})
    private.keep(tree, "run", "one")
    private.commit(tree, [private.head], "m", ADA, ADA)
    private.change(base, tree).patch()
    private.grep(tree, "x")
    assert contents(repo) == before


def test_no_scratch_files_stay(private, base):
    private.edit(base, {"a": b"x"})
    assert not list(Path(private.folder).glob("index*"))
