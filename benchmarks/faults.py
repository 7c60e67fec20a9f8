"""Kill a run at every point that it passes, resume it, and compare its end with a clean run's.

python benchmarks/faults.py [--pairs N] [--jobs N] [POINT ...]
"""

import argparse
import random
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.crash import Ending, Site, points_of, problems_of  # noqa: E402


class Trial(NamedTuple):
    """What became of one run with its kills."""

    faults: tuple[str, ...]
    kills: int
    in_flight: int
    paid_twice: int
    problems: list[str]


def main() -> int:
    """Try all points, then random pairs of them; return 1 if a run did not end as the clean one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("points", nargs="*", help="names or name:k; default: all of them")
    parser.add_argument("--pairs", type=int, default=20, help="runs that are killed twice")
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time")
    parser.add_argument("--seed", type=int, default=1, help="of the pairs")
    chosen = parser.parse_args()
    started = time.monotonic()
    with ProcessPoolExecutor(chosen.jobs) as pool:
        clean = pool.submit(clean_ending).result()
        wanted = chosen.points
        points = [
            point
            for point in pool.submit(all_points).result()
            if not wanted or point in wanted or point.partition(":")[0] in wanted
        ]
        picked = random.Random(chosen.seed)
        faults: list[tuple[str, ...]] = [(point,) for point in points]
        for _ in range(chosen.pairs if len(points) > 1 else 0):
            first, second = sorted(picked.sample(range(len(points)), 2))
            faults.append((points[first], points[second]))
        trials = []
        for trial in pool.map(attempt, faults, [clean] * len(faults)):
            trials.append(trial)
            report(trial)
    return summary(trials, len(points), time.monotonic() - started)


def all_points() -> list[str]:
    """Return every point that a run passes."""
    with tempfile.TemporaryDirectory() as folder:
        return points_of(Path(folder, "site"))


def clean_ending() -> Ending:
    """Return how a run ends that nobody kills."""
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder) / "site") as site:
        site.drive()
        return site.ending()


def attempt(faults: tuple[str, ...], clean: Ending) -> Trial:
    """Kill a run at these points, one after the other, and see how it ends."""
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder) / "site") as site:
        try:
            drive = site.drive(*faults)
        except AssertionError as error:
            return Trial(faults, 1, 0, 0, [str(error)])
        problems = problems_of(site, drive, clean) if drive.kills else []
        twice = max(0, len(site.server.paid_twice()) - drive.in_flight)
        return Trial(faults, drive.kills, drive.in_flight, twice, problems)


def report(trial: Trial) -> None:
    """Print one line about a trial, more if something is wrong."""
    cut = f", {trial.in_flight} calls cut off" if trial.in_flight else ""
    print(f"{'; '.join(trial.problems) or 'right'}: {' then '.join(trial.faults)}{cut}", flush=True)


def summary(trials: list[Trial], points: int, seconds: float) -> int:
    """Print the figures of all trials."""
    wrong = [trial for trial in trials if trial.problems]
    print(f"fault points killed at       {points}")
    twice = sum(trial.kills > 1 for trial in trials)
    print(f"runs                         {len(trials)}, of which {twice} were killed twice")
    print(f"right end states             {len(trials) - len(wrong)} of {len(trials)}")
    print(f"received replies paid again  {sum(trial.paid_twice for trial in trials)}")
    print(f"calls cut off and repeated   {sum(trial.in_flight for trial in trials)}")
    print(f"seconds                      {seconds:.0f}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
