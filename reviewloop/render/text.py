"""Formats numbers and lists: durations, money, counted nouns."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from reviewloop.domain.usage import TokenUsage


class Failure(NamedTuple):
    """What failed, and why; `unnamed` is the reason with "it" for the name, if it has the name."""

    name: str
    reason: str
    unnamed: str = ""


def by_reason(failures: Iterable[Failure]) -> list[tuple[str, str]]:
    """Return (names, reason) of failures, in order.

    Reasons that differ only in the name of what failed are the same reason.
    """
    groups: dict[str, list[Failure]] = {}
    for one in failures:
        groups.setdefault(one.unnamed or one.reason, []).append(one)
    return [
        (", ".join(one.name for one in group), group[0].reason if len(group) == 1 else reason)
        for reason, group in groups.items()
    ]


_WRITE, _READ = 1.25, 0.1  # relative cost of a cached token: Anthropic's price list


def duration(seconds: float) -> str:
    """Return `4.2 s`, `3 min 05 s` or `1 h 02 min`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def money(usd: float | None) -> str:
    """Return an amount in US dollars; None is an unknown price and is shown as such."""
    if usd is None:
        return "price unknown"
    return f"${usd:.2f}" if usd >= 0.01 or usd == 0 else "<$0.01"


def cap_money(usd: float) -> str:
    """Return a cap, or what was used of one, with more digits for small amounts: `$0.0042`."""
    if usd >= 0.1 or usd == 0:
        return f"${usd:.2f}"
    return f"${float(f'{usd:.2g}'):f}".rstrip("0")


def tokens(count: int) -> str:
    """Return `950`, `12.3k` or `1.24M`."""
    if count < 1000:
        return str(count)
    if count < 999_950:
        return f"{count / 1000:.1f}k"
    return f"{count / 1_000_000:.2f}M"


def input_equivalents(usage: TokenUsage) -> int:
    """Return the cost of the input in plain input tokens: a cache write counts 1.25, a read 0.1."""
    cached = _WRITE * usage.get("cache_write", 0) + _READ * usage.get("cache_read", 0)
    return round(usage.get("input", 0) + cached)


def cached_share(usage: TokenUsage) -> float:
    """Return the share of the input that was read from the provider's cache, 0 to 1."""
    read = usage.get("cache_read", 0)
    return read / all_input(usage) if read else 0.0


def all_input(usage: TokenUsage) -> int:
    """Return all input tokens, cached or not."""
    return usage.get("input", 0) + usage.get("cache_write", 0) + usage.get("cache_read", 0)


def all_tokens(usage: TokenUsage) -> int:
    """Return all tokens of some calls, in and out."""
    return all_input(usage) + usage.get("output", 0)


def with_cache(usage: TokenUsage) -> dict[str, Any]:
    """Return the usage with these two figures, unless no tokens were counted."""
    if not all_input(usage):
        return dict(usage)
    cached = round(cached_share(usage), 4)
    return {**usage, "cached_share": cached, "input_equivalents": input_equivalents(usage)}


def cache_words(usage: TokenUsage) -> str:
    """Return ` (cached: 76 %)`; nothing without a cache."""
    if not usage.get("cache_read") and not usage.get("cache_write"):
        return ""
    return f" (cached: {share(cached_share(usage))})"


def tokens_in(usage: TokenUsage) -> str:
    """Return all input of models in words, with what came from a cache."""
    return f"{tokens(all_input(usage))} tokens in{cache_words(usage)}"


def share(value: float) -> str:
    """Return a share of 0 to 1 in percent, never rounded up to a hundred."""
    percent = value * 100
    return f"{int(percent)} %" if 99 < percent < 100 else f"{percent:.0f} %"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 file` or `3 files`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
