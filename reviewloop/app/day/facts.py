"""Gathers the facts of a handoff: git, runs, specs, user answers, cloud resources."""

import shlex
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reviewloop.app.change import session as changes
from reviewloop.app.day.cloud import declared_resources, printed_addresses, printed_resources
from reviewloop.app.day.document import DECISIONS, PREFERENCES
from reviewloop.app.deploy_logs import read_deployed
from reviewloop.app.fleet.port import Fleet, RunState
from reviewloop.app.project import Repository
from reviewloop.app.review.review_history import dismissals
from reviewloop.app.spec.session import next_step, sessions_of
from reviewloop.domain.finding import Severity, Status
from reviewloop.domain.handoff import (
    Blocker,
    CloudResource,
    Counted,
    GitState,
    Handoff,
    KeyFile,
    Left,
    Obstacle,
    OpenTask,
    Progress,
    Step,
    Words,
    WorkDone,
)
from reviewloop.domain.task import Spec
from reviewloop.git.status import git_status
from reviewloop.regex import regex
from reviewloop.render.counts import BY_USER, OUTCOMES, count_records
from reviewloop.render.proposal import Proposal, left_of
from reviewloop.render.text import counted
from reviewloop.render.untrusted import plain
from reviewloop.specs.discover import find_specs, read_spec
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.order import outlook
from reviewloop.specs.select import is_done, leaves, progress
from reviewloop.store.runs import RunRecord, RunStatus

_A_DAY = 86_400  # seconds: the length of a session without an earlier handoff
_MOST_TASKS, _MOST_FILES, _MOST_STEPS = 12, 30, 9
_IN_WORK = {"waiting", "blocked", "stopped", "paused", "running"}
_MOST_FINDINGS = 3  # listed of a run
_NUMBER = regex(r"^(?:\d+\.|[-*]) +")
_DEPLOYS = ("build-and-deploy.log", "push-and-pr.log")


def gather(
    repository: Repository,
    fleet: Fleet,
    before: Left,
    *,
    broken: Iterable[str] = (),
    notes: Sequence[str] = (),
    now: float | None = None,
) -> Handoff:
    """Return the facts to hand over.

    `before` is the handoff on disk, `broken` are the problems that `doctor` finds, `notes` are the
    user's additions.
    """
    now = time.time() if now is None else now
    user = repository.user
    states = fleet.overview().runs
    since = _beginning(before, states, user.head or "", now)
    git = git_status(user, since, without=(before.path, f"{before.path}.bak"))
    specs = list(_specs(repository))
    recent = [one for one in states if one.run.updated_at >= since]
    proposals = {one.run.run_id: fleet.proposal(one.run) for one in recent}
    logs = dict(_deploys(repository, states))
    cloud, _ = declared_resources(DiskFiles(user.root))
    words = _words(repository, fleet, recent, since)
    day = time.strftime("%Y-%m-%d", time.localtime(now))
    words += [Words(text.strip(), "note", day) for text in notes if text.strip()]
    remaining = [task for spec in specs for task in _open_tasks(repository, fleet, spec)]
    waiting = [one for one in states if one.state in _IN_WORK]
    in_work = [*_specs_in_work(repository), *_changes_in_work(repository)]
    must_fix = {one.run.run_id: left_of(fleet.proposal(one.run)).must_fix for one in waiting}
    return Handoff(
        at=now,
        since=since,
        git=git,
        blockers=(
            *_blockers(git, waiting),
            *(Blocker(Obstacle.MACHINE, text) for text in broken),
        ),
        steps=tuple(_steps(git, waiting, must_fix, in_work, remaining))[:_MOST_STEPS],
        progress=tuple(Progress(one.path, one.name, *progress(one)) for one in specs),
        tests=_tests(states, fleet),
        live=printed_addresses(logs.values()),
        done=tuple(_done(one, proposals[one.run.run_id]) for one in recent),
        remaining=tuple(remaining[:_MOST_TASKS]),
        more_remaining=max(0, len(remaining) - _MOST_TASKS),
        cloud=_once(
            [*cloud, *(one for run, log in logs.items() for one in printed_resources(log, run))]
        ),
        files=_files(git, recent, proposals),
        decisions=_decisions(before, words),
        preferences=before.sections.get(PREFERENCES, ()),
        states={one.run.run_id: one.state for one in states[:200]},
    )


def _beginning(before: Left, states: Sequence[RunState], head: str, now: float) -> float:
    """Return when this session started: at the last handoff, if anything happened since."""
    if not before.at:
        return now - _A_DAY
    happened = head != before.head or any(one.run.updated_at > before.at for one in states)
    return before.at if happened else before.since or before.at - _A_DAY


