"""Measure `reviewloop --help` against an empty Python program.

python benchmarks/startup.py [--runs N]
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_SECONDS = 0.2
HEAVY = ("langchain", "langgraph", "boto3", "botocore", "pydantic", "rich", "git")
_LOADED = (
    "import sys; from reviewloop.cli.main import run; run(['--help']); "
    "print(' '.join(m for m in sys.argv[1:] for n in sys.modules if n.split('.')[0].startswith(m)),"
    " file=sys.stderr)"
)


def main() -> int:
    """Print both times and the heavy modules; return 1 if it takes too long or loads any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    empty = median([sys.executable, "-c", "pass"], runs)
    help_text = median([sys.executable, "-m", "reviewloop", "--help"], runs)
    loaded = sorted({*call([sys.executable, "-c", _LOADED, *HEAVY]).split()})
    print(f"python -c pass      {empty * 1000:.0f} ms (median of {runs})")
    print(f"reviewloop --help   {help_text * 1000:.0f} ms, ratio {help_text / empty:.1f}")
    print(f"heavy modules       {', '.join(loaded) or 'none loaded'} (of {', '.join(HEAVY)})")
    return 1 if loaded or help_text > MOST_SECONDS else 0


def median(argv: list[str], runs: int) -> float:
    """Return the median wall time of a command in seconds, after one run that fills caches."""
    call(argv)
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        call(argv)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def call(argv: list[str]) -> str:
    """Run a command and return its stderr."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, env=environment, check=True, capture_output=True, text=True)
    return done.stderr


if __name__ == "__main__":
    sys.exit(main())
