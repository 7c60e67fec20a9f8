"""What waits for a user behind a shared store, and on which branch; needs no clone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

from reviewloop.app.batch.queue import Foreseen, Holding
from reviewloop.app.batch.spec_changes import needed_of
from reviewloop.app.batch.stack import Waiting, line_up
from reviewloop.app.fleet.jobs import ANSWER, Jobs
from reviewloop.app.fleet.snapshot import CurrentCheckout
from reviewloop.domain.batch_report import QueueEntry, QueueReport
from reviewloop.domain.errors import UsageError
from reviewloop.render.batch import ON_ITS_WAY
from reviewloop.render.proposal import left_of
from reviewloop.store.batches import task_report
from reviewloop.store.postgres.batches import About, SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import CONFLICT, RunRecord, RunStatus

NO_MERGE = "does not merge: "
"""How the note on a run begins that changed the same lines as what is below it now."""

_NEXT = "; next: "


def latest(run: RunRecord, note: str, told: str, over: Collection[str]) -> str:
    """Return why a run stands where it does, by the `note` on its latest answer, "" for none.

    `told` is what a worker told of it; `over` are runs: what names one of these holds no more.
    """
    if not note or note == run.reason or any(other in note for other in over):
        return told
    if run.reason or note.startswith(NO_MERGE):  # which an earlier answer came to
        return note
    return "; ".join(dict.fromkeys(filter(None, (note, told))))


def with_next(said: str) -> tuple[str, str]:
    """Return what is said of a run, and apart from it what can be done next, "" for not said."""
    why, _, following = said.partition(_NEXT) if NO_MERGE in said else (said, "", "")
    return why, following


def conflict_of(run: RunRecord, note: str) -> tuple[str, str]:
    """Return why a run is known not to merge, and the command that helps; "" where it may."""
    proposal, _, why = run.options.get(CONFLICT, ("", "", ""))
    if not why or proposal != run.proposal:
        return "", ""
    said = note if note.startswith(NO_MERGE) else f"{NO_MERGE}{why}{_NEXT}`reviewloop batch`"
    why, following = with_next(said)
    return why, following.split("`")[1]


_ASKS = (RunStatus.WAITING, RunStatus.BLOCKED)


@dataclass(frozen=True)
class Asking:
    """A run that waits or is blocked, with what a worker told last of what it proposes."""

    run: RunRecord
    about: About
    row: dict[str, Any]
    note: str  # what the latest answer came to, "" for nothing to tell

    @property
    def place(self) -> str:
        """Name the branch to people."""
        return f"{self.about.branch} of {self.about.address}"

    def is_on(self, branch: str) -> bool:
        """Whether a person means its branch, by its name or as it is told in full."""
        return branch in {self.about.branch, self.place}

    @property
    def waits(self) -> bool:
        """Whether it can be approved, and a person can see what: workers tell it a moment later."""
        told = self.row["of"][0] == self.run.proposal
        return self.run.status is RunStatus.WAITING and told

    @property
    def conflict(self) -> tuple[str, str]:
        """Why it is known not to merge and the command that helps, "" for nothing known."""
        return conflict_of(self.run, self.note)


class Waits:
    """What asks at one moment, read once; branch by branch, what others stand on first."""

    def __init__(self, database: Database, url: str) -> None:
        table = SharedRuns(database)
        batches = SharedBatches(database).all()
        self.batches = {one.record.batch_id: one.about for one in batches}
        batches.sort(key=lambda one: one.account.get("told_at", 0.0))
        self._heads = {one.about.lock: str(one.account.get("head", "")) for one in batches}
        self.jobs = [job for job in Jobs(database, url).pending() if job.name == ANSWER]
        self.answers = {job.args["run"]: job.args["answer"]["choice"] for job in self.jobs}
        found: dict[str, list[Asking]] = {}
        for run in _oldest_first(table.all()):
            told = table.told_of(run.run_id) if run.status in _ASKS else None
            about = self.batches.get(str(run.options.get("batch", "")))
            if told and told[1] and about:
                found.setdefault(about.lock, []).append(Asking(run, about, told[1], told[2]))
        self.asking = [one for branch in found.values() for one in branch]
        self.waiting = [one for one in self.asking if one.waits]

    def below(self, run: RunRecord) -> list[tuple[Asking, str]]:
        """Return what waits that has to be on the branch before a run, and why."""
        about = self.batches.get(str(run.options.get("batch", "")))
        mine = [one for one in self.waiting if about is not None and one.about.lock == about.lock]
        needs = needed_of(run, (one.run for one in mine))
        found = []
        for one in mine:
            other = one.run.run_id
            if one.row["proposed"] == run.base_commit and other != run.run_id:
                found.append((one, f"builds on {other}"))
            elif other in needs:
                found.append((one, f"needs what {other} does"))
        return found

    def with_all_below(self, runs: Sequence[RunRecord]) -> list[RunRecord]:
        """Return runs in order, and before each what it stands on or needs that is unanswered."""
        found: dict[str, RunRecord] = {}

        def take(run: RunRecord, above: tuple[str, ...]) -> None:
            if run.run_id in found or run.run_id in above:
                return
            for one, _ in self.below(run):
                if one.run.run_id not in self.answers:
                    take(one.run, (*above, run.run_id))
            found[run.run_id] = run

        for run in _oldest_first(runs):
            take(run, ())
        return list(found.values())

    def standing(self) -> set[str]:
        """Return the runs that are committed as they stand; others are brought to a branch first.

        Where a branch is workers told last. Of one that they never told, all counts as standing.
        """
        found: set[str] = set()
        for lock in {one.about.lock for one in self.waiting}:
            mine = [one for one in self.waiting if one.about.lock == lock]
            line: Sequence[Waiting] = [Waiting(one.run, one.row["proposed"]) for one in mine]
            if head := self._heads.get(lock):
                line = line_up(head, line).standing
            found |= {one.run.run_id for one in line}
        return found

    def in_order(self, runs: Sequence[RunRecord]) -> list[RunRecord]:
        """Return runs with what they stand on or need, as they are approved.

        What stands on its branch comes first: it would be brought, too, behind others that were.
        """
        standing = self.standing()
        return sorted(self.with_all_below(runs), key=lambda run: run.run_id not in standing)

    def blocked_beside(self, runs: Sequence[RunRecord]) -> list[RunRecord]:
        """Return what is blocked on the branches of these runs."""
        batches = (str(run.options.get("batch", "")) for run in runs)
        locks = {self.batches[batch].lock for batch in batches if batch in self.batches}
        blocked = [one for one in self.asking if one.run.status is RunStatus.BLOCKED]
        return [one.run for one in blocked if one.about.lock in locks]

    def on_one_branch(self, wanted: str, here: CurrentCheckout | None) -> list[Asking]:
        """Return what waits or is blocked on the branch that is meant by everything.

        That is the one named, else that of a checkout whose repository is known, else the only one
        on which something waits. Raises `UsageError` where none or more than one is meant.
        """
        seen = [one for one in self.asking if one.waits or one.run.status is RunStatus.BLOCKED]
        if not seen:
            raise UsageError("nothing waits in the queue; `reviewloop status` lists the runs")
        mine = here if here and any(map(here.has, self.batches.values())) else None
        name = wanted or (mine.branch if mine else "")
        # What is blocked alone says nothing of which branch is meant.
        known = seen if name else self.waiting or seen
        found = [one for one in known if not name or one.is_on(name)]
        own = [one for one in found if mine and mine.has(one.about)]
        found = own if own or (mine and not wanted) else found
        locks = {one.about.lock for one in found}
        places = list(dict.fromkeys(one.place for one in found or self.waiting or seen))
        said = f"waiting: {', '.join(places)}"
        if not found:
            raise UsageError(f"nothing waits on {name}; {said} (`--branch NAME`)")
        if len(locks) == 1:
            return [one for one in seen if one.about.lock in locks]
        if name:
            which = f"--branch {quote(places[-1])}"
            raise UsageError(
                f"{name} is a branch of several repositories; {said}; say which with `{which}`"
            )
        raise UsageError(f"more than one branch is {said}; say which with `--branch NAME`")


def proposal_shown(database: Database, named: str) -> tuple[Any, str]:
    """Return what a run proposes, and its diff; raise `UsageError` when it proposes nothing."""
    runs = SharedRuns(database)
    run = runs.find(named)
    proposal, diff = runs.proposal(run.run_id)
    if not proposal:
        raise UsageError(
            f"run {run.run_id} has nothing to show yet (it is {run.status}); "
            f"`reviewloop logs {run.run_id}` tells what it does"
        )
    return proposal, diff


def _oldest_first(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Return runs as they began; those that began in one second, as they stand on each other."""
    below = {run.run_id: str(run.options.get("stands_on", "")) for run in runs}

    def height(name: str) -> int:
        seen: set[str] = set()
        while name in below and name not in seen:
            seen.add(name)
            name = below[name]
        return len(seen)

    return sorted(runs, key=lambda run: (run.created_at, height(run.run_id)))


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


def queue_report(body: Mapping[str, Any]) -> QueueReport:
    """Return what `queue_shown` told, to be shown to people."""
    rows = [
        QueueEntry(task_report(row), row.get("note", ""), row["remote"]) for row in body["runs"]
    ]
    return QueueReport(body["branch"], tuple(rows), body.get("approve_all", {}).get("said", ""))


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
