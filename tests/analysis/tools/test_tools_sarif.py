"""SARIF as tools really write it, not only as in the schema."""

import json

import pytest
from support.analysed_files import source

from reviewloop.analysis.tools.layout import lay_out
from reviewloop.analysis.tools.readers.sarif import sarif
from reviewloop.analysis.tools.tool import UnusableOutput
from reviewloop.domain.finding import Severity

TEXT = "é😀 = eval(a)\nb = 2\nc = 3\n"


@pytest.fixture
def laid(tmp_path):
    return lay_out([source("src/ä b.js", TEXT), source("src/c.js", "x\n")], tmp_path)


def document(laid, result, **run):
    where = {"artifactLocation": {"uri": laid.files[0].path.as_uri()}}
    where["region"] = result.pop("region", {"startLine": 1})
    base = {"ruleId": "R1", "message": {"text": "bad"}, "locations": [{"physicalLocation": where}]}
    result = {**base, **result}
    return json.dumps({"version": "2.1.0", "runs": [{"results": [result], **run}]}).encode()


def only(laid, result, reader=None, **run):
    (hit,) = (reader or sarif("t"))(document(laid, result, **run), laid).hits
    return hit


def test_columns_are_characters_whatever_the_tool_counts(laid):
    eval_at = (1, 1, 6, 10)
    units = {"unicodeCodePoints": (6, 10), "utf16CodeUnits": (7, 11)}
    for unit, (start, end) in units.items():
        region = {"startLine": 1, "startColumn": start, "endColumn": end}
        assert only(laid, {"region": region}, columnKind=unit).span == eval_at
    region = {"startLine": 1, "startColumn": 10, "endColumn": 14}
    assert only(laid, {"region": region}, sarif("t", columns="bytes")).span == eval_at


@pytest.mark.parametrize(
    ("region", "span"),
    [
        ({"startLine": 2}, (2, 2, 0, 0)),
        ({"startLine": 2, "startColumn": 3}, (2, 2, 3, 6)),
        ({"startLine": 2, "startColumn": 1, "endColumn": 1}, (2, 2, 0, 0)),
        ({"startLine": 1, "endLine": 3, "endColumn": 3}, (1, 3, 0, 0)),
        ({"startLine": 99, "endLine": 120}, (3, 3, 0, 0)),
        ({"startLine": -4}, (1, 1, 0, 0)),
        ({"startLine": 1, "startColumn": 500, "endColumn": 900}, (1, 1, 0, 0)),
        ({"startLine": "1"}, None),
        ({"byteOffset": 3}, None),
        ([], None),
    ],
)
def test_places_outside_of_the_file_are_brought_inside(laid, region, span):
    assert only(laid, {"region": region}).span == span


def test_level_falls_back_to_the_rule_and_then_to_warning(laid):
    assert only(laid, {"level": "note"}).severity is Severity.NIT
    driver = {"driver": {"rules": [{"id": "R1", "defaultConfiguration": {"level": "error"}}]}}
    assert only(laid, {}, tool=driver).severity is Severity.MUST_FIX
    assert only(laid, {}).severity is Severity.SHOULD_FIX


def test_suppressed_results_and_passes_are_no_findings(laid):
    for result in ({"suppressions": [{"kind": "inSource"}]}, {"kind": "pass"}, {"locations": []}):
        assert sarif("t")(document(laid, result), laid).hits == []


def test_fix_is_taken_when_it_is_about_the_same_file(laid):
    def fix(file):
        region = {"startLine": 2, "startColumn": 5, "endColumn": 6}
        replacement = {"deletedRegion": region, "insertedContent": {"text": "3"}}
        change = {"artifactLocation": {"uri": str(file.path)}, "replacements": [replacement]}
        return {"fixes": [{"description": {"text": "three"}, "artifactChanges": [change]}]}

    taken = only(laid, fix(laid.files[0])).fix
    ((span, text),) = taken.edits
    assert (tuple(span), text, taken.description, taken.safe) == ((2, 2, 5, 6), "3", "three", False)
    assert only(laid, fix(laid.files[1])).fix is None


def test_related_places_of_the_same_file_are_kept(laid):
    where = {"artifactLocation": {"uri": str(laid.files[0].path)}, "region": {"startLine": 3}}
    other = {"artifactLocation": {"uri": str(laid.files[1].path)}, "region": {"startLine": 1}}
    related = [
        {"physicalLocation": where, "message": {"text": "from here"}},
        {"physicalLocation": other, "message": {"text": "elsewhere"}},
    ]
    ((span, text),) = only(laid, {"relatedLocations": related}).related
    assert (span.line, text) == (3, "from here")


def test_rule_ids_are_the_tools_own_in_a_short_form(laid):
    assert only(laid, {"ruleId": "eslint(no-eval)"}).rule == "t/no-eval"
    short = sarif("t", drop="lint/")
    assert only(laid, {"ruleId": "lint/style/useX"}, short).rule == "t/style/useX"


def test_file_that_was_not_given_makes_the_output_unusable(laid):
    where = {"physicalLocation": {"artifactLocation": {"uri": "file:///etc/passwd"}}}
    with pytest.raises(UnusableOutput):
        sarif("t")(document(laid, {"locations": [where]}), laid)


@pytest.mark.parametrize("raw", [b"", b"null", b"{}", b'{"runs": 3}', b"\xff\xfe", b'{"runs": [3'])
def test_what_is_no_sarif_is_unusable_or_empty(laid, raw):
    with pytest.raises(UnusableOutput):
        sarif("t")(raw, laid)
