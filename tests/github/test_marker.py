"""The state in our comments: parsed as written, small, and trusted from us alone."""

import base64
import hashlib
import json
import tracemalloc
import zlib
from dataclasses import replace

import pytest

from reviewloop.github.api.answers import IssueComment
from reviewloop.github.api.model import PullRequest, Repo, State
from reviewloop.github.comments.marker import (
    MOST_CHARACTERS,
    finding_marker,
    findings_in,
    read_state,
    state_marker,
)

STATES = ("fixed", "reported", "open", "dismissed")
ME = "github-actions[bot]"
PULL = PullRequest(Repo("octo", "demo"), 7, "b" * 40, "a" * 40, "main", "f", "octo/demo", "ada")


def entry(status="open", **fields):
    given = {"severity": "nit", "path": "a/ü b.py", "comment_id": None, "reason": ""}
    return {"status": status, **given, "code": "", "by": "", **fields}


ENTRIES = {
    "0123456789ab": entry(comment_id=17, code="2:0123abcd", by="rule-1"),
    "0123456789ac": entry("dismissed", reason="ada: --> `x` <!-- reviewloop: 'é'", code="file"),
    "0123456789ad": entry("fixed", severity="must_fix", path="b.py", by="a,b"),
}
STATE = State("a" * 40, "b" * 40, ENTRIES, paused=True, spent_usd=1.25, spent_tokens=99)
MARKER = state_marker(STATE, PULL)


def said(body, author=ME, ident=1):
    return IssueComment(ident, author, author.endswith("[bot]"), body)


def read(*bodies, pull=PULL, **fields):
    return read_state([said(body, ident=n, **fields) for n, body in enumerate(bodies)], ME, pull)


def made(data, version="v1", digest=None):
    """Return a marker around any bytes, as whoever knows the format can write it."""
    text = base64.urlsafe_b64encode(zlib.compress(data, 9)).decode().rstrip("=")
    digest = digest or hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"<!-- reviewloop:state:{version} {text} {digest} -->"


def payload(**changed):
    text = base64.urlsafe_b64decode(MARKER.split()[2] + "==")
    whole = {**json.loads(zlib.decompress(text)), **changed}
    return json.dumps(whole, separators=(",", ":")).encode()


def row(*changed):
    """Return the findings with values of the first row changed: (index, value) pairs."""
    rows = json.loads(payload())["findings"]
    for index, value in changed:
        rows[0][index] = value
    return rows


def test_a_state_is_read_back_as_it_was_written():
    assert MARKER.count("-->") == 1
    for body in (MARKER, f"{MARKER}\r\nText.\r\n", f"<!-- reviewloop:x -->\n{MARKER}\nText"):
        assert read(body) == STATE
    assert read("<!-- reviewloop:summary -->\n" + MARKER + "\nText") == STATE
    assert made(payload()) == MARKER  # the forgeries below differ from it in one thing each
    assert read_state([said(MARKER, "Ada")], "ada", PULL) == STATE
    assert (read(), read("no marker")) == (State(), State())


def test_a_state_of_somebody_else_is_not_believed():
    for author in ("eve", "github-actions", "other[bot]", "ghost"):
        assert read(MARKER, author=author) == State()
    person = IssueComment(1, ME, False, MARKER)  # who has our name, but is no program
    assert read_state([person], ME, PULL) == State()
    assert read_state([said(MARKER, "")], "", PULL) == State()
    after = f"He said:\n\n{MARKER}"  # as programs repeat what strangers say
    for quoted in (f"> {MARKER}", f"{after}\nand more", after, f"x {MARKER}", f"{MARKER} x"):
        assert not read(quoted).findings
    forged = state_marker(replace(STATE, paused=False), PULL)
    assert read(f"{MARKER}\ntext\n{forged}") == STATE  # ours begins the comment
    assert read(MARKER, forged) == STATE  # a program with our name repeats what eve wrote


