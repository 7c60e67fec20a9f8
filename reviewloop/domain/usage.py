"""Tokens and money that model calls used, as they are stored and shown."""

from typing import TypedDict


class TokenUsage(TypedDict, total=False):
    """Tokens and money; the four counts do not overlap, and a cost of None is unknown."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    cost_usd: float | None
    estimated: bool


class UsageFigures(TokenUsage, total=False):
    """The sums of some calls; `cost_usd` is None when any price is unknown."""

    calls: int
    cached_share: float  # of the input, 0..1
    input_equivalents: int  # what the input cost, in plain input tokens: write 1.25, read 0.1
