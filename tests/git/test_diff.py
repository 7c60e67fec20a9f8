"""The differences of two trees: exact names, counts, hunks and lines for every kind of file."""

import os
import subprocess

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.private import PrivateRepo

NAMES = [
    'quo"te.txt',
    "tab\there.txt",
    "line\nfeed.txt",
    "back\\slash.txt",
    " lead and trail ",
    "a b/c b/d.txt",
    "x b/x",
    "-dash",
    "größe.txt",
    "\udcff\udcfe.bin",
    "b",
    "dev/null",
    "diff --git a/x b/x",
    ":(top)x",
    "*.txt",
]

CONTENTS = {
    "crlf": b"one\r\ntwo\r\nthree\r\n",
    "lone carriage return": b"one\rtwo\rthree\n",
    "no end of line": b"one\ntwo",
    "form feeds": b"one\x0c\ntwo\x0b\nthree\x1c\n",
    "unicode separators": "one\u0085\ntwo\u2028three\u2029\n".encode(),
    "byte order mark": b"\xef\xbb\xbfone\n",
    "latin-1": b"caf\xe9\n",
    "invalid utf-8": b"\xc3\x28\n\xed\xa0\x80\n",
    "header lookalikes": b"--- a/x\n+++ b/x\n@@ -1 +1 @@\ndiff --git a/x b/x\n-- \n",
    "patch inside": b"diff --git a/q b/q\nindex 1..2\n--- a/q\n+++ b/q\n@@ -0,0 +1 @@\n+evil\n",
    "no newline lookalike": b"\\ No newline at end of file\n",
    "late NUL": b"x" * 9000 + b"\n\x00\n",
    "megabyte line": b"y" * 1_200_000 + b"\n",
    "blank lines": b"\n\n\n",
}


@pytest.fixture
def base(private: PrivateRepo) -> str:
    return private.tree_of(private.head)


def new_lines(data: bytes) -> list[str]:
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [line.decode("utf-8", "surrogateescape") for line in lines]


def test_no_difference_is_an_empty_change(private, base):
    change = private.change(base, base)
    assert not change
    assert change.files == ()
    assert (change.added, change.removed) == (0, 0)
    assert change.patch() == ""
    assert change.file("README.md") is None
    assert change.added_lines("README.md") == ()


def test_added_modified_and_deleted(private, base):
    old = private.edit(base, {"keep": b"1\n2\n3\n4\n5\n", "gone": b"x\ny\n"})
    new = private.edit(old, {"keep": b"1\n2\nnew\n4\n5\n6\n", "gone": None, "fresh": b"a\nb\n"})
    change = private.change(old, new)
    assert [(f.path, f.status, f.added, f.removed) for f in change.files] == [
        ("fresh", "A", 2, 0),
        ("gone", "D", 0, 2),
        ("keep", "M", 2, 1),
    ]
    assert (change.added, change.removed) == (4, 3)
    keep = change.file("keep")
    assert keep.added_ranges == keep.added_lines == ((3, 3), (6, 6))
    assert keep.added_text == {3: "new", 6: "6"}
    assert keep.line_text(4) == "4"
    assert keep.line_text(40) is None
    (hunk,) = keep.hunks
    assert (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count) == (1, 5, 1, 6)
    assert [line.sign for line in hunk.lines] == [" ", " ", "-", "+", " ", " ", "+"]
    assert change.file("fresh").added_ranges == ((1, 2),)
    assert change.file("gone").added_ranges == ()
    assert change.file("gone").new_oid == "0" * 40


@pytest.mark.parametrize("name", sorted(CONTENTS))
def test_content_comes_back_exactly(private, base, name):
    data = CONTENTS[name]
    tree = private.edit(base, {"f": data})
    added = private.change(base, tree).file("f")
    assert not added.binary
    assert list(added.added_text.values()) == new_lines(data)
    assert added.added == len(new_lines(data))
    changed = private.edit(tree, {"f": data + b"\nlast\n"})
    assert private.change(tree, changed).file("f").hunks
    private.change(tree, changed).patch().encode("utf-8")


