"""Trees that no honest git creates, and a checkout that changes during writing."""

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from reviewloop.app.review.base_rules import rules_of
from reviewloop.checkout.export import left_out, left_out_note, steers_agents, write_export
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.checkout.promote import promote
from reviewloop.checkout.workspace import Workspace
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.git.commits import export_branch
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover

ADA = ("Ada Example", "ada@example.org")
HOOK = b"#!/bin/sh\ntouch fired\n"
NAMES = [b".git", b".GIT", b".Git ", b"git~1", b"..", b".", b".git\xe2\x80\x8c", b""]


def tree_of(folder: Path, entries: bytes) -> str:
    """Store a tree as it is: git's own commands would refuse to make it."""
    command = ["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"]
    done = subprocess.run(command, cwd=folder, input=entries, capture_output=True, check=True)
    return done.stdout.decode().strip()


def entry(mode: str, name: bytes, oid: str) -> bytes:
    return mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid)


@pytest.fixture
def forged(private: PrivateRepo) -> Callable[[bytes], str]:
    """Return a function that makes a tree with `<name>/hooks/pre-commit` in it."""

    def make(name: bytes) -> str:
        hook = tree_of(private.folder, entry("100755", b"pre-commit", private.write_blob(HOOK)))
        hooks = tree_of(private.folder, entry("40000", b"hooks", hook))
        return tree_of(private.folder, entry("40000", name, hooks))

    return make


@pytest.mark.parametrize("name", NAMES)
def test_a_tree_with_git_in_it_reaches_no_disk(
    private: PrivateRepo, repo: Path, tmp_path: Path, contents, forged, name: bytes
) -> None:
    tree = forged(name)
    commit = private.commit(tree, [private.head], "forged", ADA, ADA)
    before = contents(repo)
    with pytest.raises(ReviewLoopError):
        promote(
            discover(repo), private, commit, branch="main",
            expected_head=private.head, intent=tmp_path / "intent.json",
        )  # fmt: skip
    workspace = Workspace(private, tmp_path / "workspace")
    with pytest.raises(ReviewLoopError):
        workspace.reset(tree)
    assert contents(repo) == before
    assert not list(tmp_path.rglob("pre-commit"))


def test_rules_of_a_forged_tree_stay_in_their_folder(private: PrivateRepo) -> None:
    blob = private.write_blob(b"planted\n")
    file, twice = entry("100644", b"planted", blob), entry("100644", b"AGENTS.md", blob)
    up = tree_of(private.folder, entry("40000", b"..", tree_of(private.folder, file)))
    far = tree_of(private.folder, entry("40000", b"..", up) + entry("100644", b"../../flat", blob))
    folder = entry("40000", b"AGENTS.md", tree_of(private.folder, twice))
    long = entry("100644", b"a" * 300, blob)
    rules = tree_of(private.folder, long + entry("100644", b"plain", blob))
    tree = tree_of(
        private.folder,
        twice
        + folder
        + entry("40000", b".reviewloop", far)
        + entry("40000", b".kiro", tree_of(private.folder, entry("40000", b"steering", rules))),
    )
    with rules_of(private, tree) as root:
        assert sorted(p.name for p in root.rglob("*") if p.is_file()) == ["AGENTS.md", "plain"]
        assert not [name for name in ("planted", "flat") if (root.parent / name).exists()]


def test_an_export_of_a_forged_tree_stays_in_its_folder(
    private: PrivateRepo, tmp_path: Path
) -> None:
    blob = private.write_blob(b"planted\n")
    up = tree_of(private.folder, entry("100644", b"planted", blob))
    twice = tree_of(private.folder, entry("100644", b"inner", blob))
    tree = tree_of(
        private.folder,
        entry("40000", b"..", up)
        + entry("100644", b"../flat", blob)
        + entry("100644", b"both", blob)
        + entry("40000", b"both", twice)
        + entry("100644", b"a" * 300, blob)
        + entry("40000", b"git~1", up)
        + entry("100644", b"plain.py", blob),
    )
    folder = tmp_path / "outer" / "export"
    folder.mkdir(parents=True)
    refused = write_export(private, tree, folder)
    written = [path.name for path in folder.parent.rglob("*") if path.is_file()]
    assert sorted(written) in (["both", "plain.py"], ["inner", "plain.py"])
    absent = left_out(private.entries(tree))
    assert {*absent.values()} <= {"an unsafe name", "below a file"}
    assert {"both/inner", "../flat", "git~1/planted", "a" * 300} <= absent.keys()
    assert left_out_note(absent).startswith("../planted (an unsafe name), ../flat (an unsafe")
    assert os.listdir(folder.parent) == ["export"]
    assert refused == {}


