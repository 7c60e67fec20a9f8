"""What a run may cost, said before anything is paid: a range, from what is known for free."""

from dataclasses import dataclass

from reviewloop.agents import Team
from reviewloop.context import Brief
from reviewloop.settings import Settings

_CHARS_PER_TOKEN = 4
# Seen in runs of small to middling tasks: replies an agent needs, and tokens it writes in each.
_IMPLEMENT_TURNS, _REVIEW_TURNS, _FIX_TURNS = 15, 4, 6
_OUTPUT_PER_TURN = 400
_GROWTH_PER_TURN = 1500  # tokens a tool result adds to the history


@dataclass(frozen=True)
class Estimate:
    """Tokens and dollars for a short run and a long one; None where a price is unknown."""

    tokens: tuple[int, int]
    usd: tuple[float, float] | None

    @property
    def shown(self) -> str:
        """The range as people read it."""
        low, high = self.tokens
        money = "price unknown" if self.usd is None else f"${self.usd[0]:.2f} to ${self.usd[1]:.2f}"
        return f"{money} ({low:,} to {high:,} tokens)"


def estimate_run(brief: Brief, team: Team, settings: Settings) -> Estimate:
    """Return what a run may use, prompt caching not counted in."""
    from reviewloop.models.prices import estimate
    from reviewloop.models.routing import route

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
    return Estimate((short, long), usd)


def _talk(prompt: int, turns: int) -> int:
    """Return the tokens of a conversation: every turn sends the history so far again."""
    history = _GROWTH_PER_TURN * turns * (turns - 1) // 2
    return turns * (prompt + _OUTPUT_PER_TURN) + history
