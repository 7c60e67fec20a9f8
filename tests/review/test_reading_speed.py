"""Parsing of overlong answers takes time linear in their length."""

import re
from contextlib import suppress

import pytest
from support.growth import LONG, ends, ends_soon, grows_faster_than_its_text

from reviewloop.llm.messages import parse_arguments
from reviewloop.render.untrusted import one_line
from reviewloop.review import lenient_json
from reviewloop.review.intake import read_findings
from reviewloop.review.lenient_json import NotOneObjectError, the_one_object

LENGTH = 12_000
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


HOSTILE = [
    (read, "", "{", ""),
    (read, "", "{/*", ""),
    (read, "{/*", " ", "*/"),
    (read, "", '{"a": "b", ', ""),
    (read, "", "{# a\n", ""),
    (read, "{", '"k": 1,', ""),
    (report, "", "1", ""),
    (report, "", " ", ""),
    (report, "", "a:", ""),
    (report, "", "\x1b[0", ""),
    (one_line, "", "\u200b\x1b]", ""),
    (one_line, "", " \r", ""),
]


@pytest.mark.slow
@pytest.mark.parametrize(("work", "head", "piece", "tail"), HOSTILE)
def test_four_times_the_answer_is_not_sixteen_times_the_work(work, head, piece, tail):
    text = head + piece * (LENGTH // len(piece)) + tail
    assert not grows_faster_than_its_text(work, text)
    assert ends_soon(lambda text: work(head + text + tail), piece)


def test_many_keys_are_not_compared_with_each_other():
    assert not grows_faster_than_its_text(read, "{" + KEYS)
    many = ",".join(f'"k{n}": 1' for n in range(LONG // 10))
    assert ends(lambda: read("{" + many + "}"))


def add_line_by_line(text):
    for at in range(len(text)):
        for _ in range(at):
            pass


@pytest.mark.parametrize("work", [search_from_everywhere, add_line_by_line])
def test_what_grows_too_fast_is_seen(work):
    assert grows_faster_than_its_text(work, "a" * 2000)


@pytest.mark.slow
def test_an_expression_that_tries_from_everywhere_is_seen():
    assert not ends(lambda: re.search("a*b", "a" * LONG), seconds=2)
    assert ends(lambda: re.search("ab", "a" * LONG), seconds=2)


def test_objects_inside_of_a_cut_off_one_are_not_tried_one_after_the_other(monkeypatch):
    tried = []
    value = lenient_json._Reader.value

    def counted(reader, at, depth):
        if depth == 0:
            tried.append(at)
        return value(reader, at, depth)

    monkeypatch.setattr(lenient_json._Reader, "value", counted)
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
