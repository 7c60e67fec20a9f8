"""Run whole specs in every dialect over HTTP, and compare histories and reports with the truth.

python benchmarks/evening.py [--tasks N] [--dialects NAME ...] [--parallel N] [--seed S]
python benchmarks/evening.py --faults [--tasks N] [--seed S]
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from batch.conftest import opened  # noqa: E402
from support.all_faults import after_all, everything, figures, trouble  # noqa: E402
from support.batch_ends import (  # noqa: E402
    account_problems,
    bill_of,
    history_problems,
    leftovers,
    trees,
)
from support.bedrock import Answer, Received  # noqa: E402
from support.checkout import Checkout  # noqa: E402
from support.plans import PLANS, Plan, plays  # noqa: E402

LONGEST_REPLY = 0.3  # seconds
BUDGET_PER_TASK = 0.015  # dollars: about half of what the tasks cost


def main() -> int:
    """Print the result of each batch; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=30)
    parser.add_argument("--dialects", nargs="*", choices=PLANS, default=list(PLANS))
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--mode", choices=("queue", "autopilot"), default="queue")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", action="store_true", help="one batch, all faults, its account")
    asked = parser.parse_args()
    problems = with_all_faults(asked.tasks, asked.parallel, asked.seed) if asked.faults else []
    for name in () if asked.faults else asked.dialects:
        problems += two_evenings(PLANS[name](asked.tasks), asked.mode, asked.parallel, asked.seed)
    print(f"{len(problems)} problems", *problems, sep="\n")
    return int(bool(problems))


def two_evenings(plan: Plan, mode: str, parallel: int, seed: int) -> list[str]:
    """Run a spec twice, with different speeds of the models; return the problems."""
    problems, seen = [], []
    for speeds in (seed, seed + 1):
        with a_shop(plan, at_random_speed(plays(plan), speeds)) as checkout:
            began = time.monotonic()
            found = one_evening(checkout, plan, mode, parallel)
            seconds = time.monotonic() - began
            seen.append(trees(checkout))
            bill = bill_of(checkout.server.ledger) if checkout.server else None
            runs = checkout.json("status")["runs"]
        print(
            f"{plan.dialect:9} {mode:10} {len(plan.ids)} tasks, {parallel} side by side: "
            f"{len(seen[-1])} commits, {len(runs)} runs, {bill and bill.replies} replies "
            f"(${bill and bill.usd:.2f}), {seconds:.0f} s, {len(found)} problems",
            flush=True,
        )
        problems += [f"{plan.dialect}, {mode}: {one}" for one in found]
    if seen[0] != seen[1]:
        problems.append(f"{plan.dialect}: the two histories are not the same, tree by tree")
    return problems


def with_all_faults(count: int, parallel: int, seed: int) -> list[str]:
    """Run a spec with every kind of fault; return the errors in its report."""
    plan = everything(count)
    with a_shop(plan, trouble(plan, seed)) as checkout:
        # Of six tries, all fail for one call in 500, and then a review is incomplete.
        checkout.environ["REVIEWLOOP_MODELS__MAX_ATTEMPTS"] = "12"
        batch, found = after_all(checkout, plan, BUDGET_PER_TASK * count, parallel)
        print(f"{count} tasks, {parallel} side by side: {figures(checkout, batch)}")
        return found + leftovers(checkout)


def one_evening(checkout: Checkout, plan: Plan, mode: str, parallel: int) -> list[str]:
    """Run all tasks and approve them; return the problems."""
    before = checkout.bytes()
    said = checkout.run("batch", "--mode", mode, "--max-parallel", str(parallel))
    if said.code != (4 if mode == "queue" else 0):
        return [f"the batch ended with {said.code}: {said.err[-2000:]}"]
    found = []
    if mode == "queue":
        if checkout.bytes() != before:
            found.append("the checkout was touched before the approval")
        found += account_problems(checkout, plan, dict.fromkeys(plan.ids, "waiting"))
        said = checkout.run("queue", "approve", "--all")
        if said.code:
            return [*found, f"the queue was not approved: {said.code} {said.err[-2000:]}"]
    found += account_problems(checkout, plan, dict.fromkeys(plan.ids, "committed"))
    if checkout.server and checkout.server.paid_twice():
        found.append(f"{len(checkout.server.paid_twice())} replies were paid twice")
    return found + history_problems(checkout, plan) + leftovers(checkout)


@contextmanager
def a_shop(plan: Plan, play: Callable[[Received], Answer]) -> Iterator[Checkout]:
    """Yield a checkout with this spec only, and a server for it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(Path(folder), True, play, **plan.files) as checkout,
    ):
        checkout.environ["REVIEWLOOP_SPEC__PATH"] = plan.folder
        yield checkout


def at_random_speed(play: Callable[[Received], Answer], seed: int) -> Callable[[Received], Answer]:
    """Return the same play with random delays of the replies."""
    chance, lock = random.Random(seed), threading.Lock()

    def slower(received: Received) -> Answer:
        with lock:
            seconds = chance.random() ** 3 * LONGEST_REPLY
        return play(received).after(seconds)

    return slower


if __name__ == "__main__":
    raise SystemExit(main())
