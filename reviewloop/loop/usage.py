"""Sums tokens and money of a run from the journal: the only place where calls are counted."""

from collections.abc import Iterable

from reviewloop.domain.usage import TokenUsage, UsageFigures
from reviewloop.render.proposal import AgentFigures
from reviewloop.render.text import cached_share, input_equivalents
from reviewloop.store.journal import CallUsage, Journal


def usage_figures(journal: Journal) -> UsageFigures:
    """Return the sums over all calls of a run."""
    return _sum(usage for _, _, usage, _ in journal.usage_rows())


def agent_figures(journal: Journal) -> list[AgentFigures]:
    """Return the sums per agent, in the order of their first calls."""
    rows: dict[str, list[tuple[CallUsage, float]]] = {}
    for agent, _, usage, seconds in journal.usage_rows():
        rows.setdefault(agent, []).append((usage, seconds))
    return [
        AgentFigures(
            **_sum(usage for usage, _ in calls),
            agent=agent,
            model=str(calls[-1][0].get("model", "")),
            seconds=round(sum(seconds for _, seconds in calls), 3),
        )
        for agent, calls in rows.items()
    ]


def _sum(usages: Iterable[TokenUsage]) -> UsageFigures:
    listed = list(usages)
    costs = [usage.get("cost_usd") for usage in listed]
    sums = UsageFigures(
        calls=len(listed),
        input=sum(usage.get("input", 0) for usage in listed),
        output=sum(usage.get("output", 0) for usage in listed),
        cache_read=sum(usage.get("cache_read", 0) for usage in listed),
        cache_write=sum(usage.get("cache_write", 0) for usage in listed),
        # One unknown price makes the sum unknown: a partial sum would look like the bill.
        cost_usd=None if None in costs else round(sum(c for c in costs if c is not None), 6),
        estimated=any(usage.get("estimated") for usage in listed),
    )
    return UsageFigures(
        **sums,
        cached_share=round(cached_share(sums), 4),
        input_equivalents=input_equivalents(sums),
    )
