"""Every line number shown was looked up: the quote decides, not the model's number."""

import pytest

from reviewloop.domain.finding import Placement, Severity
from reviewloop.review.anchoring import (
    ChangedLines,
    ReportedFinding,
    anchor,
    normalise_path,
    occurrences,
)

FILE = """def first():
    return load()


def second():
    value = load()
    return load()
"""
CHANGED = ChangedLines({"src/a.py": ((5, 7),), "src/gone.py": ()})


def reported(**changes):
    given = {
        "severity": Severity.SHOULD_FIX,
        "title": "Loads twice",
        "why": "",
        "suggestion": "",
        "path": "src/a.py",
        "line": None,
        "end_line": None,
        "quote": "    value = load()",
        **changes,
    }
    return ReportedFinding(**given)


def placed(**changes):
    files = {"src/a.py": FILE, "src/other.py": "x = 1\n"}
    finding = anchor(reported(**changes), "review-a", changed=CHANGED, read=files.get, round_=2)
    return finding


def place(**changes):
    finding = placed(**changes)
    return finding.line, finding.end_line, finding.placement


def test_a_wrong_line_is_corrected_to_where_the_quote_stands():
    assert place(line=99) == (6, None, Placement.CHANGED)


def test_a_quote_of_several_lines_spans_them():
    quote = "def second():\n    value = load()"
    assert place(quote=quote) == (5, 6, Placement.CHANGED)


def test_of_repeated_code_the_changed_copy_is_meant():
    assert place(quote="    return load()") == (7, None, Placement.CHANGED)


def test_of_equal_copies_the_one_nearest_to_the_given_line_is_meant():
    far = ChangedLines({"src/a.py": ((1, 7),)})
    finding = anchor(
        reported(quote="    return load()", line=3),
        "a",
        changed=far,
        read={"src/a.py": FILE}.get,
        round_=0,
    )
    assert finding.line == 2


def test_code_that_the_change_did_not_touch_is_context():
    assert place(quote="def first():") == (1, None, Placement.CONTEXT)
    assert place(path="src/other.py", quote="x = 1") == (1, None, Placement.CONTEXT)


@pytest.mark.parametrize(
    "changes",
    [
        {"quote": "value = eval(load())"},
        {"path": "src/invented.py"},
        {"path": "/etc/passwd"},
        {"path": "../../a.py"},
        {"path": "", "quote": "value = load()"},
        {"path": "src/other.py", "quote": ""},
    ],
    ids=["code", "file", "absolute", "outside", "no-file", "unchanged-file"],
)
def test_what_is_nowhere_is_unanchored_and_never_acted_on(changes):
    finding = placed(**changes)
    assert (finding.line, finding.placement) == (None, Placement.UNANCHORED)
    assert not finding.open_and_actionable


@pytest.mark.parametrize(
    ("changes", "may_fail"),
    [
        ({"quote": "value = eval(load())"}, True),
        ({"path": "src/other.py", "quote": ""}, True),
        ({"path": "", "quote": ""}, True),
        ({"path": "", "quote": "value = load()"}, False),
        ({"path": "src/invented.py"}, False),
        ({"path": "../../a.py"}, False),
    ],
    ids=["no-code", "unchanged-file", "whole-change", "no-file", "invented", "outside"],
)
def test_only_what_names_a_file_that_exists_can_fail_a_review(changes, may_fail):
    assert placed(**changes).may_fail is may_fail


@pytest.mark.parametrize(
    "changes",
    [{"quote": ""}, {"path": "", "quote": ""}, {"path": "src/gone.py"}],
    ids=["whole-file", "whole-change", "deleted-file"],
)
def test_a_finding_about_a_whole_file_or_change_needs_no_line(changes):
    assert place(**changes) == (None, None, Placement.FILE)


def test_the_finding_keeps_who_found_it_when_and_on_what_evidence():
    finding = placed()
    assert (finding.agents, finding.round_found) == (("review-a",), 2)
    assert finding.evidence[0].text == "    value = load()"


def test_the_id_survives_other_lines_and_white_space_but_not_other_code():
    assert placed().id == placed(line=3, quote="value  =  load()").id
    assert placed().id != placed(quote="value = save()").id
    assert placed().id != placed(path="src/other.py").id
    assert placed(rule="R1").id == placed(rule="R1", title="In other words").id


@pytest.mark.parametrize(
    "written",
    ["src/a.py", "./src/a.py", "a/src/a.py", "b/src/a.py", "src\\a.py", "SRC/A.py"],
)
def test_the_ways_models_write_a_path_are_undone(written):
    assert normalise_path(written, {"src/a.py", "src/b.py"}) == "src/a.py"


def test_a_path_that_could_mean_two_files_is_left_alone():
    assert normalise_path("src/A.PY", {"src/a.py", "src/A.py"}) == "src/A.PY"


def test_a_folder_that_is_really_called_a_wins():
    assert normalise_path("a/x.py", {"a/x.py", "x.py"}) == "a/x.py"


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("value = load()", [(6, 6)]),
        ("load()\n", [(2, 2), (6, 6), (7, 7)] if len("load()") >= 8 else []),
        ("return load()", [(2, 2), (7, 7)]),
        ("\n\ndef second():\n\n", [(5, 5)]),
        ("value = load", [(6, 6)]),
        ("", []),
        ("  \n ", []),
        ("def first():\n    value = load()", []),
    ],
)
def test_a_quote_is_found_on_whole_lines_or_inside_one(quote, found):
    assert occurrences(quote, FILE) == found


def test_windows_line_ends_and_trailing_white_space_do_not_hide_a_quote():
    assert occurrences("x = 1\ny = 2", "x = 1  \r\ny = 2\r\n") == [(1, 2)]
