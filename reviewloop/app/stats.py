"""The figures of runs: computed from what each stored, and summed for `stats`."""

import hashlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from statistics import mean, median
from typing import Any

from reviewloop.app.state_check import JOURNAL
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.event import RunEvent
from reviewloop.domain.finding import Finding, Severity, Status
from reviewloop.loop.usage import usage_figures
from reviewloop.render.counts import BY_USER, OUTCOMES
from reviewloop.render.stats_figures import (
    Approval,
    CoverageOfRuns,
    Documentation,
    FindingFigures,
    FirstPass,
    Money,
    Outcomes,
    PerTask,
    RedLeft,
    Resolution,
    Share,
    Spread,
    StatsFigures,
    Structure,
    Tally,
    Targets,
    TimesToCommit,
    Week,
)
from reviewloop.review.silencing import is_user_dismissal
from reviewloop.store.blobs import Blobs
from reviewloop.store.events import read_events
from reviewloop.store.journal import Journal
from reviewloop.store.metrics import FindingCount, MetricsStore, RunMetrics
from reviewloop.store.runs import RunRecord, RunStatus, RunStore

AUTOPILOT, QUEUE = "autopilot", "the queue"
"""The names of answers that no user gave: by autopilot, by the queue."""

_AT_WORK = {RunStatus.RUNNING, RunStatus.PAUSED}
_LEFT = {Status.OPEN, Status.UNRESOLVED}


def remember(repository: Path, record: RunRecord) -> str:
    """Write the row of a run that is not in progress; return the error, or "".

    `repository` is our folder about the repository. Repeating it replaces the row.
    """
    if record.status in _AT_WORK:
        return ""
    try:
        row = _measured(repository, record)
        with closing(MetricsStore(repository)) as store:
            store.save([row])
    except WorkspaceError as error:
        return f"the figures of run {record.run_id} were not kept for `reviewloop stats`: {error}"
    return ""


def catch_up(repository: Path, runs: RunStore, store: MetricsStore) -> list[str]:
    """Add the rows of runs whose row is missing or older than their record.

    These are of earlier releases, or were killed, ended or undone. Returns one sentence for each
    run that cannot be read. Raises the store's `WorkspaceError`.
    """
    known = store.stamps()
    stale = {
        ident
        for ident, (status, at) in runs.stamps().items()
        if status not in _AT_WORK and known.get(ident) != at
    }
    rows, problems = [], []
    for record in runs.all() if stale else ():
        if record.run_id in stale:
            try:
                rows.append(_measured(repository, record))
            except WorkspaceError as error:
                problems.append(str(error))
    if rows:
        store.save(rows)
    return problems


def _measured(repository: Path, record: RunRecord) -> RunMetrics:
    """Return the row of a run; raise `WorkspaceError` when its files cannot be read."""
    folder = repository / "runs" / record.run_id
    try:
        return _row(folder, record)
    except (WorkspaceError, sqlite3.Error, OSError, LookupError, TypeError, ValueError) as error:
        raise WorkspaceError(
            f"run {record.run_id} is not counted: what it left in {folder} cannot be read ({error})"
        ) from error


def _row(folder: Path, record: RunRecord) -> RunMetrics:
    proposal: Mapping[str, Any] = {}
    if record.proposal:
        proposal = Blobs(folder / "blobs").get_json(record.proposal)
    events = [event for event, _ in read_events(folder / "events.jsonl")]
    decision = _decision(record, events)
    measured = _coverage(proposal)
    committed = [event["at"] for event in events if event.get("kind") == "committed"]
    over = record.status in {RunStatus.COMMITTED, RunStatus.UNDONE}
    return RunMetrics(
        run_id=record.run_id,
        kind=_kind(record, proposal),
        status=str(record.status),
        begun_at=record.created_at,
        record_at=record.updated_at,
        task_id=record.task_id,
        spec_path=record.spec_path,
        called=hashlib.sha256(record.title.encode()).hexdigest()[:12] if record.task_id else "",
        committed_at=float(committed[-1]) if committed and over else 0.0,
        first_review=_first_review(events, proposal),
        decision=decision,
        modifications=_modifications(events, proposal),
        taken_over=decision == "rejected" and bool(record.options.get("exported")),
        rounds=_rounds(events),
        seconds=round(record.active_seconds, 1),
        new_lines=measured[0],
        missing_lines=measured[1],
        findings=_counted(proposal.get("findings", ())),
        dismissed_by_people=_by_people(proposal.get("findings", ())),
        **_of_change(proposal),
        **_used(folder / JOURNAL),
    )


