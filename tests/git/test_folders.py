"""Edits of trees without a process: the same trees as git would write, whatever the names are."""

import os
import random

import pytest
from support.started import programs_started

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.directory import write_object
from reviewloop.git.objects import TreeEntry, find, plain_mode
from reviewloop.git.paths import UnsafePathError
from reviewloop.git.private import PrivateRepo

NAMES = (
    "a",
    "a-b",
    "a.b",
    "a0",
    "b",
    "B",
    "é",
    "z\udcff",
)  # where git's order is not that of names


@pytest.fixture
def base(private: PrivateRepo) -> str:
    return private.tree_of(private.head)


def as_git_would(private, tree, changes, modes):
    """Return the tree that git writes for an edit, by way of an index."""
    lines = []
    for path, content in sorted(changes.items(), key=lambda change: change[1] is not None):
        blob = "0" * 40 if content is None else private.write_blob(content)
        mode = "0" if content is None else modes.get(path, "100644")
        lines.append(f"{mode} {blob}\t".encode() + os.fsencode(path) + b"\0")
    with private.scratch_index() as git:
        git.run("read-tree", tree)
        git.run("update-index", "-z", "--index-info", input=b"".join(lines))
        return git.text("write-tree")


def some_edit(dice, there):
    """Return an edit that nothing refuses: of files that are there, and of new ones beside them."""
    changes = dict.fromkeys(dice.sample(sorted(there), min(len(there), dice.randrange(4))))
    for _ in range(dice.randrange(4)):
        parts = [dice.choice(NAMES) for _ in range(dice.randrange(1, 4))]
        path = "/".join(parts)
        above = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        taken = {*there, *changes}
        if not above & taken and not any(one.startswith(f"{path}/") for one in taken):
            changes[path] = dice.randbytes(3)
    modes = {path: dice.choice(("100644", "100755", "120000")) for path in changes if changes[path]}
    return changes, modes


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize("seed", range(6))
def test_an_edit_gives_the_tree_that_git_gives(private, base, seed):
    dice = random.Random(seed)
    tree = base
    for _ in range(12):
        there = {entry.path for entry in private.entries(tree)}
        changes, modes = some_edit(dice, there)
        expected = as_git_would(private, tree, changes, modes)
        tree = private.edit(tree, changes, modes)
        assert tree == expected
    assert private.git.result("fsck", "--strict", tree).exit_code == 0


def test_everything_removed_is_the_empty_tree(private, base):
    everything = {entry.path: None for entry in private.entries(base)}
    empty = private.edit(base, everything)
    assert private.git.text("ls-tree", empty) == ""
    assert private.edit(private.edit(empty, {"a/b/c": b"x"}), {"a/b/c": None}) == empty


def test_paths_are_found_with_the_folders_above_them(private, base):
    tree = private.edit(base, {"a/b/c": b"x", "run": b"y"}, {"run": "100755"})
    found = find(private.pool, tree, ["a", "a/b/c", "run", "a/none", "run/below", "/run", "", "a/"])
    assert {path: held.mode for path, held in found.items()} == {
        "a": "040000",
        "a/b/c": "100644",
        "run": "100755",
    }
    assert private.pool.read(found["a/b/c"].oid) == b"x"
    assert find(private.pool, private.head, ["README.md"]).keys() == {"README.md"}


def test_old_modes_are_written_as_git_writes_them_today(private):
    blob = private.write_blob(b"old")
    raw = b"100664 f\0" + bytes.fromhex(blob)
    tree = write_object(private.folder / "objects", "tree", raw, "sha1")
    edited = private.edit(tree, {"f": b"new"})
    assert find(private.pool, edited, ["f"])["f"].mode == "100644"
    assert [plain_mode(mode) for mode in ("100600", "100775", "120000")] == [
        "100644",
        "100755",
        "120000",
    ]


@pytest.mark.parametrize("name", [".gitmodules", "a/.GitModules", ".gitmodules ", "GITMOD~1"])
def test_a_link_in_the_place_of_gits_own_settings_is_refused(private, base, name):
    with pytest.raises(UnsafePathError, match="cannot be a link"):
        private.edit(base, {name: b"/etc/passwd"}, {name: "120000"})
    assert private.read(private.edit(base, {name: b"text"}), name) == b"text"


@pytest.mark.parametrize("raw", [b"100644 f", b"100644 f\0short", b"word f\0" + bytes(20)])
def test_a_damaged_folder_is_an_error_that_says_so(private, raw):
    tree = write_object(private.folder / "objects", "tree", raw, "sha1")
    with pytest.raises(WorkspaceError, match="damaged"):
        find(private.pool, tree, ["f"])


def test_a_tree_that_is_not_there_is_an_error(private):
    with pytest.raises(WorkspaceError, match="could not read object"):
        find(private.pool, "1" * 40, ["f"])
    with pytest.raises(WorkspaceError, match="could not read object"):
        private.tree_of("1" * 40)


def test_an_edit_starts_no_process(private, base):
    private.read(base, "README.md")  # which starts the one that reads
    with programs_started() as started:
        tree = private.edit(base, {"new/file": b"x", "README.md": None})
        found = find(private.pool, tree, ["new/file", "README.md"])
    assert found == {"new/file": TreeEntry("100644", private.write_blob(b"x"))}
    assert started == []
