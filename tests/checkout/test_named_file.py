"""A file named by the user is not written through links of a repository."""

import os

import pytest

from reviewloop.checkout.files import refuse_links
from reviewloop.domain.errors import UsageError
from reviewloop.github.job.outcome import write_file
from reviewloop.llm.replay import export_journal


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """Return a checkout with links to what it must not reach; it is the current folder."""
    root = tmp_path / "src/hostile"
    (root / ".git").mkdir(parents=True)
    (root / "real").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "bashrc").write_text("precious")
    (root / "report.html").symlink_to("../../bashrc")
    (root / "folder").symlink_to("../../out")
    os.mkfifo(root / "pipe")
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize("name", ["report.html", "folder/new", "real/../folder/new", "pipe"])
def test_what_a_checkout_leads_elsewhere_is_refused(hostile, name):
    for path in (name, hostile / name):
        with pytest.raises(UsageError, match="in the repository"):
            refuse_links(path)


@pytest.mark.parametrize("name", ["new", "real/new", "real", "../../out/new", "/dev/stdout"])
def test_what_is_plain_or_outside_is_left_to_the_person(hostile, tmp_path, name):
    (tmp_path / "own").symlink_to(tmp_path / "out")
    refuse_links(name)
    refuse_links(tmp_path / "own/new")


def test_reports_and_recordings_are_not_written_through_a_linked_folder(hostile, tmp_path):
    with pytest.raises(UsageError):
        write_file("folder/report.json", "{}")
    with pytest.raises(UsageError):
        export_journal(None, hostile / "folder/record.jsonl")
    assert list((tmp_path / "out").iterdir()) == []
