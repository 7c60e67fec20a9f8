"""Untrusted text can neither move the cursor nor hide itself."""

import pytest

from reviewloop.render.untrusted import one_line, safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x07click\x1b]8;;\x07", "click"),
        ("\x1b]0;title\x1b\\x", "x"),
        ("\x9b2Jx", "x"),
        ("a\x00\x07\x08b\x7f", "a<U+0000><U+0007><U+0008>b<U+007F>"),
        ("a\u3164b\U000e0100 1\ufe0f", "a<U+3164>b<U+E0100> 1<U+FE0F>"),
        ("a\rb", "a\nb"),
        ("a\r\nb", "a\nb"),
        ("\tx", "    x"),
        ("x\u202ey", "x<U+202E>y"),
        ("x\u200by", "x<U+200B>y"),
        ("a\u00a0b", "a b"),
        ("bad \udcff", "bad <U+DCFF>"),
        ("é ü 漢 👩‍💻", "é ü 漢 👩‍💻"),
        ("[bold]as it is[/bold] :smile:", "[bold]as it is[/bold] :smile:"),
    ],
)
def test_escapes_vanish_and_hidden_characters_show(text, shown):
    assert safe(text) == shown


def test_one_line_collapses_white_space():
    assert one_line("  a\n\n b\t c ") == "a b c"
