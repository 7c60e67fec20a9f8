"""Make a run fail at every point that it passes, resume it, and compare its end with a clean run's.

python benchmarks/faults.py [--actions N] [--pairs N] [--storm N] [--jobs N] [POINT ...]
"""

import argparse
import math
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.crash import Site, action_of, points_of  # noqa: E402
from support.invariants import Ending, look, problems_of  # noqa: E402
from support.storm import Weather, storm  # noqa: E402

from reviewloop.faults import ACTIONS  # noqa: E402


class Trial(NamedTuple):
    """What became of one run with its faults."""

    faults: tuple[str, ...]
    kills: int
    in_flight: int
    problems: list[str]

    @property
    def paid_twice(self) -> int:
        """Recorded replies that were asked for again, as the problems say."""
        return sum(problem.startswith("I2") for problem in self.problems)


def main() -> int:
    """Try all that is asked for; return 1 if anything did not end as it must."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("points", nargs="*", help="name, name:k or name:k=action; default: all")
    parser.add_argument("--actions", type=int, default=10, help="points for each other action")
    parser.add_argument("--pairs", type=int, default=30, help="runs that are killed twice")
    parser.add_argument("--storm", type=int, default=0, metavar="N", help="runs at the same time")
    parser.add_argument("--jobs", type=int, default=2, help="processes that try points")
    parser.add_argument("--seed", type=int, default=1, help="of what is picked at random")
    parser.add_argument("--minutes", type=float, default=0, help="stop trying points after this")
    chosen = parser.parse_args()
    started = time.monotonic()
    wrong = False
    if chosen.storm:
        wrong = report_storm(storm(chosen.storm, chosen.seed))
    else:
        with ProcessPoolExecutor(chosen.jobs) as pool:
            clean = pool.submit(clean_ending).result()
            points = pool.submit(all_points).result()
            faults = list(picked(chosen, points))
            random.Random(chosen.seed).shuffle(faults)  # so that a part of them tells of all
            until = started + chosen.minutes * 60 if chosen.minutes else math.inf
            trials = try_all(pool, faults, clean, until)
        wrong = summary(trials, len(points), len(faults))
    print(f"{'seconds':32}{time.monotonic() - started:.0f}")
    return int(wrong)


def picked(chosen: argparse.Namespace, points: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield the faults to try: those named, else kills everywhere, the other actions, and pairs."""
    if chosen.points:
        for wanted in chosen.points:
            name = wanted.partition("=")[0]
            known = [p for p in points if name in (p, p.partition(":")[0])]
            for point in known or [name]:
                yield (f"{point}={action_of(wanted)}",)
        return
    chance = random.Random(chosen.seed)
    yield from ((point,) for point in points)
    for action in ACTIONS:
        if action != "kill":
            for point in chance.sample(points, min(chosen.actions, len(points))):
                yield (f"{point}={action}",)
    for _ in range(chosen.pairs):
        yield (chance.choice(points), chance.choice(points))


def try_all(
    pool: Executor, faults: list[tuple[str, ...]], clean: Ending, until: float
) -> list[Trial]:
    """Try all faults; print what is wrong at once, and how far it is."""
    trials = []
    tried = [pool.submit(attempt, fault, clean) for fault in faults]
    for future in tried:
        trial = future.result()
        trials.append(trial)
        for problem in trial.problems:
            print(f"{' then '.join(trial.faults)}: {problem}", flush=True)
        if len(trials) % 50 == 0:
            print(f"... {len(trials)} of {len(faults)}", flush=True)
        if time.monotonic() > until:
            for rest in tried[len(trials) :]:
                rest.cancel()
            break
    return trials


def all_points() -> list[str]:
    """Return every point that a run passes."""
    with tempfile.TemporaryDirectory() as folder:
        return points_of(Path(folder))


def clean_ending() -> Ending:
    """Return how a run ends that nothing disturbs."""
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder) / "site") as site:
        site.drive()
        return look(site)


def attempt(faults: tuple[str, ...], clean: Ending) -> Trial:
    """Let a run fail at these points, one after the other, and see how it ends."""
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder) / "site") as site:
        try:
            drive = site.drive(*faults)
            problems = problems_of(site, drive, clean)
        except Exception as error:  # noqa: BLE001 - a trial that breaks must not hide the others
            return Trial(faults, 1, 0, [f"{type(error).__name__}: {error}"])
        return Trial(faults, drive.kills, drive.in_flight, problems)


def summary(trials: list[Trial], points: int, wanted: int) -> bool:
    """Print the figures of all trials; return whether anything was wrong."""
    wrong = [trial for trial in trials if trial.problems]
    by_action = Counter(action_of(trial.faults[0]) for trial in trials if len(trial.faults) == 1)
    killed = {trial.faults[0] for trial in trials if action_of(trial.faults[0]) == "kill"}
    most = max((t.in_flight / t.kills for t in trials if t.kills), default=0)
    rows = {
        "fault points passed": points,
        "fault points killed at": len({fault.partition("=")[0] for fault in killed}),
        "runs": f"{len(trials)} of {wanted}: "
        + ", ".join(f"{number} {action}" for action, number in by_action.items())
        + f", {sum(len(trial.faults) > 1 for trial in trials)} killed twice",
        "right end states": f"{len(trials) - len(wrong)} of {len(trials)}",
        "recorded replies paid again": sum(trial.paid_twice for trial in trials),
        "calls cut off and repeated": sum(t.in_flight for t in trials),
        "at most in one kill": f"{most:.0f}",
    }
    for name, figure in rows.items():
        print(f"{name:32}{figure}")
    return bool(wrong) or not trials


def report_storm(weather: Weather) -> bool:
    """Print the figures of a storm; return whether anything was wrong."""
    for problem in weather.problems:
        print(problem)
    rows = {
        "runs at the same time": weather.runs,
        "repositories": weather.repositories,
        "processes": weather.processes,
        "killed at random": weather.kills,
        "right end states": f"{weather.right} of {weather.runs}",
        "calls asked for / recorded": f"{weather.asked} / {weather.journalled}",
        "calls cut off and repeated": weather.asked - weather.journalled,
    }
    for name, figure in rows.items():
        print(f"{name:32}{figure}")
    return bool(weather.problems)


if __name__ == "__main__":
    sys.exit(main())
