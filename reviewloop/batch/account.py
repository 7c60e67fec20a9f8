"""The account of a batch: what happened to each task, its cost, and what is left to a person."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewloop.batch.autopilot import why_a_person
from reviewloop.batch.line import proposal_of
from reviewloop.batch.spending import spent_of
from reviewloop.batch.stands import Stand, TaskRun, runs_of_batch, stand_of, stands_of
from reviewloop.errors import ExitCode, first_that_applies
from reviewloop.output.proposal import Proposal
from reviewloop.runs.repository import Repository
from reviewloop.store.batches import BatchRecord
from reviewloop.store.locks import is_held
from reviewloop.store.runs import RunRecord

_LEFT = {"open", "unresolved"}
_CODES = {
    Stand.WAITING: ExitCode.WAITING,
    Stand.BLOCKED: ExitCode.GUARD_FAILED,
    Stand.REJECTED: ExitCode.SKIPPED,
}


def lock_of(repository: Repository) -> Path:
    """Return the lock that a batch of this repository holds while it works."""
    return repository.batch_lock


def account(repository: Repository, record: BatchRecord) -> dict[str, Any]:
    """Return the account as JSON-plain values."""
    stands = stands_of(repository, record.batch_id, record.spec_path, record.tasks)
    others = runs_of_batch(repository, record.batch_id, record.spec_path)
    rows = []
    for task, title in record.tasks.items():
        earlier = [run.run_id for run in others.get(task, [])[1:]]
        row = _row(repository, stands[task])
        held = record.held.get(task, "") if stands[task].stand is Stand.OPEN else ""
        rows.append({"task": task, "title": title, **row, "why": row["why"] or held})
        rows[-1]["earlier_runs"] = earlier
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["state"]] = counts.get(row["state"], 0) + 1
    return {
        "batch": record.batch_id,
        "spec": record.spec_path,
        "mode": record.mode,
        "state": _state(repository, record),
        "reason": record.reason,
        "left_out": record.left_out,
        "began_at": record.created_at,
        "told_at": time.time(),
        "budget_usd": record.budget_usd,
        "deadline": record.deadline,
        "counts": counts,
        "totals": _totals(repository, record),
        "tasks": rows,
    }


def exit_code(repository: Repository, record: BatchRecord, *more: ExitCode) -> ExitCode:
    """Return the code that tells most of how a batch ended."""
    stands = stands_of(repository, record.batch_id, record.spec_path, record.tasks)
    codes = [_CODES.get(one.stand, ExitCode.CLEAN) for one in stands.values()]
    for one in stands.values():
        if one.run is not None and one.stand in {Stand.WAITING, Stand.STOPPED}:
            codes.append(ExitCode(one.run.exit_code))
    codes += [ExitCode.USAGE for task in record.refused if stands[task].stand is Stand.OPEN]
    return first_that_applies(*codes, *more)


def _state(repository: Repository, record: BatchRecord) -> str:
    if is_held(lock_of(repository)):
        return "running"
    return "ended" if record.ended else "stopped"


def _row(repository: Repository, found: TaskRun) -> dict[str, Any]:
    run = found.run
    if run is None:
        return {"state": str(found.stand), "run": "", "why": "", **_figures(None)}
    proposal = proposal_of(repository, run)
    spent = spent_of(repository, run)
    why = run.reason
    if found.stand is Stand.WAITING and not why and proposal is not None:
        why = why_a_person(proposal)
    return {
        "state": str(found.stand),
        "run": run.run_id,
        "step": run.step if found.stand in {Stand.RUNNING, Stand.STOPPED} else "",
        "why": why,
        "stands_on": str(run.options.get("stands_on", "")),
        "branch": run.branch,
        "commit": run.commit,
        "approved_by": run.approved_by,
        "seconds": round(run.active_seconds, 1),
        "tokens": spent.tokens,
        "usd": None if spent.unpriced else round(spent.usd, 6),
        **_figures(proposal),
    }


def queue_row(repository: Repository, run: RunRecord, state: str) -> dict[str, Any]:
    """Return what the queue shows of a run."""
    row = _row(repository, TaskRun(stand_of(repository, run), run))
    return {"task": run.task_id, "title": run.title, **row, "state": state}


@dataclass(frozen=True)
class _Findings:
    left: int
    fixed: int
    nits: int

    @classmethod
    def of(cls, findings: Sequence[Mapping[str, Any]]) -> "_Findings":
        acted = [one for one in findings if one["severity"] != "nit"]
        return cls(
            left=sum(one["status"] in _LEFT for one in acted),
            fixed=sum(one["status"] == "fixed" for one in acted),
            nits=len(findings) - len(acted),
        )


def _figures(proposal: Proposal | None) -> dict[str, Any]:
    if proposal is None:
        return {"subject": "", "files": 0, "tests": None, "rounds": 0, "findings": None}
    found = _Findings.of(proposal["findings"])
    return {
        "subject": proposal["message"].partition("\n")[0],
        "files": len(proposal["files"]),
        "tests": proposal["tests"],
        "coverage": (proposal["coverage"] or {}).get("covered"),
        "rounds": proposal["rounds"]["used"],
        "findings": {"left": found.left, "fixed": found.fixed, "nits": found.nits},
    }


def _totals(repository: Repository, record: BatchRecord) -> dict[str, Any]:
    """Return what all runs of the batch took, those that were done once more included."""
    runs = [run for run in repository.runs.all() if run.options.get("batch") == record.batch_id]
    spent = [spent_of(repository, run) for run in runs]
    return {
        "runs": len(runs),
        "calls": sum(one.calls for one in spent),
        "tokens": sum(one.tokens for one in spent),
        "usd": round(sum(one.usd for one in spent), 6),
        "unpriced": sum(one.unpriced for one in spent),
        "seconds": round(sum(run.active_seconds for run in runs), 1),
    }
