"""Advice about packages never installs our own name from an index: it may be another program."""

import json
import sys
from importlib import metadata

import pytest

from reviewloop import installed
from reviewloop.installed import how_to_install, source
from reviewloop.llm.installing import install_line

COMMIT = "d" * 40


class Installed:
    """A distribution that came from somewhere."""

    def __init__(self, came):
        self.came = came

    def read_text(self, name):
        """Return the record of where it came from."""
        assert name == "direct_url.json"
        return self.came and json.dumps(self.came)


@pytest.mark.parametrize(
    ("came", "place"),
    [
        (None, ""),
        ({"url": "file:///home/a%20b/reviewloop", "dir_info": {}}, "/home/a b/reviewloop"),
        (
            {"url": "https://h.example/r.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"git+https://h.example/r.git@{COMMIT}",
        ),
        (
            {
                "url": "https://me:tok@h.example/r.git",
                "vcs_info": {"vcs": "git", "requested_revision": "v1", "commit_id": COMMIT},
            },
            "git+https://h.example/r.git@v1",
        ),
        ({"url": "https://tok@h.example/r.whl", "archive_info": {}}, "https://h.example/r.whl"),
    ],
)
def test_advice_for_a_tool_of_uv_names_where_it_came_from(monkeypatch, tmp_path, came, place):
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(came))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "uv/tools/reviewloop"))
    monkeypatch.setattr(sys, "executable", "/p/bin/python")
    assert source() == place
    said = install_line("langchain-openai")
    if not place:
        assert said == "uv pip install --python /p/bin/python langchain-openai"
    else:
        shown = f"'{place}'" if " " in place else place
        assert said == f"uv tool install --with langchain-openai {shown}"


@pytest.mark.parametrize(
    ("place", "plain", "extra"),
    [
        ("/home/me/reviewloop", "/home/me/reviewloop", "'/home/me/reviewloop[postgres]'"),
        (
            "git+https://h.example/r.git@v1",
            "git+https://h.example/r.git@v1",
            "'reviewloop[postgres] @ git+https://h.example/r.git@v1'",
        ),
    ],
)
def test_all_of_it_is_installed_from_where_it_came(monkeypatch, place, plain, extra):
    monkeypatch.setattr(installed, "source", lambda: place)
    assert how_to_install() == f"`pip install {plain}`"
    assert how_to_install("postgres") == f"`pip install {extra}`"


@pytest.mark.parametrize(
    ("homepage", "said"),
    [
        ("https://github.com/OWNER/reviewloop", "from the repository that this reviewloop came"),
        ("https://github.com/octo/tool", "`pip install git+https://github.com/octo/tool`"),
    ],
)
def test_an_installation_that_kept_no_address_names_none_of_nobody(
    monkeypatch, tmp_path, homepage, said
):
    class Told:
        def get_all(self, name):
            return [f"Homepage, {homepage}"]

        def read_text(self, name):
            return None

    monkeypatch.setattr(metadata, "distribution", lambda name: Told())
    monkeypatch.setattr(metadata, "metadata", lambda name: Told())
    monkeypatch.setattr(installed, "__file__", str(tmp_path / "reviewloop/installed.py"))
    installed.published_repository.cache_clear()
    try:
        assert said in how_to_install()
        assert "OWNER" not in how_to_install("postgres")
    finally:
        installed.published_repository.cache_clear()
