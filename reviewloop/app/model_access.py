"""Opens the models for a run or a review, and checks whether they can be asked."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reviewloop.agents import AgentDefinition, Team
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ModelSetupError, UsageError
from reviewloop.installed import require_all
from reviewloop.llm.budget import Budget
from reviewloop.llm.door import Models
from reviewloop.review.prompts import Fence
from reviewloop.sandbox.base import Sandbox
from reviewloop.secrets import Redactor, canonical
from reviewloop.settings import Loaded, Settings
from reviewloop.settings.loading import DEFAULT, USERS_FILE, is_from_user
from reviewloop.store.events import Events
from reviewloop.store.folders import require_room
from reviewloop.store.journal import Journal
from reviewloop.store.rates import Rates

if TYPE_CHECKING:  # only needed to ask a coding agent or a model
    from reviewloop.acp.cage_checks import Promise
    from reviewloop.llm.routing import Kind

_TRIAL_SECONDS = 60.0
_MOST_NAMED = 3  # agents listed with a model that cannot be asked


def require_models(loaded: Loaded, team: Team, *, is_checked: bool = False) -> tuple[str, ...]:
    """Return doubts about the models of a run, before it starts.

    Providers are asked for their list of models, which is free and quick, unless that is just done
    (`is_checked`). Raises `ModelSetupError` for a model that cannot be asked.
    """
    require_all("implementing a task")
    require_allowed(loaded, team.members)
    if "none" in (loaded.settings.models.reasoning, loaded.settings.models.generation):
        raise ModelSetupError(
            "implementing needs a model, and the settings say none; name one with --model "
            "provider:model or in [models]"
        )
    return require_askable(loaded, team.members, providers=not is_checked)


def require_askable(
    loaded: Loaded,
    agents: Iterable[AgentDefinition],
    *,
    providers: bool = False,
    kinds: "Mapping[str, Kind] | None" = None,
) -> tuple[str, ...]:
    """Return doubts about the models of these agents; `providers` asks the providers too.

    `kinds` maps agents to a kind of work other than reasoning.

    Raises `ModelSetupError` for a model that cannot be asked.
    """
    from reviewloop.llm.checks import check_models
    from reviewloop.llm.routing import require_provider

    pairs = [(agent.name, agent.model) for agent in agents]
    checks = check_models(loaded.settings, pairs, online=False, before_a_run=providers, kinds=kinds)
    for check in checks:
        if not check.ok:
            require_provider(check.model)
            few = len(check.used_by) <= _MOST_NAMED
            used = f" ({', '.join(check.used_by)})" if few else ""
            raise ModelSetupError(
                f"the model {check.model}{used} cannot be asked: {check.problem}; "
                f"{check.how_to_fix}"
            )
    return tuple(f"{check.model}: {check.warning}" for check in checks if check.warning)


def coding_agents(loaded: Loaded, members: Iterable[AgentDefinition]) -> list[str]:
    """Return the coding agents (`acp:NAME`) that replace models."""
    from reviewloop.llm.routing import ACP, route

    settings = loaded.settings
    models = {route(settings, one.name, "reasoning", one.model).model for one in members}
    models |= {*settings.models.fallbacks}
    return sorted(name for name in models if name.startswith(f"{ACP}:"))


def prices_of_agents(loaded: Loaded, members: Iterable[AgentDefinition]) -> tuple[str, ...]:
    """Return notes on the measured cost of coding agents' turns."""
    from reviewloop.acp.agents import require_agent
    from reviewloop.llm.routing import ACP, route

    settings = loaded.settings
    models = Counter(route(settings, one.name, "reasoning", one.model).model for one in members)
    sentences = []
    for name, turns in sorted(models.items()):
        if name.startswith(f"{ACP}:"):
            agent = require_agent(name.removeprefix(f"{ACP}:"), settings.acp)
            each = f"{turns} turns, at most {agent.at_once} at once" if turns > 1 else "one turn"
            sentences.append(f"{name}: {each}; {agent.price}, paid by its own login or key")
    return tuple(sentences)


