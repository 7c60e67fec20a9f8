"""What tests copy is a checkout in which git sees nothing changed, without asking it."""

import shutil

import pytest
from support.git_index import refresh_index
from support.shop import make_shop


@pytest.mark.parametrize("refreshed", [True, False])
def test_the_files_of_a_copy_are_those_of_its_index(tmp_path, git, refreshed):
    shop = make_shop(tmp_path / "shop", files={"a-name/that is long/" + "x" * 90: "1\n"})
    copy = tmp_path / "copy"
    shutil.copytree(shop, copy)
    if refreshed:
        refresh_index(copy)
    listed = git(copy, "ls-files").splitlines()
    assert len(listed) > 5
    # It compares what git remembers of a file with the file's own facts, and reads none.
    assert len(git(copy, "diff-files", "--name-only").splitlines()) == (not refreshed) * len(listed)
    git(copy, "fsck", "--strict")
