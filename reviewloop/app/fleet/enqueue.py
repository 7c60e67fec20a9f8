"""Queues the open tasks of a spec for workers, after free checks."""

import hashlib
import re
import secrets
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from reviewloop.app.batch.report import queued_report
from reviewloop.app.batch.run_steps import for_a_batch
from reviewloop.app.batch.spec_changes import tasks_held_by_runs, was_renumbered
from reviewloop.app.batch.start import BatchRequest, nothing_left
from reviewloop.app.batch.status import ANEW
from reviewloop.app.fleet.jobs import Jobs
from reviewloop.app.fleet.snapshot import Snapshot
from reviewloop.app.fleet.task_status import runs_for, with_runs_of
from reviewloop.app.fleet.views import report_of
from reviewloop.app.fleet.workplace import opened
from reviewloop.app.project import Repository, read_settings, require_trust
from reviewloop.app.run.branches import choose_branch
from reviewloop.app.spec.approval import require_approval
from reviewloop.dataclass import dataclass
from reviewloop.domain.batch_report import BatchReport
from reviewloop.domain.errors import GuardRailError, ModelSetupError, UsageError
from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason
from reviewloop.domain.task import Spec
from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo
from reviewloop.git.transfer import (
    address_of,
    fetch,
    has_commit,
    host_and_path,
    remote_head,
    remote_of,
)
from reviewloop.hooks.reading import read_hooks
from reviewloop.llm.checks import check_models
from reviewloop.llm.provider_table import BEDROCK
from reviewloop.llm.routing import OFFLINE, is_bedrock_id, require_provider, split_model
from reviewloop.render.reasons import sentence
from reviewloop.settings import Settings
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles, Files, TreeFiles, in_folder
from reviewloop.specs.order import Order, order_tasks
from reviewloop.store.batches import BatchRecord
from reviewloop.store.folders import state_root
from reviewloop.store.postgres.batches import About, SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.runs import SharedRuns
from reviewloop.store.runs import CONFLICT, RunRecord, RunStatus
from reviewloop.store.trust import TrustStore

_NAME = "models.reasoning"