def _kind(record: RunRecord, proposal: Mapping[str, Any]) -> str:
    if record.options.get("first"):
        return "fix"
    if not record.task_id:
        return "change"
    # Any other run without a change is blocked.
    checked = proposal and not proposal["files"] and not proposal["blocked"]
    return "checkpoint" if checked else "task"


def _used(journal: Path) -> dict[str, Any]:
    if not journal.exists():  # ended before a model was asked
        return {"usd": 0.0}
    with closing(Journal(journal)) as opened:
        used = usage_figures(opened)
    return {
        "usd": used["cost_usd"],
        "calls": used["calls"],
        "input": used["input"],
        "output": used["output"],
        "cache_read": used["cache_read"],
        "cache_write": used["cache_write"],
    }


def _counted(findings: Iterable[Mapping[str, Any]]) -> tuple[FindingCount, ...]:
    """Count findings, without the user's own requests."""
    counts = Counter(
        (tuple(sorted(one["agents"])), str(one["severity"]), str(one["status"]))
        for one in findings
        if BY_USER not in one["agents"]
    )
    return tuple(FindingCount(*key, count) for key, count in sorted(counts.items()))


def _by_people(findings: Iterable[Mapping[str, Any]]) -> int:
    """Return how many red and yellow findings people dismissed, without those reviewers
    rejected.
    """
    listed = (Finding.model_validate(f) for f in findings if f["status"] == Status.DISMISSED)
    return sum(f.severity.actionable and is_user_dismissal(f) for f in listed)


def _coverage(proposal: Mapping[str, Any]) -> tuple[int | None, int]:
    """Return the new lines that tests could run, and how many of them no test ran."""
    for gate in proposal.get("gates", ()):
        details = gate["details"]
        if gate["name"] == "coverage" and details.get("new_lines"):
            return int(details["new_lines"]), int(details["missing_lines"])
    return None, 0


def _of_change(proposal: Mapping[str, Any]) -> dict[str, Any]:
    """Return the governance gate's measures of the change, and the counts of structural
    findings.
    """
    rules = [str(one.get("rule", "")) for one in proposal.get("findings", ())]
    found = {
        "arch_findings": sum(rule.startswith("arch/") for rule in rules),
        "copy_findings": rules.count("diff/copied-code"),
    }
    for gate in proposal.get("gates", ()):
        details = gate["details"] if gate["name"] == "governance" else {}
        if "public_names" in details:  # not from an earlier release
            names = ("complexity_before", "complexity_after", "public_names", "described_names")
            found |= {name: details[name] for name in names}
    return found


def _first_review(events: Sequence[RunEvent], proposal: Mapping[str, Any]) -> str:
    """Return the result of the first full reading by the reviewers, before any fix."""
    begun = _until(events, "proposed", "round")  # a fix round comes after the first review
    failed = any(e.get("kind") == "reviewer.end" and e.get("status") == "failed" for e in begun)
    collected = next((e for e in begun if e.get("kind") == "collected"), None)
    if collected is None:
        return "incomplete" if failed else "none"
    if "left" in collected:
        found = collected["left"]
        if found[Severity.MUST_FIX] or found[Severity.SHOULD_FIX]:
            return "findings"
        return "incomplete" if collected["failed"] else "clean"
    return _first_review_of_an_earlier_release(events, proposal, failed=failed)


def _first_review_of_an_earlier_release(
    events: Sequence[RunEvent], proposal: Mapping[str, Any], *, failed: bool
) -> str:
    """Return the same where no event holds the findings left after the review."""
    if any(event.get("kind") == "round" for event in _until(events, "proposed")):
        return "findings"
    if proposal.get("rounds", {}).get("cycle", 1):
        return "unknown"  # the proposal is about a later change of the user
    left = [f for f in proposal.get("findings", ()) if f["status"] in _LEFT]
    if any(Severity(finding["severity"]).actionable for finding in left):
        return "findings"
    return "incomplete" if failed else "clean"


def _rounds(events: Sequence[RunEvent]) -> int:
    """Return the number of fix rounds in all cycles; one repeated after a crash counts once."""
    total = latest = 0
    for event in events:
        if event.get("kind") == "round":
            latest = max(latest, int(event["number"]))
        elif _is_answer(event, "modify"):
            total, latest = total + latest, 0
    return total + latest


