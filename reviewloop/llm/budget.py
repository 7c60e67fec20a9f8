"""The caps of a run on tokens, money and active minutes: checked before each call, thread-safe.

A call reserves its probable usage, so that five reviewers at once cannot all use the last of the
cap; at its end the real usage replaces the reservation.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import BudgetExhaustedError, InterruptedByUserError, Lift
from reviewloop.domain.reason import Reason, ReasonKind
from reviewloop.llm.messages import Usage
from reviewloop.settings import Limits
from reviewloop.store.journal import TOKENS, CallUsage, Journal

_TURNS = "acp:"  # prefix of the names of coding agents
_SLICE = 0.1  # seconds between looks at the clock and the stop signal while waiting


@dataclass(frozen=True)
class Spent:
    """The usage of a run.

    `unpriced` counts calls with an unknown price, `estimated` those with estimated tokens.
    """

    calls: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    usd: float = 0.0
    unpriced: int = 0
    estimated: int = 0
    turns: int = 0  # calls of coding agents among those in the journal

    @property
    def tokens(self) -> int:
        """All tokens, those read from a cache included."""
        return self.input + self.output + self.cache_read + self.cache_write

    @property
    def cost(self) -> str:
        """The money in words; "unknown" rather than a wrong sum."""
        if not self.unpriced:
            return f"${self.usd:.2f}"
        return f"more than ${self.usd:.2f} (some prices unknown)" if self.usd else "unknown"

    def plus(self, usage: Usage) -> "Spent":
        """Return the sum with one more call."""
        return Spent(
            calls=self.calls + 1,
            input=self.input + usage.input,
            output=self.output + usage.output,
            cache_read=self.cache_read + usage.cache_read,
            cache_write=self.cache_write + usage.cache_write,
            usd=self.usd + (usage.cost_usd or 0.0),
            unpriced=self.unpriced + (usage.cost_usd is None),
            estimated=self.estimated + usage.estimated,
            turns=self.turns,
        )


NOTHING_SPENT = Spent()


def usage_of(row: dict[str, object]) -> Usage:
    """Return the usage in a row of the journal."""
    fields: dict[str, Any] = {name: row[name] for name in Usage.__dataclass_fields__ if name in row}
    return Usage(**fields)


_WORTH_REPORTING = 1000  # tokens; below that a wrong estimate does not matter


def is_far_off(row: Mapping[str, Any]) -> bool:
    """Whether a call's counted input is more than twice our estimate of it, or less than half."""
    estimate = int(row.get("estimate") or 0)
    counted = _input_of(row)
    if not estimate or row.get("estimated") or max(estimate, counted) < _WORTH_REPORTING:
        return False
    return not estimate / 2 <= counted <= estimate * 2


def _input_of(row: Mapping[str, Any]) -> int:
    return sum(int(row.get(name) or 0) for name in ("input", "cache_read", "cache_write"))


def count_warnings(journal: Journal) -> tuple[str, ...]:
    """Return a sentence for each model with very different counts from our estimates."""
    found: dict[str, str] = {}
    for _, _, row, _ in journal.usage_rows():
        # Scripted replies have no real counts.
        ours = str(row.get("model", "")).startswith("script:")
        if is_far_off(row) and not ours:
            found.setdefault(
                str(row.get("model", "")),
                f"{row.get('model')} counted {_input_of(row):,} tokens where {row['estimate']:,} "
                "were estimated; caps go by what it counts, the estimates of costs are off",
            )
    return tuple(found.values())


def outside_of(journal: Journal) -> tuple[str, ...]:
    """Return a sentence for each coding agent with requests that its sandbox refused."""
    found: dict[str, dict[str, None]] = {}
    for _, _, row, _ in journal.usage_rows():
        for one in row.get("outside", ()):
            found.setdefault(str(row.get("model", "")), {})[str(one)] = None
    return tuple(
        f"the cage of {model} refused it {', '.join(all_)}" for model, all_ in found.items()
    )


