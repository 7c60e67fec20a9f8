"""Bare names of models (`gpt-5.1`, Kiro's `claude-sonnet-4.5`): whose model each one means."""

import difflib
import re
from collections.abc import Sequence

from reviewloop.models.found import FoundProvider
from reviewloop.models.provider_table import ALIASES, BEDROCK, KNOWN, OLLAMA, Provider

_REGIONAL = "regional."  # the price list's word for the ids of all groups of regions
_FAMILIES = {"claude": "anthropic", "gpt": "openai", "gemini": "google_genai"}
_GROUPS = {"us": "us", "eu": "eu", "ap": "apac", "ca": "ca"}
_PLACE = re.compile(r"^(?:global|regional|us|eu|apac|jp|au|ca)\.")
_VENDOR = re.compile(r"^(?:[a-z0-9-]+/|[a-z]+\.(?=[a-z]))")
_VERSION = re.compile(r"(?:-\d{8})?(?:-v\d+(?::\d+)?)?$")


def no_model(name: str) -> str:
    """Return what a name is that means a provider or a family of models, "" for others."""
    if name in _FAMILIES:
        one = KNOWN[_FAMILIES[name]]
        return f"is a family of models; write for example {one.name}:{one.reasoning}"
    if name in KNOWN or (name in ALIASES and name != "mistral"):  # Ollama has a model `mistral`
        full = KNOWN[ALIASES.get(name, name)]
        example = f"{name}:{full.reasoning}"
        return f"is a provider and names no model; write {name}:MODEL, for example {example}"
    return ""


def resolved(
    name: str, found: Sequence[FoundProvider], *, prefer: str = "", region: str = ""
) -> str:
    """Return the full name of a bare one, "" where it is not clear who should be asked.

    Of several providers that fit, the preferred one is taken, else the one that was found first.
    """
    if no_model(name):
        return ""
    fitting = [one.provider for one in found if is_of_family(name, one.provider)]
    if len(found) == 1 and not any(is_of_family(name, one) for one in KNOWN.values()):
        fitting = [found[0].provider]  # a model nobody has heard of, and one place to ask
    fitting.sort(key=lambda provider: provider.name != prefer)
    for provider in fitting:
        if ident := _ident(name, provider, region):
            return f"{provider.name}:{ident}"
    return ""


def id_in_bedrock(name: str, region: str) -> str:
    """Return Bedrock's id of a model that is written as people say it, "" where there is none."""
    return _ident(name, KNOWN[BEDROCK], region)


def nearest_in_bedrock(name: str, region: str) -> str:
    """Return the id of Bedrock's that is nearest to a mistyped model, "" where none is near."""
    keys = {_key(ident): ident for ident in _priced(KNOWN[BEDROCK])}
    near = difflib.get_close_matches(_key(name), keys, n=1)
    return id_in_bedrock(near[0], region) if near else ""


def spelling(name: str) -> str:
    """Return an example of how a bare name is written in full."""
    for provider in KNOWN.values():
        if provider.name != BEDROCK and is_of_family(name, provider):
            return f"{provider.name}:{name}"
    return "openai:gpt-6.1-sol or bedrock:amazon.nova-pro-v1:0"


def is_of_family(name: str, provider: Provider) -> bool:
    """Whether a bare name begins like the provider's models do."""
    return name.lower().startswith(provider.families)


def _ident(name: str, provider: Provider, region: str) -> str:
    """Return the name by which a provider knows a model, "" where that cannot be known."""
    listed = [ident for ident in _priced(provider) if _key(ident) == _key(name)]
    for ident in sorted(listed, key=lambda ident: (ident.startswith(_REGIONAL), ident)):
        if not ident.startswith(_REGIONAL):
            return ident
        if group := _GROUPS.get(region.partition("-")[0]):
            return f"{group}.{ident.removeprefix(_REGIONAL)}"
    needs_more = provider.name in (BEDROCK, "openrouter")  # a vendor stands before their names
    if provider.name == "anthropic":
        name = name.replace(".", "-")
    return "" if needs_more else name


def _priced(provider: Provider) -> list[str]:
    if provider.name == OLLAMA:
        return []
    from genai_prices import data  # 170 ms: only for a bare name

    return [model.id for one in data.providers if one.id == provider.prices for model in one.models]


def _key(ident: str) -> str:
    """Return what the spellings of one model have in common."""
    name = _VENDOR.sub("", _PLACE.sub("", ident.lower()), count=1)
    name = _VERSION.sub("", name).replace(".", "-")
    return re.sub(r"-0$", "", name)
