"""Names the session that still writes a spec when its tasks are missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from reviewloop.app.project import Repository
from reviewloop.domain.errors import NoTasksError, UsageError


@contextmanager
def name_unfinished_session(repository: Repository) -> Iterator[None]:
    """Have a spec without tasks that is in progress say what it waits for, and how it continues."""
    try:
        yield
    except NoTasksError as error:
        if waits := unfinished_session(repository, error.path):
            raise UsageError(f"{error.problem}: {waits}") from None
        raise


def unfinished_session(repository: Repository, path: str) -> str:
    """Return what the session that writes this spec waits for, and the command, or ""."""
    from reviewloop.app.spec.session import next_step, sessions_of

    found = [one for one in sessions_of(repository).runs.all() if not one.status.over]
    return next((next_step(one) for one in found if one.spec_path == path), "")
