"""Figures read like a person would write them."""

import pytest

from reviewloop.output.figures import counted, duration, money, share, tokens


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (4.24, "4.2 s"), (59.96, "1 min 00 s"), (185, "3 min 05 s"),
     (3720, "1 h 02 min")],
)  # fmt: skip
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_unknown_price_is_never_zero():
    assert money(None) == "price unknown"
    assert money(0) == "$0.00"
    assert money(0.001) == "<$0.01"
    assert money(1.236) == "$1.24"


def test_share_is_not_rounded_up_to_everything():
    assert (share(0.873), share(1.0), share(0.996)) == ("87 %", "100 %", "99 %")


def test_tokens_and_counts():
    assert (tokens(950), tokens(12_345), tokens(999_990)) == ("950", "12.3k", "1.00M")
    assert (counted(1, "file"), counted(2, "file"), counted(2, "reply", "replies")) == (
        "1 file",
        "2 files",
        "2 replies",
    )
