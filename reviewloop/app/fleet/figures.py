"""The figures of the runs of all workers: brought to the store when a job ends, and read there."""

from contextlib import closing
from dataclasses import replace

from reviewloop.app.project import Repository
from reviewloop.app.stats import catch_up
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.revisions import first_commit_time
from reviewloop.store.metrics import MetricsStore, RunMetrics
from reviewloop.store.postgres.batches import About, SharedBatches
from reviewloop.store.postgres.database import Database
from reviewloop.store.postgres.figures import SharedFigures


def bring_figures(repository: Repository, about: About, database: Database) -> list[str]:
    """Bring what is new to the store; return sentences on what could not be counted."""
    shared = SharedFigures(database)
    try:
        with closing(MetricsStore(repository.folder)) as store:
            problems = catch_up(repository.folder, repository.runs, store)
            known = shared.stamps(about.repository)
            rows = [row for row in store.all() if known.get(row.run_id) != row.record_at]
    except WorkspaceError as error:
        return [str(error)]
    born = {path for key, path in shared.births() if key == about.repository}
    births = {}
    for path in {row.spec_path for row in rows if row.committed_at and row.spec_path} - born:
        if (at := first_commit_time(repository.user, path)) is not None:
            births[path] = at
    if rows or births:
        shared.save(about.repository, about.branch, rows, births)
    return problems


def figures_shown(database: Database) -> tuple[list[RunMetrics], dict[str, float]]:
    """Return the rows of all runs, and when their specs came into their repositories.

    With several repositories the paths of specs begin with the repository's name. The same task of
    two branches is two: each has its first review and its own end.
    """
    shared = SharedFigures(database)
    rows, births = shared.all(), shared.births()
    names = {batch.about.repository: batch.about.name for batch in SharedBatches(database).all()}
    several = len({key for key, _, _ in rows}) > 1

    def named(key: str, path: str) -> str:
        return f"{names.get(key, key)}/{path}" if several and path else path

    def own(branch: str, task: str) -> str:
        return f"{branch}:{task}" if task else ""

    return (
        [
            replace(row, spec_path=named(key, row.spec_path), task_id=own(branch, row.task_id))
            for key, branch, row in rows
        ],
        {named(key, path): at for (key, path), at in births.items()},
    )
