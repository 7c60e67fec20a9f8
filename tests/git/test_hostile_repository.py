"""A hostile repository makes us neither wait nor read without end."""

import os
import threading

import pytest

from reviewloop.app.project import repository_settings
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.git.repository import discover, find_root

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize("target", ["/dev/zero", "../outside.toml"])
def test_a_settings_file_that_leads_out_of_the_checkout_is_refused(tmp_path, target):
    root = tmp_path / "checkout"
    root.mkdir()
    (tmp_path / "outside.toml").write_text("[limits]\nusd = 1\n")
    (root / "reviewloop.toml").symlink_to(target)
    with pytest.raises(UsageError, match="leaves the repository"):
        repository_settings(root)


@pytest.mark.parametrize("name", ["reviewloop.toml", "pyproject.toml"])
def test_a_settings_file_that_is_a_pipe_or_too_long_is_refused(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match="no regular file"):
        repository_settings(tmp_path)
    (tmp_path / name).unlink()
    with (tmp_path / name).open("wb") as file:
        file.truncate(5 << 20)
    with pytest.raises(UsageError, match="larger than 4 MB"):
        repository_settings(tmp_path)


def test_a_settings_file_may_be_a_link_inside_the_checkout(tmp_path):
    (tmp_path / "real.toml").write_text("[limits]\nusd = 1\n")
    (tmp_path / "reviewloop.toml").symlink_to("real.toml")
    (tmp_path / "pyproject.toml").symlink_to("/dev/zero")
    assert repository_settings(tmp_path) == ("reviewloop.toml", b"[limits]\nusd = 1\n")


def test_an_include_that_git_does_not_follow_is_not_followed(repo, tmp_path):
    os.mkfifo(tmp_path / "endless")
    with (repo / ".git/config").open("a") as config:
        config.write(f'[includeIf "gitdir:/*.git"]\n\tpath = {tmp_path}/endless\n')
    ended = []
    look = threading.Thread(target=lambda: ended.append(discover(repo)), daemon=True)
    look.start()
    look.join(15)
    if not ended:  # let the thread go on to its end
        os.close(os.open(tmp_path / "endless", os.O_WRONLY | os.O_NONBLOCK))
    assert ended


@pytest.mark.parametrize("name", [".git/packed-refs", ".git/shallow", ".gitignore"])
def test_a_pipe_in_the_place_of_a_file_of_git_is_refused(repo, name):
    (repo / name).unlink(missing_ok=True)
    os.mkfifo(repo / name)
    with pytest.raises(WorkspaceError, match="is no plain file"):
        discover(repo)


def test_looking_for_a_repository_hides_no_variable_from_other_threads(repo, monkeypatch):
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ada")
    errors, over = [], threading.Event()

    def look():
        try:
            for _ in range(8):
                find_root(repo)
        except KeyError as error:
            errors.append(error)

    def watch():
        while not over.is_set():
            if os.environ.get("GIT_AUTHOR_NAME") != "Ada":
                errors.append("missing")

    looks = [threading.Thread(target=look) for _ in range(3)]
    watcher = threading.Thread(target=watch)
    for thread in (watcher, *looks):
        thread.start()
    for thread in looks:
        thread.join()
    over.set()
    watcher.join()
    assert errors == []
