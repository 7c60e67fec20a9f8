"""A finding is red only where the harm is shown to be reached."""

import pytest

from reviewloop.analysis.book import file_checks
from reviewloop.analysis.contract import SourceFile
from reviewloop.analysis.languages import language_of
from reviewloop.domain.finding import Severity

_FLASK = """import flask
app = flask.Flask(__name__)


@app.route("/{part}")
def show(name):
    return flask.send_file(f"shown/{{name}}")
"""
_GO = """package p

func h(loose bool) *tls.Config {{
	c := &tls.Config{{}}
	{code}
	return c
}}
"""
_JS = "function f(o) { const c = {}; CODE return c; }\n"


@pytest.mark.parametrize(
    ("path", "text", "rule", "severity"),
    [
        ("v.py", _FLASK.format(part="<path:name>"), "taint/path-traversal", Severity.MUST_FIX),
        ("v.py", _FLASK.format(part="<name>"), "taint/path-traversal", Severity.SHOULD_FIX),
        (
            "a.go",
            _GO.format(code="c.InsecureSkipVerify = true"),
            "go/certificates-not-checked",
            Severity.MUST_FIX,
        ),
        (
            "a.go",
            _GO.format(code="if loose { c.InsecureSkipVerify = true }"),
            "go/certificates-not-checked",
            Severity.SHOULD_FIX,
        ),
        (
            "a.js",
            _JS.replace("CODE", "c.tls = { rejectUnauthorized: false };"),
            "js/certificates-not-checked",
            Severity.MUST_FIX,
        ),
        (
            "a.js",
            _JS.replace("CODE", "if (o.loose) { c.tls = { rejectUnauthorized: false }; }"),
            "js/certificates-not-checked",
            Severity.SHOULD_FIX,
        ),
    ],
)
def test_a_finding_is_red_only_where_the_harm_is_shown(path, text, rule, severity):
    file = SourceFile(path, text, ((1, 99),), language_of(path, text), status="A")
    found = [
        hit.severity or next(r for r in check.rules if r.id == rule).severity
        for check in file_checks()
        if check.understands(file)
        for hit in check.run(file)
        if hit.rule == rule
    ]
    assert found == [severity]