def _specs(repository: Repository) -> Iterator[Spec]:
    files = DiskFiles(repository.user.root)
    for ref in find_specs(files, repository.user.project):
        if ref.tasks_path:
            yield read_spec(files, ref)


def _open_tasks(repository: Repository, fleet: Fleet, spec: Spec) -> Iterator[OpenTask]:
    seen, work = outlook(spec), fleet.tasks(repository.user, spec)
    for task in leaves(spec):
        if is_done(spec, task):
            continue
        run, state = work.runs.get(task.id, ("", ""))
        waits = ", ".join(dict.fromkeys(t for w in seen.waits.get(task.id, ()) for t in w.tasks))
        if run:
            word = f"run {run}: {state}"
        elif task.id in work.held:
            word = f"held: {work.held[task.id]}"
        elif task.blocked:
            word = f"blocked: {task.blocked}"
        else:
            word = "ready" if task.id in seen.ready else f"waits for {waits or 'others'}"
        yield OpenTask(spec.path, task.id, task.title, word)


def _blockers(git: GitState, waiting: Sequence[RunState]) -> Iterator[Blocker]:
    if git.operation:
        text = f"a {git.operation} is under way; end it or abort it"
        yield Blocker(Obstacle.GIT, text)
    if git.unmerged:
        yield Blocker(Obstacle.GIT, f"conflicts in {', '.join(git.unmerged)}")
    for one in waiting:
        if text := _run_status(one):
            yield Blocker(Obstacle.RUN, f"run {one.run.run_id} ({one.run.title}) {text}")
    if git.unpushed:
        commits = counted(git.unpushed, "commit")
        text = f"{commits} of {git.branch} not pushed to {git.missing_at}"
        yield Blocker(Obstacle.UNPUSHED, text)
    if git.behind:
        text = f"{git.upstream} has {counted(git.behind, 'commit')} that {git.branch} lacks"
        yield Blocker(Obstacle.BEHIND, text)


def _run_status(one: RunState) -> str:
    """Return why a run is not finished, or ""."""
    if one.state == "waiting":
        return f"waits for your approval: `reviewloop show {one.run.run_id}`"
    if one.state == "blocked":
        return f"is blocked: {one.reason}"
    if one.state in ("stopped", "paused"):
        return "stopped" + (f": {one.reason}" if one.reason else "")
    return ""


def _steps(
    git: GitState,
    waiting: Sequence[RunState],
    must_fix: Mapping[str, int],
    in_work: Sequence[Step],
    remaining: Sequence[OpenTask],
) -> Iterator[Step]:
    for one in waiting:
        run = one.run.run_id
        if one.state == "waiting" and must_fix[run]:
            left = f"{must_fix[run]} must fix left"
            yield Step(f"reviewloop show {run}", f"decide on '{one.run.title}': {left}")
        elif one.state == "waiting":
            yield Step(f"reviewloop approve {run}", f"decide on '{one.run.title}'")
        elif one.state == "blocked":
            yield Step(f"reviewloop show {run}", f"'{one.run.title}' is blocked")
        elif one.state in ("stopped", "paused"):
            yield Step(f"reviewloop resume {run}", f"'{one.run.title}' stopped")
    yield from in_work
    if git.unpushed:
        push = "git push" if git.upstream else f"git push -u {git.remote} {shlex.quote(git.branch)}"
        yield Step(push, f"{counted(git.unpushed, 'commit')} not pushed")
    ready = next((one for one in remaining if one.state == "ready"), None)
    if ready is not None:
        yield Step(f"reviewloop run {ready.id} --spec {ready.spec}", ready.title)
    if git.dirty:
        yield Step("reviewloop review", f"{counted(len(git.dirty), 'uncommitted file')}")


def _specs_in_work(repository: Repository) -> Iterator[Step]:
    for one in sessions_of(repository).runs.all():
        if not one.status.over:
            yield Step(f"reviewloop spec {_verb(one)} {one.run_id}", next_step(one))


def _changes_in_work(repository: Repository) -> Iterator[Step]:
    for one in changes.sessions_of(repository).runs.all():
        if changes.is_open(repository, one):
            text = changes.next_step(repository, one)
            yield Step(f"reviewloop change {_verb(one)} {one.run_id}", text)


def _verb(session: RunRecord) -> str:
    return "show" if session.status is RunStatus.WAITING else "resume"


