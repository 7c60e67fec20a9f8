"""Marks the task in the user's spec: during a run, in the commit, or after approval."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from reviewloop.checkout.files import Disk, Kind
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.domain.task import Spec, Task
from reviewloop.git.commits import commit_at
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo
from reviewloop.render.proposal import Proposal, SpecProgress, TaskRef
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles, Files, TreeFiles
from reviewloop.specs.order import newly_eligible
from reviewloop.specs.select import progress, why_unticked, with_done
from reviewloop.specs.tasks import locate, mark_in_progress, read_tasks, restore_mark, tick

if TYPE_CHECKING:  # reading batches needs no loop
    from reviewloop.loop.context import RunContext


def show_in_work(user: UserRepo, task: Task) -> str:
    """Write `[-]` on the task; return a note when that was not possible, or ""."""
    return _rewrite(user, task, mark_in_progress)


def show_free(user: UserRepo, task: Task) -> str:
    """Restore the mark that the task had before the run."""
    return _rewrite(user, task, restore_mark)


def _rewrite(user: UserRepo, task: Task, change: Callable[[bytes, Task], bytes]) -> str:
    disk = Disk(user.root)
    content = disk.read(task.path)
    if content.kind is not Kind.FILE:
        return f"{task.path} is no regular file, so the task is not marked there"
    try:
        changed = change(content.data, task)
    except ReviewLoopError as error:
        return str(error)
    if changed != content.data:
        name = task.path.rpartition("/")[2]
        disk.write(task.path, replace(content, data=changed), f".{name}.reviewloop")
    return ""


WILL_NOT = "the task will not be ticked: "
"""The start of a proposal's warning that its commit has no tick."""


@dataclass(frozen=True)
class TickedSpec:
    """The tick of a task: in the commit, or written to disk after it."""

    in_commit: Mapping[str, bytes] = field(default_factory=dict)
    on_disk: str = ""  # path of the file to tick after promotion
    progress: SpecProgress | None = None
    warnings: tuple[str, ...] = ()
    unticked: str = ""  # why there is neither


def ticked_spec(context: "RunContext") -> TickedSpec:
    """Return the tick of the run's task, or a warning where the spec cannot be ticked any more."""
    task = context.brief.spec_task
    if task is None:
        return TickedSpec()
    files = _spec_files(context, task)
    data = files.read(task.path) or b""
    try:
        tick(data, task)
        spec = open_spec(files, context.brief.spec_path)
        now = locate(spec.tasks, task)
    except ReviewLoopError as error:
        why = _why_unticked(context, data, task, error)
        return TickedSpec(warnings=(f"{WILL_NOT}{why}",), unticked=why)
    figures = _progress(with_done(spec, context.record.options.get("done", ())), now)
    if isinstance(files, TreeFiles):
        return TickedSpec(in_commit={task.path: tick(data, task)}, progress=figures)
    unmarked = restore_mark(data, task) if context.settings.spec.mark_in_progress else data
    committed = _spec_in(context, context.user.head or "", task)
    below = _spec_in(context, context.record.base_commit, task)
    # In a batch a commit below may hold ticks that are not on disk yet.
    if below is not None and (unmarked in (below, committed) or _landing(context, task, unmarked)):
        try:
            return TickedSpec(in_commit={task.path: tick(below, task)}, progress=figures)
        except ReviewLoopError:  # added since the run started; after a rebase it is ticked in
            why = f"is without an open task {task.id} in the commit that this one builds on"
    else:
        why = "is not committed" if committed is None else "has uncommitted changes"
    return TickedSpec(
        on_disk=task.path,
        progress=figures,
        warnings=(f"{task.path} {why}: it is ticked on disk after the commit, not in it",),
    )


def _spec_files(context: "RunContext", task: Task) -> Files:
    """Return the files of the spec: on disk, unless the run's branch is not checked out."""
    committed = TreeFiles(context.private.reader(context.base_tree))
    elsewhere = context.record.options.get("elsewhere") and committed.read(task.path) is not None
    return committed if elsewhere else DiskFiles(context.user.root)


def _landing(context: "RunContext", task: Task, found: bytes) -> bool:
    """Return whether this is the spec of a commit below that was approved during the run."""
    base, before, user = context.record.base_commit, context.user.head or "", context.user
    now = commit_at(Git(user.git_dir, cwd=user.root), "HEAD")
    listed = context.private.git.text("rev-list", "--first-parent", base, f"^{before}")
    return any(_spec_in(context, one, task) == found for one in (now, *listed.split()) if one)


def _spec_in(context: "RunContext", commit: str, task: Task) -> bytes | None:
    return context.private.read(context.private.tree_of(commit), task.path)


def tick_beside(context: "RunContext") -> tuple[dict[str, tuple[bytes, bytes]], str]:
    """Return ({path: (old, new) bytes}, "") for a spec outside the commit, or ({}, why not)."""
    task = context.brief.spec_task
    if task is None:
        return {}, ""
    old = DiskFiles(context.user.root).read(task.path) or b""
    try:
        return {task.path: (old, tick(old, task))}, ""
    except ReviewLoopError as error:
        return {}, f"{task.path} was not ticked: {_why_unticked(context, old, task, error)}"


def _why_unticked(context: "RunContext", data: bytes, task: Task, error: ReviewLoopError) -> str:
    listed = read_tasks(data, task.path, task.dialect).tasks
    return why_unticked(context.user, listed, task, error)


def why_no_tick(proposal: Proposal) -> str:
    """Return why the commit of a proposal ticks nothing, or ""."""
    why = proposal.get("unticked")
    return _of_an_older_release(proposal["warnings"]) if why is None else str(why)


def _of_an_older_release(warnings: Sequence[str]) -> str:
    """Return the same for a proposal that has it only among its warnings."""
    sentence = next((one for one in warnings if one.startswith(WILL_NOT)), "")
    return sentence.removeprefix(WILL_NOT)


def _progress(spec: Spec, task: Task) -> SpecProgress:
    done, total = progress(with_done(spec, {task.id}))
    return SpecProgress(
        done=done,
        total=total,
        newly_eligible=[TaskRef(id=t.id, title=t.title) for t in newly_eligible(spec, task)],
    )
