"""What must hold after a batch, seen from outside: its history, its account, what it left behind.

Git, the files, the processes and the ledger of the stand-in server tell. Each function returns
sentences about what is wrong.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from support.bedrock import Received
from support.checkout import Checkout
from support.plans import Plan, boxes

from reviewloop.llm.messages import Usage
from reviewloop.llm.prices import cost

_ROUNDED = 1e-6  # dollars: the account tells six digits of each run


class Bill(NamedTuple):
    """What the server answered: whole replies, what they cost, and replies that broke off."""

    replies: int = 0
    usd: float = 0.0
    cut: int = 0
    refused: int = 0  # throttled, or failed: nothing is billed


def bill_of(ledger: Iterable[Received]) -> Bill:
    """Return what requests came to, as the server counted them."""
    bill = Bill()
    for one in ledger:
        if one.status != 200:
            bill = bill._replace(refused=bill.refused + 1)
        elif not one.complete:
            bill = bill._replace(cut=bill.cut + 1)
        else:
            usd = cost(f"bedrock_converse:{one.model}", _usage(one.usage))
            assert usd is not None, one.model
            bill = bill._replace(replies=bill.replies + 1, usd=bill.usd + usd)
    return bill


def _usage(sent: Mapping[str, int]) -> Usage:
    return Usage(
        input=sent["inputTokens"],
        output=sent["outputTokens"],
        cache_read=sent.get("cacheReadInputTokens", 0),
        cache_write=sent.get("cacheWriteInputTokens", 0),
    )


def trees(checkout: Checkout) -> list[str]:
    """Return the trees of the commits above the first, oldest first."""
    return checkout.git("log", "--reverse", "--format=%T").splitlines()[1:]


def history_problems(checkout: Checkout, plan: Plan, jobs: int = 2) -> list[str]:
    """Look at a batch whose tasks are all done: one commit each, whole, green, where it may be."""
    log = checkout.git("log", "--reverse", "--format=%H %s").splitlines()
    commits = [line.partition(" ")[0] for line in log]
    subjects = [line.partition(" ")[2] for line in log[1:]]
    wanted = plan.subjects()
    if sorted(subjects) != sorted(wanted):
        return [f"the history is {subjects}"]
    numbers = [wanted.index(one) + 1 for one in subjects]
    found = []
    for place, number in enumerate(numbers):
        if missing := set(plan.uses.get(number, ())) - set(numbers[:place]):
            found.append(f"task {number} was committed before {sorted(missing)}, which it uses")
        found += _wrong_with(checkout, plan, numbers[: place + 1], commits[place + 1])
    if checkout.git("status", "--porcelain"):
        found.append("the checkout is not as its last commit")
    return found + red_alone(checkout, commits, jobs)


def _wrong_with(checkout: Checkout, plan: Plan, done: Sequence[int], commit: str) -> list[str]:
    """Look at the commit of the last of some tasks that stands on those of the others."""
    number = done[-1]
    changed = checkout.git("diff-tree", "--no-commit-id", "--name-only", "-r", commit).split()
    wanted = sorted([*plan.made_by(number), plan.tasks_path])
    if sorted(changed) != wanted:
        return [f"the commit of task {number} changed {changed}"]
    found = []
    text = checkout.git("show", f"{commit}:{plan.tasks_path}")
    if boxes(text, plan.ids) != {plan.ids[one - 1] for one in done}:
        found.append(f"the commit of task {number} has other ticks than tasks done")
    if text.replace(plan.box, "[ ]") != plan.text.rstrip("\n"):
        found.append(f"the commit of task {number} changed more of the list than boxes")
    for path, made in plan.made_by(number).items():
        if checkout.git("show", f"{commit}:{path}") != made.rstrip("\n"):
            found.append(f"the commit of task {number} has another {path} than was written for it")
    return found


def red_alone(checkout: Checkout, commits: Iterable[str], jobs: int = 2) -> list[str]:
    """Check each commit out alone, from a clone, and run its tests."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        clone = Path(folder) / "clone"
        checkout.git("clone", "-q", "--no-local", "--no-checkout", str(checkout.root), str(clone))

        def judged(commit: str) -> str:
            place = Path(folder) / commit
            told = ("worktree", "add", "-q", "--detach", str(place), commit)
            subprocess.run(["git", "-C", str(clone), *told], check=True, capture_output=True)
            tests = [sys.executable, "-S", "checks.py"]
            done = subprocess.run(tests, cwd=place, capture_output=True, text=True, check=False)
            shutil.rmtree(place)
            return f"the tests of {commit} are red alone: {done.stderr[-200:]}" * bool(
                done.returncode
            )

        return [said for said in pool.map(judged, commits) if said]


