"""Opens the context of a run from its record and its folder, and closes it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from reviewloop.agents import AgentDefinition, Team
from reviewloop.app.model_access import models_of
from reviewloop.app.project import Repository, settings_of, team_of
from reviewloop.app.redactors import redactor_of
from reviewloop.app.review.analysis import Analysis
from reviewloop.app.review.base_rules import rules_of
from reviewloop.app.review.review_history import reasons
from reviewloop.app.sandboxing import cage_of, describe_sandbox, levels_of, sandbox_finder
from reviewloop.app.servers import offered_file, open_servers, trusted_servers
from reviewloop.app.state_check import JOURNAL
from reviewloop.checkout.workspace import Workspace, filling_of
from reviewloop.domain.event import Listener
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import UserRepo
from reviewloop.llm.budget import Budget, spent_by
from reviewloop.loop.context import Brief, RunContext
from reviewloop.loop.hooks import around_tools
from reviewloop.review.prompts import Fence
from reviewloop.review.quiet import QUIET_FILE, read_quiet
from reviewloop.sandbox.base import Sandbox
from reviewloop.sandbox.environment import ProjectEnv, build_environment, paths_for
from reviewloop.sandbox.interpreters import not_committed
from reviewloop.servers.definitions import Trusted
from reviewloop.settings import Settings
from reviewloop.store.blobs import Blobs
from reviewloop.store.events import Events
from reviewloop.store.journal import Journal
from reviewloop.store.runs import RunRecord

if TYPE_CHECKING:
    from reviewloop.servers.running import Servers


def team_to_plain(team: Team) -> dict[str, Any]:
    """Return the team as JSON-plain values."""
    return {
        "implementer": agent_to_plain(team.implementer),
        "fixer": agent_to_plain(team.fixer),
        "quick_reviewer": agent_to_plain(team.quick_reviewer),
        "reviewers": [agent_to_plain(agent) for agent in team.reviewers],
    }


def team_from_plain(values: Mapping[str, Any]) -> Team:
    """Rebuild what `team_to_plain` returned."""
    return Team(
        implementer=_definition(values["implementer"]),
        fixer=_definition(values["fixer"]),
        quick_reviewer=_definition(values["quick_reviewer"]),
        reviewers=tuple(_definition(agent) for agent in values["reviewers"]),
    )


def agent_to_plain(agent: AgentDefinition) -> dict[str, Any]:
    """Return an agent as a run stores it, JSON-plain.

    Keys of other tools are left out, and so are servers, which may hold secrets.
    """
    return {**asdict(agent), "extra": {}, "own_servers": {}}


def _definition(values: Mapping[str, Any]) -> AgentDefinition:
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return AgentDefinition(**{**values, **lists})


EARLIER_MODELS = "earlier_models"
"""The models that a run asked before; a resumed step finds replies stored under their names."""


def note_other_models(record: RunRecord, settings: Settings, folder: Path) -> str:
    """Record that a run asks other models from now on; return a note about it.

    "" when the models stay the same.
    """
    before, now = record.settings["models"], settings.models
    names = [
        (before[kind], getattr(now, kind))
        for kind in ("reasoning", "generation")
        if before[kind] != getattr(now, kind)
    ]
    if not names:
        return ""
    with closing(Journal(folder / JOURNAL)) as journal:
        models = {str(call.request["model"]) for call in journal.calls("model")}
    record.options[EARLIER_MODELS] = sorted(models)
    sentences = dict.fromkeys(f"asks {new} instead of {old} from here on" for old, new in names)
    kept = "; what was answered is not asked again" if models else ""
    return f"{' and '.join(sentences)}{kept}"


@contextmanager
def open_context(
    repository: Repository,
    record: RunRecord,
    listener: Listener | None,
    for_now: Mapping[str, Any] | None = None,
) -> Iterator[RunContext]:
    """Yield the context of a run whose lock the caller holds; `for_now` is that of `advance`."""
    settings, shared = settings_of(record, for_now), repository.shared
    # The user may answer from another folder: the run is about the project it started in.
    repository = replace(repository, user=replace(repository.user, project=record.project))
    folder = repository.run_folder(record.run_id)
    with ExitStack() as stack:
        journal = Journal(folder / JOURNAL, partial(shared.ship, record.run_id) if shared else None)
        stack.callback(journal.close)
        private = PrivateRepo.open(folder / "git")
        stack.callback(private.close)
        analysis = Analysis()
        stack.callback(analysis.close)
        redactor = redactor_of(repository.user)
        blobs = Blobs(folder / "blobs", redactor.redact_held)
        events = Events(folder / "events.jsonl", listener, redactor.for_people)
        fence = Fence(record.nonce)
        checkout_root = folder / "workspace" / repository.user.root.name
        team = team_from_plain(blobs.get_json(record.options["team"]))
        workspace = Workspace(private, checkout_root, filling_of(settings.workspace))
        sandbox = sandbox_finder(
            settings, record.options, partial(_note_level, repository, record, events)
        )
        budget = _budget(record, settings, journal)
        rates, old = shared.rates if shared else None, record.options.get(EARLIER_MODELS, ())
        models = models_of(
            settings,
            journal,
            budget,
            fence,
            events,
            redactor,
            folder,
            rates,
            old,
            cage_of(sandbox),
        )
        stopped = Event()

        def make_servers() -> "Servers | None":
            trusted = _servers(record, repository.user, settings, team)
            note, kept = partial(_notify, events), offered_file(repository.user.key)
            return open_servers(stack, trusted, folder, cage_of(sandbox), stopped, note, kept)

        rules = stack.enter_context(_rules(record, private))
        base_tree = private.tree_of(record.base_commit)
        yield RunContext(
            record=record,
            runs=repository.runs,
            folder=folder,
            settings=settings,
            team=team,
            brief=Brief.from_plain(blobs.get_json(record.options["brief"])),
            user=repository.user,
            private=private,
            workspace=workspace,
            make_environment=partial(_environment, stack, repository, settings, workspace, sandbox),
            blobs=blobs,
            journal=journal,
            events=events,
            models=models,
            fence=fence,
            base_tree=base_tree,
            redactor=redactor,
            rules=rules,
            analyse=analysis.early,
            analyse_late=analysis.late,
            not_analysed=analysis.not_analysed,
            around_tools=around_tools,
            on_stop=analysis.stop,
            dismissed=_dismissed(repository, rules),
            quiet=() if rules else read_quiet(private.read(base_tree, QUIET_FILE)),
            shared=shared,
            make_servers=make_servers,
            stopped=stopped,
        )


def _servers(
    record: RunRecord, user: UserRepo, settings: Settings, team: Team
) -> tuple[Trusted, ...]:
    """Return the servers that the run's agents request, as their files define them now."""
    named = record.options.get("servers", ())
    if record.options.get("rules_from"):  # the checkout has files by untrusted authors
        return ()
    if not named and not any(agent.servers for agent in team.members):
        return ()
    now = {agent.name: agent for agent in team_of(user.root, user.project).members}
    agents = [
        replace(agent, own_servers=now[agent.name].own_servers if agent.name in now else {})
        for agent in team.members
    ]
    return trusted_servers(user, settings, agents, named)[0]


