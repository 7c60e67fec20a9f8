"""A patch that is already applied is recognised, even without context lines."""

import re
import subprocess
from pathlib import Path

import pytest

from reviewloop.git.comparison import CompareSpec, open_comparison

BODY = "".join(f"a line with the number {number}\n" for number in range(30))
TWICE = "def a():\n    return None\n\n\n"
IDS = re.compile(rb"^index .*\n", re.MULTILINE)


def diff(repo: Path, context: str) -> bytes:
    command = ["git", "diff", "--cached", "--no-ext-diff", "-M", context]
    return subprocess.run(command, cwd=repo, check=True, capture_output=True).stdout


def reviewed(repo: Path, patch: bytes) -> tuple[str, dict]:
    with open_comparison(repo, CompareSpec(patch=patch)) as two:
        files = two.private.change(two.old, two.new).files
        return two.what, {file.path: file.added_text for file in files}


@pytest.mark.slow_but(every=9)
@pytest.mark.parametrize(
    ("context", "with_ids"), [("-U0", False), ("-U0", True), ("-U1", False), ("-U3", True)]
)
@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BODY, "first\n" + BODY),
        (BODY, BODY + "last\n"),
        (BODY, BODY.replace("number 9\n", "number 9\nx\n").replace("number 20\n", "y\n")),
        (TWICE * 3, TWICE * 3 + "def b():\n    return None\n"),
        (BODY, BODY.replace("a line with the number 4\n", "")),
        (None, BODY),
        (BODY, None),
    ],
)
def test_patch_is_not_applied_twice(repo, git, context, with_ids, applied, old, new):
    def put(text: str | None) -> None:
        (repo / "x.py").unlink(missing_ok=True)
        if text is not None:
            (repo / "x.py").write_text(text)

    put(old)
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "--allow-empty", "-m", "base")
    put(new)
    git(repo, "add", "-A")
    with open_comparison(repo, CompareSpec(staged=True)) as two:
        files = two.private.change(two.old, two.new).files
        expected = {file.path: file.added_text for file in files}
    patch = diff(repo, context)
    patch = patch if with_ids else IDS.sub(b"", patch)
    git(repo, "reset", "-q", "--hard") if not applied else None
    with open_comparison(repo, CompareSpec(patch=patch)) as two:
        files = two.private.change(two.old, two.new).files
        assert ("hold already" in two.what) == two.in_checkout == applied
        assert {file.path: file.added_text for file in files} == expected
        assert two.private.read(two.old, "x.py") == (old.encode() if old else None)


@pytest.mark.parametrize("context", ["-U0", "-U1", "-U3"])
def test_lines_that_moved_since_the_patch_are_found_again(repo, git, context):
    (repo / "x.py").write_text(BODY)
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "base")
    (repo / "x.py").write_text(BODY.replace("number 9\n", "number 9\nadded\n"))
    git(repo, "add", "-A")
    patch = diff(repo, context)
    (repo / "x.py").write_text("one\ntwo\n" + (repo / "x.py").read_text())
    what, files = reviewed(repo, patch)
    assert "hold already" in what
    assert files == {"x.py": {13: "added"}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("same\n" * 4, "same\n" * 5),
        ("same\n" * 5, "same\n" * 4),
        (TWICE * 3 + BODY, TWICE * 2 + BODY),
    ],
)
def test_ids_tell_where_lines_look_the_same_before_and_after(repo, git, old, new):
    (repo / "x.py").write_text(old)
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "base")
    (repo / "x.py").write_text(new)
    git(repo, "add", "-A")
    patch = diff(repo, "-U0")
    assert "hold already" in reviewed(repo, patch)[0]
    git(repo, "reset", "-q", "--hard")
    assert "applied to your files" in reviewed(repo, patch)[0]


def test_colour_codes_in_a_file_stay_when_the_patch_is_plain(repo):
    (repo / "x.txt").write_text("\x1b[1m--- bold\x1b[m\n")
    new = b"--- /dev/null\n+++ b/x.txt\n@@ -0,0 +1 @@\n+\x1b[1m--- bold\x1b[m\n"
    what, files = reviewed(repo, b"\x1b[1mSome words.\x1b[m\n" + new)
    assert "hold already" in what
    assert files == {"x.txt": {1: "\x1b[1m--- bold\x1b[m"}}
