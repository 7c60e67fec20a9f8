"""Advice about packages never installs our own name from an index: it may be another's program."""

import json
import sys
from importlib import metadata

import pytest

from reviewloop.installed import source
from reviewloop.models.installing import install_line

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
