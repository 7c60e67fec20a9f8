"""A patch on standard input is tried on the tree, however it was sent, and touches nothing."""

import base64
import re
import subprocess
from pathlib import Path

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.comparison import CompareSpec, open_comparison

BODY = "".join(f"a line with the number {number}\n" for number in range(30))
IDS = re.compile(rb"^index .*\n", re.MULTILINE)
EXPECTED = {
    "crlf.txt": ("M", {2: "YY\r"}),
    "fresh.py": ("A", {1: "new", 2: "-- ", 3: "+++ b/x"}),
    "moved.py": ("R", {8: "edited"}),
    "sub/deep/b.txt": ("M", {5: "five"}),
}


@pytest.fixture
def work(repo: Path, git) -> Path:
    """Return `repo` with four kinds of changes in the files, none of them committed."""
    (repo / "sub/deep").mkdir(parents=True)
    (repo / "a.py").write_text(BODY)
    (repo / "crlf.txt").write_bytes(b"x\r\ny\r\nz\r\n")
    (repo / "sub/deep/b.txt").write_text(BODY)
    (repo / "gone.py").write_text("gone\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "base")
    git(repo, "mv", "a.py", "moved.py")
    git(repo, "rm", "-q", "gone.py")
    (repo / "moved.py").write_text(BODY.replace("a line with the number 7\n", "edited\n"))
    (repo / "crlf.txt").write_bytes(b"x\r\nYY\r\nz\r\n")
    text = BODY.replace("a line with the number 4\n", "five\n")
    (repo / "sub/deep/b.txt").write_text(text)
    (repo / "fresh.py").write_text("new\n-- \n+++ b/x\n")
    git(repo, "add", "-A")
    return repo


def diff(repo: Path, *args: str, at: str = ".") -> bytes:
    command = ["git", "-c", "core.autocrlf=false", "diff", "--cached", "--no-ext-diff"]
    command += ["--no-textconv", "-M", *args]
    return subprocess.run(command, cwd=repo / at, check=True, capture_output=True).stdout


def reviewed(repo: Path, patch: bytes, start: str = ".") -> tuple[str, dict, tuple]:
    with open_comparison(repo / start, CompareSpec(patch=patch)) as two:
        change = two.private.change(two.old, two.new)
        files = {
            file.path: (file.status, file.added_text) for file in change.files if file.status != "D"
        }
        return two.what, files, two.unreadable


def refusal(repo: Path, patch: bytes) -> str:
    with pytest.raises(WorkspaceError) as raised, open_comparison(repo, CompareSpec(patch=patch)):
        pass
    return str(raised.value)


def mail(patch: bytes, **headers: str) -> bytes:
    lines = {"From": "Ada <ada@example.org>", "Subject": "[PATCH] work", **headers}
    head = "From 0123 Mon Sep 17 00:00:00 2001\n"
    head += "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in lines.items())
    return head.encode() + b"\n" + patch


def as_mail(patch: bytes) -> bytes:
    return mail(b"It works.\n---\n a | 2 +-\n 1 file changed\n\n" + patch + b"-- \n2.39.5\n\n")


def in_base64(patch: bytes) -> bytes:
    text = base64.encodebytes(patch)
    return mail(text, Content_Type="text/x-patch", Content_Transfer_Encoding="base64")


def quoted_printable(patch: bytes) -> bytes:
    from quopri import encodestring

    text = encodestring(patch.replace(b"\r", b"=0D")).replace(b"=3D0D", b"=0D")
    return mail(text, Content_Transfer_Encoding="quoted-printable")


@pytest.mark.slow_but(every=10)
@pytest.mark.parametrize(
    ("flags", "bent"),
    [
        ([], None),
        (["--no-prefix"], None),
        (["--src-prefix=i/", "--dst-prefix=w/"], None),
        (["-U0"], None),
        (["-U0", "--no-prefix"], None),
        (["-U25"], None),
        (["--full-index", "--binary"], None),
        (["--stat", "-p"], None),
        ([], as_mail),
        ([], in_base64),
        ([], quoted_printable),
        ([], lambda patch: b"\xef\xbb\xbf" + patch),
        ([], lambda patch: patch.decode().encode("utf-16")),
        ([], lambda patch: patch.removesuffix(b"\n")),
        ([], lambda patch: patch.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")),
        ([], lambda patch: b"Some words before.\n\n" + patch + b"\nand after\n"),
    ],
)
@pytest.mark.parametrize("where", ["files", "HEAD", "applied"])
def test_however_it_was_sent(work, git, flags, bent, where):
    patch = diff(work, *flags)
    patch = bent(patch) if bent else patch
    all_crlf = b"index" in patch and b"\r\n@@" in patch
    if where == "files":
        git(work, "reset", "-q", "--hard", "HEAD")
    elif where == "HEAD":
        for name in ("moved.py", "crlf.txt", "sub/deep/b.txt"):
            (work / name).write_text("quite another text\n")
    if all_crlf:
        # What was CRLF and what was not cannot be told any more: one file has to give way.
        git(work, "checkout", "-q", "HEAD", "crlf.txt")
        patch = b"diff --git " + b"diff --git ".join(
            part for part in patch.split(b"diff --git ")[1:] if not part.startswith(b"a/crlf")
        )
    what, files, unreadable = reviewed(work, patch)
    told = {
        "files": "applied to your files",
        "HEAD": "applied to HEAD (",
        "applied": "hold already",
    }
    assert told[where] in what
    expected = {name: one for name, one in EXPECTED.items() if not (all_crlf and "crlf" in name)}
    assert files == expected
    assert unreadable == ()


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize("context", ["-U0", "-U1", "-U3"])
@pytest.mark.parametrize("with_ids", [True, False])
def test_several_files_that_are_changed_already(work, context, with_ids):
    patch = diff(work, context)
    patch = patch if with_ids else IDS.sub(b"", patch)
    with open_comparison(work, CompareSpec(patch=patch)) as two:
        assert two.private.change(two.old, two.new).paths
        assert two.in_checkout
        assert two.private.read(two.old, "gone.py") == b"gone\n"
        assert two.private.read(two.old, "a.py") == BODY.encode()
    assert reviewed(work, patch)[1] == EXPECTED


@pytest.mark.parametrize("context", ["-U0", "-U1", "-U3"])
@pytest.mark.parametrize("settings", [[], ["color.diff.meta=normal", "color.diff.frag=normal"]])
def test_colours_of_a_terminal_are_no_part_of_a_patch(work, context, settings):
    flags = [part for one in settings for part in ("-c", one)]
    command = ["git", *flags, "diff", "--cached", "--color=always", "-M", context]
    patch = subprocess.run(command, cwd=work, check=True, capture_output=True).stdout
    assert b"\x1b[" in patch
    assert reviewed(work, patch)[1] == EXPECTED


def test_patch_of_crlf_files_with_converted_headers(work, git):
    patch = diff(work, "crlf.txt").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    git(work, "reset", "-q", "--hard", "HEAD")
    _, files, _ = reviewed(work, patch)
    assert files == {"crlf.txt": EXPECTED["crlf.txt"]}


def test_patch_that_was_made_in_a_subfolder(work, git):
    patch = diff(work, "--relative", at="sub/deep")
    assert b"a/b.txt" in patch
    git(work, "reset", "-q", "--hard", "HEAD")
    _, files, _ = reviewed(work, patch, start="sub/deep")
    assert files == {"sub/deep/b.txt": EXPECTED["sub/deep/b.txt"]}


def test_plain_diff_without_git_headers(work, git):
    patch = b"".join(
        line + b"\n"
        for line in diff(work, "sub", "crlf.txt").split(b"\n")[:-1]
        if not line.startswith((b"diff --git", b"index "))
    )
    git(work, "reset", "-q", "--hard", "HEAD")
    _, files, _ = reviewed(work, patch)
    assert set(files) == {"sub/deep/b.txt", "crlf.txt"}


def test_several_patches_in_a_row_to_one_file(repo, git):
    for number in (1, 2):
        (repo / "README.md").write_text("# project\n" + "line\n" * number)
        git(repo, "commit", "-qam", f"number {number}")
    patches = git(repo, "format-patch", "--stdout", "HEAD~2").encode() + b"\n"
    what, files, _ = reviewed(repo, patches)
    assert "hold already" in what
    git(repo, "reset", "-q", "--hard", "HEAD~2")
    what, files, _ = reviewed(repo, patches)
    assert "applied to your files" in what
    assert files == {"README.md": ("M", {2: "line", 3: "line"})}


def test_binary_file_whose_content_is_not_in_the_patch_is_listed(work, git):
    (work / "logo.png").write_bytes(b"\0\1\2")
    git(work, "add", "-A")
    patch = diff(work)
    git(work, "reset", "-q", "--hard", "HEAD")
    _, files, unreadable = reviewed(work, patch)
    assert files == EXPECTED
    assert unreadable == (("logo.png", "binary; the patch does not hold its content"),)
    only = next(part for part in patch.split(b"diff --git ") if part.startswith(b"a/logo"))
    assert reviewed(work, b"diff --git " + only)[1:] == ({}, unreadable)


def test_nothing_on_standard_input_is_nothing_to_review(work):
    assert reviewed(work, b"")[1:] == ({}, ())
    assert reviewed(work, b"\n\n")[1:] == ({}, ())


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        (b"hello\nworld\n", "holds no `diff`"),
        (
            b"--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-other\n+new\n",
            "nor HEAD (",
        ),
        (
            b"--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-other\n+new\n",
            "README.md differs around line 1",
        ),
        (b"--- a/no.py\n+++ b/no.py\n@@ -1 +1 @@\n-other\n+new\n", "no.py does not exist"),
        (
            b"diff --git a/README.md b/README.md\nnew file mode 100644\n--- /dev/null\n"
            b"+++ b/README.md\n@@ -0,0 +1 @@\n+new\n",
            "README.md exists already",
        ),
        (b"--- a/README.md\n+++ b/README.md\n@@ -1,9 +1 @@\n-# project\n", "corrupt patch"),
        (
            b"diff --git a/../../x b/../../x\nnew file mode 100644\n--- /dev/null\n"
            b"+++ b/../../x\n@@ -0,0 +1 @@\n+evil\n",
            "../../x",
        ),
        (
            b"diff --git a/.git/hooks/pre-commit b/.git/hooks/pre-commit\nnew file mode 100755\n"
            b"--- /dev/null\n+++ b/.git/hooks/pre-commit\n@@ -0,0 +1 @@\n+evil\n",
            ".git/hooks/pre-commit",
        ),
    ],
)
def test_patch_that_fits_nothing_is_refused_with_the_file(repo, patch, reason):
    assert reason in refusal(repo, patch)


