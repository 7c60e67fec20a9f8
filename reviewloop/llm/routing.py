"""Chooses the model for each agent, and resolves bare names such as `gpt-5.1`."""

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from types import MappingProxyType
from typing import Literal

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.llm.found_providers import FoundProvider, aws_region, detect_providers, key_of
from reviewloop.llm.provider_table import ALIASES, BEDROCK, KNOWN, OLLAMA, Provider
from reviewloop.plugins import Plugin, others
from reviewloop.regex import regex
from reviewloop.settings import Models as ModelSettings
from reviewloop.settings import Settings
from reviewloop.settings.schema import AUTO

_REGIONAL = "regional."  # the price list's word for the ids of all groups of regions
_FAMILIES = {"claude": "anthropic", "gpt": "openai", "gemini": "google_genai"}
_GROUPS = {"us": "us", "eu": "eu", "ap": "apac", "ca": "ca"}
_SCOPE = regex(r"^(?:global|regional|us|eu|apac|jp|au|ca)\.")
_VENDOR = regex(r"^(?:[a-z0-9-]+/|[a-z]+\.(?=[a-z]))")
_VERSION = regex(r"(?:-\d{8})?(?:-v\d+(?::\d+)?)?$")


def no_model(name: str) -> str:
    """Return the provider or family of models that a name is, "" for a model."""
    if name in _FAMILIES:
        one = KNOWN[_FAMILIES[name]]
        return f"is a family of models; write for example {one.name}:{one.reasoning}"
    if name in KNOWN or (name in ALIASES and name != "mistral"):  # Ollama has a model `mistral`
        full = KNOWN[ALIASES.get(name, name)]
        example = f"{name}:{full.reasoning}"
        return f"is a provider and names no model; write {name}:MODEL, for example {example}"
    return ""


def resolve_name(
    name: str, found: Sequence[FoundProvider], *, prefer: str = "", region: str = ""
) -> str:
    """Return the full name of a bare one, "" if its provider is ambiguous.

    Of several matching providers the preferred one is taken, else the first one detected.
    """
    if no_model(name):
        return ""
    fitting = [one.provider for one in found if is_of_family(name, one.provider)]
    if len(found) == 1 and not any(is_of_family(name, one) for one in KNOWN.values()):
        fitting = [found[0].provider]  # an unknown model, and only one provider
    fitting.sort(key=lambda provider: provider.name != prefer)
    for provider in fitting:
        if ident := _ident(name, provider, region):
            return f"{provider.name}:{ident}"
    return ""


def id_in_bedrock(name: str, region: str) -> str:
    """Return Bedrock's id of a model in its usual spelling, "" for none."""
    return _ident(name, KNOWN[BEDROCK], region)


def nearest_in_bedrock(name: str, region: str) -> str:
    """Return the id of Bedrock's that is nearest to a mistyped model, "" if none is near."""
    keys = {_key(ident): ident for ident in _priced(KNOWN[BEDROCK])}
    near = difflib.get_close_matches(_key(name), keys, n=1)
    return id_in_bedrock(near[0], region) if near else ""


def spelling(name: str) -> str:
    """Return an example of the full spelling of a bare name."""
    for provider in KNOWN.values():
        if provider.name != BEDROCK and is_of_family(name, provider):
            return f"{provider.name}:{name}"
    return "openai:gpt-6.1-sol or bedrock:amazon.nova-pro-v1:0"


def is_of_family(name: str, provider: Provider) -> bool:
    """Whether a bare name begins like the provider's models."""
    return name.lower().startswith(provider.families)


def _ident(name: str, provider: Provider, region: str) -> str:
    """Return the provider's name of a model, "" if it is unknown."""
    listed = [ident for ident in _priced(provider) if _key(ident) == _key(name)]
    for ident in sorted(listed, key=lambda ident: (ident.startswith(_REGIONAL), ident)):
        if not ident.startswith(_REGIONAL):
            return ident
        if group := _GROUPS.get(region.partition("-")[0]):
            return f"{group}.{ident.removeprefix(_REGIONAL)}"
    needs_more = provider.name in (BEDROCK, "openrouter")  # their names begin with a vendor
    if provider.name == "anthropic":
        name = name.replace(".", "-")
    return "" if needs_more else name


def _priced(provider: Provider) -> list[str]:
    if provider.name == OLLAMA:
        return []
    from genai_prices import data  # 170 ms: only for a bare name

    return [model.id for one in data.providers if one.id == provider.prices for model in one.models]