def _modifications(events: Sequence[RunEvent], proposal: Mapping[str, Any]) -> int:
    """Return how often a user requested a modification, including one in progress."""
    done = int(proposal.get("rounds", {}).get("cycle", 0))
    latest = [e for e in events if e.get("kind") == "proposed" or _is_answer(e, "modify")][-1:]
    return done + any(_is_answer(event, "modify") for event in latest)


def _decision(record: RunRecord, events: Sequence[RunEvent]) -> str:
    """Return the decision on the run, and whether a user made it."""
    if record.status in {RunStatus.COMMITTED, RunStatus.UNDONE}:
        return "autopilot" if record.approved_by == AUTOPILOT else "approved"
    if record.status is not RunStatus.SKIPPED:
        return ""
    answers = [event for event in events if event.get("kind") == "answer"]
    if not answers or answers[-1].get("choice") != "skip":
        return "given_up"  # it was stopped, so nothing was decided on the change
    return "redone" if answers[-1].get("by") == QUEUE else "rejected"


def _is_answer(event: RunEvent, choice: str) -> bool:
    return event.get("kind") == "answer" and event.get("choice") == choice


def _until(events: Sequence[RunEvent], *kinds: str) -> list[RunEvent]:
    """Return the events before the first of these kinds."""
    kept = []
    for event in events:
        if event.get("kind") in kinds:
            break
        kept.append(event)
    return kept


TARGETS: Targets = {"first_pass": 0.95, "coverage": 0.8, "red_left": 0, "documentation": 1.0}

_WORK = {"task", "change"}  # the other kinds have no change, or no review of their own
_UNDECIDED_OR_KEPT = {"committed", "waiting"}  # the change is committed, or can be approved


@dataclass(frozen=True)
class Chosen:
    """The runs to sum: those started since a time, of one spec; all by default."""

    since: float = 0.0
    spec: str = ""

    def of(self, row: RunMetrics) -> bool:
        """Return whether a run is included."""
        return row.begun_at >= self.since and self.spec in ("", row.spec_path)


def _all_called(rows: Sequence[RunMetrics]) -> list[RunMetrics]:
    """Return rows in which those of earlier releases get the title of the next one with
    their id.
    """
    later: dict[tuple[str, str], str] = {}
    found = []
    for row in reversed(rows):
        at = (row.spec_path, row.task_id)
        later[at] = row.called or later.get(at, "")
        found.append(replace(row, called=later[at]))
    return found[::-1]


def share_of(count: int, of: int) -> Share:
    """Return a part of a whole."""
    return {"rate": count / of if of else None, "count": count, "of": of}


_NOTHING: Mapping[str, float] = {}


def figures(
    rows: Sequence[RunMetrics],
    spec_dates: Mapping[str, float],
    chosen: Chosen,
    approvals: Mapping[str, float] = _NOTHING,
    shared: Share | None = None,
) -> StatsFigures:
    """Return all figures of `stats` as JSON-plain values.

    `rows` are those of all runs, as together they show which run of a task was the first.
    `spec_dates` is when each spec was added, `approvals` when it was first approved, `shared` how
    many of those were approved by several people.
    """
    rows = _all_called(rows)
    first = _first_reviews(rows)
    mine = [row for row in rows if chosen.of(row)]
    work = [row for row in mine if row.kind in _WORK]
    reviewed = [row for row in work if row.run_id in first]
    return {
        "since": chosen.since,
        "spec": chosen.spec,
        "runs": len(work),
        "tasks": len({row.task for row in work}),
        "checkpoints": len({row.task for row in mine if row.kind == "checkpoint"}),
        "targets": TARGETS,
        "first_pass": _first_pass(work, reviewed),
        "coverage": _coverage_shown(work),
        "red_left": _red_left(work),
        "findings": _findings(work),
        "resolution": _resolution(work),
        "documentation": _documentation(work),
        "structure": _structure(work),
        "shared_specs": shared or share_of(0, 0),
        "approval": _approval(work),
        "edits": {
            "modifications": sum(row.modifications for row in work),
            "modified_runs": sum(row.modifications > 0 for row in work),
            "taken_over": sum(row.taken_over for row in work),
        },
        "per_task": _per_task(work),
        "to_commit": _to_commit(work, spec_dates, approvals),
        "money": _money(mine),
        "weeks": _weeks(work, first),
        "repository": None,
    }


