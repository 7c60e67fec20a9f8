"""Answers that are long on purpose are read in the time their length takes."""

from contextlib import suppress

import pytest

from reviewloop.llm.messages import parse_arguments
from reviewloop.render.untrusted import one_line
from reviewloop.review import lenient
from reviewloop.review.intake import read_findings
from reviewloop.review.lenient import NotOneObjectError, the_one_object
from tests.support.growth import grows_faster_than_its_text

LENGTH = 48_000
KEYS = ",".join(f'"k{n}": 1' for n in range(LENGTH // 10))


def search_from_everywhere(text):
    for at in range(len(text)):
        text.count("a", at)


def read(text):
    with suppress(NotOneObjectError):
        the_one_object(text)


def report(text):
    finding = {"severity": text, "title": text, "why": text, "path": text, "line": text}
    read_findings({"findings": [{**finding, "severity": "nit"}, finding]})


@pytest.mark.parametrize(
    ("work", "text"),
    [
        (read, "{" * LENGTH),
        (read, "{/*" * (LENGTH // 3)),
        (read, "{/*" * (LENGTH // 6) + " " * (LENGTH // 2) + "*/"),
        (read, '{"a": "b", ' * (LENGTH // 11)),
        (read, "{# a\n" * (LENGTH // 5)),
        (read, "{" + KEYS),
        (report, "1" * LENGTH),
        (report, " " * LENGTH),
        (report, "a:" * (LENGTH // 2)),
        (report, "\x1b[0" * (LENGTH // 4)),
        (one_line, "\u200b\x1b]" * (LENGTH // 3)),
        (one_line, " \r" * (LENGTH // 2)),
    ],
)
def test_four_times_the_answer_is_not_sixteen_times_the_work(work, text):
    assert not grows_faster_than_its_text(work, text)


def test_what_grows_too_fast_is_seen():
    assert grows_faster_than_its_text(search_from_everywhere, "a" * LENGTH)


def test_objects_inside_of_a_cut_off_one_are_not_tried_one_after_the_other(monkeypatch):
    tried = []
    value = lenient._Reader.value

    def counted(reader, at, depth):
        if depth == 0:
            tried.append(at)
        return value(reader, at, depth)

    monkeypatch.setattr(lenient._Reader, "value", counted)
    with pytest.raises(NotOneObjectError, match="cut off"):
        the_one_object('{#\n"k":' * 50 + "[" + "1," * 100)
    assert tried == [0]


def test_a_key_given_twice_is_named_however_many_there_are():
    found, problem = parse_arguments("{" + KEYS + ', "k7": 2}')
    assert found is None and problem == "the key 'k7' is given twice"


@pytest.mark.parametrize("line", ["1" * 5000, "1" * 5000 + "-" + "2" * 5000])
def test_a_line_number_that_nobody_can_count_is_none(line):
    taken = read_findings({"findings": [{"severity": "nit", "title": "x", "line": line}]})
    assert taken.findings[0].line is None


def test_a_long_word_for_a_severity_is_told_short():
    taken = read_findings({"findings": [{"severity": "x" * 9000, "title": "x"}]})
    assert "is not one of must_fix" in taken.problems[0] and len(taken.problems[0]) < 200
