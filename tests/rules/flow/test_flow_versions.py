"""A flow between files is told once, where the change brings it, unless it was there before."""

from support.change_views import change_view

from reviewloop.analysis.examine import examine
from reviewloop.analysis.rule_book import file_checks
from reviewloop.review.evidence import evidence_of

VIEWS = """from flask import Flask, request
from shop.store import find
app = Flask(__name__)


@app.get("/u")
def user():
    return {"u": find(request.args["name"])}
"""
RAW = """def find(name, db):
    return db.execute(f"SELECT * FROM users WHERE name = '{name}'")
"""
BOUND = """def find(name, db):
    return db.execute("SELECT * FROM users WHERE name = ?", (name,))
"""


def told(base: dict[str, str], new: dict[str, str], rest: dict[str, str] | None = None):
    view = change_view({**(rest or {}), **base}, {**(rest or {}), **new})
    checks = [check for check in file_checks() if check.across is not None]
    return view, [p for p in examine(view, checks=checks).hits if p.rule.id[:6] == "taint/"]


def test_a_helper_that_becomes_unsafe_is_told_at_its_line():
    _, found = told({"shop/store.py": BOUND}, {"shop/store.py": RAW}, {"shop/views.py": VIEWS})

    (placed,) = found
    assert (placed.hit.path, placed.hit.span.line, placed.on_change) == ("shop/store.py", 2, True)
    assert [place.path for place in placed.hit.elsewhere] == ["shop/views.py"] * 2


def test_a_new_call_of_an_unsafe_helper_is_told_at_the_call():
    view, found = told({}, {"shop/views.py": VIEWS}, {"shop/store.py": RAW})

    (placed,) = found
    assert (placed.hit.path, placed.hit.span.line) == ("shop/views.py", 8)
    assert placed.hit.message.endswith("`db.execute()` runs, in shop/store.py.")
    pieces = evidence_of(examine(view), view.files)
    other = [item for piece in pieces for item in piece.finding.evidence if item.path]
    assert [(item.path, item.line) for item in other] == [("shop/store.py", 2)]
    assert other[0].text == "shop/store.py line 2: does harm here"


def test_both_files_new_are_told_once():
    _, found = told({}, {"shop/views.py": VIEWS, "shop/store.py": RAW})

    assert [(p.hit.path, p.hit.span.line) for p in found] == [("shop/store.py", 2)]


def test_what_was_there_before_is_not_told_again():
    base = {"shop/views.py": VIEWS, "shop/store.py": RAW}
    for path in base:
        new = {path: base[path] + "\n\nlimit = 5\n"}
        rest = {other: text for other, text in base.items() if other != path}
        assert told({path: base[path]}, new, rest)[1] == []


def test_a_check_that_the_helper_loses_is_told_although_its_sink_stays():
    checked = RAW.replace("    return", "    name = int(name)\n    return")
    _, found = told({"shop/store.py": checked}, {"shop/store.py": RAW}, {"shop/views.py": VIEWS})

    assert [(p.hit.path, p.on_change) for p in found] == [("shop/store.py", False)]
