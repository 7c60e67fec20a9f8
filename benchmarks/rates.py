"""Compare the learnt rate of requests with simpler controls, on a simulated clock.

python benchmarks/rates.py

300 calls of callers who always have another one, against a provider that keeps a quota, refuses a
share at random, changes its quota, or refuses everything for a while. Each case runs with three
seeds; the same seeds give the same figures on every machine.

`halving` is what most clients call AIMD: half the rate on a refusal, a constant more for each
reply. `milder` cuts to 0.7, and only when more than a fifth of the last requests were refused.
`retries` has no control: each call waits longer after each refusal. All three share the bucket and
the retries with ours; a call is lost when its last attempt is refused.
"""

import ast
import inspect
import random
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import geometric_mean, mean

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.callers import Asked, Open, Provider, play

from reviewloop.store.rates import _FORGET, _LEAST, UNIT, Meter, Pace, RateBucket

CALLS, ATTEMPTS, HOURS = 300, 6, 2  # attempts: the default of models.max_attempts
SEEDS = (77, 78, 79)
CALLERS = ((5, 2.0), (20, 2.0), (5, 10.0))  # callers, seconds of a reply
AT_MOST = 0.9  # of the time and of the refusals of plain halving


@dataclass
class Halving(Meter):
    """Half the rate in use on a refusal, a tenth of a request a second more with each reply."""

    def learnt(self, kind: str, now: float) -> float:
        """Return the learnt rate; 0 where none is known."""
        return self.rate if now - self.last <= _FORGET else 0.0

    @property
    def held(self) -> bool:
        """Nothing is on trial."""
        return False

    def send(self, kind: str, now: float) -> None:
        """Count nothing."""

    def refuse(self, kind: str, sent: float, now: float) -> None:
        """Halve once for all requests that were sent before the last cut."""
        self.last = now
        if sent >= self.since:
            self.slow(kind, now, 0.5)

    def slow(self, kind: str, now: float, part: float) -> None:
        """Keep this part of the rate in use."""
        used, learnt = max(self.in_use(now), UNIT[kind]), self.learnt(kind, now)
        self.rate = max(part * (min(used, learnt) if learnt else used), _LEAST[kind])
        self.level, self.at, self.since = min(self.level, 0.0), now, now

    def answered(self, sent: float) -> None:
        """Grow."""
        if self.rate:
            self.rate += 0.1


@dataclass
class Milder(Halving):
    """Cut to 0.7, when more than a fifth of the last twenty requests were refused."""

    def send(self, kind: str, now: float) -> None:
        """Count the last twenty."""
        self.sent, self.refused = self.sent * 0.95 + 1, self.refused * 0.95

    def refuse(self, kind: str, sent: float, now: float) -> None:
        """Cut once for all requests that were sent before the last cut."""
        self.last, self.refused = now, self.refused + 1
        if sent >= self.since and self.refused > max(self.sent, 10) / 5:
            self.slow(kind, now, 0.7)


@dataclass(frozen=True)
class Case:
    """What the provider does, and the wait it asks for."""

    name: str
    provider: Callable[[random.Random], Provider]
    retry_after: float | None = None


CASES = (
    Case("10 a minute, 10 at once", lambda c: Provider(a_minute=10, at_once=10, chance=c)),
    Case("60 a minute, 10 at once", lambda c: Provider(a_minute=60, at_once=10, chance=c)),
    Case("60 a minute, 1 at once", lambda c: Provider(a_minute=60, at_once=1, chance=c)),
    Case("300 a minute, 20 at once", lambda c: Provider(a_minute=300, at_once=20, chance=c)),
    Case("60 a minute, asks to wait 5 s", lambda c: Provider(0, 60, 10, chance=c), 5.0),
    Case("60, then 15 a minute", lambda c: Provider(0, 60, 10, [(120, {"a_minute": 15})], c)),
    Case("15, then 120 a minute", lambda c: Provider(0, 15, 10, [(300, {"a_minute": 120})], c)),
    Case("5 % refused at random", lambda c: Provider(0.05, chance=c)),
    Case("10 % refused at random", lambda c: Provider(0.1, chance=c)),
    Case("30 % refused at random", lambda c: Provider(0.3, chance=c)),
    Case("10 % and 60 a minute", lambda c: Provider(0.1, 60, 10, chance=c)),
    Case(
        "all refused for 3 minutes",
        lambda c: Provider(changes=[(20, {"share": 1.0}), (200, {"share": 0.0})], chance=c),
    ),
)