def with_absolute_paths(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags with absolute paths of scripts and recordings, for workers elsewhere.

    Raises `UsageError` for a model that no provider has.
    """
    if _NAME not in flags:
        return dict(flags)
    return {name: _whole(str(model)) for name, model in flags.items()}


def _whole(model: str) -> str:
    provider, ident = split_model(model)
    require_provider(model)
    if provider not in OFFLINE or not ident:
        return model
    return f"{provider}:{Path(ident).expanduser().resolve()}"


def why_doubtful(settings: Settings, flags: Mapping[str, Any]) -> list[str]:
    """Return what workers need for the named model and this machine does not have.

    Raises `ModelSetupError` for a model that they could not ask either. Without a named model the
    workers choose theirs, so nothing is checked.
    """
    named = str(flags.get(_NAME, ""))
    if named == "none":
        raise ModelSetupError("implementing needs a model; name one with --model provider:model")
    notes: list[str] = []
    if not named:
        return notes
    named = settings.models.reasoning  # the full name
    for check in check_models(settings, (), online=False, before_a_run=True):
        if check.model != named or check.ok:
            continue
        provider, ident = split_model(named)
        if provider in OFFLINE or (provider == BEDROCK and not is_bedrock_id(ident)):
            raise ModelSetupError(
                f"the model {named} cannot be asked: {check.problem}; {check.how_to_fix}"
            )
        notes.append(f"here {named} could not be asked ({check.problem}); workers have to")
    return notes


def keep_model(before: About, about: About, notes: list[str], *, queued: bool) -> About:
    """Return `about` with the model of the batch `before`, unless another is named.

    Raises `UsageError` when another one is named while tasks are `queued`.
    """
    if before.flags == about.flags or (about.flags and not queued):
        return about
    named = before.flags.get(_NAME)
    if not queued:
        notes.append(f"the batch keeps the model {named}; `--model` names another")
        return replace(about, flags=before.flags)
    model = f"the model {named}" if named else "the workers' own models"
    if about.flags:
        raise UsageError(
            f"tasks of this batch are queued already, for {model}: that is not changed while they "
            "are; leave --model out, or say it when workers have done them"
        )
    notes.append(f"tasks of this batch are queued for {model}, and keep it")
    return replace(about, flags=before.flags)


@dataclass(frozen=True)
class Start:
    """The commit from which workers start, while it is needed here."""

    repository: Repository  # the checkout, as if it were at that commit
    address: str  # of the remote, with a password if its URL has one
    files: Files
    notes: tuple[str, ...]  # for the user


@contextmanager
def start_commit(repository: Repository, branch: str, remote: str) -> Iterator[Start]:
    """Yield the start commit of a branch at the remote; a checkout that is behind is allowed.

    Missing objects are fetched beside the checkout, which is not written. Raises `UsageError` while
    the checkout has commits that the remote does not.
    """
    user = repository.user
    own = address_of(user, remote)
    origin = remote_of(user.git_dir, user.root, own)
    there = remote_head(Git(user.git_dir), origin, branch)
    if there == user.head:
        notes = _lacking(Git(user.git_dir), there)
        yield Start(repository, own, DiskFiles(user.root), notes)
        return
    if not (there and user.head):
        raise UsageError(f"{branch} is not at {remote}: push it first, workers start from there")
    with (
        tempfile.TemporaryDirectory(prefix="reviewloop-") as scratch,
        closing(PrivateRepo.create(Path(scratch) / "git", user)) as private,
    ):
        git = private.git
        if not has_commit(user.git_dir, there):
            fetch(git, origin, branch)
        behind = int(git.text("rev-list", "--count", f"{user.head}..{there}"))
        _require_pushed(git, branch, remote, f"{there}..{user.head}", behind)
        commits = "1 commit" if behind == 1 else f"{behind} commits"
        note = (
            f"this checkout is {commits} behind {branch} of {remote}; workers start from there, "
            "and the spec was read there"
        )
        at = replace(repository, user=replace(user, head=there))
        files = TreeFiles(private.reader(private.tree_of(there)))
        yield Start(at, own, files, (note, *_lacking(git, there)))


def _require_pushed(git: Git, branch: str, remote: str, mine: str, behind: int) -> None:
    ahead = int(git.text("rev-list", "--count", mine))
    if ahead:
        commits = "1 commit" if ahead == 1 else f"{ahead} commits"
        have = f"{commits} of {branch} {'is' if ahead == 1 else 'are'} not at {remote}"
        todo = f", which has {behind} more: pull and push" if behind else ": push it"
        raise UsageError(f"{have}{todo} first, workers start from there")


def _lacking(git: Git, commit: str) -> tuple[str, ...]:
    """Return notes on what a worker's clone lacks, and gates and models do not see."""
    rows = git.text("ls-tree", "-r", "-z", commit).split("\0")
    modules = [row.partition("\t")[2] for row in rows if row.startswith("160000 ")]
    names = [row.partition("\t")[2] for row in rows]
    attributes = [name for name in names if PurePosixPath(name).name == ".gitattributes"]
    search = ("grep", "-l", "-e", "filter=lfs", commit, "--", *attributes)
    found = git.text(*search, ok=(0, 1)) if attributes else ""
    notes = []
    if modules:
        shown = ", ".join(modules[:3]) + (" and more" if len(modules) > 3 else "")
        notes.append(f"workers have no content of submodules: {shown} is empty there")
    if found:
        notes.append("workers have no content of Git LFS: its files are pointers there")
    return tuple(notes)


_ASKS = {RunStatus.WAITING, RunStatus.BLOCKED}


@dataclass(frozen=True)
class Enqueued:
    """The outcome of queueing: the batch, its branch, and the tasks that are newly queued.

    `notes` say how workers differ from this checkout; `report` is that of the batch now.
    """

    record: BatchRecord
    about: About
    added: tuple[str, ...]
    notes: tuple[str, ...]
    report: BatchReport


def enqueue(url: str, repository: Repository, request: BatchRequest, remote: str) -> Enqueued:
    """Queue the open tasks that `request` chooses; repeated, those not queued yet.

    When all are done, or a blocked one stops the others, nothing is queued, and the batch is
    returned as it is. Raises `UsageError` for a spec or branch that the remote does not have.
    """
    flags = with_absolute_paths(request.options.request.flags)
    user = repository.user
    loaded = read_settings(user.root, flags, project=user.project)
    require_trust(loaded, repository)
    doubts = why_doubtful(loaded.settings, flags)
    try:
        branch, _ = choose_branch(repository, loaded.settings, "", "batch")
    except GuardRailError as error:
        raise for_a_batch(error) from None
    with start_commit(repository, branch, remote) as start:
        named = request.spec or loaded.settings.spec.path or None
        here = user.here if request.spec else user.project
        spec = open_spec(start.files, named, project=user.project, here=here)
        if loaded.settings.spec.require_approval:
            require_approval(repository, spec)
        order = order_tasks(spec, request.tasks, request.wave)
        changed = [path for path in repository.user.dirty if path.startswith(spec.path)]
        if changed:
            raise UsageError(
                f"{changed[0]} is not committed as it is: commit and push it first, "
                "workers read it at the remote"
            )
        about = replace(
            _about(repository, branch, start.address, flags, loaded.commands_digest),
            no_hooks=request.options.request.no_hooks,
            hooks=_trusted_hooks(user, start.files),
        )
        notes = [*doubts, *start.notes]
        if not order.steps:
            notes.append(nothing_left(spec, request))
        with opened(url, make=True) as database:
            at = start.repository
            record, added = _queued(database, url, at, spec, order, request, about, notes)
            if record.batch_id:
                report = report_of(
                    Snapshot(database, url), SharedBatches(database).get(record.batch_id)
                )
            else:
                report = replace(queued_report(record), state="ended", branch=branch)
    return Enqueued(record, about, tuple(added), tuple(notes), report)


def _queued(
    database: Database,
    url: str,
    repository: Repository,
    spec: Spec,
    order: Order,
    request: BatchRequest,
    about: About,
    notes: list[str],
) -> tuple[BatchRecord, list[str]]:
    """Queue the tasks that a worker can move; return the batch and the newly queued tasks."""
    batches, jobs = SharedBatches(database), Jobs(database, url)
    tasks = [step.task.id for step in order.steps]
    known = [b.record for b in batches.all(about.repository, about.branch)]
    mine = [b for b in known if b.spec_path == spec.path and (set(b.tasks) & {*tasks} or not tasks)]
    if not (mine or tasks):
        if order.left_out:
            raise UsageError(f"no task of {spec.path} can be done: {order.left_out[0]}")
        return BatchRecord(
            "",
            spec.path,
            request.mode,
            ended=True,
            because=reason(ReasonKind.OTHERS_LEFT, text=notes[-1]),
        ), []
    there = with_runs_of(repository, Snapshot(database, url).branch(about))
    steps = {step.task.id: step for step in order.steps}
    record = begun = mine[0] if mine else None
    if begun is not None and was_renumbered(there, begun, steps):
        notes.append(f"{spec.path} numbers its tasks otherwise than when {begun.batch_id} began")
        record = None
    before = record or _new(repository, spec, begun)
    pending = [job for job in jobs.pending() if job.batch == before.batch_id]
    others = {str(job.args.get("task", "")) for job in pending}
    about_before = batches.get(begun.batch_id).about if begun else about
    about = keep_model(about_before, about, notes, queued=bool(others - {""}))
    runs = runs_for(there, spec)
    strays = {t: why for t, why in tasks_held_by_runs(there, spec).items() if t in tasks}
    blocked = {run.task_id for run in runs if run.status is RunStatus.BLOCKED}
    if request.options.until_failure and (first := next((t for t in tasks if t in blocked), "")):
        because = reason(ReasonKind.STILL_BLOCKED, task=first)
        notes.append(sentence(because))
        before = _record(before, order, request, repository, others, strays)
        batches.add(replace(before, because=because), about)
        return before, []
    idle = {run.task_id for run in runs if _asks(run)} | strays.keys()
    rejected = {run.task_id: run for run in _rejected(record, runs) if run.task_id in tasks}
    if rejected and pending:
        idle |= set(rejected)
        notes.append(_later(rejected))
    elif record is not None:
        _set_aside(database, rejected.values())
    notes += [
        f"{task} {spec.by_id[task].title}: cannot begin: {sentence(why)}"
        for task, why in strays.items()
    ]
    requested = [task for task in tasks if task not in idle]
    if tasks:
        going_on = others if requested or record is None else None
        before = _record(before, order, request, repository, going_on, strays)
        batches.add(before, about)
    return before, jobs.tasks(before.batch_id, about, requested)


def _asks(run: RunRecord) -> bool:
    """Return whether a run waits for a user; one that does not merge is redone instead."""
    proposal, _, why = run.options.get(CONFLICT, ("", "", ""))
    once_more = why and proposal == run.proposal and not run.options.get("redo_of")
    return run.status in _ASKS and not once_more


def _set_aside(database: Database, rejected: Iterable[RunRecord]) -> None:
    """Have the tasks of rejected runs done again; the runs stay in the report as earlier tries."""
    for run in rejected:
        run.options[ANEW] = True
        SharedRuns(database).save(run)


def _rejected(record: BatchRecord | None, runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Return the runs that a user rejected, so that their tasks are not redone by themselves."""
    newest: dict[str, RunRecord] = {}
    for run in sorted(runs, key=lambda run: run.status.over):  # in the order of a worker
        mine = record is not None and run.options.get("batch") == record.batch_id
        if mine or not run.status.over:
            newest.setdefault(run.task_id, run)
    rejections = {RunStatus.SKIPPED, RunStatus.UNDONE}
    again = ("redo", ANEW)
    return [
        run
        for run in newest.values()
        if run.status in rejections and not any(run.options.get(name) for name in again)
    ]


def _later(rejected: Iterable[str]) -> str:
    names = ", ".join(sorted(rejected))
    return f"rejected: {names}; said again when the batch is at its end, `batch` does it anew"


def _new(repository: Repository, spec: Spec, begun: BatchRecord | None) -> BatchRecord:
    """Return a new batch, with the caps of the batch before it, if any."""
    name = f"batch-{time.strftime('%m%d')}-{secrets.token_hex(2)}"
    head = repository.user.head or ""
    found = BatchRecord(name, spec.path, "", head=head, created_at=time.time())
    if begun is not None:
        found.budget_usd, found.deadline = begun.budget_usd, begun.deadline
    return found


def _record(
    before: BatchRecord,
    order: Order,
    request: BatchRequest,
    repository: Repository,
    going_on: Collection[str] | None,
    strays: Mapping[str, Reason],
) -> BatchRecord:
    """Return the new record of the batch.

    `going_on` are the tasks that are queued already; None: the batch does not continue. `strays`
    are the reasons why tasks are not queued.
    """
    record = replace(
        request.with_caps(before),
        mode=request.mode,
        tasks={**before.tasks, **{step.task.id: step.task.title for step in order.steps}},
        needs={**before.needs, **{step.task.id: list(step.needs) for step in order.steps}},
        branch=repository.user.branch or "",
        left_out=list(order.left_out),
        until_failure=request.options.until_failure,
    )
    if going_on is None:
        return record
    chosen = {step.task.id for step in order.steps}.union(going_on)
    others = [task for task in record.tasks if task not in chosen]
    held = dict.fromkeys(others, reason(ReasonKind.NOT_CHOSEN))
    return replace(record, held={**held, **strays}, refused=[], ended=False, because=NO_REASON)


def _about(
    repository: Repository, branch: str, own: str, flags: Mapping[str, Any], trusted: str
) -> About:
    user, address = repository.user, without_password(own)
    path = "/".join(host_and_path(address))
    return About(
        repository=hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16],
        name=_folder_name(host_and_path(address)[1]),
        address=address,
        branch=branch,
        identity=user.identity,
        flags=dict(flags),
        object_format=user.object_format,
        trusted=trusted,
        project=user.project,
    )


def _trusted_hooks(user: UserRepo, files: Files) -> list[list[str]]:
    """Return the hooks that this user trusts, each by its content, for the workers."""
    trust = TrustStore(state_root())
    hooks = read_hooks(in_folder(files, user.project)).hooks
    return [[h.digest, h.name, h.does] for h in hooks if trust.is_trusted(user.key, h.digest)]


def _folder_name(path: str) -> str:
    name = PurePosixPath(path).name.removesuffix(".git")
    return re.sub(r"[^\w.-]+", "-", name).lstrip(".-") or "repository"


def without_password(address: str) -> str:
    """Return an address without its password, to be stored: each worker has its own credentials."""
    parts = urlsplit(address) if "://" in address else None
    if parts is None or "@" not in parts.netloc:
        return address
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0] if parts.scheme == "ssh" else ""
    return urlunsplit(parts._replace(netloc=f"{name}@{host}" if name else host))
