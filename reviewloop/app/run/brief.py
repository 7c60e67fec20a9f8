"""Builds the brief of a run: the prompt parts for implementer and reviewers, fixed at its start."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from reviewloop.app.project import SCRATCH, Repository
from reviewloop.checkout.workspace import require_distinct_names
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import Spec, Task
from reviewloop.faults import fault
from reviewloop.git.attributes import kiroignored
from reviewloop.git.commits import Base, create_on
from reviewloop.git.private import PrivateRepo
from reviewloop.hooks.reading import read_hooks
from reviewloop.loop.context import Brief
from reviewloop.loop.review_material import steering_shown
from reviewloop.review.withheld_files import shown_tree, withheld_in
from reviewloop.secrets import WITHHELD_PATTERNS, Redactor
from reviewloop.settings import Settings
from reviewloop.specs.briefing import (
    Briefing,
    brief_change,
    brief_task,
    describe_task,
    is_first_of_bug,
    likely_paths,
)
from reviewloop.specs.files import TreeFiles, in_folder
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunStatus


def rejected_before(
    repository: Repository, spec: Spec | None, task: Task | None, redactor: Redactor
) -> tuple[tuple[str, str], ...]:
    """Return (run id, reason) of each rejected run of a task, the oldest first.

    Only runs since the task's last commit count, and none that a batch ended to repeat it.
    """
    if spec is None or task is None:
        return ()
    title = redactor.for_people(task.title)  # as records hold it
    found: list[tuple[str, str]] = []
    for run in repository.runs.of_task(task.id):
        if run.spec_path != spec.path or run.title != title:
            continue
        if run.status is RunStatus.COMMITTED:
            break
        words = redactor.for_models(run.reason.strip())
        if run.status is RunStatus.SKIPPED and words and not run.options.get("redo"):
            found.append((run.run_id, words))
    return tuple(reversed(found))


def rejection_reasons(brief: Brief) -> list[str]:
    """Return the notes that say which rejection reasons the implementer gets."""
    return [f"the implementer is told why {run} was rejected: {why}" for run, why in brief.rejected]


@dataclass(frozen=True)
class Subject:
    """The subject of a run: a task of a spec, or an instruction."""

    spec: Spec | None
    task: Task | None
    instruction: str

    @property
    def title(self) -> str:
        """The title shown to people."""
        return self.task.title if self.task else self.instruction.strip().splitlines()[0][:120]


def brief_of(
    repository: Repository,
    subject: Subject,
    settings: Settings,
    redactor: Redactor,
    base: Base | None = None,
    manual: Sequence[str] = (),
) -> Brief:
    """Return the brief, redacted; its repository map is that of the base commit.

    `base` is where the run starts when that is not HEAD, `manual` names the steering files that the
    user requested. Raises `UsageError` for a name that no steering file has.
    """
    with scratch_of(repository, base) as private:
        brief = _brief(repository, subject, settings, private, redactor, manual)
    return replace(
        brief,
        title=redactor.for_people(brief.title),
        task=redactor.for_models(brief.task),
        briefing=redactor.for_models(brief.briefing),
        rejected=rejected_before(repository, subject.spec, subject.task, redactor),
    )


@contextmanager
def scratch_of(repository: Repository, base: Base | None = None) -> Iterator[PrivateRepo]:
    """Yield a private repository for reading the start commit of a run; it is deleted after.

    Raises `WorkspaceError` when this disk cannot hold the names in that commit.
    """
    with (
        tempfile.TemporaryDirectory(prefix=SCRATCH, dir=repository.folder) as scratch,
        hold(Path(scratch) / "lock", "the start of a run"),  # `clean` sees it in use
    ):
        private = create_on(Path(scratch) / "git", repository.user, base, for_reading=True)
        try:
            head = private.tree_of(private.head)
            require_distinct_names(private, head, repository.folder)
            fault("begin.brief")
            yield private
        finally:
            private.close()


def _brief(
    repository: Repository,
    subject: Subject,
    settings: Settings,
    private: PrivateRepo,
    redactor: Redactor,
    manual: Sequence[str],
) -> Brief:
    tree = private.tree_of(private.head)
    hidden = withheld_in(private, tree, tree)
    reader = private.reader(shown_tree(private, tree, hidden, redactor.number))
    entries = [(entry.path, entry.size or 0) for entry in reader.entries()]
    spec, task = subject.spec, subject.task
    about = f"{task.title}\n{task.body}" if task else subject.instruction
    project = repository.user.project
    paths = [*likely_paths(spec, task or subject.instruction, entries, project)]
    secret = settings.guard.secret_files
    never = (*secret, *WITHHELD_PATTERNS)
    is_ignored = partial(kiroignored, private, tree)
    steering = steering_shown(
        repository.user.root, paths, about, secret, is_ignored, folder=project, manual=manual
    )
    if unknown := steering.without(manual):
        there = ", ".join(steering.names()) or "none"
        raise UsageError(f"there is no steering file '{unknown[0]}'; there are: {there}")
    limit = settings.limits.context_tokens
    written: Briefing
    if spec and task:
        written = brief_task(
            spec,
            task,
            steering=steering,
            files=TreeFiles(reader),
            entries=entries,
            budget_tokens=limit,
            never=never,
            project=project,
        )
        described = describe_task(
            spec, task, TreeFiles(reader), never, project, budget_tokens=limit
        )
    else:
        written = brief_change(
            subject.instruction,
            steering=steering,
            files=TreeFiles(reader),
            entries=entries,
            budget_tokens=limit,
            never=never,
            project=project,
        )
        described = subject.instruction
    hooks = read_hooks(in_folder(TreeFiles(private.reader(tree)), project))
    return Brief(
        title=subject.title,
        hooks=hooks.hooks,
        hook_problems=tuple(one.sentence for one in hooks.errors),
        task=described,
        briefing=written.text,
        steering_log=tuple(steering.lines()),
        steering_later=steering.later(),
        steering_asked=tuple(manual),
        spec=spec.name if spec else "",
        spec_path=spec.path if spec else "",
        spec_task=task,
        shows_bug=bool(spec and task and is_first_of_bug(spec, task)),
    )
