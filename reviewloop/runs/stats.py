"""Adds the figures of runs up to what `stats` shows; docs/stats.md says how each is counted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import mean, median
from typing import Any

from reviewloop.findings import Severity, Status
from reviewloop.output.counts import OUTCOMES
from reviewloop.store.metrics import FindingCount, RunMetrics

TARGETS = {"first_pass": 0.95, "coverage": 0.8, "red_left": 0}

_WORK = {"task", "change"}  # the other kinds have no change, or no review of their own
_STANDING = {"committed", "waiting"}  # what is in the repository, or may be with one word


@dataclass(frozen=True)
class Chosen:
    """The runs to be added up: those begun since a time, of one spec; all by default."""

    since: float = 0.0
    spec: str = ""

    def of(self, row: RunMetrics) -> bool:
        """Whether a run is among them."""
        return row.begun_at >= self.since and self.spec in ("", row.spec_path)


def _all_called(rows: Sequence[RunMetrics]) -> list[RunMetrics]:
    """Return rows of which those of earlier releases are called as the next one of their id."""
    later: dict[tuple[str, str], str] = {}
    found = []
    for row in reversed(rows):
        at = (row.spec_path, row.task_id)
        later[at] = row.called or later.get(at, "")
        found.append(replace(row, called=later[at]))
    return found[::-1]


def figures(
    rows: Sequence[RunMetrics], births: Mapping[str, float], chosen: Chosen
) -> dict[str, Any]:
    """Return everything that `stats` shows as JSON-plain values.

    `rows` are those of all runs: which run of a task was its first one they tell together.
    `births` says when each spec came into the repository.
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
        "coverage": _coverage(work),
        "red_left": _red_left(work),
        "findings": _findings(work),
        "approval": _approval(work),
        "edits": {
            "modifications": sum(row.modifications for row in work),
            "modified_runs": sum(row.modifications > 0 for row in work),
            "taken_over": sum(row.taken_over for row in work),
        },
        "per_task": _per_task(work),
        "to_commit": _to_commit(work, births),
        "money": _money(mine),
        "weeks": _weeks(work, first),
    }


def _first_reviews(rows: Sequence[RunMetrics]) -> set[str]:
    """Return the runs that count for the first pass: of each task the first that was reviewed."""
    found: dict[tuple[str, str, str], str] = {}
    for row in rows:
        if row.kind in _WORK and row.first_review != "none":
            found.setdefault(row.task, row.run_id)
    return set(found.values())


def _first_pass(work: Sequence[RunMetrics], reviewed: Sequence[RunMetrics]) -> dict[str, Any]:
    ends = [row.first_review for row in reviewed]
    counts = {end: ends.count(end) for end in ("clean", "findings", "incomplete", "unknown")}
    known = len(ends) - counts["unknown"]
    without = {row.task for row in work} - {r.task for r in work if r.first_review != "none"}
    return {
        "rate": counts["clean"] / known if known else None,
        **counts,
        "not_reviewed": len(without),
    }


def _coverage(work: Sequence[RunMetrics]) -> dict[str, Any]:
    standing = [row for row in work if row.status in _STANDING]
    measured = [row for row in standing if row.new_lines]
    new = sum(row.new_lines or 0 for row in measured)
    covered = new - sum(row.missing_lines for row in measured)
    return {
        "rate": covered / new if new else None,
        "new_lines": new,
        "covered_lines": covered,
        "not_measured_runs": len(standing) - len(measured),
    }


def _red_left(work: Sequence[RunMetrics]) -> dict[str, Any]:
    counts = [_red_of(row) for row in work if row.status in _STANDING]
    return {"count": sum(counts), "runs": sum(map(bool, counts)), "of_runs": len(counts)}


def _red_of(row: RunMetrics) -> int:
    reds = (one for one in row.findings if one.severity == Severity.MUST_FIX)
    return sum(one.count for one in reds if OUTCOMES.get(Status(one.status)) == "left")


def _findings(work: Sequence[RunMetrics]) -> dict[str, Any]:
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


