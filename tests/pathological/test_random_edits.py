"""Whatever bytes are edited however: our reading of the change is what git's plumbing says."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pathological.oracle import assert_agrees_with_git

from reviewloop.git.private import PrivateRepo

NASTY = [
    b"", b" ", b"\t", b"\r", b"\x0c", b"\x0b", b"a\rb", b"a\x0cb", b"a\x1cb\x1d\x1e",
    "a\u0085b".encode(), "a\u2028b\u2029".encode(), "\ufeff".encode(), b"\xff\xfe", b"\xed\xa0\x80",
    b"-- ", b"--- a/x", b"++ ", b"+++ b/x", b"+", b"-", b"@@ -1,3 +1,4 @@", b"@@", b"@@ -0,0 +1 @@",
    b"diff --git a/x b/x", b"index 1..2 100644", b"\\ No newline at end of file", b"\\",
    b"Binary files a/x and b/x differ", b"rename from x", b"GIT binary patch", b"-- \r", b"}",
    b"common line one", b"common line two", b"another common line", b"end\r",
]  # fmt: skip
NAMES = ["a", "b c", "d/e", "d/\udcff", 'q"', "t\tab", "-n", "ü", "b/a", "x.py"]

line = st.one_of(
    st.sampled_from(NASTY),
    st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"").replace(b"\0", b"")),
)
lines = st.lists(line, max_size=25)
edit = st.tuples(
    st.sampled_from(["insert", "delete", "replace", "double", "reverse", "ends"]),
    st.integers(0, 30),
    st.integers(0, 6),
    line,
)


def edited(body: list[bytes], edits: list[tuple[str, int, int, bytes]]) -> list[bytes]:
    body = list(body)
    for what, at, count, text in edits:
        block = slice(at, at + count)
        if what == "insert":
            body[at:at] = [text] * max(count, 1)
        elif what == "delete":
            del body[block]
        elif what == "replace":
            body[block] = [text]
        elif what == "double":
            body[at:at] = body[block]
        elif what == "reverse":
            body[block] = body[block][::-1]
        else:
            body[block] = [one.removesuffix(b"\r") + b"\r" * (count % 2) for one in body[block]]
    return body


def joined(body: list[bytes], ended: bool, late_nul: bool) -> bytes:
    data = b"\n".join(body) + (b"\n" if ended and body else b"")
    return b"x" * 8100 + b"\n\0late\n" + data if late_nul else data


one_file = st.tuples(
    lines, st.booleans(), st.lists(edit, max_size=5), st.booleans(), st.sampled_from([0, 0, 0, 1])
)
GIVEN = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.slow
@GIVEN
@given(one=one_file, context=st.sampled_from([3, 0, 1, 10]))
def test_one_file(private: PrivateRepo, one, context) -> None:
    body, ended, edits, ended_after, late = one
    old = private.edit(private.head, {"f": joined(body, ended, bool(late))})
    new = private.edit(old, {"f": joined(edited(body, edits), ended_after, bool(late))})
    change = private.change(old, new, context_lines=context)
    assert_agrees_with_git(str(private.folder), change)


@pytest.mark.slow
@GIVEN
@given(
    files=st.dictionaries(st.sampled_from(NAMES), one_file, min_size=1, max_size=5),
    fates=st.lists(
        st.sampled_from(["edit", "edit", "remove", "rename", "mode", "new"]), min_size=5
    ),
)
def test_many_files_that_move_and_change(private: PrivateRepo, files, fates) -> None:
    files = {name: one for name, one in files.items() if not (name == "b/a" and "b" in files)}
    before, after, modes = {}, dict.fromkeys(files, None), {}
    for (name, one), fate in zip(files.items(), fates, strict=False):
        body, ended, edits, ended_after, late = one
        changed = joined(edited(body, edits), ended_after, bool(late))
        if fate != "new":
            before[name] = joined(body, ended, bool(late))
        if fate in {"edit", "new", "mode"}:
            after[name] = changed
            modes |= {name: "100755"} if fate == "mode" else {}
        elif fate == "rename":
            after["moved/" + name] = changed
    old = private.edit(private.head, before)
    new = private.edit(old, after, modes)
    change = private.change(old, new)
    assert_agrees_with_git(str(private.folder), change)
    assert not change or change.patch()