def _with(kind: type[Meter]) -> RateBucket:
    return RateBucket(kind(), kind())


CONTROLS: dict[str, Callable[[], Asked]] = {
    "ours": RateBucket,
    "halving": lambda: _with(Halving),
    "milder": lambda: _with(Milder),
    "retries": Open,
}
WRITTEN: dict[str, tuple[type, ...]] = {
    "ours": (Pace,),
    "halving": (Halving,),
    "milder": (Halving, Milder),
    "retries": (),
}


@dataclass
class Sums:
    """Of one control, over all cases."""

    seconds: list[float] = field(default_factory=list)
    refused: float = 0.0
    lost: float = 0.0

    def add(self, case: Case, control: Callable[[], Asked], callers: int, reply: float) -> str:
        """Run a case; return its cell."""
        seen = [
            play(
                case.provider(random.Random(seed)),
                seconds=HOURS * 3600,
                bucket=control(),
                callers=callers,
                reply=reply,
                retry_after=case.retry_after,
                attempts=ATTEMPTS,
                enough=CALLS,
            )
            for seed in SEEDS
        ]
        seconds = mean(
            one.answered[-1] if len(one.answered) == CALLS else HOURS * 3600.0 for one in seen
        )
        refused, lost = mean(len(one.refused) for one in seen), mean(one.lost for one in seen)
        self.seconds.append(seconds)
        self.refused += refused
        self.lost += lost
        return f"{seconds:6.0f} s {refused:5.0f} {lost:4.0f}"


def code_lines(kinds: tuple[type, ...]) -> int:
    """Return the lines of these classes without blank lines, comments and docstrings."""
    count = 0
    for kind in kinds:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                node.body[:1] = []
        count += sum(bool(line) for line in ast.unparse(tree).splitlines())
    return count


def main() -> int:
    """Print the tables; return 1 where ours is not clearly better than plain halving."""
    sums = {name: Sums() for name in CONTROLS}
    print(f"seconds, refused requests and lost calls of {CALLS} answered ones")
    print(f"{'':34}" + "".join(f"{name:>20}" for name in CONTROLS))
    for callers, reply in CALLERS:
        print(f"{callers} callers, replies of {reply:g} s")
        for case in CASES:
            cells = [sums[name].add(case, CONTROLS[name], callers, reply) for name in CONTROLS]
            print(f"  {case.name:32}" + "".join(f"{cell:>20}" for cell in cells))
    print(f"\n{'':10}time  refused   lost  code lines   (time and refused beside ours)")
    ours = sums["ours"]
    for name, one in sums.items():
        ratio = geometric_mean(a / b for a, b in zip(one.seconds, ours.seconds, strict=True))
        share = one.refused / ours.refused
        print(
            f"{name:10}{ratio:4.2f} {one.refused:6.0f} ({share:.2f}) {one.lost:5.0f} "
            f"{code_lines(WRITTEN[name]):6}"
        )
    plain = sums["halving"]
    faster = geometric_mean(a / b for a, b in zip(ours.seconds, plain.seconds, strict=True))
    good = faster <= AT_MOST and ours.refused <= AT_MOST * plain.refused
    print(f"ours beside halving: time {faster:.2f}, refused {ours.refused / plain.refused:.2f}")
    return not good


if __name__ == "__main__":
    sys.exit(main())
