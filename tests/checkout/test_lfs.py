"""Git LFS without its program: pointers are read and written, content is never downloaded."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reviewloop.checkout.promote import promote, undo
from reviewloop.checkout.workspace import Filling, Workspace
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.interdiff import lfs_stop
from reviewloop.git.lfs import Pointer, is_content_of, parse_pointer
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover

ADA = ("Ada Example", "ada@example.org")
CONTENT = b"\0a large picture\n" * 9
POINTER = Pointer(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
OTHER = Pointer("1" * 64, 12)


@pytest.fixture
def lfs(repo: Path, git: Callable[..., str]) -> Path:
    """Return a repository as Git LFS leaves it: a pointer committed, the content on disk."""
    (repo / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (repo / "a.bin").write_bytes(POINTER.text())
    (repo / "lost.bin").write_bytes(OTHER.text())
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "kept in LFS")
    oid = POINTER.oid
    stored = repo / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid
    stored.parent.mkdir(parents=True)
    stored.write_bytes(CONTENT)
    (repo / "a.bin").write_bytes(CONTENT)
    return repo


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        (POINTER.text(), POINTER),
        (OTHER.text().rstrip(b"\n"), OTHER),
        (OTHER.text().replace(b"\noid", b"\next-0-x sha256:" + b"2" * 64 + b"\noid"), OTHER),
        (b"", None),
        (CONTENT, None),
        (POINTER.text() + b"more\n", None),
        (POINTER.text().replace(b"sha256", b"sha1"), None),
        (POINTER.text().replace(b"size ", b"size -"), None),
        (POINTER.text() + b"\n" * 2000, None),
    ],
)
def test_pointers_are_read(data: bytes, pointer: Pointer | None) -> None:
    assert parse_pointer(data) == pointer


def test_content_is_known_by_its_pointer() -> None:
    assert is_content_of(CONTENT, POINTER)
    assert not is_content_of(CONTENT + b"x", POINTER)
    assert Pointer(hashlib.sha256(b"").hexdigest(), 0).text() == b""


def snapshot(repo: Path, folder: Path, *, lfs_pointers: bool = False) -> bytes | None:
    user = discover(repo)
    private = PrivateRepo.create(folder / "run", user)
    try:
        tree = private.snapshot_of_checkout(user, lfs_pointers=lfs_pointers)
        return private.read(tree, "a.bin")
    finally:
        private.close()


def test_an_unchanged_file_stays_its_pointer(lfs: Path, tmp_path: Path) -> None:
    assert snapshot(lfs, tmp_path) == POINTER.text()
    (lfs / "a.bin").write_bytes(POINTER.text())  # not smudged
    assert snapshot(lfs, tmp_path) == POINTER.text()


def test_a_changed_file_is_refused_unless_its_pointer_is_asked_for(
    lfs: Path, tmp_path: Path
) -> None:
    (lfs / "a.bin").write_bytes(b"painted over\n")
    with pytest.raises(WorkspaceError, match=r"a\.bin was changed and needs the filter 'lfs'"):
        snapshot(lfs, tmp_path)
    new = Pointer(hashlib.sha256(b"painted over\n").hexdigest(), 13)
    assert snapshot(lfs, tmp_path, lfs_pointers=True) == new.text()


@pytest.fixture
def private(lfs: Path, tmp_path: Path):
    made = PrivateRepo.create(tmp_path / "run/git", discover(lfs))
    yield made
    made.close()


def test_builds_see_content_that_is_at_hand_if_asked_for(private: PrivateRepo, tmp_path: Path):
    tree = private.tree_of("HEAD")
    plain = Workspace(private, tmp_path / "plain").reset(tree)
    assert (plain / "a.bin").read_bytes() == POINTER.text()
    workspace = Workspace(private, tmp_path / "filled", Filling(lfs=True))
    for _ in range(2):
        filled = workspace.reset(tree)
        assert (filled / "a.bin").read_bytes() == CONTENT
        assert (filled / "lost.bin").read_bytes() == OTHER.text()
        assert workspace.taken(tree, ()) == tree
        (filled / "a.bin").write_bytes(b"a build wrote here\n")
    again = workspace.reset(private.edit(tree, {"a.bin": OTHER.text()}))
    assert (again / "a.bin").read_bytes() == OTHER.text()


def other_content(stored: Path) -> None:
    stored.write_bytes(CONTENT[::-1])


def other_size(stored: Path) -> None:
    stored.write_bytes(b"a secret\n")


def link(stored: Path) -> None:
    stored.rename(stored.with_name("elsewhere"))
    stored.symlink_to(stored.with_name("elsewhere"))


def pipe(stored: Path) -> None:
    stored.unlink()
    os.mkfifo(stored)


@pytest.mark.parametrize("forge", [other_content, other_size, link, pipe])
def test_nothing_but_the_content_is_put_in_its_place(
    private: PrivateRepo, lfs: Path, tmp_path: Path, forge: Callable[[Path], None]
) -> None:
    forge(lfs / ".git/lfs/objects" / POINTER.oid[:2] / POINTER.oid[2:4] / POINTER.oid)
    folder = Workspace(private, tmp_path / "w", Filling(lfs=True)).reset(private.tree_of("HEAD"))
    assert (folder / "a.bin").read_bytes() == POINTER.text()


@pytest.mark.parametrize(
    ("edit", "refused", "allowed"),
    [
        ({"a.bin": b"text of a model\n"}, "its content would be", "its content would be"),
        ({"new.bin": b"text of a model\n"}, "its content would be", "its content would be"),
        ({"a.bin": OTHER.text()}, "workspace.lfs", ""),
        ({"a.bin": None}, "", ""),
        ({"code.py": b"x = 1\n"}, "", ""),
    ],
)
def test_what_a_change_may_do_to_files_in_lfs(
    private: PrivateRepo, edit: dict[str, bytes | None], refused: str, allowed: str
) -> None:
    base = private.tree_of("HEAD")
    change = private.change(base, private.edit(base, edit))
    for pointers, expected in ((False, refused), (True, allowed)):
        reason = lfs_stop(private, change, pointers=pointers)
        assert (expected in reason) if expected else not reason


def test_an_unchanged_file_in_the_checkout_does_not_stand_in_a_promotions_way(
    private: PrivateRepo, lfs: Path, tmp_path: Path
) -> None:
    head = private.head
    tree = private.edit(private.tree_of(head), {"a.bin": None, "code.py": b"x = 1\n"})
    commit = private.commit(tree, [head], "without the picture", ADA, ADA)
    where = {"branch": "main", "expected_head": head}
    (lfs / "a.bin").write_bytes(b"painted over\n")
    with pytest.raises(WorkspaceError, match=r"a\.bin .*edited"):
        promote(discover(lfs), private, commit, **where, intent=tmp_path / "a.json")
    (lfs / "a.bin").write_bytes(CONTENT)
    record = promote(discover(lfs), private, commit, **where, intent=tmp_path / "b.json")
    assert not (lfs / "a.bin").exists()
    undo(discover(lfs), record, intent=tmp_path / "undo.json")
    assert (lfs / "a.bin").exists()
