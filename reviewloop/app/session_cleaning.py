"""Finds and deletes what `clean` may delete besides runs: finished sessions, ship logs."""

from collections.abc import Iterator
from pathlib import Path

from reviewloop.app import hook_session
from reviewloop.app import repository_question as ask
from reviewloop.app.change import session as changes
from reviewloop.app.project import Repository
from reviewloop.app.run.cleaning import delete_run, find_starts
from reviewloop.app.sessions import SessionKind
from reviewloop.app.skills import session as skills
from reviewloop.app.spec import plan_asking
from reviewloop.app.spec import session as specs
from reviewloop.dataclass import dataclass
from reviewloop.store.locks import is_held
from reviewloop.store.runs import RunRecord

_CONVERSATIONS = (ask.KIND, plan_asking.KIND, hook_session.KIND)  # these have no gates
_GATED = (specs.KIND, changes.KIND, skills.SESSIONS)
KINDS = (*_CONVERSATIONS, *_GATED)


@dataclass(frozen=True)
class OldSession:
    """A session to delete, and the repository with the sessions of its kind."""

    kind: SessionKind
    sessions: Repository
    record: RunRecord

    @property
    def line(self) -> str:
        """Return the line listed before it is deleted."""
        return f"{self.record.run_id}  {self.kind.noun}: {self.record.title}"


def find_old_sessions(repository: Repository, limit: float) -> tuple[OldSession, ...]:
    """Return unneeded sessions last changed before a time (seconds since 1970).

    One that waits, stopped, or has a task left stays at any age.
    """
    return tuple(_found(repository, limit))


def delete_session(session: OldSession) -> None:
    """Delete requests, replies and record of a session for good."""
    delete_run(session.sessions, session.record)


def find_session_starts(repository: Repository) -> tuple[Path, ...]:
    """Return the leftovers of killed session starts and deletions."""
    return tuple(path for sessions in _stored(repository) for path in find_starts(sessions[1]))


def find_ship_logs(repository: Repository, limit: float) -> tuple[Path, ...]:
    """Return logs of builds and deploys without a run that are older than a time."""
    logs = sorted((repository.folder / "ship").glob("*.log"))
    return tuple(path for path in logs if path.stat().st_mtime <= limit)


def _found(repository: Repository, limit: float) -> Iterator[OldSession]:
    for kind, sessions in _stored(repository):
        for record in sessions.runs.all():
            is_over = kind in _CONVERSATIONS or record.status.over
            if kind is changes.KIND:
                is_over = not changes.is_open(repository, record)
            if not is_over or record.updated_at > limit:
                continue
            if not is_held(sessions.run_lock(record.run_id)):
                yield OldSession(kind, sessions, record)


def _stored(repository: Repository) -> Iterator[tuple[SessionKind, Repository]]:
    """Yield the kinds of sessions stored here."""
    for kind in KINDS:
        if (repository.folder / kind.folder).is_dir():
            yield kind, kind.sessions_of(repository)
