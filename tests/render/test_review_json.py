import base64
import json
import os
import re
from pathlib import Path

from support.sample_review import (
    RULES,
    SampleSource,
    failed_report,
    finding,
    sample_findings,
    sample_report,
)

from reviewloop.domain.finding import Finding
from reviewloop.render.json import SCHEMA, render
from reviewloop.render.report import ReviewedFile, ReviewerReport

SOURCE = SampleSource()


def loaded(report):
    text = render(report, SOURCE, RULES.get)

    def refuse(constant):
        raise AssertionError(constant)

    text.encode("ascii")
    return json.loads(text, parse_constant=refuse)


def test_the_object_names_its_schema_and_how_the_review_ended():
    whole = loaded(sample_report())
    assert whole["schema"] == SCHEMA == "reviewloop.review/1"
    assert (whole["outcome"], whole["exit_code"], whole["fail_on"]) == ("findings", 1, "should")
    assert whole["counts"] == {
        "must_fix": 5,
        "should_fix": 6,
        "nit": 6,
        "silenced": 2,
        "below_min_severity": 0,
        "not_reviewed": 4,
    }
    assert set(whole) == {
        "schema", "version", "outcome", "exit_code", "summary", "what", "base", "head", "findings",
        "silenced", "reviewed", "skipped", "agents", "analysers", "counts", "notes", "seconds",
        "model", "fail_on", "usage", "readership",
    }  # fmt: skip


def test_the_page_names_every_key():
    page = (Path(__file__).parents[2] / "docs/outputs.md").read_text("utf-8")
    whole = loaded(sample_report())
    missing = [
        name
        for record in (whole, *(whole[key][0] for key in whole if is_records(whole[key])))
        for name in record
        if not re.search(rf"`{name}`", page)
    ]
    assert missing == []


def words_of(schema):
    """Yield each key and each word that a schema allows, but for git's letters."""
    if isinstance(schema, list):
        for one in schema:
            yield from words_of(one)
    elif isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"]
        yield from (one for one in schema.get("enum", ()) if isinstance(one, str) and len(one) > 1)
        for value in schema.values():
            yield from words_of(value)


def test_the_page_names_every_key_and_word_of_the_schema():
    """Also of what the sample above does not hold."""
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "outputs.md").read_text("utf-8")
    schema = json.loads((docs / "schemas/review.json").read_text("utf-8"))
    missing = {word for word in words_of(schema) if f"`{word}`" not in page}
    assert missing == {"calls"}  # of runs, which have the same figures


def is_records(value):
    return isinstance(value, list) and value and isinstance(value[0], dict)


def test_a_finding_has_the_fields_of_the_model():
    whole = loaded(sample_report())
    assert len(whole["findings"]) == len(sample_findings())
    found = next(f for f in whole["findings"] if f["rule"] == "taint/sql-injection")
    assert set(found) == set(Finding.model_fields)
    assert found["agents"] == ["review-security", "review-maintainability"]
    assert (found["line"], found["column"], found["end_column"]) == (14, 13, 75)
    assert found["severity"] == "must_fix" and found["placement"] == "changed"
    assert found["evidence"][0] == {
        "kind": "analyser",
        "source": "taint",
        "text": "request.args (line 13) reaches execute (line 16)",
    }
    assert {f["status"] for f in whole["silenced"]} == {"suppressed", "dismissed"}


def test_a_name_that_is_no_utf8_is_given_in_base64_too():
    whole = loaded(sample_report())
    name = os.fsencode("docs/caf\udce9.py")
    for group in ("findings", "reviewed"):
        odd = [item for item in whole[group] if "path_b64" in item]
        assert [base64.b64decode(item["path_b64"]) for item in odd] == [name]
        assert odd[0]["path"] == "docs/caf\ufffd.py"
    assert base64.b64decode(whole["skipped"][3]["path_b64"]) == b"docs/na\xefve.bin"


def test_files_have_ranges_and_reasons():
    renamed = ReviewedFile("new.py", "R", ((1, 2), (7, 7)), old_path="old.py", removed=3)
    whole = loaded(sample_report(reviewed=(renamed,)))
    assert whole["reviewed"] == [
        {
            "path": "new.py",
            "old_path": "old.py",
            "status": "R",
            "added": [[1, 2], [7, 7]],
            "removed": 3,
        }
    ]
    assert whole["skipped"][0] == {
        "path": "package-lock.json",
        "status": "M",
        "reason": "lock file",
        "chosen_by_change": False,
    }


def test_failures_are_in_the_lists_of_agents_and_analysers():
    whole = loaded(failed_report())
    assert whole["agents"][0]["status"] == "failed"
    assert whole["agents"][0]["reason"] == "no answer within 30 s"
    assert whole["analysers"][-1] == {
        "name": "cfn-lint",
        "status": "failed",
        "version": "1.58",
        "seconds": 60.0,
        "files": 2,
        "reason": "timed out after 60 s",
    }


def test_what_json_cannot_hold_is_replaced():
    odd = finding("a.py", 1, "x/y", "t", why="half \ud83d of an emoji", quote="\udc80\x00\x1b[31m")
    agent = ReviewerReport("review-a", "done", 0.1, 1, cost_usd=float("nan"))
    report = sample_report(findings=(odd,), agents=(agent,), usage={"cost_usd": float("inf")})
    whole = loaded(report)
    assert whole["findings"][0]["why"] == "half \ufffd of an emoji"
    assert whole["findings"][0]["quote"] == "\ufffd\x00\x1b[31m"
    assert whole["agents"][0]["cost_usd"] is None
    assert whole["usage"] == {"cost_usd": None}


def test_a_made_up_name_does_not_raise():
    whole = loaded(sample_report(findings=(finding("a\ud800.py", 1, "x/y", "t"),)))
    assert whole["findings"][0]["path"] == "a\ufffd.py"
