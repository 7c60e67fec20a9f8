"""What a batch says before anything is paid: what is left, where, under which caps."""

import time
from collections.abc import Iterable
from contextlib import suppress

from reviewloop.app.asking import models_without_price
from reviewloop.app.batch.going_on import Meant, Wish
from reviewloop.app.batch.spending import Spending
from reviewloop.app.batch.stands import Stand, stands_in
from reviewloop.app.project import Repository, team_of
from reviewloop.app.run.start import left_alone
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.domain.task import Spec
from reviewloop.render.text import cap_money
from reviewloop.settings import Settings
from reviewloop.specs.order import Order
from reviewloop.specs.select import progress
from reviewloop.store.batches import BatchRecord


def foreword(
    spending: Spending, meant: Meant, spec: Spec, order: Order, wish: Wish, settings: Settings
) -> list[str]:
    """Return the sentences with which a batch begins; the first says what will be done."""
    record, repository = meant.record, spending.repository
    stands = _stands(repository, record, order)
    left = _left(stands)
    chosen = len(order.steps)
    if meant.before is not None:
        tasks = f"{min(left, chosen)} of {len(stands)} tasks left"
    else:
        tasks = _of_spec(spec, chosen) + (f", {left} of them left" if left < chosen else "")
    if blocked := stands.count(Stand.BLOCKED):
        tasks += f" and {blocked} blocked"
    where = f"{spec.path} on {record.branch}"
    if left:
        caps = _caps(record, settings.limits.usd, min(left, chosen), spending.usd())
        said = [f"{where}: {tasks}, {_how(record, wish)}; {caps}"]
    else:
        said = [f"{where}: no task left to begin, mode {record.mode}"]
    if meant.before is not None:
        going_on = _going_on(meant.before, record, wish, stands)
        said.append("; ".join(filter(None, (going_on, meant.numbered))))
    if left and repository.user.dirty:
        mine = left_alone(repository.user, "the runs", spec)
        said.append(f"{mine}; what changes one of these files cannot be approved over the edit")
    return said


def not_priced(
    repository: Repository, record: BatchRecord, order: Order, settings: Settings
) -> list[str]:
    """Return what to say of models whose price nobody knows, where a task is left to begin."""
    unknown = _unpriced(repository, settings)
    if not unknown or not _left(_stands(repository, record, order)):
        return []
    return [
        f"no price is known for {' and '.join(unknown)}: no cap on money counts its calls; "
        f"limits.tokens ({settings.limits.tokens:,}) stops each run"
    ]


def _stands(repository: Repository, record: BatchRecord, order: Order) -> list[Stand]:
    doing = {step.task.id for step in order.steps}
    return [one.stand for one in stands_in(repository, record, doing).values()]


def _left(stands: Iterable[Stand]) -> int:
    return sum(stand in {Stand.OPEN, Stand.STOPPED} for stand in stands)


def _of_spec(spec: Spec, chosen: int) -> str:
    done, required = progress(spec)
    tasks = "1 task" if chosen == 1 else f"{chosen} tasks"
    if chosen >= required:
        return tasks
    return f"{chosen} of {required} tasks" + (f" ({done} done before)" if done else "")


def _how(record: BatchRecord, wish: Wish) -> str:
    parallel = wish.asked.parallel
    pace = "one at a time" if parallel == 1 else f"up to {parallel} side by side"
    until = ", until the first failure" if wish.asked.until_failure else ""
    return f"{pace}, mode {record.mode}{until}"


def _caps(record: BatchRecord, each: float, count: int, used: float) -> str:
    most, budget = each * count, record.budget_usd
    until = f", until {_clock(record.deadline)}" if record.deadline else ""
    if budget is None or used <= 0:
        most = most if budget is None else min(most, budget)
        return f"at most ${each:g} each and ${most:g} in all{until}"
    most = min(most, max(0.0, budget - used))
    spent = f"{cap_money(used)} of ${budget:g} is spent"
    return f"at most ${each:g} each and {cap_money(most)} more in all ({spent}){until}"


def _going_on(before: BatchRecord, record: BatchRecord, wish: Wish, stands: Iterable[Stand]) -> str:
    """Return how far the batch is that is gone on with, and what of it holds on."""
    found = list(stands)
    counts = [
        f"{count} {words}"
        for stand, words in (
            (Stand.COMMITTED, "committed"),
            (Stand.WAITING, "waiting for you"),
            (Stand.BLOCKED, "blocked"),
            (Stand.STOPPED, "stopped on the way"),
            (Stand.REJECTED, "rejected"),
        )
        if (count := found.count(stand))
    ]
    said = [f"goes on with {before.batch_id}: {', '.join(counts) or 'nothing is finished yet'}"]
    if added := [task for task in record.tasks if task not in before.tasks]:
        said.append(f"added to it: {', '.join(added)}")
    said += _held_on(record, wish)
    if before.mode != record.mode:
        said.append(f"mode {before.mode} before")
    if before.until_failure and not record.until_failure:
        said.append("failures stop it no longer, as --until-failure is not said again")
    return "; ".join(said)


def _held_on(record: BatchRecord, wish: Wish) -> list[str]:
    """Return the caps of an earlier sitting that hold on, with what lifts them."""
    said = []
    if wish.budget_usd is None and record.budget_usd is not None:
        said.append(f"budget ${record.budget_usd:g} from before (--budget-usd none lifts it)")
    if wish.deadline is None and record.deadline:
        shown = _clock(record.deadline)
        said.append(f"deadline {shown} from before (--deadline none lifts it)")
    return said


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _unpriced(repository: Repository, settings: Settings) -> list[str]:
    """Return the models of the team whose price nobody knows."""
    with suppress(ReviewLoopError):  # what is wrong there is said when a task begins
        team = team_of(repository.user.root, repository.user.project)
        return models_without_price(settings, team.members)
    return []
