"""The files of a commit: exact, without what is too large, never silently without what is lost."""

import re

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git import tree_files
from reviewloop.git.repository import discover
from reviewloop.git.tree_files import files_at


@pytest.fixture
def committed(repo, git):
    for path, text in {"a/one.md": "1", "a/b/two.md": "2", "c.md": "3", "d.md": "4" * 50}.items():
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_text(text)
    (repo / "a/link").symlink_to("one.md")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "files")
    return repo


def test_several_paths_are_read_at_once(committed, monkeypatch):
    monkeypatch.setattr(tree_files, "_LARGEST", 20)
    user = discover(committed)
    found = files_at(user, user.head, "a", "c.md", "d.md", "nowhere")
    assert found == {"a/one.md": b"1", "a/b/two.md": b"2", "c.md": b"3"}
    assert files_at(user, user.head, "nowhere") == {}


def test_a_content_that_is_not_here_is_an_error(committed, git):
    lost = git(committed, "rev-parse", "HEAD:a/b/two.md")
    (committed / ".git/objects" / lost[:2] / lost[2:]).unlink()
    user = discover(committed)
    with pytest.raises(WorkspaceError, match=re.escape(f"a/b/two.md in {user.head[:10]} (object")):
        files_at(user, user.head, "a")
    assert files_at(user, user.head, "c.md") == {"c.md": b"3"}
