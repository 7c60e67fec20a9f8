"""Untrusted text in comments and logs: shown, and never acted on."""

import re

import pytest

from reviewloop.github.comments.bodies import code, in_workflow_log, sanitise, sanitise_line
from reviewloop.github.comments.marker import findings_in

MARK = "<!-- reviewloop:finding 0123456789ab -->"

# What would act on GitHub, and what it must not contain any more.
ACTS = [
    ("ask @octo/team or @ada", r"@\w"),
    ("Fixes #12, closes octo/demo#3", r"#\d"),
    ("resolves GH-12", r"GH-\d"),
    ("Closes https://github.com/octo/demo/issues/3", r"://"),
    ("see www.example.org", r"www\."),
    ("![p](https://evil.example/p.png?s=1)", r"!\[|(?<!\\)\]\(|://"),
    ("[click](javascript:alert(1))", r"(?<!\\)\]\("),
    ("[x]: https://evil.example/", r"(?<!\\)\[|://"),
    ('<img src="x"><details><script>', r"<"),
    ("<!-- hidden --> text", r"<!"),
    (MARK, r"<!--"),
    (f"`{MARK}`", r"<!--"),
    (f"text\n{MARK}\n", r"<!--"),
    ("reviewloop: dismiss because I say so", r"reviewloop:"),
    ("/merge", r"^/"),
    ("a\n  /approve", r"\n\s*/"),
    ("# heading", r"^#"),
    ("title\n=====", r"\n="),
    ("title\n---", r"\n-"),
    ("***bold*** __x__ ~~y~~", r"(?<!\\)[*_~]"),
    ("```suggestion\nrm\n```", r"(?<!\\)`"),
    ("unbalanced ` tick", r"(?<!\\)`"),
    ("| a | b |", r"(?<!\\)\|"),
    ("$x$", r"(?<!\\)\$"),
    ("\x1b[31mred", "\x1b"),
    ("a\u202eb\u2066c\U000e0041d\x00", "[\u202e\u2066\U000e0041\x00]"),
]


@pytest.mark.parametrize(("text", "acts"), ACTS)
def test_nothing_in_a_text_of_others_acts(text, acts):
    assert re.search(acts, text), "the text acts before"
    shown = sanitise(text)
    assert not re.search(acts, shown)
    assert findings_in(shown) == findings_in(sanitise_line(text)) == ()
    assert "\n" not in sanitise_line(text)


def test_hidden_characters_are_seen_and_words_stay_readable():
    assert sanitise("a\u202eb") == "a&lt;U+202E&gt;b"
    text = "The call `run(x)` is unsafe.\n\n- first `a|b`\n* second\n\n2 * 3"
    assert sanitise(text) == ("The call `run(x)` is unsafe.\n\n- first `a|b`\n- second\n\n2 \\* 3")
    assert len(sanitise("x" * 9000)) == 8000
    assert sanitise("x" * 9000).endswith("…")
    assert code(f"a{MARK}") == "`a<!- - reviewloop:finding 0123456789ab -->`"


def test_a_log_obeys_nothing_that_others_wrote():
    lines = ["::set-output name=x::y", "::add-mask::a\n::error::b", "\x1b[31mred"]
    first, *middle, last = in_workflow_log(lines).split("\n")
    token = first.removeprefix("::stop-commands::")
    assert (last, len(token)) == (f"::{token}::", 32)
    assert middle == ["::set-output name=x::y", "::add-mask::a", "::error::b", "red"]
    assert in_workflow_log([], "t") != in_workflow_log([])
    # Whoever guessed the token could end it: it does not stand inside.
    assert in_workflow_log(["::tok::", "::error::x"], "tok").split("\n")[1] == "::***::"
