"""Whether the models of a team can be asked, as far as that is free to know."""

from collections.abc import Iterable

from reviewloop.agents import AgentDefinition, Team
from reviewloop.errors import ModelSetupError
from reviewloop.installed import require_all
from reviewloop.settings import Loaded

_MOST_NAMED = 3  # agents of a model that cannot be asked


def require_models(loaded: Loaded, team: Team) -> None:
    """Raise `ModelSetupError` unless every model of the team could be asked."""
    require_all("implementing a task")
    if "none" in (loaded.settings.models.reasoning, loaded.settings.models.generation):
        raise ModelSetupError(
            "implementing needs a model, and the settings say none; name one with --model "
            "provider:model or in [models]"
        )
    require_askable(loaded, team.members)


def require_askable(loaded: Loaded, agents: Iterable[AgentDefinition]) -> None:
    """Raise `ModelSetupError` unless the models of these agents could be asked."""
    from reviewloop.models.checks import check_models
    from reviewloop.models.routing import require_provider

    pairs = [(agent.name, agent.model) for agent in agents]
    for check in check_models(loaded.settings, pairs, online=False):
        if not check.ok:
            require_provider(check.model)
            few = len(check.used_by) <= _MOST_NAMED
            used = f" ({', '.join(check.used_by)})" if few else ""
            raise ModelSetupError(
                f"the model {check.model}{used} cannot be asked: {check.problem}; "
                f"{check.how_to_fix}"
            )
