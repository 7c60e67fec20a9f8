"""Text of a model in a commit message cannot act on a host or forge trailers."""

import pytest

from reviewloop.render.untrusted import LONGEST, commit_line, commit_paragraphs


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Closes #12", "Closes (#12)"),
        ("fixes: GH-2 and resolved octo/shop#3", "fixes: (GH-2) and resolved (octo/shop#3)"),
        ("closes issue #1", "closes issue (#1)"),
        (
            "Implements https://x.example/o/r/issues/4",
            "Implements (https://x.example/o/r/issues/4)",
        ),
        ("thanks @octo and m@example.org", "thanks @ octo and m@example.org"),
        ("Tidy [skip ci]", "Tidy (skip ci)"),
        ("[CI SKIP] [no ci] [skip azurepipelines]", "(CI SKIP) (no ci) (skip azurepipelines)"),
        ("***NO_CI***", "NO_CI"),
        ("SHOP-1 #close now", "SHOP-1 # close now"),
        ("a\x1b[31m red\x1b]8;;https://x\x07 b\r\nc", "a red b c"),
        ("Fix UTF-8 in names; see #3, [x] done", "Fix UTF-8 in names; see #3, [x] done"),
    ],
)
def test_a_line_acts_on_no_host(written, shown):
    assert commit_line(written) == shown


def test_lines_that_look_like_ours_are_indented():
    text = commit_paragraphs("Good.\nReview: 9 reviewers\nCo-authored-by: M <m@x>\n# x\n::error::y")
    assert text.split("\n")[0] == "Good."
    assert all(line.startswith("  ") for line in text.split("\n")[1:])


def test_a_long_text_is_cut():
    assert len(commit_paragraphs("word " * 9000).replace("\n", " ")) <= LONGEST
