"""The brief of a run: what the implementer and the reviewers are told, fixed when it begins."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from reviewloop.context import Brief
from reviewloop.faults import fault
from reviewloop.runs.repository import Repository
from reviewloop.settings import Settings
from reviewloop.specs.briefing import (
    Briefing,
    brief_change,
    brief_task,
    describe_task,
    likely_paths,
)
from reviewloop.specs.model import Spec, Task
from reviewloop.specs.steering import steering_on_disk
from reviewloop.specs.treefiles import TreeFiles
from reviewloop.workspace.private import PrivateRepo

SCRATCH = "start-"  # folders of this name are deleted when their process is long gone


@dataclass(frozen=True)
class Subject:
    """What a run is about: a task of a spec, or a sentence."""

    spec: Spec | None
    task: Task | None
    instruction: str

    @property
    def title(self) -> str:
        """What people call it."""
        return self.task.title if self.task else self.instruction.strip().splitlines()[0][:120]


def brief_of(repository: Repository, subject: Subject, settings: Settings) -> Brief:
    """Return the brief; the map of the repository is that of the commit the run starts from."""
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=repository.folder) as scratch:
        private = PrivateRepo.create(Path(scratch) / "git", repository.user)
        try:
            fault("begin.brief")
            return _brief(repository, subject, settings, private)
        finally:
            private.close()


def _brief(
    repository: Repository, subject: Subject, settings: Settings, private: PrivateRepo
) -> Brief:
    root = repository.user.root
    reader = private.reader(private.tree_of(repository.user.head or ""))
    entries = [(entry.path, entry.size or 0) for entry in reader.entries()]
    spec, task = subject.spec, subject.task
    about = f"{task.title}\n{task.body}" if task else subject.instruction
    paths = list(likely_paths(spec, task or subject.instruction, entries))
    never = settings.guard.secret_files
    steering = steering_on_disk(root, paths, about, never)
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
        )
        described = describe_task(spec, task, TreeFiles(reader), never)
    else:
        written = brief_change(
            subject.instruction,
            steering=steering,
            files=TreeFiles(reader),
            entries=entries,
            budget_tokens=limit,
            never=never,
        )
        described = subject.instruction
    return Brief(
        title=subject.title,
        task=described,
        briefing=written.text,
        steering_log=tuple(steering.lines()),
        spec=spec.name if spec else "",
        spec_path=spec.path if spec else "",
        spec_task=task,
    )
