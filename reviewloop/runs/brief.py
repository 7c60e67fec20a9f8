"""The brief of a run: what the implementer and the reviewers are told, fixed when it begins."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from reviewloop.context import Brief
from reviewloop.runs.repository import Repository
from reviewloop.settings import Settings
from reviewloop.specs.briefing import (
    Briefing,
    brief_change,
    brief_task,
    describe_task,
    likely_paths,
)
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.model import Spec, Task
from reviewloop.specs.steering import Steering, read_steering
from reviewloop.specs.treefiles import TreeFiles
from reviewloop.workspace.private import PrivateRepo


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
    with tempfile.TemporaryDirectory(dir=repository.folder) as scratch:
        private = PrivateRepo.create(Path(scratch) / "git", repository.user)
        try:
            return _brief(repository, subject, settings, private)
        finally:
            private.close()


def steering_for(root: Path, paths: list[str], about: str) -> Steering:
    """Return the steering for work on these paths: the person's first, the project's winning."""
    home = Path.home() / ".kiro" / "steering"
    return read_steering(
        DiskFiles(root), paths, home=DiskFiles(home) if home.is_dir() else None, about=about
    )


def _brief(
    repository: Repository, subject: Subject, settings: Settings, private: PrivateRepo
) -> Brief:
    root = repository.user.root
    reader = private.reader(private.tree_of(repository.user.head or ""))
    entries = [(entry.path, entry.size or 0) for entry in reader.entries()]
    spec, task = subject.spec, subject.task
    about = f"{task.title}\n{task.body}" if task else subject.instruction
    paths = list(likely_paths(spec, task or subject.instruction, entries))
    steering = steering_for(root, paths, about)
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
        )
        described = describe_task(spec, task, TreeFiles(reader))
    else:
        written = brief_change(
            subject.instruction,
            steering=steering,
            files=TreeFiles(reader),
            entries=entries,
            budget_tokens=limit,
        )
        described = subject.instruction
    return Brief(
        title=subject.title,
        task=described,
        briefing=written.text,
        steering=steering.text(),
        steering_log=tuple(_line(record) for record in steering.log()),
        spec=spec.name if spec else "",
        spec_path=spec.path if spec else "",
        tasks_path=spec.tasks_path if spec else "",
        task_id=task.id if task else "",
    )


def _line(record: dict[str, object]) -> str:
    given = "given" if record["included"] else "not given"
    return f"{record['path']} ({record['scope']}): {given}, {record['reason']}"