def test_awkward_names_do_not_disturb_each_other(private, base):
    old = private.edit(base, {name: f"old {n}\n".encode() for n, name in enumerate(NAMES)})
    new = private.edit(old, {name: f"new {n}\n".encode() for n, name in enumerate(NAMES)})
    change = private.change(old, new)
    assert sorted(map(os.fsencode, change.paths)) == sorted(map(os.fsencode, NAMES))
    for number, name in enumerate(NAMES):
        assert change.file(name).added_text == {1: f"new {number}"}
        assert f"+new {number}\n" in change.file(name).patch
    change.patch().encode("utf-8")


def test_renames_are_shown_once_with_only_their_edited_lines(private, base):
    body = b"".join(b"line %d\n" % number for number in range(30))
    old = private.edit(base, {"a b/old.py": body, "pure": body[::-1]})
    new = private.edit(
        old,
        {
            "a b/old.py": None,
            "x b/new.py": body.replace(b"line 7\n", b"line seven\n"),
            "pure": None,
            "pure2": body[::-1],
        },
    )
    change = private.change(old, new)
    moved, pure = change.file("x b/new.py"), change.file("pure2")
    assert (moved.status, moved.old_path, moved.added, moved.removed) == ("R", "a b/old.py", 1, 1)
    assert moved.added_text == {8: "line seven"}
    assert (pure.status, pure.old_path, pure.added) == ("R", "pure", 0)
    assert pure.hunks == ()
    assert len(change.files) == 2


def test_mode_change_only(private, base):
    old = private.edit(base, {"run.sh": b"x\n"})
    new = private.edit(old, {"run.sh": b"x\n"}, {"run.sh": "100755"})
    (file,) = private.change(old, new).files
    assert (file.old_mode, file.new_mode, file.added) == ("100644", "100755", 0)
    assert file.hunks == ()
    assert "new mode 100755" in file.patch


def test_empty_files(private, base):
    tree = private.edit(base, {"empty": b""})
    (file,) = private.change(base, tree).files
    assert (file.status, file.binary, file.hunks, file.added_ranges) == ("A", False, (), ())


def test_binary_files_have_no_lines(private, base):
    old = private.edit(base, {"logo": b"\x00\x01\n", "utf16": "text\n".encode("utf-16")})
    new = private.edit(old, {"logo": b"\x00\x02\n", "utf16": b"now text\n"})
    change = private.change(old, new)
    assert [file.binary for file in change.files] == [True, True]
    assert (change.added, change.removed) == (0, 0)
    assert "\x02" not in change.patch()
    assert change.file("logo").hunks == ()


def test_file_becomes_a_link_and_back(private, base):
    old = private.edit(base, {"a": b"same", "z": b"1\n2\n"})
    new = private.edit(old, {"a": b"same"}, {"a": "120000"})
    new = private.edit(new, {"z": b"3\n"})
    change = private.change(old, new)
    link = change.file("a")
    assert (link.status, link.added, link.removed) == ("T", 1, 1)
    assert [[line.sign for line in hunk.lines] for hunk in link.hunks] == [["-", "\\"], ["+", "\\"]]
    assert change.file("z").added_text == {1: "3"}
    assert private.change(new, old).file("a").added_text == {1: "same"}


def test_binary_file_becomes_a_link(private, base):
    old = private.edit(base, {"a": b"\x00\n"})
    new = private.edit(old, {"a": b"target"}, {"a": "120000"})
    (file,) = private.change(old, new).files
    assert (file.status, file.binary, file.hunks) == ("T", True, ())


