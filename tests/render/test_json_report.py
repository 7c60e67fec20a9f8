"""The object of `--json` is versioned and plain."""

import json

import pytest

from reviewloop.render.json import json_report


def test_report_says_version_and_kind():
    text = json_report("tasks", {"tasks": [{"title": "é\x1b[2J"}]})
    assert json.loads(text) == {"version": 1, "kind": "tasks", "tasks": [{"title": "é\x1b[2J"}]}
    assert "\x1b" not in text


def test_what_is_no_json_is_refused():
    with pytest.raises(TypeError):
        json_report("x", {"a": object()})
    with pytest.raises(ValueError, match="JSON"):
        json_report("x", {"a": float("inf")})