def require_allowed(loaded: Loaded, members: Sequence[AgentDefinition]) -> list[str]:
    """Return the coding agents in use; raise `UsageError` for one that only a repository names.

    A user allows one by naming it: in their own settings, in a variable, or as an option.
    """
    from reviewloop.acp.agents import require_agent
    from reviewloop.llm.routing import ACP

    models, agents = loaded.settings.models, coding_agents(loaded, members)
    if not agents:
        return []
    named: dict[str, tuple[str, ...]]
    named = {"models.reasoning": (models.reasoning,), "models.generation": (models.generation,)}
    named |= {"models.fallbacks": models.fallbacks}
    named |= {f"models.per_agent.{key}": (value,) for key, value in models.per_agent.items()}
    own = {f"{ACP}:{name}" for name in loaded.settings.acp}
    for key, names in named.items():
        if is_from_user(loaded.origins.get(key, DEFAULT)):
            own |= {*names}
    for name in agents:
        ident = name.removeprefix(f"{ACP}:")
        program = ident.partition(":")[0]
        if name not in own and f"{ACP}:{program}" not in own:
            raise UsageError(
                f"{name} is named by the repository or an agent's file, and your own settings do "
                f"not allow it; add [acp.{program}] to {USERS_FILE}, or choose with --model"
            )
        require_agent(ident, loaded.settings.acp)
    return agents


@dataclass(frozen=True)
class AgentTrial:
    """The result of trying a coding agent: its version, its cage, and the hosts it may reach.

    `known` are the versions that were tested.
    """

    version: str
    known: tuple[str, ...]
    price: str
    level: str
    hosts: tuple[str, ...]
    promises: "tuple[Promise, ...]"
    is_keyless: bool = False  # its key stays outside of its cage


def try_agent(name: str, settings: Settings, sandbox: Sandbox) -> AgentTrial:
    """Start a coding agent in its cage, open a session and end it; nothing is paid.

    Raises `ReviewLoopError` with what is wrong.
    """
    import tempfile

    from reviewloop.acp.agents import require_agent
    from reviewloop.acp.cage_checks import promises_of
    from reviewloop.acp.turn import Caps, Task, open_session
    from reviewloop.mcp.protocol import Tool

    agent = require_agent(name, settings.acp)
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        tool = Tool("finish", "End your turn.", {"type": "object", "properties": {}})
        task = Task(
            prompt="",
            tree=Path(folder).resolve(),
            tools=(tool,),
            ending=tool.name,
            call=lambda name, args: ("", True),
            check=lambda args, last: "",
            caps=Caps(_TRIAL_SECONDS, 1, _TRIAL_SECONDS),
        )
        with open_session(agent, task, sandbox=sandbox) as session:
            promises = promises_of(sandbox)
            version, level = session.try_out(), str(sandbox.level)
            known, hosts = agent.tried, session.hosts
            return AgentTrial(
                version, known, agent.price, level, hosts, promises, session.is_keyless
            )


def models_without_price(settings: Settings, agents: Iterable[AgentDefinition]) -> list[str]:
    """Return the models of these agents without a known price."""
    from reviewloop.llm.prices import estimate
    from reviewloop.llm.routing import route

    models = {route(settings, agent.name, "reasoning", agent.model).model for agent in agents}
    models |= set(settings.models.fallbacks)
    return sorted(
        name
        for name in models
        if name != "none" and estimate(name, input_tokens=1000, output_tokens=1000) is None
    )


def caps_without_price(settings: Settings, agents: Iterable[AgentDefinition]) -> tuple[str, ...]:
    """Return a note on the cap on money where models have no known price."""
    names, limits = models_without_price(settings, agents), settings.limits
    if not names:
        return ()
    whose = "its price is" if len(names) == 1 else "their prices are"
    return (
        f"{' and '.join(names)}: {whose} unknown, so the ${limits.usd:g} cap cannot work; "
        f"limits.tokens ({limits.tokens:,}) stops the run",
    )


def models_of(
    settings: Settings,
    journal: Journal,
    budget: Budget,
    fence: Fence,
    events: Events,
    redactor: Redactor,
    folder: Path,
    rates: Rates | None = None,
    earlier: Sequence[str] = (),
    find_cage: Callable[[], Sandbox] | None = None,
) -> Models:
    """Return the models; `folder` is on the disk that must have room before a call is paid.

    `rates` are the limits that runs share, by default those of this machine; `earlier` are models
    that the run asked before; `find_cage` lets coding agents be asked.
    """
    return Models(
        settings,
        journal,
        budget=budget,
        canonical=lambda text: canonical(fence.canonical(text)),
        redact=redactor.redact_held,
        keep=redactor.for_models,
        names_in=redactor.names_in,
        on_event=events.emit,
        require_room=partial(require_room, folder),
        rates=rates,
        earlier=earlier,
        find_cage=find_cage,
    )
