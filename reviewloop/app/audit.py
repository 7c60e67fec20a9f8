"""Writes and reads the audit trail of approvals: by whom, on what grounds, at what cost."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewloop.app.attestations import keep_attestations
from reviewloop.app.project import Repository, settings_of
from reviewloop.domain.errors import ReviewLoopError, UsageError
from reviewloop.domain.finding import Finding, Status
from reviewloop.git.process import Git
from reviewloop.loop.approval_act import Act
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles
from reviewloop.store.audit import AuditFile, AuditRow
from reviewloop.store.blobs import Blobs
from reviewloop.store.events import read_events
from reviewloop.store.runs import RunRecord, RunStatus

UNNAMED = "a person"
"""The name of an approver where audit.names is off."""


def keep_trail(repository: Repository, runs: Iterable[RunRecord]) -> str:
    """Add missing rows to the trail: one for each commit, and one for each undone commit.

    Returns the error, or "": `audit` tries again, and nothing else depends on it.
    """
    try:
        return "; ".join(_keep(repository, runs))
    except (OSError, ReviewLoopError) as error:
        return f"the audit trail was not written ({error}); `reviewloop audit` tries again"


def _keep(repository: Repository, runs: Iterable[RunRecord]) -> list[str]:
    trail, problems = AuditFile(repository.folder), list[str]()
    for run in runs:
        if run.status is RunStatus.COMMITTED and run.commit:
            body = _committed(repository, run)
            if trail.append(body, once=f"commit {run.commit}"):
                row = [one for one in trail.rows() if one.body["commit"] == run.commit][-1]
                problems += keep_attestations(repository, run, row)
        elif run.status is RunStatus.UNDONE and run.commit:
            body = {"kind": "undo", "at": run.updated_at, "run": run.run_id, "commit": run.commit}
            trail.append(body, once=f"undo {run.commit}")
    return problems


def catch_up(repository: Repository) -> list[str]:
    """Add the rows of runs whose process ended too early; return errors of attestations."""
    known = {row.body.get("key") for row in AuditFile(repository.folder).rows()}
    late = [
        run
        for run in reversed(repository.runs.listed())
        if run.commit and not {f"commit {run.commit}", f"undo {run.commit}"} & known
    ]
    return _keep(repository, late)


def rows_of(
    repository: Repository, named: str | None = None, since: float = 0.0, spec: str = ""
) -> list[AuditRow]:
    """Return rows of the trail: of a run, since a time (seconds since 1970), of a spec."""
    rows = [
        row
        for row in AuditFile(repository.folder).rows()
        if row.body.get("at", 0.0) >= since
        and (not named or row.body.get("run") == named)
        and (not spec or spec in str(row.body.get("spec", {}).get("path", "")))
    ]
    if named and not rows:
        raise UsageError(
            f"the audit trail has no row of run {named!r}; `reviewloop audit` shows all"
        )
    return rows


@dataclass
class SpecApprovals:
    """When a spec was first approved, and by whom since."""

    at: float
    people: set[str]


def spec_approvals(folder: Path) -> dict[str, SpecApprovals]:
    """Return path -> approvals of each spec, from the trail of a repository's folder."""
    found: dict[str, SpecApprovals] = {}
    for row in AuditFile(folder).rows():
        if row.body.get("kind") == "spec":
            path, at = str(row.body["spec"]["path"]), float(row.body["at"])
            found.setdefault(path, SpecApprovals(at, set()))
            found[path].people.add(str(row.body.get("approved_by", "")))
    return found


def missing_commits(repository: Repository, rows: Iterable[AuditRow]) -> list[str]:
    """Return the commits of rows that git no longer has."""
    commits = [str(row.body["commit"]) for row in rows if row.body.get("kind") == "commit"]
    if not commits:
        return []
    git = Git(repository.user.git_dir, cwd=repository.user.root)
    listing = "\n".join(commits).encode() + b"\n"
    output = git.run("cat-file", "--batch-check=%(objecttype)", input=listing).decode()
    return [
        commit
        for commit, line in zip(commits, output.splitlines(), strict=True)
        if line != "commit"
    ]