def test_submodule_moves_by_ids_only(private, repo, git):
    git(repo, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    git(repo, "commit", "-qm", "one")
    git(repo, "update-index", "--cacheinfo", f"160000,{'2' * 40},sub")
    (repo / ".gitmodules").write_text('[submodule "sub"]\n\tpath = sub\n\turl = x\n\tupdate = !x\n')
    git(repo, "add", ".gitmodules")
    git(repo, "commit", "-qm", "two")
    change = private.change(git(repo, "rev-parse", "HEAD~1"), git(repo, "rev-parse", "HEAD"))
    file = change.file("sub")
    assert file.submodule
    assert file.added_text == {1: "Subproject commit " + "2" * 40}


@pytest.mark.parametrize("attributes", ["*.py -diff", "*.py binary", "*.py diff=trap"])
def test_attributes_cannot_hide_a_source_file(private, base, attributes):
    files = {".gitattributes": attributes.encode() + b"\n", "evil.py": b"import os\n"}
    tree = private.edit(base, files)
    private.git.run("update-ref", "HEAD", private.keep(tree, "r", "x"))
    file = private.change(base, tree).file("evil.py")
    assert not file.binary
    assert file.added_text == {1: "import os"}


def test_text_that_git_takes_for_binary_is_shown_all_the_same(private, base):
    (private.folder / "info/attributes").write_text("*.py -diff\n")
    old = private.edit(base, {"a.py": b"1\n2\n", "b.txt": b"x\n", "real.py": b"\x00"})
    new = private.edit(old, {"a.py": b"1\n3\n4\n", "b.txt": b"y\n", "real.py": b"\x00\x00"})
    change = private.change(old, new)
    file = change.file("a.py")
    assert (file.binary, file.added, file.removed) == (False, 2, 1)
    assert file.added_ranges == ((2, 3),)
    assert "+3\n+4\n" in change.patch()
    assert change.file("b.txt").added_text == {1: "y"}
    assert change.file("real.py").binary


def test_patch_of_some_files_and_other_context(private, base):
    body = b"".join(b"%d\n" % number for number in range(1, 21))
    old = private.edit(base, {"a": body, "b": body})
    new = private.edit(old, {"a": body.replace(b"10\n", b"ten\n"), "b": b""})
    change = private.change(old, new)
    assert "diff --git a/b b/b" not in change.patch(["a"])
    assert "+ten\n" in change.patch(["a"])
    assert change.patch(["a"]).count("\n ") == 6
    assert change.patch(["a"], context_lines=0).count("\n ") == 0
    assert private.change(old, new, context_lines=1).patch(["a"]).count("\n ") == 2
    assert change.file("a").hunks[0].old_start == 7


def test_patch_text_shows_foreign_bytes_as_replacement(private, base):
    tree = private.edit(base, {"f": b"caf\xe9\n", "größe": b"x\n"})
    patch = private.change(base, tree).patch()
    assert "+caf\ufffd\n" in patch
    assert "b/größe" in patch


def test_counts_that_do_not_fit_are_an_error(private, base):
    from dataclasses import replace

    tree = private.edit(base, {"f": b"1\n"})
    (file,) = private.change(base, tree).files
    with pytest.raises(WorkspaceError, match="git counts"):
        assert replace(file, added=2).hunks


def test_a_large_change_is_read_once(private, base, monkeypatch):
    tree = private.edit(base, {f"f{n}": b"some line of text\n" * 600 for n in range(100)})
    change = private.change(base, tree)
    assert change.added == 60_000
    started, begin = [], subprocess.Popen.__init__

    def counted(self, *args, **more):
        started.append(args)
        begin(self, *args, **more)

    monkeypatch.setattr(subprocess.Popen, "__init__", counted)
    assert sum(len(file.added_text) for file in change.files) == 60_000
    first = len(started)
    assert len(private.change(base, tree).patch()) > 1_000_000
    assert all(file.added_ranges == ((1, 600),) for file in private.change(base, tree).files)
    assert first == len(started) == 1  # for all hundred files, and for all who ask


def test_settings_of_the_repository_change_nothing(repo, git, tmp_path):
    from reviewloop.git.repository import discover

    for key, value in {
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.context": "0",
        "diff.renames": "false",
        "diff.algorithm": "patience",
        "color.ui": "always",
        "diff.submodule": "log",
        "diff.wordRegex": ".",
        "diff.orderFile": "order",
        "core.quotePath": "true",
    }.items():
        git(repo, "config", key, value)
    private = PrivateRepo.create(tmp_path / "run", discover(repo))
    base = private.tree_of("HEAD")
    tree = private.edit(base, {"README.md": b"# project\nmore\n"})
    assert private.change(base, tree).patch() == (
        "diff --git a/README.md b/README.md\n"
        f"index {private.reader(base).entry('README.md').oid}.."
        f"{private.reader(tree).entry('README.md').oid} 100644\n"
        "--- a/README.md\n+++ b/README.md\n@@ -1 +1,2 @@\n # project\n+more\n"
    )
    private.close()
