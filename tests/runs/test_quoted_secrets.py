"""A secret recognised only by its name is redacted in quoted code."""

import os

import pytest

from reviewloop.analysis.rule_book import rule_of
from reviewloop.app.redactors import QuotedSecrets
from reviewloop.app.review.review import ReviewRequest, review
from reviewloop.render.formats import renderer

KEY = "b7f1c9e2a4d86035" + "f1e27b9c4d5a6e80"
PASSWORD = "Tr0ub4dor" + "&3x!"
CODE = f'import os\n\nAPI_KEY = "{KEY}"\nDB_PASSWORD = "{PASSWORD}"\n'


@pytest.fixture
def done(repo, monkeypatch):
    (repo / "conf.py").write_text(CODE)
    monkeypatch.setenv("REVIEWLOOP_STATE_DIR", str(repo.parent / "state"))
    with review(ReviewRequest(model="none"), repo) as reviewed:
        yield reviewed


def test_code_and_diff_are_shown_without_it_and_columns_stay(done):
    shown = done.shown.text("conf.py")
    assert KEY not in shown and PASSWORD not in shown
    assert [len(line) for line in shown.split("\n")] == [len(line) for line in CODE.split("\n")]
    assert 'API_KEY = "b7f1••••' in shown
    diff = str(done.shown.hunks("conf.py"))
    assert KEY not in diff and PASSWORD not in diff
    assert done.text("conf.py") == CODE


@pytest.mark.parametrize("name", ["concise", "json", "sarif", "markdown", "github", "html"])
def test_no_format_quotes_it(done, name):
    text = done.shown.rendered(renderer(name)(done.report, done.shown, rule_of))
    assert "conf.py" in text
    assert KEY not in text and PASSWORD not in text


def test_short_value_is_hidden_on_its_line_only(done):
    (found,) = [p.finding for p in done.evidence if p.finding.rule == "secret/password"]
    text = 'PASSWORD = "admin"\nrole = "admin"\n'
    place = {"path": "a.py", "line": 1, "column": 13, "end_column": 18}
    quoted = QuotedSecrets([found.model_copy(update=place)], lambda path: text)
    assert quoted.without("a.py", text) == 'PASSWORD = "a••••"\nrole = "admin"\n'
    assert quoted.without("a.py", f"+{text}").startswith('+PASSWORD = "a••••"')
    assert quoted.without(os.devnull, text) == text