def _tally(counts: Iterable[FindingCount]) -> dict[str, Any]:
    """Count findings by severity, and what became of those; silenced ones stand apart."""
    tally = {str(s): dict.fromkeys(("found", "fixed", "dismissed", "left"), 0) for s in Severity}
    silenced = 0
    for one in counts:
        outcome = OUTCOMES.get(Status(one.status))
        if outcome is None:
            silenced += one.count
            continue
        tally[one.severity]["found"] += one.count
        tally[one.severity][outcome] += one.count
    return {**tally, "silenced": silenced}


def _approval(work: Sequence[RunMetrics]) -> dict[str, Any]:
    decided = [row.decision for row in work]
    counts = {
        name: decided.count(name)
        for name in ("approved", "rejected", "autopilot", "redone", "given_up")
    }
    approved = [row for row in work if row.decision == "approved"]
    asked = counts["approved"] + counts["rejected"]
    return {
        "rate": counts["approved"] / asked if asked else None,
        **counts,
        "approved_as_shown": sum(not row.modifications for row in approved),
        "approved_after_modifications": sum(row.modifications > 0 for row in approved),
        "undone": sum(row.status == "undone" for row in work),
        "waiting": sum(row.status == "waiting" for row in work),
        "blocked": sum(row.status == "blocked" for row in work),
    }


def _per_task(work: Sequence[RunMetrics]) -> dict[str, Any]:
    tasks: dict[tuple[str, str, str], list[RunMetrics]] = defaultdict(list)
    for row in work:
        tasks[row.task].append(row)
    priced = [runs for runs in tasks.values() if all(row.usd is not None for row in runs)]
    return {
        "rounds": _spread([sum(row.rounds for row in runs) for runs in tasks.values()]),
        "seconds": _spread([sum(row.seconds for row in runs) for runs in tasks.values()]),
        "usd": _spread([sum(row.usd or 0.0 for row in runs) for runs in priced]),
    }


def _to_commit(work: Sequence[RunMetrics], births: Mapping[str, float]) -> dict[str, Any]:
    done = [row for row in work if row.committed_at]
    since = [row.committed_at - births[row.spec_path] for row in done if row.spec_path in births]
    return {
        "from_begin": _spread([row.committed_at - row.begun_at for row in done]),
        "from_spec": _spread([seconds for seconds in since if seconds >= 0]),
    }


def _spread(values: Sequence[float]) -> dict[str, Any]:
    if not values:
        return {"count": 0, "median": None, "mean": None, "most": None}
    return {
        "count": len(values),
        "median": round(median(values), 6),
        "mean": round(mean(values), 6),
        "most": round(max(values), 6),
    }


def _money(mine: Sequence[RunMetrics]) -> dict[str, Any]:
    fixes = [row for row in mine if row.kind == "fix"]
    names = ("calls", "input", "output", "cache_read", "cache_write")
    return {
        "usd": round(sum(row.usd or 0.0 for row in mine), 6),
        "unpriced_runs": sum(row.usd is None for row in mine),
        "fix_runs": len(fixes),
        "fix_usd": round(sum(row.usd or 0.0 for row in fixes), 6),
        **{name: sum(getattr(row, name) for row in mine) for name in names},
    }


def _weeks(work: Sequence[RunMetrics], first: set[str]) -> list[dict[str, Any]]:
    """Return the figures of each week from the first run's to the last one's, empty weeks too."""
    by_week: dict[date, list[RunMetrics]] = defaultdict(list)
    for row in work:
        day = date.fromtimestamp(row.begun_at)
        by_week[day - timedelta(days=day.weekday())].append(row)
    if not by_week:
        return []
    monday, weeks = min(by_week), []
    while monday <= max(by_week):
        runs = by_week.get(monday, [])
        weeks.append(
            {
                "monday": monday.isoformat(),
                "runs": len(runs),
                "first_pass": _first_pass(runs, [r for r in runs if r.run_id in first])["rate"],
                "coverage": _coverage(runs)["rate"],
                "red_left": _red_left(runs)["count"],
                "usd": round(sum(row.usd or 0.0 for row in runs), 6),
            }
        )
        monday += timedelta(days=7)
    return weeks