def _notify(events: Events, text: str) -> None:
    events.emit("note", text=text)


def _budget(record: RunRecord, settings: Settings, journal: Journal) -> Budget:
    """Return the caps that hold now; those below the run's own are what its batch has left."""
    own, limits = settings_of(record).limits, settings.limits
    lower = {"limits.usd": limits.usd < own.usd, "limits.minutes": limits.minutes < own.minutes}
    return Budget(
        limits,
        spent=spent_by(journal),
        seconds_used=record.active_seconds,
        shared=[name for name, is_lower in lower.items() if is_lower],
    )


def _rules(record: RunRecord, private: PrivateRepo) -> AbstractContextManager[Path | None]:
    """Return a context manager: the folder with the rules of another commit, or None."""
    commit = str(record.options.get("rules_from", ""))
    return rules_of(private, private.tree_of(commit)) if commit else nullcontext()


def _dismissed(repository: Repository, rules: Path | None) -> Callable[[], Mapping[str, str]]:
    """Return a function that reads this machine's dismissals; none for a pull request."""
    return dict if rules else partial(reasons, repository.user.key)


def _environment(
    stack: ExitStack,
    repository: Repository,
    settings: Settings,
    workspace: Workspace,
    sandbox: Callable[[], Sandbox],
) -> ProjectEnv:
    project = repository.user.project
    environment = build_environment(
        user_root=repository.user.root,
        workspace=workspace.folder,
        folder=workspace.private.folder.with_name("environment"),
        reuse=not_committed(paths_for(project, settings.gates.reuse), workspace.private),
        python=settings.gates.python,
        sandbox=sandbox,
        objects=workspace.needed_folders,
        readable=settings.sandbox.read,
        project=project,
    )
    stack.callback(environment.discard)
    return environment


def _note_level(
    repository: Repository, record: RunRecord, events: Events, sandbox: Sandbox
) -> None:
    """Record and report that commands run at another sandbox level than before."""
    before = levels_of(record.options)[-1]
    later = [*record.options.get("later_sandboxes", ()), str(sandbox.level)]
    record.options["later_sandboxes"] = later
    repository.runs.save(record)
    text = f"the sandbox is another one now: {describe_sandbox(sandbox)}; until now it was {before}"
    events.emit("note", text=text)
