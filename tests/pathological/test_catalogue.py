"""Every repository of the catalogue is read as git's own plumbing reads it, and left untouched."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pathological import contents, repositories, shapes, states
from pathological.making import EMPTY, WORK, Case, Maker
from pathological.oracle import assert_agrees_with_git

from reviewloop.domain.errors import ExitCode, WorkspaceError
from reviewloop.git.comparison import open_comparison

CATALOGUE = contents.CASES | shapes.CASES | states.CASES | repositories.CASES


@pytest.mark.slow_but(every=12)
@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_it_agrees_with_git(name: str, tmp_path: Path, contents_of, monkeypatch) -> None:
    case = CATALOGUE[name]
    if case.needs_root and os.geteuid() != 0:
        pytest.skip("only root can give files away")
    folder = tmp_path / "a case"
    folder.mkdir()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    make = Maker(folder)
    start = case.build(make) or make.repo
    root = folder / case.worktree if case.worktree else make.repo
    expected = {} if case.refused else trees(case, make, root, tmp_path)
    before = contents_of(folder)
    if case.refused:
        reason = re.compile(case.refused, re.DOTALL)
        with (
            pytest.raises(WorkspaceError, match=reason) as raised,
            open_comparison(start, case.asked),
        ):
            pass
        assert raised.value.exit_code == ExitCode.USAGE
    else:
        with open_comparison(start, case.asked) as two:
            change = two.private.change(two.old, two.new)
            assert expected.items() <= {"old": two.old, "new": two.new}.items()
            if case.files is not None:
                assert {file.path: file.status for file in change.files} == case.files
            if case.check:
                case.check(two, change)
            assert_agrees_with_git(str(two.private.folder), change)
    assert contents_of(folder) == before
    assert not make.tripwire.exists()
    assert os.listdir(temporary) == []


def trees(case: Case, make: Maker, root: Path, apart: Path) -> dict[str, str]:
    """Return the trees a plain git gives, where the case says what to compare."""
    found = {}
    for side, wanted in (("old", case.old), ("new", case.new)):
        if wanted == EMPTY:
            found[side] = make.git("mktree", at=root, stdin=b"")
        elif wanted == WORK:
            copy = apart / "copy"
            shutil.copytree(make.folder, copy, symlinks=True)
            place = copy / root.relative_to(make.folder)
            index = {**os.environ, "GIT_WORK_TREE": str(place)}
            folder = make.git("rev-parse", "--absolute-git-dir", at=root)
            index["GIT_DIR"] = folder.replace(str(make.folder), str(copy))
            for command in (["add", "-A"], ["write-tree"]):
                done = subprocess.run(
                    ["git", *command], cwd=place, env=index, check=True, capture_output=True
                )
            found[side] = done.stdout.decode().strip()
        elif wanted:
            found[side] = make.git("rev-parse", f"{wanted}^{{tree}}", at=root)
    return found


@pytest.fixture
def contents_of(contents) -> Callable[[Path], dict[str, str]]:
    """Return the hashes of all regular files and links below a folder."""

    def read(folder: Path) -> dict[str, str]:
        pipes = [path for path in folder.rglob("*") if path.is_fifo()]
        for path in pipes:
            path.unlink()
        found = contents(folder)
        for path in pipes:
            os.mkfifo(path)
        return found

    return read
