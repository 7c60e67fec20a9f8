"""Runs a hook that needs the context of a run (models, gates, conditions) on a user's checkout.

It has a record, journal and folder of its own; its base is the last commit, its change the files in
the checkout. Nothing is written to the checkout.
"""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from reviewloop.agents import Team
from reviewloop.app.interrupts import interruptible
from reviewloop.app.model_access import require_allowed, require_askable
from reviewloop.app.project import (
    Repository,
    model_flags,
    open_repository,
    read_settings,
    require_trust,
    stored_settings,
    team_of,
)
from reviewloop.app.redactors import redactor_of
from reviewloop.app.run.brief import Subject, brief_of
from reviewloop.app.run.hooks import refuse_for_coding_agents
from reviewloop.app.run.opening import open_context, team_to_plain
from reviewloop.app.sessions import SessionKind
from reviewloop.app.watch import NAME_A_MODEL, SessionEnd, asks_models
from reviewloop.checkout.files import remove_tree
from reviewloop.domain.errors import ModelSetupError
from reviewloop.git.commits import create_on
from reviewloop.git.repository import UserRepo
from reviewloop.git.review_repository import locate
from reviewloop.git.user_tree import take_staged
from reviewloop.hooks.hook import Event, Hook
from reviewloop.installed import require_all
from reviewloop.llm.budget import Spent, spent_on
from reviewloop.llm.routing import STEP_KINDS
from reviewloop.loop.context import RunContext
from reviewloop.loop.hook_agents import STEP
from reviewloop.loop.hooks import fire_alone
from reviewloop.review.prompts import new_nonce
from reviewloop.settings import Loaded
from reviewloop.store.blobs import Blobs
from reviewloop.store.locks import hold, is_held
from reviewloop.store.runs import RunRecord

KIND = SessionKind("hooks", "the hook", "reviewloop hooks run")


def has_model(user: UserRepo, model: str | None) -> bool:
    """Return whether a model is configured for the hooks' agent; a key in the environment is not
    enough.
    """
    loaded = read_settings(user.root, model_flags(model), project=user.project)
    return _names_model(loaded, team_of(user.root, user.project))


@dataclass
class HookSession:
    """A checkout on which hooks run one after another, under the caps of one run."""

    context: RunContext
    count: int = 0

    def run(self, hook: Hook, path: str) -> SessionEnd | None:
        """Run a hook; None where its filter or condition is false. `path` is relative to the
        root.
        """
        private, user = self.context.private, self.context.user
        if hook.event in (Event.PRE_COMMIT, Event.COMMIT):  # the staged files
            tree = take_staged(private, locate(user.root)).tree
        else:
            tree = private.snapshot_of_checkout(user, lfs_pointers=True)
        self.count += 1
        with interruptible(self.context, "the same command"):
            end = fire_alone(self.context, hook, tree, path, self.count)
        if end is None:
            return None
        files = {
            name: (private.read(tree, name), private.read(end.tree, name))
            for file in private.change(tree, end.tree).files
            for name in sorted({file.path, file.old_path})
        }
        return SessionEnd(end.exit_code, end.output.strip(), files, self.spent())

    def spent(self) -> Spent:
        """Return the usage of the session so far."""
        return spent_on(usage for _, usage in self.context.journal.usages_of(STEP))


@contextmanager
def hook_session(hooks: Sequence[Hook], *, model: str | None = None) -> Iterator[HookSession]:
    """Yield a session for these hooks on the current checkout.

    Raises `ModelSetupError` where one asks a model and none can be asked, `UsageError` for settings
    with untrusted commands.
    """
    repository = open_repository()
    user, sessions = repository.user, KIND.sessions_of(repository)
    loaded = read_settings(user.root, model_flags(model), project=user.project)
    require_trust(loaded, repository)
    team = team_of(user.root, user.project)
    if asking := [hook for hook in hooks if asks_models(hook)]:
        _require_model(asking, loaded, team)
    _forget(sessions)
    name = f"hook-{time.strftime('%m%d')}-{secrets.token_hex(4)}"
    folder = sessions.run_folder(name)
    with hold(sessions.run_lock(name), "this hook"):
        try:
            record = _record(repository, hooks, loaded, team, name, folder)
            sessions.runs.save(record)
            with open_context(sessions, record, None) as context:
                yield HookSession(context)
        finally:
            sessions.runs.delete(name)
            remove_tree(folder)


def _names_model(loaded: Loaded, team: Team) -> bool:
    agent, models = team.implementer, loaded.settings.models
    if agent.model or agent.name in models.per_agent:
        return True
    return loaded.is_set("models.reasoning") and models.reasoning != "none"


def _require_model(hooks: Sequence[Hook], loaded: Loaded, team: Team) -> None:
    """Raise where the agent of hooks cannot be asked."""
    require_all("a hook that asks an agent")
    agent = team.implementer
    if not _names_model(loaded, team):
        raise ModelSetupError(f"the hook {hooks[0].name} asks an agent; {NAME_A_MODEL}")
    if agents := require_allowed(loaded, [agent]):
        refuse_for_coding_agents(hooks, agents)
    require_askable(loaded, [agent], providers=True, kinds={agent.name: STEP_KINDS[STEP]})


def _record(
    repository: Repository,
    hooks: Sequence[Hook],
    loaded: Loaded,
    team: Team,
    name: str,
    folder: Path,
) -> RunRecord:
    user, redactor = repository.user, redactor_of(repository.user)
    for part in ("logs", "blobs"):
        (folder / part).mkdir(mode=0o700, exist_ok=True)
    create_on(folder / "git", user, None).close()
    title = f"hooks on the checkout: {', '.join(hook.name for hook in hooks)}"
    brief = brief_of(repository, Subject(None, None, title), loaded.settings, redactor)
    brief = replace(brief, hooks=(*hooks,))
    blobs = Blobs(folder / "blobs", redactor.redact_held)
    options = {
        "brief": blobs.put_json(brief.plain()),
        "team": blobs.put_json(team_to_plain(team)),
    }
    return RunRecord(
        run_id=name,
        repository=str(user.root),
        title=redactor.for_people(title),
        base_commit=user.head or "",
        branch=user.branch or "",
        project=user.project,
        settings=stored_settings(loaded.settings),
        options=options,
        nonce=new_nonce(),
        created_at=time.time(),
    )


def _forget(sessions: Repository) -> None:
    """Delete the leftovers of killed sessions."""
    for record in sessions.runs.all():
        if not is_held(sessions.run_lock(record.run_id)):
            remove_tree(sessions.run_folder(record.run_id))
            sessions.runs.delete(record.run_id)