def _first_reviews(rows: Sequence[RunMetrics]) -> set[str]:
    """Return the runs that count for the first pass: of each task the first that was reviewed."""
    found: dict[tuple[str, str, str], str] = {}
    for row in rows:
        if row.kind in _WORK and row.first_review != "none":
            found.setdefault(row.task, row.run_id)
    return set(found.values())


def _first_pass(work: Sequence[RunMetrics], reviewed: Sequence[RunMetrics]) -> FirstPass:
    ends = [row.first_review for row in reviewed]
    clean, unknown = ends.count("clean"), ends.count("unknown")
    known = len(ends) - unknown
    without = {row.task for row in work} - {r.task for r in work if r.first_review != "none"}
    return {
        "rate": clean / known if known else None,
        "clean": clean,
        "findings": ends.count("findings"),
        "incomplete": ends.count("incomplete"),
        "unknown": unknown,
        "not_reviewed": len(without),
    }


def _coverage_shown(work: Sequence[RunMetrics]) -> CoverageOfRuns:
    counted = [row for row in work if row.status in _UNDECIDED_OR_KEPT]
    measured = [row for row in counted if row.new_lines]
    new = sum(row.new_lines or 0 for row in measured)
    covered = new - sum(row.missing_lines for row in measured)
    return {
        "rate": covered / new if new else None,
        "new_lines": new,
        "covered_lines": covered,
        "not_measured_runs": len(counted) - len(measured),
    }


def _red_left(work: Sequence[RunMetrics]) -> RedLeft:
    counts = [_red_of(row) for row in work if row.status in _UNDECIDED_OR_KEPT]
    return {"count": sum(counts), "runs": sum(map(bool, counts)), "of_runs": len(counts)}


def _red_of(row: RunMetrics) -> int:
    reds = (one for one in row.findings if one.severity == Severity.MUST_FIX)
    return sum(one.count for one in reds if OUTCOMES.get(Status(one.status)) == "left")


def _findings(work: Sequence[RunMetrics]) -> FindingFigures:
    counts = [one for row in work for one in row.findings]
    reviewers: dict[str, list[FindingCount]] = defaultdict(list)
    for one in counts:
        for agent in one.agents:
            reviewers[agent].append(one)
    return {
        "all": _tally(counts),
        "dismissed_by_people": sum(row.dismissed_by_people for row in work),
        "by_reviewer": [
            {"reviewer": name, **_tally(reviewers[name])} for name in sorted(reviewers)
        ],
    }


def _tally(counts: Iterable[FindingCount]) -> Tally:
    """Count findings by severity and outcome; silenced ones are counted apart."""
    tally = {str(s): Outcomes(found=0, fixed=0, dismissed=0, left=0) for s in Severity}
    silenced = 0
    for one in counts:
        outcome = OUTCOMES.get(Status(one.status))
        if outcome is None:
            silenced += one.count
            continue
        tally[one.severity]["found"] += one.count
        tally[one.severity][outcome] += one.count
    return {
        "must_fix": tally[Severity.MUST_FIX],
        "should_fix": tally[Severity.SHOULD_FIX],
        "nit": tally[Severity.NIT],
        "silenced": silenced,
    }


def _approval(work: Sequence[RunMetrics]) -> Approval:
    decided = [row.decision for row in work]
    approved = [row for row in work if row.decision == "approved"]
    answered = len(approved) + decided.count("rejected")
    return {
        "rate": len(approved) / answered if answered else None,
        "approved": len(approved),
        "rejected": decided.count("rejected"),
        "autopilot": decided.count("autopilot"),
        "redone": decided.count("redone"),
        "given_up": decided.count("given_up"),
        "approved_as_shown": sum(not row.modifications for row in approved),
        "approved_after_modifications": sum(row.modifications > 0 for row in approved),
        "undone": sum(row.status == "undone" for row in work),
        "waiting": sum(row.status == "waiting" for row in work),
        "blocked": sum(row.status == "blocked" for row in work),
    }


def _per_task(work: Sequence[RunMetrics]) -> PerTask:
    tasks: dict[tuple[str, str, str], list[RunMetrics]] = defaultdict(list)
    for row in work:
        tasks[row.task].append(row)
    priced = [runs for runs in tasks.values() if all(row.usd is not None for row in runs)]
    return {
        "rounds": _spread([sum(row.rounds for row in runs) for runs in tasks.values()]),
        "seconds": _spread([sum(row.seconds for row in runs) for runs in tasks.values()]),
        "usd": _spread([sum(row.usd or 0.0 for row in runs) for runs in priced]),
    }


