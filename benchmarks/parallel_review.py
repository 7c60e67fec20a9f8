"""Measure five reviewers against the slowest one, and which of them read the cached prefix.

python benchmarks/parallel_review.py [--runs N]
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.bedrock import BedrockServer, Received  # noqa: E402
from support.checkout import QUIET_GATES, Checkout  # noqa: E402
from support.parts import cast  # noqa: E402
from support.play import REVIEWERS, agent_of  # noqa: E402
from support.shop import make_shop  # noqa: E402

REPLY_SECONDS = 1.0
FIRST_BYTE_SECONDS = 0.05
MOST_SECONDS = 1.5


class Measured(NamedTuple):
    """One run: seconds of the review step, of its slowest reply, and the cache readers."""

    step: float
    slowest: float
    readers: int
    written: int


def main() -> int:
    """Measure some runs; return 1 if the worst review step took too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    seen = [measure() for _ in range(parser.parse_args().runs)]
    for run in seen:
        print(
            f"review step {run.step:.2f} s, slowest single reviewer {run.slowest:.2f} s, "
            f"ratio {run.step / run.slowest:.2f}; {run.readers} of {len(REVIEWERS)} reviewers read "
            f"the prefix that the first wrote ({run.written} tokens)"
        )
    worst = max(run.step for run in seen)
    print(f"worst of {len(seen)} runs: {worst:.2f} s (promised: under {MOST_SECONDS} s)")
    readers = {run.readers for run in seen}
    return 0 if worst < MOST_SECONDS and readers == {len(REVIEWERS) - 1} else 1


def measure() -> Measured:
    """Run one task in a process of its own, with gates that run nothing."""
    with (
        tempfile.TemporaryDirectory() as folder,
        BedrockServer(
            cast(), agent_of=agent_of, seconds=REPLY_SECONDS, first_byte=FIRST_BYTE_SECONDS
        ) as server,
    ):
        root = Path(folder, "shop")
        root.mkdir()
        make_shop(root)
        checkout = Checkout(root, Path(folder, "home"), server, QUIET_GATES)
        said = checkout.process("run", "2.1")
        if said.code != 4:
            raise SystemExit(f"the run ended with {said.code}:\n{said.err}")
        begun = min(event["at"] for event in checkout.events("reviewer.start"))
        ended = max(event["at"] for event in checkout.events("reviewer.end"))
        asked = [request for name in REVIEWERS for request in server.of(name)]
    return Measured(
        step=ended - begun,
        slowest=max(_seconds(request) for request in asked),
        readers=sum(request.usage["cacheReadInputTokens"] > 0 for request in asked),
        written=max(request.usage["cacheWriteInputTokens"] for request in asked),
    )


def _seconds(request: Received) -> float:
    return (request.ended_at or 0.0) - request.at


if __name__ == "__main__":
    sys.exit(main())