def account_problems(
    checkout: Checkout, plan: Plan, states: Mapping[str, str] | None = None
) -> list[str]:
    """Compare the account with the truth: states, and calls and money as the server counted.

    Calls whose reply broke off stand in the account with an estimate, which the journals tell.
    """
    batch = checkout.json("status")["batch"]
    rows = {row["task"]: row for row in batch["tasks"]}
    told = {task: row["state"] for task, row in rows.items()}
    found = [f"states: {apart(told, states)}"] if states is not None and told != states else []
    asked: dict[int, list[Received]] = {}
    for one in checkout.server.ledger if checkout.server else ():
        asked.setdefault(plan.number_of(one), []).append(one)
    if 0 in asked:
        found.append(f"{len(asked[0])} requests name no task")
    for number, task in enumerate(plan.ids, 1):
        bill, row = bill_of(asked.get(number, ())), rows[task]
        paid = [usage for run in runs_of(row) for usage in usage_rows(checkout, run)]
        exact = [usage for usage in paid if not usage["estimated"]]
        usd = sum(usage["cost_usd"] for usage in exact)
        if len(exact) != bill.replies or abs(usd - bill.usd) > 1e-9:
            found.append(
                f"task {task}: {len(exact)} replies for ${usd:.6f} in its journals, {bill.replies} "
                f"for ${bill.usd:.6f} at the server"
            )
        if len(paid) - len(exact) != bill.cut:
            found.append(f"task {task}: {len(paid) - len(exact)} estimates, {bill.cut} cut off")
        if row["estimated"] != bill.cut:
            found.append(f"task {task}: {row['estimated']} are told as estimates, not {bill.cut}")
        every = sum(usage["cost_usd"] for usage in paid)
        if row["calls"] != len(paid) or abs(row["usd"] - every) > _ROUNDED * len(runs_of(row)):
            found.append(f"task {task}: {row['calls']} calls for ${row['usd']}, not ${every:.6f}")
    return found + _wrong_totals(checkout, batch)


def _wrong_totals(checkout: Checkout, batch: Mapping[str, Any]) -> list[str]:
    bill = bill_of(checkout.server.ledger if checkout.server else ())
    runs = [run for row in batch["tasks"] for run in runs_of(row)]
    calls = [row for run in runs for row in usage_rows(checkout, run)]
    estimated = sum(row["cost_usd"] for row in calls if row["estimated"])
    totals = batch["totals"]
    found = []
    if totals["calls"] != bill.replies + bill.cut:
        found.append(f"{totals['calls']} calls in all, {bill.replies} and {bill.cut} at the server")
    if abs(totals["usd"] - bill.usd - estimated) > _ROUNDED * len(runs):
        found.append(f"${totals['usd']} in all, ${bill.usd:.6f} and estimates ${estimated:.6f}")
    if totals["runs"] != len(runs):
        found.append(f"{totals['runs']} runs in all, {len(runs)} in the rows")
    return found


def runs_of(row: Mapping[str, Any]) -> list[str]:
    """Return the runs of a row of the account, the one that counts first."""
    return [*([row["run"]] if row["run"] else []), *row["earlier_runs"]]


def usage_rows(checkout: Checkout, run: str) -> list[dict[str, Any]]:
    """Return what each model call in a run's journal used."""
    with journal_of(checkout, run) as rows:
        return [json.loads(usage) for (usage,) in rows]


@contextmanager
def journal_of(checkout: Checkout, run: str) -> Iterator[list[tuple[str]]]:
    """Yield the usages in the journal of a run, none when it has no journal."""
    place = checkout.folder(run) / "journal.sqlite"
    if not place.exists():
        yield []
        return
    database = sqlite3.connect(place)
    try:
        yield database.execute("SELECT usage FROM calls WHERE kind = 'model'").fetchall()
    finally:
        database.close()


def apart(told: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return in words where two mappings differ."""
    names = [name for name in {**told, **wanted} if told.get(name) != wanted.get(name)]
    return ", ".join(f"{one} is {told.get(one)!r}, not {wanted.get(one)!r}" for one in names)


def leftovers(checkout: Checkout, temporary: Path | None = None) -> list[str]:
    """Look for what a batch must not leave: temporary files, processes, worktrees, locks, refs."""
    git = checkout.git
    found = [f"in the temporary folder: {path.name}" for path in _below(temporary)]
    found += [f"lock: {path.name}" for path in (checkout.root / ".git").rglob("*.lock")]
    found += [f"worktree: {line}" for line in git("worktree", "list").splitlines()[1:]]
    refs = git("for-each-ref", "--format=%(refname)").split()
    found += [f"ref: {ref}" for ref in refs if ref != "refs/heads/work"]
    if git("stash", "list"):
        found.append("something is stashed")
    return found + [f"process: {line}" for line in processes_of(checkout)]


def processes_of(checkout: Checkout) -> list[str]:
    """Return the processes that stand in the checkout's folders or were given its home."""
    mark = os.fsencode(checkout.home)
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            held = (place / "environ").read_bytes() + os.fsencode(os.readlink(place / "cwd"))
        except OSError:
            continue
        if mark in held and place.name != str(os.getpid()):
            found.append(f"{place.name} {(place / 'cmdline').read_bytes()[:80]!r}")
    return found


def not_cleaned(checkout: Checkout) -> list[str]:
    """Clean everything, and return what is there still."""
    checkout.run("clean", "--older-than", "0", "--with-work", "--yes")
    left = list(checkout.state.glob("repositories/*/runs/*"))
    left += list(checkout.state.glob("repositories/*/line/*/*"))
    return [f"not deleted by clean: {path.name}" for path in left]


def _below(folder: Path | None) -> list[Path]:
    return list(folder.iterdir()) if folder else []
