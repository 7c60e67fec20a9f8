"""The queue of a shared store, and the branch that a command means; needs no clone."""

from collections.abc import Sequence
from dataclasses import replace
from shlex import quote

from reviewloop.app.batch.policy import because_of
from reviewloop.app.batch.queue import estimate_approval
from reviewloop.app.batch.queue_view import approve_all
from reviewloop.app.batch.spec_changes import runs_needed_by
from reviewloop.app.batch.stack import Conflict, Waiting, conflict_below, no_merge
from reviewloop.app.fleet.snapshot import BranchSource, CurrentCheckout, Snapshot
from reviewloop.domain.batch_report import QueueEntry, QueueReport
from reviewloop.domain.errors import UsageError
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.render.batch import ON_ITS_WAY
from reviewloop.render.reasons import together
from reviewloop.store.runs import RunRecord, RunStatus

_ON_ITS_WAY = reason(ReasonKind.ERROR, text=ON_ITS_WAY)


def note_now(source: BranchSource, run: RunRecord, why: Reason) -> Reason:
    """Return the reason of a waiting run's status, with the outcome of its latest answer.

    `why` is the reason without it. A note that names a finished run is left out.
    """
    note = source.snapshot.notes.get(run.run_id, NO_REASON)
    over = {other.run_id for other in source.snapshot.runs if other.status.over}
    if not note or note == because_of(run) or not over.isdisjoint(note.runs):
        return why
    # A run's own reason is the outcome of an earlier answer.
    return note if run.because else together(note, why)


def conflict_of(source: BranchSource, run: RunRecord) -> Conflict | None:
    """Return why a waiting run does not merge, if that is known."""
    waiting = source.queue.waiting
    one = next((one for one in waiting if one.run.run_id == run.run_id), None)
    return conflict_below(source, one, waiting) if one else None


def below(source: BranchSource, run: RunRecord) -> list[tuple[Waiting, str]]:
    """Return the waiting runs that must be on the branch before a run, each with the reason."""
    waiting = source.queue.waiting
    needs = runs_needed_by(run, (one.run for one in waiting))
    found = []
    for one in waiting:
        other = one.run.run_id
        if one.commit == run.base_commit and other != run.run_id:
            found.append((one, f"builds on {other}"))
        elif other in needs:
            found.append((one, f"needs what {other} does"))
    return found


def one_branch(snapshot: Snapshot, name: str, here: CurrentCheckout | None) -> BranchSource:
    """Return the branch that a command on the whole queue means.

    That is the one of this name, else that of a checkout whose repository is known, else the only
    one with waiting runs. Raises `UsageError` where there is none or more than one.
    """
    asking = [one for one in snapshot.branches if one.queue.waiting or one.queue.blocked]
    if not asking:
        raise UsageError("nothing waits in the queue; `reviewloop status` lists the runs")
    mine = here if here and any(map(here.has, snapshot.abouts.values())) else None
    waiting = [one for one in asking if one.queue.waiting]
    meant = name or (mine.branch if mine else "")
    # A blocked run alone does not decide which branch is meant.
    known = asking if meant else waiting or asking
    found = [one for one in known if not meant or one.is_called(meant)]
    own = [one for one in found if mine and mine.has(one.about)]
    found = own if own or (mine and not name) else found
    names = [one.name for one in found or waiting or asking]
    listed = f"waiting: {', '.join(names)}"
    if not found:
        raise UsageError(f"nothing waits on {meant}; {listed} (`--branch NAME`)")
    if len(found) == 1:
        return found[0]
    if meant:
        which = f"--branch {quote(names[-1])}"
        raise UsageError(
            f"{meant} is a branch of several repositories; {listed}; say which with `{which}`"
        )
    raise UsageError(f"more than one branch is {listed}; say which with `--branch NAME`")


def queue_report(snapshot: Snapshot, branch: str = "") -> QueueReport:
    """Return the queue, of a branch if it is named, and what `--all` would do.

    The latter only for a single branch: an approval of everything is for one.
    """
    sources = [one for one in snapshot.branches if not branch or one.is_called(branch)]
    runs = [(source, run) for source in sources for run in _asking(source)]
    asking = list(dict.fromkeys(source for source, _ in runs))
    every = None
    if len(asking) == 1:
        seen = estimate_approval(asking[0], asking[0].queue, snapshot.answers)
        every = approve_all(seen, "waits for the answers that are on their way")
    return QueueReport(branch, tuple(_entry(source, run) for source, run in runs), every)


def _asking(source: BranchSource) -> Sequence[RunRecord]:
    """Return the runs of a branch that ask, in the order of their commits."""
    runs = [*(one.run for one in source.queue.waiting), *source.queue.blocked]
    known = {run.run_id for run in runs}
    # A worker reports the proposal of a run a moment after the run is saved.
    runs += [
        run
        for run in source.runs.all()
        if run.status is RunStatus.WAITING and run.run_id not in known
    ]
    return [run for run in runs if run.run_id in source.snapshot.shown]


def _entry(source: BranchSource, run: RunRecord) -> QueueEntry:
    queue, shown = source.queue, source.snapshot.shown[run.run_id]
    stale = any(one.run.run_id == run.run_id for one in queue.stale)
    met, found = conflict_of(source, run), shown.report
    why = no_merge(met) if met else note_now(source, run, found.because)
    moved = _moved(source, run, found.below) if stale and not met else NO_REASON
    on_its_way = _ON_ITS_WAY if run.run_id in source.snapshot.answers else NO_REASON
    because = together(on_its_way, why, moved)
    report = replace(found, branch=run.branch, state=str(run.status), because=because)
    return QueueEntry(report, remote=source.about.address, proposed=shown.proposed)


def _moved(source: BranchSource, run: RunRecord, builds_on: str) -> Reason:
    """Return what approving a run that is not on its branch does first."""
    over = (one for one in source.runs.all() if one.run_id == builds_on and one.status.over)
    below = next(over, None)
    rejected = below is not None and below.status is not RunStatus.COMMITTED
    lacked = f"it builds on a commit that {run.branch} lacks"
    what = f"{below.run_id} was rejected" if below and rejected else lacked
    text = f"{what}, so approving rebases this onto {run.branch} first, then asks you again"
    return reason(ReasonKind.ERROR if rejected else ReasonKind.BUILDS_ON, text=text)
