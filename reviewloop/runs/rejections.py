"""Why people rejected earlier runs of a task: who does it anew is told, or makes the same again."""

from reviewloop.context import Brief
from reviewloop.runs.repository import Repository
from reviewloop.secrets.masking import Masking
from reviewloop.specs.model import Spec, Task
from reviewloop.store.runs import RunStatus


def rejected_before(
    repository: Repository, spec: Spec | None, task: Task | None, masking: Masking
) -> tuple[tuple[str, str], ...]:
    """Return each rejected run of a task with the person's words, the oldest first.

    What was said before the task's last commit was heard by then. What a batch ended by itself, to
    do it once more, holds no person's words.
    """
    if spec is None or task is None:
        return ()
    title = masking.for_people(task.title)  # as records hold it
    found: list[tuple[str, str]] = []
    for run in repository.runs.of_task(task.id):
        if run.spec_path != spec.path or run.title != title:
            continue
        if run.status is RunStatus.COMMITTED:
            break
        words = masking.for_models(run.reason.strip())
        if run.status is RunStatus.SKIPPED and words and not run.options.get("redo"):
            found.append((run.run_id, words))
    return tuple(reversed(found))


def told_why(brief: Brief) -> list[str]:
    """Return what people are told of the words that reach the implementer."""
    return [f"the implementer is told why {run} was rejected: {why}" for run, why in brief.rejected]