def _committed(repository: Repository, run: RunRecord) -> dict[str, Any]:
    evidence = run.evidence
    proposal: Mapping[str, Any] = {}
    with suppress(ReviewLoopError, OSError, ValueError):
        proposal = repository.proposal(run) or {}
    usage = proposal.get("usage", {})
    by_name = settings_of(run).audit.names
    act = _act(evidence.get("act", {}), by_name=by_name)
    approvals = [
        {"by": one["by"] if by_name else UNNAMED, "act": _act(one, by_name=by_name)}
        for one in evidence.get("approvals", ())
    ]
    return {
        "kind": "commit",
        "at": run.updated_at,
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(run.updated_at)),
        "run": run.run_id,
        "task": run.task_id,
        "title": run.title,
        "commit": run.commit,
        "base": run.base_commit,
        "branch": run.branch,
        "release": run.release,
        "approved_by": run.approved_by if by_name else UNNAMED,
        "act": act,
        "approvals": approvals,
        "spec": _spec(repository, run),
        "agents": [*_agents(repository, run, evidence)],
        "steering": [*_steering(repository, run)],
        "gates": [
            {name: gate.get(name, "") for name in ("name", "status", "summary")}
            for gate in evidence.get("gates", ())
        ],
        "reviewers": [
            {name: one.get(name, "") for name in ("name", "status", "reason")}
            for one in evidence.get("reviewers", ())
        ],
        "findings": _findings(proposal),
        "dismissed": list(evidence.get("dismissed", ())),
        "rounds": proposal.get("rounds", {}).get("used", 0),
        "cost_usd": usage.get("cost_usd"),
        "tokens": {name: usage.get(name, 0) for name in ("input", "output")},
        "hooks": list(evidence.get("hooks", ())),
    }


def _act(kept: Mapping[str, str], *, by_name: bool) -> dict[str, str]:
    """Return an act as a row stores it: its kind, id and address, and whose account it was."""
    act = Act.of(kept)
    if act is None:
        return {}
    known = {"kind": act.kind, "id": act.ident, "url": act.url}
    return {name: value for name, value in known.items() if value} | (
        {"actor": act.actor} if by_name else {}
    )


def _spec(repository: Repository, run: RunRecord) -> dict[str, Any]:
    """Return the spec's files with their blobs in the commit, and the criteria of the task."""
    if not run.spec_path:
        return {}
    git = Git(repository.user.git_dir, cwd=repository.user.root)
    found = git.result("ls-tree", "-r", "-z", run.commit, "--", run.spec_path)
    files = []
    for entry in found.stdout.split(b"\0") if found.exit_code == 0 else ():
        about, _, path = entry.partition(b"\t")
        if path:
            files.append(
                {"path": path.decode("utf-8", "replace"), "blob": about.split()[2].decode()}
            )
    criteria = []
    with suppress(ReviewLoopError):
        spec = open_spec(DiskFiles(repository.user.root), run.spec_path)
        task = spec.by_id.get(run.task_id)
        for ident in task.requirements if task else ():
            if text := spec.requirements.get(ident):
                criteria.append({"id": ident, "digest": _digest(text)})
    return {"path": run.spec_path, "files": files, "criteria": criteria}


def _agents(
    repository: Repository, run: RunRecord, evidence: Mapping[str, Any]
) -> Iterator[dict[str, str]]:
    """Yield the agents that were asked, with their models and the hash of their definition."""
    digests: dict[str, str] = {}
    with suppress(ReviewLoopError, OSError, ValueError, KeyError):
        team = Blobs(repository.stored(run.run_id) / "blobs").get_json(run.options["team"])
        for one in _dicts(team):
            if isinstance(one.get("name"), str) and "prompt" in one:
                digests[one["name"]] = _digest(json.dumps(one, sort_keys=True))
    for figures in evidence.get("agents", ()):
        name = str(figures.get("agent", ""))
        model = str(figures.get("model", ""))
        yield {"name": name, "model": model, "digest": digests.get(name, "")}


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _dicts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _dicts(inner)


def _steering(repository: Repository, run: RunRecord) -> Iterator[dict[str, str]]:
    """Yield the steering files that reviewers were given, with the hash of their text."""
    given: dict[str, str] = {}
    for event, _ in read_events(repository.stored(run.run_id) / "events.jsonl"):
        if event.get("kind") == "steering":
            given |= event.get("digests") or {}
    yield from ({"path": path, "digest": digest} for path, digest in given.items())


def _findings(proposal: Mapping[str, Any]) -> dict[str, Any]:
    """Return the number of findings by outcome, and the unfixed ones with the reason."""
    records = [Finding.model_validate(one) for one in proposal.get("findings", ())]
    counts = Counter(f"{one.severity} {one.status}" for one in records)
    left = [
        {
            "id": one.id,
            "severity": str(one.severity),
            "status": str(one.status),
            "rule": one.rule,
            "title": one.title,
            "where": one.where,
            "reason": one.note,
        }
        for one in records
        if one.status is not Status.FIXED
    ]
    return {"counts": dict(sorted(counts.items())), "not_fixed": left}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
