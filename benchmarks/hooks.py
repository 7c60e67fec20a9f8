"""Measure what hooks add to a run: none in the repository, twenty that wait in the queue.

python benchmarks/hooks.py [--rounds N] [--before CHECKOUT]

`--before` is a checkout of a commit without hooks, such as `git worktree add DIR REVISION` makes:
the same run is done with its code, in turns.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.bedrock import BedrockServer  # noqa: E402
from support.checkout import QUIET_GATES, Checkout  # noqa: E402
from support.parts import CLEAN, cast, writes  # noqa: E402
from support.play import agent_of  # noqa: E402
from support.shop import make_shop  # noqa: E402

QUEUED = 20
HOOK = """\
- name: queued {number}
  trigger: {{event: file.save, filter: ['shop/**']}}
  action: {{command: sleep 0.2, mode: queued}}
"""


class Cost(NamedTuple):
    """Seconds of one run: on the clock, of processors, and until the first reviewer starts."""

    wall: float
    cpu: float
    first: float


def main() -> int:
    """Print the median of each, and the ratio to the run without hooks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", type=Path, help="a checkout of a commit without hooks")
    given = parser.parse_args()
    kinds: dict[str, tuple[Path, int]] = {"no hooks": (ROOT, 0), "20 queued": (ROOT, QUEUED)}
    if given.before:
        kinds["no hooks, before"] = (given.before.resolve(), 0)
    costs: dict[str, list[Cost]] = {name: [] for name in kinds}
    for _ in range(given.rounds):
        for name, (code, hooks) in kinds.items():
            costs[name].append(measured(code, hooks))
    print(f"{'seconds':<18}{'wall':>8}{'cpu':>8}{'first':>8}")
    base = [statistics.median(values) for values in zip(*costs["no hooks"], strict=True)]
    for name, found in costs.items():
        row = [statistics.median(values) for values in zip(*found, strict=True)]
        ratios = [one / two for one, two in zip(row, base, strict=True)]
        print(f"{name:<18}" + "".join(f"{value:>8.2f}" for value in row), end="   ")
        print("ratios " + " ".join(f"{ratio:.2f}" for ratio in ratios))
    return 0


def measured(code: Path, hooks: int) -> Cost:
    """Run once with the code of a checkout, in a process of its own."""
    text = "".join(HOOK.format(number=number) for number in range(hooks))
    files = {".reviewloop/hooks/queued.yaml": text} if hooks else {}
    play = cast(implement=writes({"shop/search.py": CLEAN}))
    with tempfile.TemporaryDirectory() as name, BedrockServer(play, agent_of=agent_of) as server:
        root = Path(name, "project")
        root.mkdir()
        make_shop(root, branch="work", files=files)
        checkout = Checkout(root, Path(name, "home"), server, QUIET_GATES)
        checkout.environ["PYTHONPATH"] = str(code)
        if hooks:
            succeed(checkout, 0, "trust", "--yes")
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        began = time.time()
        succeed(checkout, 4, "run", "2.1")
        wall = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Cost(wall, cpu, first_reviewer(checkout) - began)


def succeed(checkout: Checkout, code: int, *words: str) -> None:
    """Run a command; stop the measurement if it ends otherwise."""
    done = checkout.process(*words)
    if done.code != code:
        raise SystemExit(f"reviewloop {' '.join(words)} ended with {done.code}: {done.err}")


def first_reviewer(checkout: Checkout) -> float:
    """Return when the first reviewer began, in seconds since 1970."""
    [path] = checkout.state.glob("repositories/*/runs/*/events.jsonl")
    with path.open(encoding="ascii") as file:
        rows = [json.loads(line) for line in file]
    return min(float(row["at"]) for row in rows if row["kind"] == "reviewer.start")


if __name__ == "__main__":
    os.environ.pop("REVIEWLOOP_STATE_DIR", None)
    raise SystemExit(main())
