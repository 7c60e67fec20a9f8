"""A review request becomes two trees: ranges, the index, whole files, some paths."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.comparison import CompareSpec, open_comparison

BODY = "".join(f"a line with the number {number}\n" for number in range(30))


def statuses(repo: Path, **asked) -> dict[str, str]:
    with open_comparison(repo, CompareSpec(**asked)) as two:
        return {file.path: file.status for file in two.private.change(two.old, two.new).files}


def refusal(repo: Path, **asked) -> str:
    with pytest.raises(WorkspaceError) as raised, open_comparison(repo, CompareSpec(**asked)):
        pass
    assert str(raised.value).endswith((".", "?"))
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.fixture
def feature(repo: Path, git) -> Path:
    """Return `repo` on a branch with a commit, and something staged, edited and untracked."""
    (repo / "src").mkdir()
    (repo / "src/old.py").write_text(BODY)
    (repo / "src/kept.py").write_text("1\n")
    (repo / ".gitignore").write_text("*.log\nbuild/\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "base")
    git(repo, "checkout", "-q", "-b", "feature")
    git(repo, "mv", "src/old.py", "src/new.py")
    (repo / "src/new.py").write_text(BODY + "added\n")
    git(repo, "commit", "-qam", "work")
    (repo / "staged.py").write_text("s\n")
    git(repo, "add", "staged.py")
    (repo / "README.md").write_text("# project\nedited\n")
    (repo / "docs").mkdir()
    (repo / "docs/untracked.md").write_text("u\n")
    (repo / "debug.log").write_text("ignored\n")
    return repo


def test_default_is_everything_not_on_the_base_branch(feature, git):
    with open_comparison(feature, CompareSpec()) as two:
        short = git(feature, "rev-parse", "main")[:7]
        assert two.what == f"your changes since main ({short}), uncommitted work included"
        assert two.base_commit == git(feature, "rev-parse", "main")
        assert two.head_commit == ""
        assert two.in_checkout
        assert two.old == two.base == git(feature, "rev-parse", "main^{tree}")
    assert statuses(feature) == {
        "README.md": "M",
        "docs/untracked.md": "A",
        "src/new.py": "R",
        "staged.py": "A",
    }


def test_on_the_base_branch_only_uncommitted_work_counts(feature, git):
    git(feature, "checkout", "-q", "main")
    with open_comparison(feature, CompareSpec()) as two:
        assert two.what.startswith("your uncommitted changes since HEAD (")
        assert two.notes == ()
    assert set(statuses(feature)) == {"README.md", "docs/untracked.md", "staged.py"}


@pytest.mark.parametrize(
    ("asked", "what", "files"),
    [
        ({"staged": True}, "your staged changes", {"staged.py": "A"}),
        ({"commit": "HEAD"}, "the commit HEAD (", {"src/new.py": "R"}),
        ({"range": "main..feature"}, "the changes from main (", {"src/new.py": "R"}),
        ({"range": "main..."}, "the changes of HEAD (", {"src/new.py": "R"}),
    ],
)
def test_what_is_said_and_compared(feature, asked, what, files):
    with open_comparison(feature, CompareSpec(**asked)) as two:
        assert two.what.startswith(what)
        assert not two.in_checkout
    assert statuses(feature, **asked) == files


def test_commit_ids_are_not_said_twice(feature, git):
    head = git(feature, "rev-parse", "HEAD")
    with open_comparison(feature, CompareSpec(commit=head[:10])) as two:
        assert two.what == f"the commit {head[:7]}"
        assert two.head_commit == head


def test_paths_leave_everything_else_as_it_is_now(feature):
    with open_comparison(feature, CompareSpec(paths=("staged.py", "docs/"))) as two:
        change = two.private.change(two.old, two.new)
        assert change.paths == ("docs/untracked.md", "staged.py")
        assert two.what.endswith("uncommitted work included, only staged.py, docs")
        assert two.private.read(two.new, "README.md") == b"# project\nedited\n"
        assert two.private.read(two.old, "README.md") == b"# project\nedited\n"
        assert two.private.read(two.base, "README.md") == b"# project\n"


def test_renamed_file_named_by_either_name_shows_only_its_edit(feature):
    for name in ("src/new.py", "src/old.py"):
        with open_comparison(feature, CompareSpec(paths=(name,))) as two:
            (file,) = two.private.change(two.old, two.new).files
            assert (file.status, file.old_path) == ("R", "src/old.py")
            assert file.added_text == {31: "added"}


def test_paths_that_did_not_change_are_nothing_to_review(feature):
    assert statuses(feature, paths=("src/kept.py", ".gitignore")) == {}
    assert set(statuses(feature, paths=(".",))) == set(statuses(feature))


def test_paths_are_taken_literally(repo, git):
    for name in ("*.py", "a.py", ":(top)x", "[a].py"):
        (repo / name).write_text("1\n")
    assert statuses(repo, paths=("*.py",)) == {"*.py": "A"}
    assert statuses(repo, paths=(":(top)x", "[a].py")) == {":(top)x": "A", "[a].py": "A"}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("src/nwe.py", "did you mean `src/new.py`?"),
        ("new.py", "did you mean `src/new.py`?"),
        ("scr", "did you mean `src`?"),
        ("src/olds.py", "did you mean `src/old.py`?"),
        ("src/zz.py", "; paths are relative to the current folder."),
        ("debug.log", "holds nothing that git sees"),
        ("zzzz", "there is no branch, commit, file or folder `zzzz`; paths are relative"),
        ("../other", "no path inside the repository"),
        ("/etc/passwd", "no path inside the repository"),
        ("src/../../x", "no path inside the repository"),
    ],
)
def test_path_that_matches_nothing_is_refused_with_a_hint(feature, path, reason):
    assert reason in refusal(feature, paths=(path,))


def test_file_that_becomes_a_folder_can_be_named(repo):
    (repo / "README.md").unlink()
    (repo / "README.md").mkdir()
    (repo / "README.md/a").write_text("x\n")
    assert statuses(repo, paths=("README.md/a",)) == {"README.md/a": "A"}
    assert statuses(repo, paths=("README.md",)) == {"README.md": "D", "README.md/a": "A"}


def test_whole_files_count_every_line(feature):
    with open_comparison(feature, CompareSpec(whole=True, paths=("src", "README.md"))) as two:
        change = two.private.change(two.old, two.new)
        assert {file.path: file.status for file in change.files} == {
            "README.md": "A",
            "src/kept.py": "A",
            "src/new.py": "A",
        }
        assert change.file("src/new.py").added_ranges == ((1, 31),)
        assert two.private.read(two.new, "staged.py") == b"s\n"
        assert two.in_checkout
    assert len(statuses(feature, whole=True)) == 6


def test_ignored_file_is_reviewed_whole_only_when_it_is_named(feature):
    (feature / "build").mkdir()
    (feature / "build/out.py").write_text("x\n")
    assert statuses(feature, whole=True, paths=("debug.log", "build/out.py")) == {
        "build/out.py": "A",
        "debug.log": "A",
    }
    assert "debug.log" not in statuses(feature, whole=True)
    assert "holds nothing that git sees" in refusal(feature, whole=True, paths=("build",))


def test_whole_files_without_a_commit(tmp_path, git):
    git(tmp_path, "init", "-q", "fresh")
    (tmp_path / "fresh/a.py").write_text("1\n")
    assert statuses(tmp_path / "fresh", whole=True) == {"a.py": "A"}


def test_whole_files_leave_out_what_a_sparse_checkout_does(repo, git):
    for folder in ("in", "out"):
        (repo / folder).mkdir()
        (repo / folder / "f").write_text("1\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "two folders")
    git(repo, "sparse-checkout", "set", "--cone", "in")
    assert statuses(repo, whole=True) == {"README.md": "A", "in/f": "A"}
    assert "there is no file or folder `out`" in refusal(repo, whole=True, paths=("out",))


@pytest.mark.parametrize(
    "asked",
    [
        {"staged": True, "range": "main"},
        {"commit": "HEAD", "base": "main"},
        {"whole": True, "patch": b""},
    ],
)
def test_contradictions_are_refused(feature, asked):
    assert "cannot be asked for together" in refusal(feature, **asked)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"range": "featur.."}, "did you mean feature?"),
        ({"base": "no-such"}, "is not a commit, branch or tag"),
        ({"range": "src..HEAD"}, "it is a path"),
        ({"commit": "HEAD:README.md"}, "is not a commit"),
        ({"commit": "0" * 40}, "is not a commit"),
        ({"commit": "--all"}, "is not a commit"),
        ({"commit": "HEAD~99"}, "is not a commit"),
        ({"range": "main....feature"}, "is not a commit"),
        ({"commit": " "}, "is no revision"),
        ({"commit": "a\nb"}, "is no revision"),
    ],
)
def test_names_that_git_does_not_know(feature, asked, reason):
    assert reason in refusal(feature, **asked)


@pytest.mark.parametrize("name", ["feature", "@", "HEAD^0", "feature@{0}", ":/wor", "HEAD^{/work}"])
def test_names_that_git_knows(feature, name):
    assert statuses(feature, commit=name) == {"src/new.py": "R"}


def test_hook_of_a_commit_sees_the_index_it_commits(feature, git, monkeypatch):
    other = feature / ".git/next-index"
    other.write_bytes((feature / ".git/index").read_bytes())
    monkeypatch.setenv("GIT_INDEX_FILE", str(other))
    git(feature, "add", "README.md")
    assert statuses(feature, staged=True) == {"README.md": "M", "staged.py": "A"}
    assert "docs/untracked.md" in statuses(feature)
    monkeypatch.setenv("GIT_INDEX_FILE", "/etc/passwd")
    assert statuses(feature, staged=True) == {"staged.py": "A"}


def test_inherited_git_variables_do_not_lead_elsewhere(feature, tmp_path, monkeypatch, git):
    git(tmp_path, "init", "-q", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    with open_comparison(feature, CompareSpec()) as two:
        assert two.user.root == feature


def test_nothing_is_left_behind_when_the_review_fails(feature, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with pytest.raises(ZeroDivisionError), open_comparison(feature, CompareSpec()) as two:
        assert two.private.read(two.new, "staged.py")
        assert list(folder.iterdir())
        _ = 1 / 0
    assert list(folder.iterdir()) == []
    refusal(feature, range="nothing..")
    assert list(folder.iterdir()) == []


def test_file_that_the_system_does_not_let_us_read(git, monkeypatch):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        monkeypatch.setenv("HOME", name)
        monkeypatch.setenv("XDG_CONFIG_HOME", name)
        git(root, "init", "-q", "-b", "main", "project")
        repo = root / "project"
        git(repo, "-c", "user.name=a", "-c", "user.email=b", "commit", "--allow-empty", "-qm", "1")
        (repo / "secret.py").write_text("1\n")
        (repo / "secret.py").chmod(0)
        if os.geteuid() == 0:  # root reads everything, so be somebody else for a moment
            for path in (root, *root.rglob("*")):
                os.lchown(path, 65534, 65534)
            os.seteuid(65534)
        try:
            reason = refusal(repo)
            assert statuses(repo, staged=True) == {}
        finally:
            if os.getuid() == 0:
                os.seteuid(0)
    assert reason.startswith("secret.py cannot be read (Permission denied)")


def test_a_repository_is_compared_with_few_processes_however_many_files_it_has(
    feature, monkeypatch
):
    started, begin = [], subprocess.Popen.__init__

    def counted(self, *args, **more):
        started.append(args)
        begin(self, *args, **more)

    monkeypatch.setattr(subprocess.Popen, "__init__", counted)
    with open_comparison(feature, CompareSpec()):
        few = len(started)
    for number in range(200):
        (feature / f"more{number}.py").write_text(f"{number}\n")
    started.clear()
    with open_comparison(feature, CompareSpec()) as two:
        assert len(two.private.change(two.old, two.new).files) > 200
    assert 0 < few < 40
    assert len(started) <= few + 5


def test_nothing_staged_says_what_is_changed_beside_it(feature, git):
    git(feature, "restore", "--staged", "staged.py")
    with open_comparison(feature, CompareSpec(staged=True)) as two:
        assert two.notes == ("nothing is staged; 3 files are changed but not staged",)
        assert two.unstaged == 3
    (feature / "docs/untracked.md").unlink()
    (feature / "staged.py").unlink()
    with open_comparison(feature, CompareSpec(staged=True)) as two:
        assert two.notes == ("nothing is staged; 1 file is changed but not staged",)
    git(feature, "checkout", "-q", "README.md")
    with open_comparison(feature, CompareSpec(staged=True)) as two:
        assert two.notes == ()


def test_without_a_base_branch_the_ways_out_are_named(feature, git):
    git(feature, "branch", "-D", "main")
    with open_comparison(feature, CompareSpec()) as two:
        (note,) = two.notes
    assert note.startswith("no base branch was found, so only uncommitted work is reviewed; ")
    assert "`--base BRANCH`" in note
    assert "`--commit REV`" in note


@pytest.mark.parametrize("detached", [False, True])
def test_a_shallow_clone_of_one_branch_never_reads_as_nothing_to_review(
    feature, git, tmp_path, detached
):
    git(feature, "stash", "-q", "-u")
    git(feature, "checkout", "-q", "main")
    clone = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", "-b", "feature", f"file://{feature}", str(clone))
    if detached:
        git(clone, "checkout", "-q", "--detach")
    advised = "git fetch origin main:refs/remotes/origin/main"
    with pytest.raises(WorkspaceError, match=advised), open_comparison(clone, CompareSpec()):
        pass
    git(clone, "fetch", "-q", "--deepen=100")
    git(clone, "fetch", "-q", "origin", "main:refs/remotes/origin/main")
    with open_comparison(clone, CompareSpec()) as two:
        assert two.private.change(two.old, two.new).files


def test_a_shallow_clone_of_the_main_branch_has_nothing_to_review(feature, git, tmp_path):
    clone = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", "-b", "main", f"file://{feature}", str(clone))
    with open_comparison(clone, CompareSpec()) as two:
        assert not two.private.change(two.old, two.new).files
