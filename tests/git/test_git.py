"""The access to git: its environment, its errors, and which program it starts."""

import os
import signal
import stat
import threading
from pathlib import Path

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.process import Git, find_program, trusted_path


def fake_git(folder: Path, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_output_is_bytes_and_text_loses_only_the_last_line_feed(repo):
    git = Git(repo / ".git", repo)
    assert git.run("rev-parse", "--abbrev-ref", "HEAD") == b"main\n"
    assert git.text("rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_failure_is_one_sentence_with_gits_reason(repo):
    with pytest.raises(WorkspaceError) as caught:
        Git(repo / ".git").run("cat-file", "-p", "0" * 40)
    assert str(caught.value).startswith("git cat-file failed in ")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_expected_exit_codes_are_no_errors(repo):
    assert Git(repo / ".git").run("config", "--get", "no.such", ok=(0, 1)) == b""


def test_full_disk_is_said_plainly(tmp_path, monkeypatch):
    fake_git(
        tmp_path / "bin", "echo 'error: file write error: No space left on device' >&2; exit 128"
    )
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(WorkspaceError, match=r"disk that holds .* is full"):
        Git(tmp_path).run("write-tree")


def test_missing_git_is_said_plainly(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorkspaceError, match="git was not found"):
        Git(tmp_path)


def test_only_known_variables_reach_git(repo, monkeypatch):
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "touch /tmp/never")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for git")
    env = Git(repo / ".git", repo).environment()
    assert env["GIT_DIR"] == str(repo / ".git")
    assert env["GIT_WORK_TREE"] == str(repo)
    assert env["GIT_OPTIONAL_LOCKS"] == "0"
    assert not {"GIT_EXTERNAL_DIFF", "AWS_SECRET_ACCESS_KEY", "LD_PRELOAD"} & set(env)


def test_a_git_in_the_checkout_or_at_a_relative_place_is_never_started(repo, monkeypatch):
    tripwire = repo / "fired"
    fake_git(repo / "bin", f"touch '{tripwire}'")
    fake_git(repo, f"touch '{tripwire}'")
    monkeypatch.chdir(repo)
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", str(repo / "bin"), os.environ["PATH"]]))
    assert str(repo) not in trusted_path()
    assert find_program("git") != repo / "bin/git"
    Git(repo / ".git").run("rev-parse", "HEAD")
    assert not tripwire.exists()


def test_time_limit_ends_git(tmp_path, monkeypatch):
    fake_git(tmp_path / "bin", "exec sleep 600")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(WorkspaceError, match="did not finish within"):
        Git(tmp_path).run("status", timeout=0.2)


def test_ctrl_c_lets_git_finish_what_it_writes(tmp_path, monkeypatch):
    fake_git(tmp_path / "bin", f"sleep 0.6; echo done > '{tmp_path}/written'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        Git(tmp_path).run("write-tree")
    assert (tmp_path / "written").read_text() == "done\n"


def test_arguments_that_no_program_can_take_are_errors_not_crashes(repo):
    with pytest.raises(WorkspaceError, match="cannot take this argument"):
        Git(repo / ".git").run("rev-parse", "a\0b")
    with pytest.raises(WorkspaceError, match="cannot take this argument"):
        Git(repo / ".git").run("rev-parse", "\ud800")


def test_relative_git_dir_is_made_absolute(repo, monkeypatch):
    monkeypatch.chdir(repo)
    assert Git(Path(".git")).text("rev-parse", "HEAD")
