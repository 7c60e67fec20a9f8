"""What became of a task since its batch was told of it: others did it, or what held it is over."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reviewloop.app.batch.costs import Cost
from reviewloop.app.batch.rows import unbegun_row, with_earlier
from reviewloop.render.batch import next_of
from reviewloop.specs.tick import UNTICKED
from reviewloop.store.postgres.batches import SharedBatch
from reviewloop.store.runs import RunRecord, RunStatus

_RUN = re.compile(r"\brun (\S+) \((\w+)\)")  # in a reason that names a run and where it stood
_NEED = re.compile(r"waits for (\S+), which is ")


class Since:
    """Knows the runs of all batches as they are now."""

    def __init__(self, batches: Sequence[SharedBatch], runs: Sequence[RunRecord]) -> None:
        locks = {one.record.batch_id: one.about.lock for one in batches}
        self._statuses = {run.run_id: run.status for run in runs}
        self._told = {row["run"]: row for one in batches for row in one.account.get("tasks", ())}
        self._latest: dict[tuple[str, str, str], RunRecord] = {}
        for run in sorted(runs, key=lambda run: run.created_at):
            at = locks.get(str(run.options.get("batch", "")), "")
            self._latest[at, run.spec_path, run.title] = run

    def open_row(
        self, batch: SharedBatch, row: Mapping[str, Any], *, going_on: bool
    ) -> dict[str, Any]:
        """Return the row of a task that its batch did not begin, as it is by now."""
        if done := self._done(batch, row):
            return done
        why = self._now(str(row["why"]))
        if why == row["why"]:
            return dict(row)
        now = {**row, "why": why}
        reason = batch.record.reason
        return {**now, "next": next_of(now, going_on=going_on, batch_why=reason, by_workers=True)}

    def _done(self, batch: SharedBatch, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the row of a task that a run of another batch committed since this one began."""
        at = (batch.about.lock, batch.record.spec_path, str(row["title"]))
        run = self._latest.get(at)
        if run is None or run.status is not RunStatus.COMMITTED or run.evidence.get(UNTICKED):
            return None
        if run.updated_at < batch.record.created_at:  # and the task was open again then
            return None
        told = self._told.get(run.run_id, {})
        paid = Cost.of(told.get("cost") or {}).plus(Cost.of(told.get("before") or {}))
        mine = {"cost": Cost().plain(), "before": paid.plain()}
        return {
            **unbegun_row(row["task"], str(row["title"])),
            **told,
            **with_earlier(mine, ()),
            "task": row["task"],
            "run": run.run_id,
            "state": str(RunStatus.COMMITTED),
            **dict.fromkeys(("step", "why", "next"), ""),
            "commit": run.commit,
            "branch": run.branch,
            "approved_by": run.approved_by,
        }

    def _now(self, why: str) -> str:
        """Return a reason as it holds now, "" where the run that it names is over."""
        named = _RUN.search(why)
        status = self._statuses.get(named[1]) if named else None
        if named is None or status is None:
            return why
        return "" if status.over else f"{why[: named.start(2)]}{status}{why[named.end(2) :]}"


def without_what_is_done(
    rows: Sequence[Mapping[str, Any]], *, going_on: bool, batch_why: str
) -> list[dict[str, Any]]:
    """Return the rows of a batch, none of which says that it waits for a task that is committed."""
    done = {row["task"] for row in rows if row["state"] == "committed"}
    found = []
    for row in rows:
        need = _NEED.match(row["why"]) if row["state"] == "open" else None
        if need and need[1] in done:
            row = {**row, "why": ""}
            row["next"] = next_of(row, going_on=going_on, batch_why=batch_why, by_workers=True)
        found.append(dict(row))
    return found
