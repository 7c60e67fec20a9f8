"""Objects and refs that are written as files are what git itself would have written."""

import subprocess

import pytest

from reviewloop.git.directory import write_object, write_ref

CONTENTS = (b"", b"x\n", b"\0\xff" * 5000, "⟦".encode())


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_git_reads_them_and_gives_them_the_same_names(tmp_path, object_format):
    def git(*args, data=b""):
        done = subprocess.run(
            ["git", "-C", str(tmp_path / "r"), *args], input=data, capture_output=True, check=True
        )
        return done.stdout

    subprocess.run(
        ["git", "init", "-q", "--bare", f"--object-format={object_format}", str(tmp_path / "r")],
        check=True,
    )
    objects = tmp_path / "r/objects"
    for content in CONTENTS:
        name = write_object(objects, "blob", content, object_format)
        assert write_object(objects, "blob", content, object_format) == name
        assert git("hash-object", "--stdin", data=content).decode().strip() == name
        assert git("cat-file", "blob", name) == content
    tree = git("mktree").decode().strip()
    who = "a <a@b> 1000000000 +0000"
    text = f"tree {tree}\nauthor {who}\ncommitter {who}\n\nkept\n".encode()
    commit = write_object(objects, "commit", text, object_format)
    write_ref(tmp_path / "r", "refs/reviewloop/run/one", commit)
    write_ref(tmp_path / "r", "refs/reviewloop/run/one", commit)
    assert git("for-each-ref", "--format=%(objectname) %(refname)").decode().split() == [
        commit,
        "refs/reviewloop/run/one",
    ]
    assert git("fsck", "--strict", "--no-dangling") == b""
