"""A word that names nothing is refused, with suggestions."""

from pathlib import Path

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.comparison import CompareSpec, open_comparison


def refusal(start: Path, **asked) -> str:
    with pytest.raises(WorkspaceError) as raised, open_comparison(start, CompareSpec(**asked)):
        pass
    return str(raised.value)


@pytest.fixture
def feature(repo: Path, git) -> Path:
    """Return `repo` on a branch with a commit, and a folder that is untracked."""
    (repo / "src").mkdir()
    (repo / "src/new.py").write_text("1\n")
    git(repo, "checkout", "-q", "-b", "feature")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "work")
    (repo / "docs").mkdir()
    (repo / "docs/untracked.md").write_text("u\n")
    return repo


def test_word_that_may_be_a_misspelt_branch_is_told_as_one(feature, git):
    git(feature, "tag", "v1.0")
    said = "there is no branch, commit, file or folder"
    assert refusal(feature, paths=("mian",)) == f"{said} `mian`; did you mean `main`?"
    assert "`featur`; did you mean `feature`?" in refusal(feature, paths=("featur",))
    assert "`v1.1`; did you mean `v1.0`?" in refusal(feature, paths=("v1.1",), staged=True)
    for asked in ({"range": "main"}, {"whole": True}, {"patch": b""}):
        told = refusal(feature, paths=("mian",), **asked)
        assert told.startswith("there is no file or folder `mian`; paths are")
    assert "file or folder `mian`; paths" in refusal(feature, paths=("src", "mian"))


def test_path_is_told_as_it_was_typed_in_a_folder(feature):
    def told(path: str) -> str:
        return refusal(feature / "src", paths=(path,))

    assert "folder `README.md`; did you mean `../README.md`?" in told("src/README.md")
    assert "folder `../docs/new.py`; did you mean `new.py`?" in told("docs/new.py")
    assert "folder `mian`; did you mean `main`?" in told("src/mian")
    assert told("src/zzzz").endswith("`zzzz`; paths are relative to the current folder, src/.")


@pytest.mark.slow
def test_files_that_only_share_a_suffix_are_not_proposed(repo, git):
    for name in ("setup.py", "one/__init__.py", "two/three/__init__.py"):
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text("1\n")
    assert "did you mean" not in refusal(repo, paths=("test.py",))
    assert "did you mean `setup.py`?" in refusal(repo, paths=("setpu.py",))
    told = refusal(repo, paths=("two/thre/__init__.py",))
    assert "did you mean `two/three/__init__.py` or " in told


def test_file_on_disk_that_a_range_does_not_know_is_no_ignored_one(feature):
    for asked in ({"range": "main..HEAD"}, {"commit": "HEAD"}, {"staged": True}):
        told = refusal(feature, paths=("docs",), **asked)
        assert told == "docs is on disk, but in neither side of what is compared."
