"""Lists the hooks that ran: when, on what, how they ended, how long they took."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import TypedDict

from reviewloop.app import hook_moments
from reviewloop.app.project import Repository
from reviewloop.app.state_check import JOURNAL
from reviewloop.llm.budget import spent_on
from reviewloop.loop.hook_agents import STEP, conversation_of
from reviewloop.loop.hooks import KIND, QUEUED
from reviewloop.store.journal import CallKey, CallUsage, Journal
from reviewloop.store.runs import RunRecord


class HookRow(TypedDict):
    """The end of one hook; `exit_code` is None where it could not run or timed out."""

    at: float
    run: str
    name: str
    event: str
    path: str
    exit_code: int | None
    ms: int
    edited: bool
    queued: bool
    log: str
    calls: int  # of a model
    usd: float | None  # cost of these calls; None where a price is unknown


def hook_rows(repository: Repository, record: RunRecord, after: int = 0) -> Iterator[HookRow]:
    """Yield the hooks of a run in order, without the first `after`."""
    path = repository.run_folder(record.run_id) / JOURNAL
    if not path.exists():
        return
    with closing(Journal(path)) as journal:
        paid = _paid(journal)
        queued = {call.key.agent for call in journal.calls(QUEUED)}
        for number, call in enumerate(journal.calls(KIND)):
            if number < after:
                continue
            spent = spent_on(paid.get(conversation_of(call.key.agent, call.key.step, call.key), ()))
            yield {
                "at": call.at,
                "run": record.run_id,
                "name": call.key.agent,
                "event": call.key.step,
                "path": str(call.request.get("path", "")),
                "exit_code": call.reply["exit_code"],
                "ms": round(1000 * call.reply["seconds"]),
                "edited": call.reply["tree"] != call.request["tree"],
                "queued": call.key.agent in queued,
                "log": str(call.reply["log"]),
                "calls": spent.calls,
                "usd": None if spent.unpriced else spent.usd,
            }


def _paid(journal: Journal) -> dict[CallKey, list[CallUsage]]:
    """Return the usages of the calls that each hook conversation made."""
    found: dict[CallKey, list[CallUsage]] = defaultdict(list)
    for key, usage in journal.usages_of(STEP):
        found[replace(key, agent="", turn=0)].append(usage)
    return found


def moment_rows(repository: Repository) -> Iterator[HookRow]:
    """Yield the hooks that ran outside of runs, oldest first; `run` is the one they were about, or
    "".
    """
    for row in hook_moments.moment_rows(repository):
        yield {
            "at": row["at"],
            "run": row["run"],
            "name": row["name"],
            "event": row["event"],
            "path": "",
            "exit_code": row["exit_code"],
            "ms": row["ms"],
            "edited": False,
            "queued": False,
            "log": "",
            "calls": 0,
            "usd": 0.0,
        }
