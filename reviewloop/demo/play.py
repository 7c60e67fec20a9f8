"""Begin a real run on the demo's project, with a model whose replies we wrote."""

import sys
from dataclasses import dataclass
from pathlib import Path

from reviewloop.app.project import Repository, model_flags, open_repository
from reviewloop.app.run.start import Plan, RunRequest, begin, plan
from reviewloop.demo.project import DemoProject
from reviewloop.store.runs import RunRecord

_REPLIES = Path(__file__).with_name("replies.json")


@dataclass(frozen=True)
class Begun:
    """A run that waits to be moved."""

    repository: Repository
    planned: Plan
    record: RunRecord


def begin_run(project: DemoProject) -> Begun:
    """Begin a run of the project's next task, exactly as `reviewloop run` does."""
    flags = model_flags(f"script:{_REPLIES}") | {
        # pytest and coverage came along with reviewloop; an environment that happens to be
        # active may have neither.
        "gates.python": sys.executable,
    }
    repository = open_repository(project.root)
    planned = plan(repository, RunRequest(flags=flags, unsandboxed="own code"))
    return Begun(repository, planned, begin(repository, planned))
