"""Figures in readable form."""

import pytest

from reviewloop.render.text import counted, duration, money, share, tokens, tokens_in, with_cache


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


def test_cached_tokens_are_told_as_a_share_and_as_what_they_cost():
    usage = {"input": 5_000, "output": 400, "cache_write": 20_000, "cache_read": 75_000}
    assert tokens_in(usage) == "100.0k tokens in (cached: 75 %)"
    assert with_cache(usage) == {**usage, "cached_share": 0.75, "input_equivalents": 37_500}
    assert tokens_in({"input": 5_000, "cache_write": 0}) == "5.0k tokens in"
    written = {"cache_write": 1_000}  # before anybody has read it, a cache costs more
    assert tokens_in(written) == "1.0k tokens in (cached: 0 %)"
    assert with_cache({}) == {}