def test_link_out_of_the_tree_is_not_followed(repo, tmp_path):
    link = b"diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n"
    link += b"+" + bytes(tmp_path) + b"\n\\ No newline at end of file\n"
    through = b"diff --git a/x/y b/x/y\nnew file mode 100644\n--- /dev/null\n+++ b/x/y\n"
    through += b"@@ -0,0 +1 @@\n+evil\n"
    assert "x/y" in refusal(repo, link + through)
    assert not (tmp_path / "y").exists()


def test_files_and_repository_stay_as_they_are(work, trapped, contents, tripwire):
    patch = diff(trapped)
    tripwire.unlink(missing_ok=True)
    before = contents(trapped)
    reviewed(trapped, patch)
    refusal(trapped, b"--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-other\n+new\n")
    assert contents(trapped) == before
    assert not tripwire.exists()


def test_patch_for_a_bare_repository_and_for_one_without_commits(work, git, tmp_path):
    patch = diff(work)
    git(tmp_path, "clone", "-q", "--bare", str(work), "bare.git")
    what, files, _ = reviewed(tmp_path / "bare.git", patch)
    assert files == EXPECTED
    assert "applied to HEAD (" in what
    git(tmp_path, "init", "-q", "fresh")
    new = b"--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n"
    assert reviewed(tmp_path / "fresh", new)[1] == {"x": ("A", {1: "a"})}


def test_patch_while_a_merge_is_in_progress_is_tried_on_head(work, git):
    patch = diff(work)
    git(work, "reset", "-q", "--hard")
    git(work, "checkout", "-q", "-b", "side")
    git(work, "commit", "-q", "--allow-empty", "-m", "side")
    git(work, "checkout", "-q", "main")
    git(work, "merge", "-q", "--no-ff", "--no-commit", "side")
    what, files, _ = reviewed(work, patch)
    assert "applied to HEAD (" in what
    assert files == EXPECTED


def test_paths_restrict_a_patch(work, git):
    patch = diff(work)
    git(work, "reset", "-q", "--hard")
    with open_comparison(work, CompareSpec(patch=patch, paths=("sub",))) as two:
        assert two.private.change(two.old, two.new).paths == ("sub/deep/b.txt",)