def _resolution(work: Sequence[RunMetrics]) -> Resolution:
    """Return how many red and yellow findings were fixed, or dismissed with a reason."""
    tally = _tally(one for row in work for one in row.findings)
    acted = tally["must_fix"], tally["should_fix"]  # the loop fixes these
    found = sum(one["found"] for one in acted)
    resolved = sum(one["fixed"] + one["dismissed"] for one in acted)
    return {"rate": resolved / found if found else None, "resolved": resolved, "found": found}


def _documentation(work: Sequence[RunMetrics]) -> Documentation:
    """Return how many of the public names in changes have a description."""
    measured = [row for row in work if row.status in _UNDECIDED_OR_KEPT and row.public_names]
    names = sum(row.public_names or 0 for row in measured)
    described = sum(row.described_names for row in measured)
    return {"rate": described / names if names else None, "described": described, "names": names}


def _structure(work: Sequence[RunMetrics]) -> Structure:
    """Return how complexity grew, and the findings about architecture and copies."""
    kept = [row for row in work if row.status in _UNDECIDED_OR_KEPT]
    measured = [row for row in kept if row.complexity_before is not None]
    return {
        "complexity_growth": sum(
            row.complexity_after - (row.complexity_before or 0) for row in measured
        ),
        "arch_findings": sum(row.arch_findings for row in work),
        "copy_findings": sum(row.copy_findings for row in work),
    }


def _first_commits(work: Sequence[RunMetrics], approvals: Mapping[str, float]) -> Iterator[float]:
    """Yield the seconds from each spec's approval to the first commit of one of its tasks."""
    for spec, at in approvals.items():
        commits = [row.committed_at for row in work if row.spec_path == spec]
        if after := [committed for committed in commits if committed >= at]:
            yield min(after) - at


def _to_commit(
    work: Sequence[RunMetrics], spec_dates: Mapping[str, float], approvals: Mapping[str, float]
) -> TimesToCommit:
    done = [row for row in work if row.committed_at]
    since = [
        row.committed_at - spec_dates[row.spec_path] for row in done if row.spec_path in spec_dates
    ]
    return {
        "from_begin": _spread([row.committed_at - row.begun_at for row in done]),
        "from_spec": _spread([seconds for seconds in since if seconds >= 0]),
        "from_approval": _spread([*_first_commits(work, approvals)]),
    }


def _spread(values: Sequence[float]) -> Spread:
    if not values:
        return {"count": 0, "median": None, "mean": None, "most": None}
    return {
        "count": len(values),
        "median": round(median(values), 6),
        "mean": round(mean(values), 6),
        "most": round(max(values), 6),
    }


def _money(mine: Sequence[RunMetrics]) -> Money:
    fixes = [row for row in mine if row.kind == "fix"]
    return {
        "usd": round(sum(row.usd or 0.0 for row in mine), 6),
        "unpriced_runs": sum(row.usd is None for row in mine),
        "fix_runs": len(fixes),
        "fix_usd": round(sum(row.usd or 0.0 for row in fixes), 6),
        "calls": sum(row.calls for row in mine),
        "input": sum(row.input for row in mine),
        "output": sum(row.output for row in mine),
        "cache_read": sum(row.cache_read for row in mine),
        "cache_write": sum(row.cache_write for row in mine),
    }


def _weeks(work: Sequence[RunMetrics], first: set[str]) -> list[Week]:
    """Return the figures of each week from the first run's to the last one's, empty weeks too."""
    by_week: dict[date, list[RunMetrics]] = defaultdict(list)
    for row in work:
        day = date.fromtimestamp(row.begun_at)
        by_week[day - timedelta(days=day.weekday())].append(row)
    if not by_week:
        return []
    monday, weeks = min(by_week), list[Week]()
    while monday <= max(by_week):
        runs = by_week.get(monday, [])
        weeks.append(
            {
                "monday": monday.isoformat(),
                "runs": len(runs),
                "first_pass": _first_pass(runs, [r for r in runs if r.run_id in first])["rate"],
                "coverage": _coverage_shown(runs)["rate"],
                "resolution": _resolution(runs)["rate"],
                "documentation": _documentation(runs)["rate"],
                **_structure(runs),
                "red_left": _red_left(runs)["count"],
                "usd": round(sum(row.usd or 0.0 for row in runs), 6),
            }
        )
        monday += timedelta(days=7)
    return weeks