def test_a_name_that_a_disk_does_not_take_is_told(
    private: PrivateRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like on a disk that takes `Readme` and `README` for one."""
    blob = private.write_blob(b"x\n")
    names = (b"README", b"Readme", b"plain.py")
    tree = tree_of(private.folder, b"".join(entry("100644", name, blob) for name in names))
    opened = Path.open

    def folded(path: Path, *rest: Any, **more: Any) -> Any:
        return opened(path.with_name(path.name.lower()), *rest, **more)

    monkeypatch.setattr(Path, "open", folded)
    folder = tmp_path / "export"
    folder.mkdir()
    refused = write_export(private, tree, folder)
    assert refused == {"Readme": "a name that this disk does not take"}
    assert sorted(os.listdir(folder)) == ["plain.py", "readme"]


def test_a_file_below_a_link_reaches_no_disk(
    private: PrivateRepo, repo: Path, tmp_path: Path
) -> None:
    """A tree that names `out` twice: a link that leads away, and a folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    link = private.write_blob(os.fsencode(outside))
    inner = tree_of(private.folder, entry("100644", b"planted", private.write_blob(b"x\n")))
    entries = entry("120000", b"out", link) + entry("40000", b"out", inner)
    tree = tree_of(private.folder, entries)
    commit = private.commit(tree, [private.head], "forged", ADA, ADA)
    for bring in (
        lambda: Workspace(private, tmp_path / "workspace").reset(tree),
        lambda: promote(
            discover(repo), private, commit, branch="main",
            expected_head=private.head, intent=tmp_path / "intent.json",
        ),
    ):  # fmt: skip
        with contextlib.suppress(ReviewLoopError, OSError):
            bring()
        assert os.listdir(outside) == []


def test_repositories_that_a_command_plants_are_neither_asked_nor_taken(
    private: PrivateRepo, git, tmp_path: Path
) -> None:
    tree = private.edit(private.tree_of("HEAD"), {"sub/kept.py": b"x\n"})
    folder = Workspace(private, tmp_path / "workspace").reset(tree)
    fired = tmp_path / "fired"
    planted = (folder, folder / "sub", folder / "vendor/inner")
    for place in planted:
        place.mkdir(parents=True, exist_ok=True)
        git(place, "init", "-q")
        git(place, "config", "core.fsmonitor", f"touch {fired};")
        git(place, "config", "filter.x.clean", f"touch {fired};")
        (place / ".git/info").mkdir(exist_ok=True)
        (place / ".git/info/attributes").write_text("* filter=x\n")
        (place / ".git/hooks/post-index-change").write_text(f"#!/bin/sh\ntouch {fired}\n")
        (place / ".git/hooks/post-index-change").chmod(0o755)
        (place / "written.py").write_text("y\n")
    git(tmp_path, "init", "-q", "--bare", str(folder / "bare"))
    git(folder / "bare", "config", "core.fsmonitor", f"touch {fired};")
    git(folder / "bare", "config", "core.worktree", str(folder))
    fired.unlink(missing_ok=True)
    workspace = Workspace(private, tmp_path / "workspace")
    taken = workspace.taken(tree, ())
    assert not fired.exists()
    names = {entry.path for entry in private.entries(taken)}
    assert {"written.py", "sub/kept.py"} <= names
    assert not [name for name in names if ".git" in name.split("/")]
    assert set(os.listdir(workspace.reset(taken) / ".git")) == {
        "HEAD", "config", "index", "info", "objects", "packed-refs", "refs"
    }  # fmt: skip
    assert not fired.exists()
    subprocess.run(["git", "add", "-A"], cwd=_rearmed(tmp_path / "control", fired), check=False)
    assert fired.exists(), "the trap does not work"


def _rearmed(folder: Path, fired: Path) -> Path:
    folder.mkdir()
    for args in (["init", "-q"], ["config", "core.fsmonitor", f"touch {fired};"]):
        subprocess.run(["git", *args], cwd=folder, check=True)
    (folder / "file").write_text("x\n")
    return folder


def test_a_folder_that_becomes_a_link_between_two_writes_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "a").mkdir(parents=True)
    outside.mkdir()
    disk, stop = Disk(root), threading.Event()

    def swap() -> None:
        folder, kept = root / "a", root / "kept"
        steps = (
            lambda: folder.rename(kept),
            lambda: folder.symlink_to(outside),
            folder.unlink,
            lambda: kept.rename(folder),
            lambda: shutil.rmtree(kept),  # the writer made the folder anew meanwhile
        )
        while not stop.is_set():
            for step in steps:
                with contextlib.suppress(OSError):
                    step()

    thread = threading.Thread(target=swap)
    thread.start()
    written = refused = 0
    try:
        for number in range(10_000):
            try:
                disk.write("a/file", Content(Kind.FILE, b"%d" % number), ".temporary")
                written += 1
            except OSError:
                refused += 1
            if number >= 300 and written >= 50 and refused >= 50:
                break
    finally:
        stop.set()
        thread.join()
    assert os.listdir(outside) == []
    assert written
    assert refused, "the race was never lost, so nothing was shown"


@pytest.mark.parametrize("name", [".git", "../x", "-x", "a..b", "x" * 300, "x.lock", "@{", "a/.b"])
def test_a_branch_name_leads_nowhere_else(
    private: PrivateRepo, repo: Path, contents, name: str
) -> None:
    before = contents(repo)
    with pytest.raises(ReviewLoopError):
        export_branch(discover(repo), private, private.head, name)
    assert contents(repo) == before


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("CLAUDE.md", True),
        ("a/.Claude/settings.json", True),
        (".github/copilot-instructions.md", True),
        (".github/hooks/a.json", True),
        (".github/workflows/ci.yml", False),
        ("src/rules.py", False),
        ("docs/instructions/a.md", False),
    ],
)
def test_what_steers_agents(path: str, expected: bool) -> None:
    assert steers_agents(PurePosixPath(path)) is expected
