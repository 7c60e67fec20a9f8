"""Fixes are put into a text where they fit, and the result must parse as well as before."""

import pytest

from reviewloop.analysis.contract import Edit, Fix, Span
from reviewloop.review.fixes import apply_fixes, parses


def fix(*edits: tuple[int, int, int, int, str]) -> Fix:
    """Return a fix of edits: line, column, end line, end column, text."""
    made = (Edit(Span(a, c, b, d), text) for a, b, c, d, text in edits)
    return Fix(tuple(made), safe=True)


def applied(text: str, *fixes: Fix) -> tuple[str, tuple[int, ...]]:
    done = apply_fixes(text, fixes)
    return done.text, done.fixes


def test_an_edit_replaces_what_stands_between_two_columns():
    assert applied("a = 1\nb = 2\n", fix((2, 5, 2, 6, "3"))) == ("a = 1\nb = 3\n", (0,))


def test_a_whole_line_goes_with_its_end():
    assert applied("a\nb\nc\n", fix((2, 1, 3, 1, ""))) == ("a\nc\n", (0,))
    assert applied("a\nb", fix((2, 1, 3, 1, ""))) == ("a\n", (0,))


def test_windows_line_ends_stay():
    text = "import os\r\nimport re\r\n"

    assert applied(text, fix((1, 1, 2, 1, ""))) == ("import re\r\n", (0,))


def test_fixes_far_apart_all_get_in_whatever_their_order():
    fixes = [fix((3, 1, 3, 2, "C")), fix((1, 1, 1, 2, "A"), (2, 1, 2, 2, "B"))]

    assert applied("a\nb\nc\n", *fixes) == ("A\nB\nC\n", (0, 1))


def test_an_overlapping_fix_stays_out_as_a_whole():
    first = fix((1, 1, 1, 4, "x"))
    second = fix((1, 3, 1, 6, "y"), (2, 1, 2, 2, "z"))

    assert applied("abcdef\ng\n", first, second) == ("xdef\ng\n", (0,))


def test_neighbours_do_not_overlap_but_two_insertions_at_one_place_do():
    assert applied("abcd\n", fix((1, 1, 1, 3, "x")), fix((1, 3, 1, 5, "y"))) == ("xy\n", (0, 1))
    assert applied("a\n", fix((1, 1, 1, 1, "x")), fix((1, 1, 1, 1, "y"))) == ("xa\n", (0,))


def test_one_fix_that_two_findings_share_is_in_for_both():
    same = fix((1, 1, 2, 1, ""))

    assert applied("import os, json\nx\n", same, same) == ("x\n", (0, 1))


def test_a_byte_order_mark_stands_before_the_first_column():
    assert applied("\ufeffabc\n", fix((1, 1, 1, 2, "X"))) == ("\ufeffXbc\n", (0,))


def test_edits_past_the_end_end_there_and_a_fix_without_edits_is_none():
    assert applied("a\n", fix((9, 1, 9, 9, "b"))) == ("a\nb", (0,))
    assert applied("a\n", Fix(())) == ("a\n", ())


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("a.py", "x = 1\n", "x = (\n"),
        ("a.js", "let x = 1\n", "let x = {\n"),
        ("a.tsx", "let x = <b/>\n", "let x = <b\n"),
        ("a.go", "package a\n", "package {\n"),
        ("a.sh", "echo a\n", "if [ a\n"),
        ("a.tf", "a = 1\n", 'resource "a" {\n'),
        ("a.json", "{}", "{"),
        ("a.yaml", "a: 1\n", "a: [1\n"),
        (".github/workflows/a.yml", "a: 1\n", "a: {\n"),
        ("a.toml", "a = 1\n", "a = \n"),
    ],
)
def test_a_text_must_parse_as_well_as_before(path, good, bad):
    assert parses(path, good, good)
    assert not parses(path, good, bad)
    assert parses(path, bad, good)
    assert parses(path, bad, bad)  # it was broken before


def test_what_cannot_be_parsed_is_not_believed():
    assert not parses("a.txt", "a", "a")
    assert not parses("a.kt", "fun a() {}", "fun a() {}")
    assert parses("Dockerfile", "FROM a:1\n", "FROM a:2\n")
