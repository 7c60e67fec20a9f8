"""A batch to which everything happens at once, and what its account has to say in the end.

Models are throttled and their streams cut; one task's tests never pass and another needs it; two
siblings write the same lines; one change is for a person to decide and another stands on it; the
money ends in the middle, and the same command goes on with more.
"""

import random
import threading
from collections.abc import Callable, Mapping
from typing import Any

from support.batch_ends import account_problems, bill_of
from support.bedrock import Answer, Received, breaks_off, calls, reply, throttle
from support.checkout import Checkout
from support.parts import says
from support.plans import Plan, makes, name, plays, subject
from support.play import done, write

PAIR, RED, NEEDS_RED, GOVERNED, ON_GOVERNED = (1, 2), 3, 4, 5, 6
LEAST = 7  # tasks
SHARED = "shop/registry.py"
MIGRATION = "shop/migrations/0001.py"
STATES = {RED: "blocked", NEEDS_RED: "open", GOVERNED: "waiting", ON_GOVERNED: "waiting"}
WHY = {
    RED: "test: ",
    NEEDS_RED: f"waits for {RED}, which is blocked",
    GOVERNED: "migrations",
    ON_GOVERNED: "which waits for a person",
}


def everything(count: int) -> Plan:
    """Return a spec of so many tasks with a place for each trouble; the others only add a part."""
    uses: dict[int, tuple[int, ...]] = {NEEDS_RED: (RED,), ON_GOVERNED: (GOVERNED,)}
    uses |= {n: (n - 1,) if n % 3 and n > LEAST else () for n in range(LEAST, count)}
    lines = ["# Implementation Plan: everything", ""]
    for number in range(1, count):
        needs = ", ".join(map(str, uses.get(number, ()))) or "none"
        lines.append(f"- [ ] {number}. Number {number} in shop/{name(number)}.py")
        lines.append(f"  - _Depends: {needs}_")
    lines.append(f"- [ ] {count}. Checkpoint - Ensure all tests pass")
    ids = tuple(map(str, range(1, count + 1)))
    whole = {n: uses.get(n, ()) for n in range(1, count)}
    return Plan("kiro", ".kiro/specs/everything", {}, "\n".join(lines) + "\n", ids, whole)


def trouble(
    plan: Plan, seed: int, *, throttled: float = 0.3, cut: float = 0.05
) -> Callable[[Received], Answer]:
    """Return the play of all this; `throttled` and `cut` are shares of the requests."""
    chance, lock = random.Random(seed), threading.Lock()
    red = {f"tests/test_{name(RED)}.py": "def test_red():\n    assert False\n"}
    risky = {**plan.made_by(GOVERNED), MIGRATION: "steps = []\n"}
    special = {number: _registers(plan, number) for number in PAIR}
    special |= {RED: makes(red, RED), GOVERNED: makes(risky, GOVERNED)}
    play = plays(plan, special, repair=says(done("Nothing to mend.")))

    def answer(received: Received) -> Answer:
        with lock:
            drawn, seconds = chance.random(), chance.random() * 0.05
        if drawn < throttled:
            return throttle(0.02)
        return breaks_off() if drawn < throttled + cut else play(received).after(seconds)

    return answer


def _registers(plan: Plan, number: int) -> Callable[[Received], Answer]:
    """Return the implementer that adds its task to a list that its sibling adds its own to."""

    def part(received: Received) -> Answer:
        if received.turn == 0:
            return calls("fs_read", {"path": SHARED})
        there = [n for n in PAIR if n != number and f"'{name(n)}'" in str(received.messages)]
        names = sorted(name(n) for n in [*there, number])
        files = {**plan.made_by(number), SHARED: f"NAMES = {names}\n"}
        made = [write(path, text) for path, text in files.items()]
        steps = [reply(*made), done(f"Wrote {name(number)}.", subject(number))]
        return steps[received.turn - 1]

    return part


def after_all(
    checkout: Checkout, plan: Plan, budget: float, parallel: int = 4
) -> tuple[dict[str, Any], list[str]]:
    """Run the batch with too little money, then with enough; return its account and what is wrong.

    Exit codes: 6 for the budget, but 3 as soon as a task is blocked.
    """
    command = ("batch", "--mode", "autopilot", "--max-parallel", str(parallel), "--budget-usd")
    said, found = checkout.run(*command, str(budget)), []
    batch = checkout.json("status")["batch"]
    code = 3 if "blocked" in batch["counts"] else 6  # what is worse is told first
    if said.code != code or "budget" not in batch["reason"] + said.err:
        found.append(f"short of money it ended with {said.code}: {said.err[-1000:]}")
    if batch["totals"]["usd"] > budget:
        found.append(f"${batch['totals']['usd']} were spent of ${budget}")
    found += account_problems(checkout, plan)
    said = checkout.run(*command, "50")
    if said.code != 3:
        found.append(f"it ended with {said.code}: {said.err[-2000:]}")
    found += account_problems(checkout, plan, _states(plan))
    batch = checkout.json("status")["batch"]
    rows = {int(row["task"]): row for row in batch["tasks"]}
    for number, words in {**WHY, plan.last: "waits for"}.items():
        if words not in rows[number]["why"]:
            found.append(f"task {number} says {rows[number]['why']!r}, not {words!r}")
    if rows[ON_GOVERNED]["stands_on"] != rows[GOVERNED]["run"]:
        found.append(f"task {ON_GOVERNED} builds on {rows[ON_GOVERNED]['stands_on']!r}")
    tries = {number: len(row["earlier_runs"]) for number, row in rows.items()}
    if {number for number, count in tries.items() if count} != {PAIR[1]}:
        found.append(f"earlier tries: {tries}")
    if checkout.read(SHARED) != f"NAMES = {sorted(map(name, PAIR))}\n":
        found.append(f"the siblings left {checkout.read(SHARED)!r}")
    for one in checkout.server.paid_twice() if checkout.server else ():
        if one.agent != "repair":  # the first try mended nothing, so the second asks the same
            found.append(f"paid twice: {one.agent} of task {plan.number_of(one)}, turn {one.turn}")
    return batch, found


def _states(plan: Plan) -> Mapping[str, str]:
    states = {number: STATES.get(number, "committed") for number in range(1, plan.last)}
    return {str(number): state for number, state in {**states, plan.last: "open"}.items()}


def figures(checkout: Checkout, batch: Mapping[str, Any]) -> str:
    """Return the account's sums beside the server's, for people."""
    bill = bill_of(checkout.server.ledger) if checkout.server else None
    assert bill
    counts = ", ".join(f"{count} {state}" for state, count in batch["counts"].items())
    return (
        f"{counts}; {batch['totals']['calls']} calls for ${batch['totals']['usd']:.4f} in the "
        f"account; at the server {bill.replies} replies for ${bill.usd:.4f}, {bill.cut} streams "
        f"cut (estimated), {bill.refused} requests throttled"
    )
