"""Resolves the models in the settings: `auto`, or a bare name, becomes a full name."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reviewloop.domain.errors import UsageError
from reviewloop.llm.found_providers import (
    FoundProvider,
    aws_region,
    detect_local_servers,
    detect_providers,
    empty_keys,
    has_aws_credentials,
    own_address,
    provider_names,
)
from reviewloop.llm.provider_table import BEDROCK, KNOWN, OLLAMA, OPENAI
from reviewloop.llm.routing import (
    names_a_model,
    no_model,
    resolve_name,
    split_model,
    with_bedrock_id,
)
from reviewloop.settings import Loaded
from reviewloop.settings import Models as ModelSettings
from reviewloop.settings.loading import DEFAULT, FOUND
from reviewloop.settings.schema import AUTO

_KINDS = ("reasoning", "generation")


def resolve_models(loaded: Loaded, environ: Mapping[str, str]) -> Loaded:
    """Return the settings with full names of models, without any request.

    `auto` stays if nothing was found: only `ensure_model` may query the user's own server.
    """
    models = loaded.settings.models
    if all(_is_full(name, models, environ) for name in _names(models)):
        return loaded
    return _with(loaded, detect_providers(models, environ), environ)


def ensure_model(loaded: Loaded, environ: Mapping[str, str]) -> Loaded:
    """Return the settings with a model, if need be one of the user's own server.

    Raise `UsageError` if there is none.
    """
    models = loaded.settings.models
    if models.reasoning != AUTO:
        return loaded
    found = detect_local_servers(models, environ)
    if not found and aws_region(models, environ):
        # Only AWS's client knows the credentials of a machine in AWS; the check uses it.
        found = (FoundProvider(KNOWN[BEDROCK], "an AWS region"),)
    if not found:
        raise UsageError(nothing_found(models, environ))
    return _with(loaded, found, environ)


def nothing_found(models: ModelSettings, environ: Mapping[str, str]) -> str:
    """Return the message for a user without any provider."""
    keys = ", ".join(provider.keys[0] for provider in KNOWN.values() if provider.keys)
    if why := _own_server_problem(models, environ):
        return (
            f"no model to ask was found: {why}; `--model provider:model` names any other; "
            "`reviewloop review` needs none"
        )
    if has_aws_credentials(models, environ):
        return (
            "no model to ask was found: AWS credentials are here, but no AWS region; set "
            "AWS_REGION or models.region; `--model provider:model` names any other; "
            "`reviewloop review` needs none"
        )
    empty = empty_keys(environ)
    why = f" ({' and '.join(empty)} is set but empty)" if empty else ""
    return (
        f"no model to ask was found{why}: set one of {keys}, or AWS_REGION and AWS_PROFILE "
        "for Bedrock, or OPENAI_BASE_URL for a server that speaks OpenAI's interface, or start "
        "Ollama; `--model provider:model` names any other; `--model script:FILE` takes "
        "replies from a file, as `reviewloop demo --spec` does; `reviewloop review` needs none"
    )


def _own_server_problem(models: ModelSettings, environ: Mapping[str, str]) -> str:
    """Return why the user's own server gave no model, "" if none is configured."""
    from reviewloop.llm.found_providers import ask_free

    own = own_address(KNOWN[OPENAI], models, environ)
    if not own:
        return ""
    answered = ask_free(KNOWN[OPENAI], models, environ, seconds=1.0)
    server = f"the server at {own}"
    if answered.answer in ("refused", "forbidden"):
        key = KNOWN[OPENAI].keys[0]
        if environ.get(key, "").strip():
            return f"{server} refused the key in {key} ({answered.detail})"
        state = "set but empty" if key in environ else "not set"
        return f"{server} wants a key ({answered.detail}), and {key} is {state}"
    if answered.answer == "unreachable":
        return f"{server} cannot be reached ({answered.detail})"
    if answered.answer != "fine":
        return (
            f"{server} does not answer as OpenAI's interface does ({answered.detail}); its address "
            "often ends in /v1"
        )
    return f"{server} lists no model; name one with --model {OPENAI}:MODEL"


def is_begun(loaded: Loaded, environ: Mapping[str, str]) -> bool:
    """Whether any setting or variable of a model exists here."""
    models = loaded.settings.models
    named = any(name.startswith("models.") and loaded.is_set(name) for name in loaded.origins)
    own = any(own_address(provider, models, environ) for provider in KNOWN.values())
    return named or own or has_aws_credentials(models, environ) or bool(empty_keys(environ))


def choice(loaded: Loaded, environ: Mapping[str, str]) -> str:
    """Return the note on a model that was chosen automatically: the reason, and how to choose."""
    origin = loaded.origins.get("models.reasoning", DEFAULT)
    if not origin.startswith(FOUND):
        return ""
    by = origin.removeprefix(FOUND)
    others = [one for one in detect_providers(loaded.settings.models, environ) if one.by != by]
    also = f"; also found: {provider_names(others)}" if others else ""
    return f"found by {by}{also}; choose with --model or models.reasoning"


def _names(models: ModelSettings) -> list[str]:
    own = [name for name in models.per_agent.values() if name not in _KINDS]
    return [models.reasoning, models.generation, *models.fallbacks, *own]


def _is_full(name: str, models: ModelSettings, environ: Mapping[str, str]) -> bool:
    return names_a_model(name) and with_bedrock_id(name, models, environ) == name


def _with(loaded: Loaded, found: Sequence[FoundProvider], environ: Mapping[str, str]) -> Loaded:
    """Return the settings with every resolvable name resolved; others are reported on use."""
    models, origins = loaded.settings.models, dict(loaded.origins)
    region = aws_region(models, environ)
    own_server = own_address(KNOWN[OPENAI], models, environ)

    def full(name: str, prefer: str = "") -> str:
        if names_a_model(name):
            return with_bedrock_id(name, models, environ)
        if name == AUTO or name in _KINDS or no_model(name):
            return name
        known = resolve_name(name, found, prefer=prefer, region=region)
        return known or (f"{OPENAI}:{name}" if own_server else name)

    changed: dict[str, Any] = {"reasoning": full(models.reasoning)}
    if models.reasoning == AUTO and found:
        changed["reasoning"] = found[0].model
        origins["models.reasoning"] = f"{FOUND}{found[0].by}"
    prefer = _provider(changed["reasoning"])
    changed["generation"] = full(models.generation, prefer)
    if models.generation == AUTO and changed["reasoning"] != AUTO:
        changed["generation"] = _cheaper(changed["reasoning"], found, models, environ)
        origins["models.generation"] = f"{FOUND}beside models.reasoning"
    changed["fallbacks"] = tuple(full(name, prefer) for name in models.fallbacks)
    changed["per_agent"] = {a: full(name, prefer) for a, name in models.per_agent.items()}
    settings = loaded.settings.model_copy(update={"models": models.model_copy(update=changed)})
    return replace(loaded, settings=settings, origins=origins)


def _cheaper(
    reasoning: str,
    found: Sequence[FoundProvider],
    models: ModelSettings,
    environ: Mapping[str, str],
) -> str:
    """Return the model for high-volume work that goes with the one for reasoning."""
    for one in found:
        if one.model == reasoning:
            return one.generation
    provider = KNOWN.get(_provider(reasoning))
    if provider is None or provider.name == OLLAMA or own_address(provider, models, environ):
        return reasoning  # other models of that server are unknown
    return f"{provider.name}:{provider.generation}"


def _provider(name: str) -> str:
    return split_model(name)[0] if names_a_model(name) else ""