def spent_by(journal: Journal) -> Spent:
    """Return the usage of all calls in a run's journal."""
    return spent_on(row for _, _, row, _ in journal.usage_rows())


def spent_on(usages: Iterable[CallUsage]) -> Spent:
    """Return the sum of the usage of calls, as a journal stores it."""
    sums = dict.fromkeys(TOKENS, 0)
    calls = unpriced = estimated = turns = 0
    usd = 0.0
    for usage in usages:  # for thousands of runs in a list
        calls += 1
        for name in TOKENS:
            sums[name] += usage.get(name, 0)
        cost = usage.get("cost_usd")
        usd += cost or 0.0
        unpriced += cost is None
        estimated += usage.get("estimated", False)
        turns += is_turn(str(usage.get("model", "")))
    return Spent(calls=calls, usd=usd, unpriced=unpriced, estimated=estimated, turns=turns, **sums)


def is_turn(model: str) -> bool:
    """Whether a call of this model is a whole turn of a coding agent."""
    return model.startswith(_TURNS)


_SHARED = {
    "limits.usd": ("budget", "a higher `--budget-usd`"),
    "limits.minutes": ("deadline", "a later `--deadline`"),
}
"""Caps that a batch may lower: the batch's cap behind each, and the option that raises it."""


def higher_cap(cap: float, needed: float) -> float:
    """Return a higher cap to propose, under which the needed amount fits."""
    cap *= 2
    while cap < needed:
        cap *= 2
    return cap


def over_budget(because: Reason, otherwise: str) -> str:
    """Return the cap of the run that was reached in a few words, `otherwise` for another reason."""
    return f"over the budget ({because.text('cap')})" if is_cap_of_run(because) else otherwise


def is_cap_of_run(because: Reason) -> bool:
    """Return whether a cap of the run itself was reached, not one of its provider or store."""
    return because.kind is ReasonKind.CAP_REACHED and bool(because.text("flag"))


