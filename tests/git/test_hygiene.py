"""Hidden characters are shown, never stripped, and map back to what they were."""

import pytest
from support.hidden import CHARACTERS

from reviewloop.domain.hidden_characters import (
    find_hidden,
    placeholders,
    restore_hidden,
    show_hidden,
)

HIDDEN = [
    0x00, 0x07, 0x0C, 0x1B, 0x7F, 0x85, 0xAD, 0x61C, 0x115F, 0x1160, 0x180E, 0x200B, 0x200D,
    0x200F, 0x2028, 0x202A, 0x202E, 0x2060, 0x2064, 0x2066, 0x2069, 0x3164, 0xFE00, 0xFE0F,
    0xFEFF, 0xFFA0, 0xFFF9, 0xE0001, 0xE0041, 0xE0100, 0xDC80,
]  # fmt: skip


@pytest.mark.parametrize("number", HIDDEN)
def test_each_hidden_character_is_shown_and_maps_back(number):
    text = f"a{chr(number)}b\n"
    assert show_hidden(text) == f"a⟦U+{number:04X}⟧b\n"
    assert restore_hidden(show_hidden(text)) == text
    assert [hidden.code for hidden in find_hidden(text)] == [f"U+{number:04X}"]
    assert placeholders(show_hidden(text)) == [f"⟦U+{number:04X}⟧"]


@pytest.mark.parametrize(
    "text",
    [
        "plain\ttext\r\n",
        "\ufeffwith BOM",
        "ü 漢字 עברית",
        "✔️ 1️⃣ ©️ 👍🏽",
        "👩🏽\u200d🚀 ❤️\u200d🔥",
        "⟦U+0041⟧",
    ],
)
def test_ordinary_text_stays_as_it_is(text):
    assert show_hidden(text) == text
    assert restore_hidden(text) == text
    assert find_hidden(text) == []


@pytest.mark.parametrize("text", ["1\ufe0f", "a\ufe0f", "+\ufe0f", "a\u200db", "1\u200d2", "a\rb"])
def test_emoji_signs_outside_of_emoji_are_hidden_text(text):
    assert len(find_hidden(text)) == 1


def test_places_are_lines_by_line_feed_and_columns():
    found = find_hidden("one\r\ntwo\u2028still\nthree\u200b \u202e")
    assert [(h.line, h.column, h.code) for h in found] == [
        (2, 4, "U+2028"),
        (3, 6, "U+200B"),
        (3, 8, "U+202E"),
    ]
    assert found[1].name == "ZERO WIDTH SPACE"


def test_showing_twice_changes_nothing_more():
    once = show_hidden("a\u202eb")
    assert show_hidden(once) == once


def test_every_character_of_the_specification_is_shown_to_models_and_maps_back():
    listed = [char for char in CHARACTERS if char != "\r"]
    shown = {char: show_hidden(f"a{char}b") for char in listed}
    assert shown == {char: f"a⟦U+{ord(char):04X}⟧b" for char in listed}
    assert all(restore_hidden(text) == f"a{char}b" for char, text in shown.items())
