"""What a person reads of the queue behind a shared store, as JSON-plain values."""

from collections.abc import Sequence
from typing import Any

from reviewloop.app.batch.foreseen import Foreseen
from reviewloop.app.batch.holding import Holding
from reviewloop.app.fleet.queue import Asking, Waits
from reviewloop.app.fleet.said import latest
from reviewloop.render.batch import ON_ITS_WAY
from reviewloop.render.proposal import left_of
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import RunRecord, RunStatus


def queue_shown(database: Database, url: str, branch: str = "") -> dict[str, Any]:
    """Return what waits for a person, of a branch if it is named, and what `--all` would do.

    That is told where one branch is shown: an approval of everything is for one.
    """
    waits = Waits(database, url)
    asking = [one for one in waits.asking if not branch or one.is_on(branch)]
    body: dict[str, Any] = {"branch": branch, "runs": _rows(database, waits, asking)}
    if len({one.about.lock for one in asking}) == 1:
        seen = _foreseen(waits, SharedRuns(database), asking)
        every = {"commits": seen.commits, "brings": seen.brings, "holds": seen.holds}
        said = str(seen) or ("waits for the answers that are on their way" if asking else "")
        body["approve_all"] = {**every, "said": said}
    return body


def _rows(database: Database, waits: Waits, asking: Sequence[Asking]) -> list[dict[str, Any]]:
    over = {run.run_id: run for run in SharedRuns(database).all() if run.status.over}
    standing, rows = waits.standing(), []
    for one in asking:
        row, run = one.row, one.run
        on_its_way = ON_ITS_WAY if run.run_id in waits.answers else ""
        said = latest(run, one.note, row["why"], over)
        moved = ""
        if one.waits and run.run_id not in standing and not one.conflict[0]:
            moved = _moved(run, over.get(row["stands_on"]))
        why = "; ".join(filter(None, (on_its_way, said, moved)))
        shown = {name: value for name, value in row.items() if name != "of"}
        place = {"branch": run.branch, "remote": one.about.address}
        rows.append({**shown, **place, "state": str(run.status), "why": why})
    return rows


def _moved(run: RunRecord, below: RunRecord | None) -> str:
    """Say what approving a run comes to first that does not stand on its branch."""
    rejected = below is not None and below.status is not RunStatus.COMMITTED
    lacked = f"it builds on a commit that {run.branch} lacks"
    what = f"{below.run_id} was rejected" if below and rejected else lacked
    return f"{what}, so approving rebases this onto {run.branch} first, then asks you again"


def _foreseen(waits: Waits, table: SharedRuns, asking: Sequence[Asking]) -> Foreseen:
    seen, holding = Foreseen(asking[0].about.branch, [], [], []), Holding()
    standing, by_id = waits.standing(), {one.run.run_id: one for one in asking if one.waits}
    for one in asking:
        if one.run.status is RunStatus.BLOCKED:
            holding.lacks(one.run, one.row["proposed"], "")
    for run in waits.in_order([one.run for one in by_id.values()]):
        one, given = by_id[run.run_id], waits.answers.get(run.run_id, "")
        if given == "approve":
            continue  # it is on its way
        proposal: Any = table.proposal(run.run_id)[0]
        left = left_of(proposal)
        if given or one.conflict[0] or holding.held(run, left):
            holding.lacks(run, one.row["proposed"], "")
            seen.holds.extend([] if given else [run.run_id])
        else:
            (seen.commits if run.run_id in standing else seen.brings).append(run.run_id)
    return seen
