"""Disks that merge or alter names: reported before anything is paid."""

import unicodedata
from pathlib import Path

import pytest

from reviewloop.checkout import workspace
from reviewloop.checkout.workspace import (
    Workspace,
    keeps_all_names,
    lost_names,
    require_distinct_names,
)
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.comparison import CompareSpec, open_comparison
from reviewloop.git.private import PrivateRepo


def as_listed(fold):
    """Return what a disk lists that takes names for one if they fold to the same."""
    real = workspace.listed_names

    def listed(folder: Path) -> list[str]:
        kept: dict[str, str] = {}
        for name in sorted(real(folder)):
            kept.setdefault(fold(name), name)
        return list(kept.values())

    return listed


def insensitive(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


@pytest.fixture
def folding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "listed_names", as_listed(insensitive))


@pytest.fixture
def normalising(monkeypatch: pytest.MonkeyPatch) -> None:
    real = workspace.listed_names
    monkeypatch.setattr(
        workspace, "listed_names", lambda f: [unicodedata.normalize("NFD", n) for n in real(f)]
    )
    monkeypatch.setattr(Path, "unlink", lambda *_args, **_options: None)


PATHS = ["README", "Src/a.py", "src/b.py", "caf\u00e9", "cafe\u0301", "plain/x", "stra\u00dfe"]


def test_a_disk_that_keeps_bytes_loses_nothing(tmp_path: Path) -> None:
    assert keeps_all_names(tmp_path)
    assert lost_names(PATHS, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_names_told_apart_by_case_or_form_are_found(tmp_path: Path, folding) -> None:
    assert not keeps_all_names(tmp_path)
    assert lost_names(PATHS, tmp_path) == [("Src", "src"), ("caf\u00e9", "cafe\u0301")]
    assert lost_names(["a/X/y", "a/x/y", "A/q"], tmp_path) == [("a", "A"), ("a/X", "a/x")]
    assert lost_names(["README", "docs/README", "caf\u00e9"], tmp_path) == []


def test_names_given_back_in_another_form_are_found(tmp_path: Path, normalising) -> None:
    assert lost_names(["plain", "caf\u00e9", "na\u0308chster"], tmp_path) == [("caf\u00e9",)]


def test_implementing_is_refused_and_reviewing_is_not(
    repo, tmp_path: Path, private: PrivateRepo, folding
) -> None:
    tree = private.edit(private.tree_of("HEAD"), {"readme.md": b"another\n"})
    with pytest.raises(WorkspaceError, match=r"README\.md and readme\.md"):
        require_distinct_names(private, tree, tmp_path)
    with pytest.raises(WorkspaceError, match=r"README\.md and readme\.md"):
        Workspace(private, tmp_path / "workspace").reset(tree)
    require_distinct_names(private, private.tree_of("HEAD"), tmp_path)
    Workspace(private, tmp_path / "workspace").reset(private.tree_of("HEAD"))
    (repo / "readme.md").write_text("another\n")
    with open_comparison(repo, CompareSpec()) as two:
        assert two.private.change(two.old, two.new).paths == ("readme.md",)
