"""The model that was named for workers: whether they could ask it, as far as can be known here."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reviewloop.domain.errors import ModelSetupError, UsageError
from reviewloop.models.checks import check_models
from reviewloop.models.provider_table import BEDROCK
from reviewloop.models.routing import (
    OFFLINE,
    is_bedrock_id,
    require_provider,
    split_model,
)
from reviewloop.settings import Settings
from reviewloop.store.postgres.batches import About

_NAME = "models.reasoning"


def found_from_anywhere(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags with the whole path of a script or a recording: workers stand elsewhere.

    Raises `UsageError` for a name that no provider answers to.
    """
    if _NAME not in flags:
        return dict(flags)
    return {name: _whole(str(model)) for name, model in flags.items()}


def _whole(model: str) -> str:
    provider, ident = split_model(model)
    require_provider(model)
    if provider not in OFFLINE or not ident:
        return model
    return f"{provider}:{Path(ident).expanduser().resolve()}"


def why_doubtful(settings: Settings, flags: Mapping[str, Any]) -> list[str]:
    """Return what workers need for the named model and is not here.

    Raises `ModelSetupError` for a model that they could not ask either. What is theirs to choose,
    because no model was named, is not looked at.
    """
    named = str(flags.get(_NAME, ""))
    if named == "none":
        raise ModelSetupError("implementing needs a model; name one with --model provider:model")
    notes: list[str] = []
    if not named:
        return notes
    named = settings.models.reasoning  # in full
    for check in check_models(settings, (), online=False, before_a_run=True):
        if check.model != named or check.ok:
            continue
        provider, ident = split_model(named)
        if provider in OFFLINE or (provider == BEDROCK and not is_bedrock_id(ident)):
            raise ModelSetupError(
                f"the model {named} cannot be asked: {check.problem}; {check.how_to_fix}"
            )
        notes.append(f"here {named} could not be asked ({check.problem}); workers have to")
    return notes


def kept_for(before: About, about: About, notes: list[str], *, queued: bool) -> About:
    """Return where to work, with the model that a batch has from `before` unless one is named.

    Raises `UsageError` when another one is named while tasks are `queued`: nobody's change under
    them.
    """
    if before.flags == about.flags or (about.flags and not queued):
        return about
    named = before.flags.get(_NAME)
    if not queued:
        notes.append(f"the batch keeps the model {named}; `--model` names another")
        return replace(about, flags=before.flags)
    model = f"the model {named}" if named else "the workers' own models"
    if about.flags:
        raise UsageError(
            f"tasks of this batch are queued already, for {model}: that is not changed while they "
            "are; leave --model out, or say it when workers have done them"
        )
    notes.append(f"tasks of this batch are queued for {model}, and keep it")
    return replace(about, flags=before.flags)
