"""Make a run fail at every point that it passes, resume it, and compare its end with a clean run's.

python benchmarks/faults.py [--actions N] [--pairs N] [--storm N] [--jobs N] [POINT ...]

All points take some 40 minutes of processor time. Ctrl-C stops: the summary so far, exit code 130.
"""

import argparse
import math
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple, TypeVar

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.crash import Site, action_of, points_of  # noqa: E402
from support.invariants import Ending, look, problems_of  # noqa: E402
from support.storm import Weather, storm  # noqa: E402
from support.workers import finished, workers  # noqa: E402

from reviewloop.faults import ACTIONS  # noqa: E402

_SECONDS = 4.0  # of processor time that a run with a fault takes, all its processes together
_POINTS = 440  # on the path of a run, roughly: for the estimate before they are counted
_INTERRUPTED = 130

T = TypeVar("T")


class Trial(NamedTuple):
    """The result of one run with its faults."""

    faults: tuple[str, ...]
    kills: int
    in_flight: int
    problems: list[str]

    @property
    def paid_twice(self) -> int:
        """Recorded replies that were asked for again, as the problems say."""
        return sum(problem.startswith("I2") for problem in self.problems)


def main() -> int:
    """Try all requested faults; return 1 if anything did not end as it must."""
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
    try:
        code = try_storm(chosen) if chosen.storm else try_points(chosen, started)
    except KeyboardInterrupt:
        print("interrupted before anything was tried", flush=True)
        code = _INTERRUPTED
    except BrokenProcessPool:
        print("a process that tried points was killed (memory?): try again with --jobs 1")
        code = 1
    print(f"{'seconds':32}{time.monotonic() - started:.0f}", flush=True)
    return code


def try_storm(chosen: argparse.Namespace) -> int:
    """Kill runs at random; return the exit code."""
    say(f"{chosen.storm} runs at the same time, killed at random: at most about 5 minutes")
    with workers(1) as pool:
        weather = result_of(pool.submit(storm, chosen.storm, chosen.seed), "the storm")
    return int(report_storm(weather))


def try_points(chosen: argparse.Namespace, started: float) -> int:
    """Try the requested points; return the exit code."""
    others = 0 if chosen.points else chosen.actions * (len(ACTIONS) - 1) + chosen.pairs
    what = " ".join(chosen.points) or f"every point that it passes, and in {others} other ways"
    say(f"a run is made to fail at {what}, resumed, and compared with an undisturbed one")
    if not chosen.points:
        say(f"about {minutes(_POINTS + others, chosen)}; Ctrl-C stops with a summary so far")
    trials: list[Trial] = []
    stopped = False
    with workers(chosen.jobs) as pool:
        clean = result_of(pool.submit(clean_ending), "a run that nothing disturbs")
        points = result_of(pool.submit(all_points), "counting the points of a run")
        faults = list(picked(chosen, points))
        random.Random(chosen.seed).shuffle(faults)  # so that a sample covers all kinds
        say(f"{len(points)} points, {len(faults)} runs: about {minutes(len(faults), chosen)}")
        until = started + chosen.minutes * 60 if chosen.minutes else math.inf
        try:
            for trial in try_all(pool, faults, clean, until):
                trials.append(trial)
        except KeyboardInterrupt:
            stopped = True
            say("stopping: what is being tried is ended")
    wrong = summary(trials, len(points), len(faults))
    return _INTERRUPTED if stopped else int(wrong)


def minutes(runs: int, chosen: argparse.Namespace) -> str:
    """Return the estimated duration of runs, in words."""
    took = runs * _SECONDS / 60
    limit = f", stopped after {chosen.minutes:g}" if chosen.minutes else ""
    if took < 1:
        return f"{runs * _SECONDS:.0f} s of processor time"
    return f"{took:.0f} minutes of processor time by {chosen.jobs} processes{limit}"


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def result_of(future: "Future[T]", what: str) -> T:
    """Return the result of one task, with a sign of life while it takes long."""
    (done,) = finished([future], lambda number: say(f"... {what} is still going on"))
    return done.result()


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
) -> Iterator[Trial]:
    """Try all faults and yield each trial; print problems and progress at once."""
    begun = time.monotonic()

    def news(done: int) -> None:
        left = (time.monotonic() - begun) * (len(faults) / done - 1) if done else 0
        say(f"... {done} of {len(faults)}" + (f", {left / 60:.0f} minutes left" if done else ""))

    for future in finished([pool.submit(attempt, fault, clean) for fault in faults], news, until):
        trial = future.result()
        for problem in trial.problems:
            say(f"{' then '.join(trial.faults)}: {problem}")
        yield trial


def all_points() -> list[str]:
    """Return every fault point on the path of a run."""
    with tempfile.TemporaryDirectory() as folder:
        return points_of(Path(folder))


def clean_ending() -> Ending:
    """Return the end of a run without faults."""
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder) / "site") as site:
        site.drive()
        return look(site)


def attempt(faults: tuple[str, ...], clean: Ending) -> Trial:
    """Make a run fail at these points, one after the other, and return how it ends."""
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