def _tests(states: Sequence[RunState], fleet: Fleet) -> Counted | None:
    """Return the counts of the newest run that counted tests."""
    for one in states[:20]:
        tests = (fleet.proposal(one.run) or {}).get("tests")
        if tests:
            passed, failed = tests.get("passed", 0), tests.get("failed", 0)
            return Counted(passed, failed, tests.get("skipped", 0), one.run.run_id)
    return None


def _deploys(repository: Repository, states: Iterable[RunState]) -> Iterator[tuple[str, str]]:
    """Yield the output of successful follow-ups, the newest first."""
    for one in states:
        folder = repository.stored(one.run.run_id) / "logs"
        for name in _DEPLOYS:
            if (folder / name).is_file():
                yield f"{one.run.run_id} {name}", read_deployed(folder / name)
    for path in sorted((repository.folder / "ship").glob("*.log"), reverse=True)[:1]:
        yield f"ship {path.stem}", read_deployed(path)


def _done(one: RunState, proposal: Proposal | None) -> WorkDone:
    run, found = one.run, proposal or Proposal()
    counts = count_records(found.get("findings", ()))
    return WorkDone(
        run.run_id,
        run.title,
        run.task_id,
        one.state,
        run.commit,
        found.get("rounds", {}).get("used", 0),
        counts.fixed,
        counts.left,
        found.get("usage", {}).get("cost_usd"),
        one.reason,
        _named(found, "fixed"),
        _named(found, "left"),
    )


def _named(proposal: Proposal, outcome: str) -> tuple[str, ...]:
    """Return the findings with this outcome, without nits, each with its location."""
    records = [
        record
        for record in proposal.get("findings", ())
        if BY_USER not in record["agents"]
        and OUTCOMES.get(Status(record["status"])) == outcome
        and Severity(record["severity"]).actionable
        and record.get("title")
    ]
    rows = [f"{plain(record['title'])} ({_where(record)})" for record in records[:_MOST_FINDINGS]]
    if more := len(records) - len(rows):
        rows.append(f"{more} more: `reviewloop show {proposal.get('run', '')}`")
    return tuple(rows)


def _where(record: Mapping[str, Any]) -> str:
    path, line = record.get("path") or "the change", record.get("line")
    return f"{path}:{line}" if line else str(path)


def _files(
    git: GitState, recent: Sequence[RunState], proposals: Mapping[str, Proposal | None]
) -> tuple[KeyFile, ...]:
    changed = {one.path: one for one in git.changed}
    for one in reversed(recent):
        if one.run.status.over:  # committed work is in the list of commits
            continue
        for file in (proposals[one.run.run_id] or {}).get("files", ()):
            path = file["path"]
            known = changed.get(path, KeyFile(path, 0, 0, ""))
            added = known.added + file.get("added", 0)
            removed = known.removed + file.get("removed", 0)
            changed[path] = KeyFile(path, added, removed, one.run.run_id)
    most = sorted(changed.values(), key=lambda file: (-file.added - file.removed, file.path))
    return tuple(sorted(most[:_MOST_FILES], key=lambda file: (file.area, file.path)))


def _words(
    repository: Repository, fleet: Fleet, recent: Sequence[RunState], since: float
) -> list[Words]:
    """Return the user's texts of this session, oldest first."""
    found: list[Words] = []
    for one in reversed(recent):
        for event in fleet.events(one.run, follow=False):
            if event.get("kind") != "answer" or not str(event.get("text", "")).strip():
                continue
            choice = {"modify": "modify", "skip": "reject"}.get(event.get("choice", ""))
            if choice == "modify":
                found.append(Words(str(event["text"]), "modify", f"run {one.run.run_id}"))
            elif choice == "reject":
                found.append(Words(str(event["text"]), "reject", f"run {one.run.run_id}"))
    for entry in dismissals(repository.user.key):
        if entry.at >= since:
            found.append(Words(f"{entry.title}: {entry.reason}", "dismiss", f"finding {entry.id}"))
    return found


def _decisions(before: Left, words: Iterable[Words]) -> tuple[str, ...]:
    """Return the decisions so far, those of earlier handoffs first, each once."""
    earlier = [_NUMBER.sub("", line) for line in before.sections.get(DECISIONS, ())]
    now = [f"{' '.join(one.text.split())} ({one.choice}, {one.source})" for one in words]
    return tuple(dict.fromkeys([*(line for line in earlier if line != "none"), *now]))


def _once(found: Iterable[CloudResource]) -> tuple[CloudResource, ...]:
    return tuple({(one.kind, one.name): one for one in reversed([*found])}.values())[::-1]