def _key(ident: str) -> str:
    """Return a key that all spellings of one model share."""
    name = _VENDOR.sub("", _SCOPE.sub("", ident.lower()), count=1)
    name = _VERSION.sub("", name).replace(".", "-")
    return re.sub(r"-0$", "", name)


Kind = Literal["reasoning", "generation"]

ACP = "acp"
"""Coding agents that run a whole turn: `acp:NAME`."""

REVIEWERS = "reviewers"
"""The key in `models.per_agent` for all reviewers without a key of their own."""

_REVIEWING = ("review-", "quick-review")
REPLAY = "replay"
OFFLINE = frozenset({"script", REPLAY, "none"})
_PROVIDERS = """
    anthropic anthropic_bedrock azure_ai azure_openai baseten bedrock bedrock_converse
    bedrock_mantle_anthropic bedrock_mantle_openai cohere deepseek fireworks google_anthropic_vertex
    google_genai google_vertexai groq huggingface ibm langsmith litellm meta mistralai nvidia ollama
    openai openrouter perplexity together upstage xai
"""
PROVIDERS = frozenset(_PROVIDERS.split())
"""Providers that LangChain's `init_chat_model` knows; any other needs its `langchain_NAME` here."""

STEP_KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "implement": "reasoning",
        "repair": "reasoning",
        "review": "reasoning",
        "fix": "reasoning",
        "hook": "reasoning",
        "quick-review": "reasoning",
        "research": "reasoning",
        "questions": "reasoning",
        "requirements": "reasoning",
        "high_level": "reasoning",
        "low_level": "reasoning",
        "tasks": "generation",
        "plan": "generation",
        "explain": "generation",
        "ask": "generation",
        "delta": "reasoning",
        "capture": "reasoning",
        "improve": "reasoning",
    }
)
"""The kind of work of each step of the loop, as `config show` names it."""

SPEC_AGENTS: Mapping[str, str] = MappingProxyType(
    {
        "research": "spec-requirements",
        "questions": "spec-requirements",
        "requirements": "spec-requirements",
        "high_level": "spec-design",
        "low_level": "spec-design",
        "tasks": "spec-tasks",
        "plan": "spec-tasks",
        "explain": "spec-tasks",
        "delta": "spec-change",
    }
)
"""The agent of each step towards a spec."""

SKILL_AGENTS: Mapping[str, str] = MappingProxyType(
    {"capture": "skill-writer", "improve": "skill-writer"}
)
"""The agent that writes and corrects skills."""

_PROVIDER = regex(r"[a-z][a-z0-9_]*")
_BEDROCK_ID = regex(r"arn:aws[a-z-]*:bedrock:.+|(?:[a-z-]{2,8}\.)?[a-z0-9]+\.[a-z0-9][\w.:-]*")


def kind_of(step: str) -> Kind:
    """Return the kind of work of a step, or of an agent with a step of the same name."""
    if step in ("reasoning", "generation"):
        return "reasoning" if step == "reasoning" else "generation"
    return STEP_KINDS.get(step, "reasoning")


def is_bedrock_id(ident: str) -> bool:
    """Whether this has the form of a Bedrock model id, inference profile or ARN."""
    return _BEDROCK_ID.fullmatch(ident) is not None


@dataclass(frozen=True)
class Route:
    """The model chosen for an agent, the source of the choice, and a note for the user."""

    model: str
    origin: str
    note: str = ""


def split_model(name: str) -> tuple[str, str]:
    """Return (provider, model id) of a name such as `openai:gpt-5` or a bare Bedrock id.

    Raise `UsageError` for any other name.
    """
    provider, colon, ident = name.partition(":")
    if name == "none":
        return "none", ""
    if colon and ident and _PROVIDER.fullmatch(provider) and provider != "arn":
        return ALIASES.get(provider, provider), ident
    if is_bedrock_id(name):
        return BEDROCK, name
    if colon and not ident and _PROVIDER.fullmatch(provider) and provider != "none":
        _require_known(provider, name)
        what = "file" if provider in OFFLINE else "model"
        raise UsageError(f"models: {name!r} names no {what}; write {name}{what.upper()}")
    if problem := no_model(name):
        raise UsageError(f"models: {name!r} {problem}")
    write = f"write provider:model, for example {spelling(name)}"
    if keys := _missing_keys(name):
        raise UsageError(
            f"models: no key was found for a provider of {name!r}: set {' or '.join(keys)}, or "
            f"{write}"
        )
    raise UsageError(f"models: {name!r} names no provider; {write}")


