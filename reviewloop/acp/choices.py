"""Chooses the mode and the model of a session from those that an agent offers."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from reviewloop.domain.errors import ModelSetupError


def mode_of(name: str, requested: Sequence[str], made: Mapping[str, Any]) -> str:
    """Return the first of the requested modes that a session offers."""
    modes = made.get("modes")
    offered = values(modes.get("availableModes"), "id") if isinstance(modes, dict) else []
    found = next((one for one in requested if one in offered), "")
    if offered and not found:
        has = f"it has {', '.join(offered)}"
        raise ModelSetupError(f"{name} has no mode {' or '.join(requested)}; {has}")
    return found or requested[0]


def model_choice(
    name: str, requested: str, made: Mapping[str, Any]
) -> tuple[str, Mapping[str, str]]:
    """Return the request that sets the requested model of a session."""
    options, models = made.get("configOptions"), made.get("models")
    if isinstance(models, dict):
        method, key, more = "session/set_model", "modelId", {}
        offered = values(models.get("availableModels"), "modelId")
    else:
        of_models = (
            one
            for one in (options if isinstance(options, list) else [])
            if isinstance(one, dict) and "model" in (one.get("category"), one.get("id"))
        )
        option = next(of_models, {})
        method, key = "session/set_config_option", "value"
        more = {"configId": str(option.get("id", ""))}
        offered = values(option.get("options"), "value")
    if not offered:
        raise ModelSetupError(f"{name} cannot be told its model; choose it in its own settings")
    if requested not in offered:
        spelt = [one for one in offered if one.partition("[")[0].rpartition("/")[2] == requested]
        if len(spelt) == 1:
            return method, {key: spelt[0], **more}
        near = difflib.get_close_matches(requested, offered, n=1)
        hint = f"did you mean {name}:{near[0]}?" if near else f"it has {', '.join(offered[:8])}"
        raise ModelSetupError(f"{name} has no model {requested!r}; {hint}")
    return method, {key: requested, **more}


def values(options: Any, key: str) -> list[str]:
    """Return the values of options, also those in groups."""
    found: list[str] = []
    for one in options if isinstance(options, list) else []:
        if isinstance(one, dict):
            found += values(one.get("options"), key)
            found += [one[key]] if isinstance(one.get(key), str) else []
    return found
