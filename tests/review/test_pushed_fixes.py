"""A fix reported by a reviewer counts only with pushed code as evidence."""

import pytest

from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.review.push import Known, confirmed_fixes, known_text

OLD = "def read(path):\n    handle = open(path)\n    return parse(handle)\n"
NEW = OLD.replace("    return parse", "    with closing(handle):\n        return parse")
OPEN = Known("a1", "read.py", "It stays open", "    handle = open(path)", 2)
CUT = Known("b2", "less.py", "Two lines too many", "one = 1")
FAR = Known("c3", "far.py", "Elsewhere", "x")


@pytest.fixture
def push(repo, tmp_path):
    """The change of a push, and what reads its files."""
    private = PrivateRepo.create(tmp_path / "private", discover(repo))
    less = "one = 1\ntwo_is_enough = 2\nthree = 3\n"
    old = {"read.py": OLD, "less.py": less, "far.py": "far_away = 1\n"}
    new = old | {"read.py": NEW, "less.py": "two_is_enough = 2\n"}
    base = private.tree_of(private.head)
    before, after = (
        private.edit(base, {path: text.encode() for path, text in files.items()})
        for files in (old, new)
    )
    yield private.change(before, after), new.get
    private.close()


@pytest.mark.parametrize(
    ("said", "believed"),
    [
        ({"id": "a1", "quote": "    with closing(handle):"}, {"a1"}),
        ({"id": "a1", "quote": "with closing(handle):\n        return parse(handle)"}, {"a1"}),
        ({"id": "b2", "quote": "two_is_enough = 2"}, {"b2"}),  # from there lines only went away
        ('{"id": "a1", "quote": "with closing(handle):"}', {"a1"}),  # JSON inside of JSON
        ({"id": "a1", "quote": ""}, set()),
        ({"id": "a1"}, set()),
        ({"id": "a1", "quote": 7}, set()),
        ({"id": "a1", "quote": "with"}, set()),
        ({"id": "a1", "quote": "def read(path):"}, set()),  # stood there before
        ({"id": "a1", "quote": "handle = open(path)"}, set()),  # what was found wrong
        ({"id": "a1", "quote": "handle.close()"}, set()),  # stands nowhere
        ({"id": "c3", "quote": "with closing(handle):"}, set()),  # its file was not pushed
        ({"id": "zz", "quote": "with closing(handle):"}, set()),
        ("all of them", set()),
        (None, set()),
    ],
)
def test_a_word_counts_with_a_quote_of_pushed_code(push, said, believed):
    change, read = push
    found, problems = confirmed_fixes({"fixed": [said]}, (OPEN, CUT, FAR), change, read)
    assert found == believed
    assert bool(problems) is not bool(believed)
    assert confirmed_fixes({"fixed": said}, (OPEN, CUT, FAR), change, read)[0] == (
        believed if isinstance(said, dict | str) else set()
    )


def test_silence_and_nonsense_confirm_nothing(push):
    for answer in ({}, {"fixed": []}, {"fixed": "yes"}, "[]", None, {"fixed": {"a1": True}}):
        assert confirmed_fixes(answer, (OPEN,), *push)[0] == frozenset()


def test_asked_about_is_what_is_known_by_more_than_its_place():
    known = (OPEN, CUT, FAR, Known("d4", "read.py"), Known("e5", "read.py", "", "y" * 5000))
    text = known_text(known, {"read.py"})
    assert text.count("id: ") == 2
    assert "id: a1\nplace: read.py:2\ntitle: It stays open\nquoted code" in text
    assert len(text) < 2000
    assert known_text(known, {"other.py"}) == ""