def _missing_keys(name: str) -> list[str]:
    """Return the unset variables that would decide the provider of a bare name, none if one
    is set.
    """
    fitting = [one for one in KNOWN.values() if one.keys and is_of_family(name, one)]
    if any(key_of(provider, os.environ) for provider in fitting):
        return []
    return [provider.keys[0] for provider in fitting]


def require_provider(name: str) -> None:
    """Raise `UsageError` for a model of an unknown provider, without any request."""
    provider, _ = split_model(name)
    _require_known(provider, name)


def added_provider(provider: str) -> Plugin | None:
    """Return the plugin with this name of a provider; None for built-in names.

    It is a function `(model, *, max_tokens, timeout) -> BaseChatModel`.
    """
    if provider in PROVIDERS | OFFLINE | {ACP}:
        return None
    return next((one for one in others("providers") if one.name == provider), None)


def _require_known(provider: str, name: str) -> None:
    known = PROVIDERS | OFFLINE | {ACP}
    if provider in known or find_spec(f"langchain_{provider}") is not None:
        return
    if added_provider(provider):
        return
    like = difflib.get_close_matches(provider, known, n=1)
    hint = f"did you mean {like[0]}?" if like else f"for Bedrock write {BEDROCK}:MODEL-ID"
    raise UsageError(f"models: no provider is called {provider!r} (in {name!r}); {hint}")


def names_a_model(name: str) -> bool:
    """Whether a name can be used unchanged; Kiro's short names (`claude-sonnet-4`) cannot."""
    try:
        split_model(name)
    except UsageError:
        return False
    return True


def with_bedrock_id(name: str, models: ModelSettings, environ: Mapping[str, str]) -> str:
    """Return `bedrock:claude-sonnet-5` with its id in Bedrock, other names unchanged."""
    provider, ident = split_model(name)
    if provider != BEDROCK or is_bedrock_id(ident):
        return name
    known = id_in_bedrock(ident, aws_region(models, environ))
    return f"{BEDROCK}:{known}" if known else name


def route(settings: Settings, agent: str, kind: Kind, agent_model: str | None = None) -> Route:
    """Return the model for an agent doing this kind of work.

    The user's setting for the agent wins over the agent's file, which wins over the kind of work.
    When the kind's model is a script, a recording or `none`, it serves all agents: a free choice
    must not become paid because of an agent's file.
    """
    models = settings.models
    default = default_model(settings, kind)
    offline = split_model(default)[0] in OFFLINE
    key = agent if agent in models.per_agent or not agent.startswith(_REVIEWING) else REVIEWERS
    own = models.per_agent.get(key)
    if own in ("reasoning", "generation"):
        return Route(default_model(settings, kind_of(own)), f"models.per_agent.{key}")
    if own and (not offline or split_model(own)[0] in OFFLINE):
        return Route(own, f"models.per_agent.{key}")
    if not agent_model or agent_model == AUTO or offline:
        return Route(default, f"models.{kind}")
    if names_a_model(agent_model):
        return Route(with_bedrock_id(agent_model, models, os.environ), "agent file")
    if meant := _meant(agent_model, default, settings):
        return Route(meant, "agent file")
    return Route(
        default,
        f"models.{kind}",
        f"{agent}: its file asks for {agent_model!r}, which no provider found here has; "
        f"{default} is used (set models.per_agent.{agent} to choose another)",
    )


def default_model(settings: Settings, kind: Kind) -> str:
    """Return the model for a kind of work; Bedrock's if no detection ran."""
    models, usual = settings.models, KNOWN[BEDROCK]
    if kind == "generation" and models.generation != AUTO:
        return models.generation
    if models.reasoning != AUTO:
        return models.reasoning
    return f"{BEDROCK}:{usual.reasoning if kind == 'reasoning' else usual.generation}"


def _meant(short: str, default: str, settings: Settings) -> str:
    """Return the model for a short name of an agent's file, "" for none."""
    models = settings.models
    found, region = detect_providers(models, os.environ), aws_region(models, os.environ)
    return resolve_name(short, found, prefer=split_model(default)[0], region=region)