class Budget:
    """Caps and the usage under them; `seconds_used` is the run's active time so far.

    `shared` are the settings in which a batch left the run less than its own cap.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        spent: Spent = NOTHING_SPENT,
        seconds_used: float = 0.0,
        shared: Collection[str] = (),
    ) -> None:
        self._limits = limits
        self._shared = frozenset(shared)
        self._spent = spent
        self._seconds_used = seconds_used
        self._running_since: float | None = time.monotonic()
        self._reserved: dict[int, tuple[int, float]] = {}
        self._changed = threading.Condition()
        self._next = 0
        self._turns = spent.turns  # those that started since, too

    @property
    def spent(self) -> Spent:
        """The usage so far."""
        with self._changed:
            return self._spent

    @property
    def seconds(self) -> float:
        """Active time of the run so far, in seconds."""
        with self._changed:
            return self._seconds()

    def seconds_left(self) -> float:
        """Return the seconds until the cap on minutes is reached."""
        return self._limits.minutes * 60 - self.seconds

    def usd_left(self) -> float:
        """Return the dollars until the cap on them is reached, without calls under way."""
        return max(0.0, self._limits.usd - self.spent.usd)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock while the user decides."""
        with self._changed:
            self._seconds_used, self._running_since = self._seconds(), None
        try:
            yield
        finally:
            with self._changed:
                self._running_since = time.monotonic()

    def check(self) -> None:
        """Raise `BudgetExhaustedError` if a cap is reached."""
        with self._changed:
            self._check(0, 0.0)

    def check_time(self) -> None:
        """Raise `BudgetExhaustedError` if the cap on minutes is reached."""
        with self._changed:
            self._check_time()

    @contextmanager
    def call(
        self,
        *,
        tokens: int,
        usd: float | None,
        turns: int = 0,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[None]:
        """Hold a reservation for a call with this probable usage.

        Waits while only the calls under way leave no room. Raise `BudgetExhaustedError` when the
        usage so far already leaves none; `stopped` ends the waiting with an interruption.
        """
        with self._changed:
            self._check_turns(turns)
            self._turns += turns
        number = self._reserve(tokens, usd or 0.0, stopped)
        try:
            yield
        finally:
            with self._changed:
                del self._reserved[number]
                self._changed.notify_all()

    def add(self, usage: Usage) -> None:
        """Add the usage of a call."""
        with self._changed:
            self._spent = self._spent.plus(usage)
            self._changed.notify_all()

    def _reserve(self, tokens: int, usd: float, stopped: Callable[[], bool]) -> int:
        with self._changed:
            while True:
                self._check(tokens, usd)
                waiting_tokens = sum(held for held, _ in self._reserved.values())
                waiting_usd = sum(held for _, held in self._reserved.values())
                if (
                    self._spent.tokens + waiting_tokens + tokens <= self._limits.tokens
                    and self._spent.usd + waiting_usd + usd <= self._limits.usd
                ):
                    break
                if stopped():
                    raise InterruptedByUserError().resuming("stopped; ", " goes on")
                self._changed.wait(_SLICE)
            self._next += 1
            self._reserved[self._next] = (tokens, usd)
            return self._next

    def _check(self, tokens: int, usd: float) -> None:
        limits, spent = self._limits, self._spent
        if spent.tokens + tokens > limits.tokens or spent.tokens >= limits.tokens:
            used = f"{spent.tokens:,} of {limits.tokens:,} tokens"
            higher = higher_cap(limits.tokens, spent.tokens + tokens)
            self._exhausted("limits.tokens", used, "--budget-tokens", higher, tokens)
        if spent.usd + usd > limits.usd or spent.usd >= limits.usd:
            used = f"${spent.usd:.2f} of ${limits.usd:.2f}"
            dollars = higher_cap(limits.usd, spent.usd + usd)
            self._exhausted("limits.usd", used, "--budget-usd", dollars, tokens)
        self._check_time()

    def _check_turns(self, more: int) -> None:
        used, most = self._turns, self._limits.turns
        if more and used + more > most:
            text = f"{used} of {most} turns of coding agents"
            self._exhausted("limits.turns", text, "--turns", higher_cap(most, used + more), 0)

    def _check_time(self) -> None:
        limits = self._limits
        if self._seconds() >= limits.minutes * 60:
            used = f"{self._seconds() / 60:.0f} of {limits.minutes:g} minutes"
            minutes = higher_cap(limits.minutes, self._seconds() / 60)
            self._exhausted("limits.minutes", used, "--minutes", minutes, 0)

    def _exhausted(self, setting: str, used: str, flag: str, needed: float, requested: int) -> None:
        next_call = f"; the next call needs about {requested:,} tokens" if requested else ""
        reached = f"the cap {setting} of this run is reached: {used} used"
        whole = setting in {"limits.tokens", "limits.turns"}
        higher = f"{needed:.0f}" if whole else f"{needed:g}"
        if setting in self._shared:
            cap, more = _SHARED[setting]
            reached = f"what the batch's {cap} leaves to this run is used up"
            flag, needed = "", 0.0
        text = (
            f"{reached} (all in all "
            f"{self._spent.tokens:,} tokens, cost {self._spent.cost}, "
            f"{self._seconds() / 60:.0f} min){next_call}; nothing is lost: go on with "
        )
        brief = f"{reached}{next_call}"
        if setting in self._shared:
            way = f"the same `reviewloop batch` and {more}"
            raise BudgetExhaustedError(f"{text}{way}", cap=setting).in_brief(brief)
        error = BudgetExhaustedError(text, cap=setting, flag=flag, needed=needed).in_brief(brief)
        otherwise = f", or with a higher {setting} in the settings"
        raise error.resuming(text, otherwise, Lift(setting, flag, higher))

    def _seconds(self) -> float:
        running = 0.0 if self._running_since is None else time.monotonic() - self._running_since
        return self._seconds_used + running