HUGE = {"findings": [["0123456789ab", 0, 0, 0, 0, "", 0]] * 601}
BAD = {
    "another repository": made(payload(repo="octo/other")),
    "another pull": made(payload(pull=8)),
    "pull as text": made(payload(pull="7")),
    "newer": made(payload(), version="v2"),
    "no version": made(payload(), version="vx"),
    "cut": MARKER[:-40],
    "bad digest": made(payload(), digest="0" * 16),
    "changed": MARKER.replace(MARKER[40:44], "AAAA"),
    "more parts": MARKER.replace(" -->", " more -->"),
    "no base64": f"<!-- reviewloop:state:v1 *** {hashlib.sha256(b'***').hexdigest()[:16]} -->",
    "surrogate": "<!-- reviewloop:state:v1 \ud800 0 -->",
    "no JSON": made(b"{"),
    "no UTF-8": made(b"\xff"),
    "nested": made(b"[" * 100_000),
    "a list": made(b"[]"),
    "long number": made(payload(tokens=0).replace(b'"tokens":0', b'"tokens":' + b"9" * 5000)),
    "a bomb": made(b" " * 30_000_000),
    "long": MARKER.replace(" -->", "A" * MOST_CHARACTERS + " -->"),
    "no number": made(payload(usd=float("nan"))),
    "endless": made(payload(usd=float("inf"))),
    "negative": made(payload(usd=-1)),
    "negative tokens": made(payload(tokens=-1)),
    "paused as text": made(payload(paused="false")),
    "head is no commit": made(payload(head="--upload-pack=x")),
    "short head": made(payload(head="abc")),
    "no findings": made(payload(findings=None)),
    "too many findings": made(payload(**HUGE)),
    "a finding too short": made(payload(findings=[["0123456789ab"]])),
    "no fingerprint": made(payload(findings=row((0, "0123456789a\n")))),
    "unknown status": made(payload(findings=row((1, 4)))),
    "negative status": made(payload(findings=row((1, -1)))),
    "unknown path": made(payload(findings=row((3, 9)))),
    "true as path": made(payload(findings=row((3, True)))),
    "path is a list": made(payload(paths=[["x"]] * 3)),
    "long path": made(payload(paths=["x" * 5000] * 3)),
    "odd code": made(payload(findings=row((5, "2:zz")))),
    "odd comment": made(payload(findings=row((4, "17")))),
    "sources missing": made(payload(by=[])),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_state_is_none_and_says_so(name):
    tracemalloc.start()
    found = read(BAD[name])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10_000_000  # a bomb is not unpacked
    assert found == State(note=found.note)
    assert found.note.startswith("what an earlier review remembered is not used: it")
    assert ("longer" in found.note) == (name in {"a bomb", "long"})
    assert read(BAD[name], MARKER) == STATE  # and keeps no good one from being read


def test_what_is_let_go_of_is_what_is_missed_least():
    many = {f"{n:012x}": entry(STATES[n % 4], path=f"folder/{n}.py") for n in range(5000)}
    marker = state_marker(State(findings=many), PULL)
    assert len(marker) <= MOST_CHARACTERS
    found = read(marker).findings
    assert len(found) > 200
    # The dismissed ones are the most worth, and of those the newest.
    assert {e["status"] for e in found.values()} == {"dismissed"}
    assert list(found) == [name for name in many if name in found]
    assert list(found)[-1] == f"{4999:012x}"
    few = {f"{n:012x}": entry(STATES[n % 4 // 2]) for n in range(700)}
    kept = read(state_marker(State(findings=few), PULL)).findings
    gone = [few[name]["status"] for name in few if name not in kept]
    assert set(gone) == {"fixed"}
    assert next(iter(few)) not in kept
    long = {f"{n:012x}": entry(path=f"{n}" * 900, reason="ü" * 900) for n in range(600)}
    assert len(state_marker(State(findings=long), PULL)) <= MOST_CHARACTERS


def test_findings_are_named_in_the_lines_that_begin_a_comment():
    one, two = finding_marker("0123456789ab"), finding_marker("0123456789ac")
    assert findings_in(f"\n{one}\r\n{two}\r\nText") == ("0123456789ab", "0123456789ac")
    for body in ("", f"Text\n{one}", f"> {one}", f"{one} Text", f"Text\n{one}\n", f"``\n{one}"):
        assert findings_in(body) == ()
    assert findings_in("<!-- reviewloop:finding 0123 -->") == ()
