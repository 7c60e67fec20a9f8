"""Files of the checkout are replaced only while they hold what was read."""

import os
import stat

import pytest

from reviewloop.checkout.files import rewrite
from reviewloop.domain.errors import WorkspaceError


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.py").write_bytes(b"a\r\n")
    (folder / "sub/b.sh").write_bytes(b"b\n")
    return folder


def listing(folder) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_new_contents_replace_the_old_ones_byte_by_byte_and_modes_stay(root):
    (root / "sub/b.sh").chmod(0o750)
    before = listing(root)
    written = rewrite(root, {"a.py": (b"a\r\n", b"c\r\n"), "sub/b.sh": (b"b\n", b"")})

    assert written == ["a.py", "sub/b.sh"]
    assert (root / "a.py").read_bytes() == b"c\r\n"
    assert (root / "sub/b.sh").read_bytes() == b""
    assert stat.S_IMODE((root / "sub/b.sh").stat().st_mode) == 0o750
    assert listing(root) == before


def test_when_one_file_was_edited_meanwhile_none_is_written(root):
    (root / "sub/b.sh").write_bytes(b"edited\n")

    with pytest.raises(WorkspaceError, match=r"b\.sh is not what was reviewed"):
        rewrite(root, {"a.py": (b"a\r\n", b"c"), "sub/b.sh": (b"b\n", b"x")})
    assert (root / "a.py").read_bytes() == b"a\r\n"
    assert (root / "sub/b.sh").read_bytes() == b"edited\n"


def test_nothing_is_written_through_a_link_or_where_no_file_is(root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"x")
    (root / "link").symlink_to(outside / "x")
    (root / "folder").symlink_to(outside)
    for path in ("link", "folder/x", "sub", "gone.py"):
        with pytest.raises(WorkspaceError, match="no plain file"):
            rewrite(root, {path: (b"x", b"y")})
    assert (outside / "x").read_bytes() == b"x"


@pytest.mark.parametrize("path", ["../outside", "/etc/hostname", ".git/config", "sub/../../x"])
def test_no_path_leaves_the_checkout(root, path):
    with pytest.raises(WorkspaceError):
        rewrite(root, {path: (b"", b"y")})


def test_a_second_name_of_the_file_keeps_what_it_holds(root):
    os.link(root / "a.py", root / "same.py")
    rewrite(root, {"a.py": (b"a\r\n", b"c")})

    assert (root / "same.py").read_bytes() == b"a\r\n"
