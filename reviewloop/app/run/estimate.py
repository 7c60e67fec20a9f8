"""Estimates the cost of a run before anything is paid."""

from collections.abc import Sequence
from statistics import median

from reviewloop.agents import Team
from reviewloop.dataclass import dataclass
from reviewloop.llm.messages import Usage
from reviewloop.loop.context import Brief
from reviewloop.settings import Settings
from reviewloop.store.metrics import RunMetrics

_CHARS_PER_TOKEN = 4
# Measured in runs of small and medium tasks: replies an agent needs, and tokens in each.
_IMPLEMENT_TURNS, _REVIEW_TURNS, _FIX_TURNS = 15, 4, 6
_OUTPUT_PER_TURN = 400
_GROWTH_PER_TURN = 1500  # tokens a tool result adds to the history


_ENOUGH = 3  # from this many runs of this repository on, their median replaces the constants
_LATEST = 20  # runs: older ones had other models and settings


@dataclass(frozen=True)
class Estimate:
    """The tokens and dollars of a short run and a long one; None where a price is unknown."""

    tokens: tuple[int, int]
    usd: tuple[float, float] | None
    usual_tokens: int
    usual_usd: float | None
    runs: int = 0  # of this repository, behind the usual values; 0: none
    from_file: bool = False  # all replies come from the user's files: nothing is asked or paid

    @property
    def shown(self) -> str:
        """Return the usual and the highest value as a text for people."""
        if self.from_file:
            return "$0.00, the replies are in a file"
        if self.usd is None or self.usual_usd is None:
            money = "price unknown"
        else:
            money = f"about ${self.usual_usd:.2f}, up to ${self.usd[1]:.2f}"
        seen = f"; the median of {self.runs} runs here" if self.runs else ""
        return f"{money} ({self.usual_tokens:,} to {self.tokens[1]:,} tokens{seen})"


def estimate_run(
    brief: Brief, team: Team, settings: Settings, seen: Sequence[RunMetrics] = ()
) -> Estimate:
    """Return the range without prompt caching and the usual value with it.

    `seen` are earlier runs of this repository, the oldest first.
    """
    from reviewloop.llm.prices import cost, estimate
    from reviewloop.llm.routing import route, split_model

    start = len(brief.briefing) // _CHARS_PER_TOKEN
    shared = len(brief.task) // _CHARS_PER_TOKEN + 3000
    reviewers = len(team.reviewers)
    short = _talk(start, _IMPLEMENT_TURNS // 2) + reviewers * _talk(shared, 2)
    fixes = 3 * max(1, settings.limits.rounds)
    long = (
        _talk(start, _IMPLEMENT_TURNS * 2)
        + reviewers * _talk(shared, _REVIEW_TURNS * 2)
        + fixes * _talk(shared, _FIX_TURNS)
    )
    model = route(settings, team.implementer.name, "reasoning", team.implementer.model).model
    prices = [
        estimate(model, input_tokens=int(total * 0.95), output_tokens=int(total * 0.05))
        for total in (short, long)
    ]
    low, high = prices
    usd = None if low is None or high is None else (low, high)
    paid = [run for run in seen if run.calls and run.kind in {"task", "change"}][-_LATEST:]
    if len(paid) >= _ENOUGH:
        usual, runs = _median(paid), len(paid)
    else:
        talks = [(start, _IMPLEMENT_TURNS), (shared, _FIX_TURNS)]
        talks += [(shared, _REVIEW_TURNS)] * reviewers
        usual, runs = _with_cache(talks), 0
    usual_usd = cost(model, usual)
    if usd and usual_usd:
        usd = (min(usd[0], usual_usd), max(usd[1], usual_usd))
    tokens = (min(short, usual.total), max(long, usual.total))
    models = (route(settings, one.name, "reasoning", one.model).model for one in team.members)
    from_file = all(split_model(one)[0] in {"script", "replay"} for one in models)
    return Estimate(tokens, usd, usual.total, usual_usd, runs, from_file)


def _median(runs: Sequence[RunMetrics]) -> Usage:
    """Return a run with the median usage; its price is that of today's model."""
    return Usage(
        input=int(median(run.input for run in runs)),
        output=int(median(run.output for run in runs)),
        cache_read=int(median(run.cache_read for run in runs)),
        cache_write=int(median(run.cache_write for run in runs)),
    )


def _with_cache(talks: Sequence[tuple[int, int]]) -> Usage:
    """Return the tokens of conversations in which each turn reads the history from the cache."""
    output = sum(turns * _OUTPUT_PER_TURN for _, turns in talks)
    fresh = sum(prompt + (turns - 1) * _GROWTH_PER_TURN for prompt, turns in talks)
    whole = sum(_talk(prompt, turns) for prompt, turns in talks)
    return Usage(output=output, cache_write=fresh, cache_read=whole - fresh - output)


def _talk(prompt: int, turns: int) -> int:
    """Return the tokens of a conversation in which every turn sends the whole history again."""
    history = _GROWTH_PER_TURN * turns * (turns - 1) // 2
    return turns * (prompt + _OUTPUT_PER_TURN) + history
