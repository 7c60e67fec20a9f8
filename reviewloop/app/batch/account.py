"""The account of a batch: what happened to each task, its cost, and what is left to a person."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reviewloop.app.batch.costs import Cost
from reviewloop.app.batch.rows import UNDONE, Rows, queue_row, unbegun_row
from reviewloop.app.batch.stands import Stand, branch_of
from reviewloop.app.project import Repository
from reviewloop.domain.errors import ExitCode, first_that_applies
from reviewloop.store.batches import BatchRecord, OneSitting, sittings_of
from reviewloop.store.locks import is_held

__all__ = ["account", "exit_code", "queue_row"]

_CODES = {
    Stand.WAITING: ExitCode.WAITING,
    Stand.BLOCKED: ExitCode.GUARD_FAILED,
    Stand.REJECTED: ExitCode.SKIPPED,
    UNDONE: ExitCode.SKIPPED,
}
_CUT_OFF = "it was cut off: its process ended; nothing is lost: the same command goes on"


def account(
    repository: Repository, record: BatchRecord, *, at_work: bool = False
) -> dict[str, Any]:
    """Return the account as JSON-plain values.

    `at_work`: the batch was, before its record was read; it may not tell yet how that ended.
    """
    state = _state(repository, record, at_work)
    told = Rows(repository, record, running=state == "running")
    rows = [told.row(task) for task in told.tasks]
    sat = sittings_of(repository.folder, record.batch_id)
    cut_off = state == "stopped" and bool(sat) and not sat[-1].closed
    reason = told.reason or (_CUT_OFF if cut_off else "")
    record = replace(record, branch=branch_of(repository, record), reason=reason)
    return _body(record, state, rows, _wall(sat, running=state == "running"))


def unbegun(record: BatchRecord) -> dict[str, Any]:
    """Return the account of a batch that nobody has begun: it is queued for workers."""
    rows = [unbegun_row(task, title) for task, title in record.tasks.items()]
    return _body(record, "running", rows, {"sittings": 0, "wall_seconds": None})


def with_rows(told: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return an account with rows of a later moment, counted and added up anew."""
    wall = {name: told["totals"][name] for name in ("sittings", "wall_seconds")}
    totals = {**_totals(rows), **wall}
    return {**told, "counts": _counts(rows), "totals": totals, "tasks": list(rows)}


def _body(
    record: BatchRecord, state: str, rows: list[dict[str, Any]], wall: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "batch": record.batch_id,
        "spec": record.spec_path,
        "branch": record.branch,
        "mode": record.mode,
        "state": state,
        "reason": record.reason,
        "left_out": record.left_out,
        "began_at": record.created_at,
        "told_at": time.time(),
        "budget_usd": record.budget_usd,
        "deadline": record.deadline or None,
        "counts": _counts(rows),
        "totals": {**_totals(rows), **wall},
        "tasks": rows,
    }


def exit_code(told: Mapping[str, Any], *more: ExitCode) -> ExitCode:
    """Return the code that tells most of how a batch ended; `told` is its account.

    `more` are of what stopped it: then a run that was interrupted before is not why it ended. Nor
    does it count where tasks stand that were not chosen this time.
    """
    codes: list[ExitCode] = []
    for row in told["tasks"]:
        if not row.get("chosen", True):  # rows that were kept by earlier releases do not say it
            continue
        codes.append(_CODES.get(row["state"], ExitCode.CLEAN))
        if row["state"] in {Stand.WAITING, Stand.STOPPED}:
            codes.append(ExitCode(row["exit_code"]))
        if row["refused"]:
            codes.append(ExitCode.USAGE)
    earlier = {ExitCode.INTERRUPTED} if more else set()
    return first_that_applies(*(code for code in codes if code not in earlier), *more)


def _state(repository: Repository, record: BatchRecord, at_work: bool) -> str:
    if is_held(repository.batch_lock) or (at_work and not (record.ended or record.reason)):
        return "running"
    return "ended" if record.ended else "stopped"


def _counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["state"]] = counts.get(row["state"], 0) + 1
    return counts


def _totals(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sums of the rows: all that the batch took, earlier tries included."""
    spent = paid = Cost()
    for row in rows:
        spent, paid = spent.plus(Cost.of(row["cost"])), paid.plus(Cost.of(row["before"] or {}))
    runs = sum(bool(row["run"]) + len(row["earlier_runs"]) for row in rows)
    return {"runs": runs, **spent.plain(), "before": paid.plain() if paid != Cost() else None}


def _wall(found: Sequence[OneSitting], *, running: bool) -> dict[str, Any]:
    """Return how long the sittings of a batch lasted; None where workers did it, without any."""
    seconds = sum(one.seen - one.began for one in found)
    if found and running:
        seconds += max(0.0, time.time() - found[-1].seen)
    return {"sittings": len(found), "wall_seconds": round(seconds, 1) if found else None}
