"""Checks before any payment whether each configured model can be used."""

import difflib
import importlib.util
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.git.process import trusted_path
from reviewloop.llm.bedrock import base_model, open_session, where
from reviewloop.llm.found_providers import (
    AWS_KEY_PAIR,
    Answer,
    FreeCallResult,
    ask_about_model,
    ask_free,
    aws_key_problem,
    aws_region,
    missing_key,
    own_address,
    same_model,
    shown_address,
)
from reviewloop.llm.installing import install_advice, package_problem
from reviewloop.llm.provider_table import BEDROCK, KNOWN, OLLAMA, Provider
from reviewloop.llm.replay import ReplayProvider
from reviewloop.llm.retry import access_problem
from reviewloop.llm.routing import (
    ACP,
    OFFLINE,
    Kind,
    added_provider,
    default_model,
    is_bedrock_id,
    nearest_in_bedrock,
    route,
    split_model,
)
from reviewloop.llm.trouble import Trouble, diagnose, provider_errors
from reviewloop.settings import Models as ModelSettings
from reviewloop.settings import Settings

_PACKAGES = {
    "anthropic_bedrock": "langchain_aws",
    "azure_openai": "langchain_openai",
    "google_anthropic_vertex": "langchain_google_vertexai",
}


_FREE_CALL_SECONDS = 5.0
_PREFLIGHT_SECONDS = 2.0  # most that a user waits for a run to start
_UNCERTAIN: frozenset[Answer] = frozenset({"forbidden", "missing", "odd", "unreachable"})
_DEPLOYMENTS = ".azure.com"
_FEW_MODELS = 5
_Problem = tuple[str, str, str]  # problem, advice, and what could not be checked


@dataclass(frozen=True)
class ModelCheck:
    """One model: its users, whether it can be used, and advice if not."""

    model: str
    used_by: tuple[str, ...]
    ok: bool
    problem: str = ""
    how_to_fix: str = ""
    warning: str = ""  # what could not be checked: the model may still answer


class _Asking:
    """Requests each provider's list of models once, for all its models."""

    def __init__(self, settings: ModelSettings, *, before_a_run: bool) -> None:
        self.settings = settings
        self.before_a_run = before_a_run  # then only a certain failure stops the run
        self._seconds = _PREFLIGHT_SECONDS if before_a_run else _FREE_CALL_SECONDS
        self._listed: dict[str, FreeCallResult] = {}

    def listed(self, provider: Provider) -> FreeCallResult:
        """Return the provider's response to the request for its models."""
        if provider.name not in self._listed:
            # A server on this machine may be starting up.
            seconds = _FREE_CALL_SECONDS if provider.name == OLLAMA else self._seconds
            answer = ask_free(provider, self.settings, os.environ, seconds=seconds)
            self._listed[provider.name] = answer
        return self._listed[provider.name]

    def has(self, provider: Provider, ident: str) -> Answer:
        """Return the provider's response to the request for one model."""
        answer = ask_about_model(provider, ident, self.settings, os.environ, seconds=self._seconds)
        return answer.answer


def check_models(
    settings: Settings,
    agents: Iterable[tuple[str, str | None]],
    *,
    online: bool,
    before_a_run: bool = False,
    kinds: Mapping[str, Kind] | None = None,
) -> list[ModelCheck]:
    """Return one check per model in the settings or the agents' files.

    `kinds` names the agents with another kind of work than reasoning. With `online` all free
    requests are made, `before_a_run` only quick ones: the models of a provider with a key. An
    uncertain response is a warning then.
    """
    users: dict[str, list[str]] = {}
    models = settings.models
    reasoning = default_model(settings, "reasoning")
    users.setdefault(reasoning, []).append("models.reasoning")
    for name in models.fallbacks:
        users.setdefault(name, []).append("models.fallbacks")
    named = {**dict.fromkeys(models.per_agent), **dict(agents)}
    for agent, agent_model in named.items():
        chosen = route(settings, agent, (kinds or {}).get(agent, "reasoning"), agent_model)
        users.setdefault(chosen.model, []).append(agent)
    asking = _Asking(models, before_a_run=before_a_run) if online or before_a_run else None
    return [_check(name, tuple(by), settings, online, asking) for name, by in users.items()]


def _check(
    name: str,
    used_by: tuple[str, ...],
    whole: Settings,
    online: bool,
    asking: _Asking | None,
) -> ModelCheck:
    warning, settings = "", whole.models
    try:
        provider, ident = split_model(name)
        if provider == BEDROCK:
            problem, fix, warning = _bedrock_problem(name, ident, settings, online)
        elif provider in OFFLINE:
            problem, fix = _offline_problem(provider, ident)
        elif provider == ACP:
            problem, fix = _agent_problem(ident, whole)
        elif provider in KNOWN:
            problem, fix, warning = _known_problem(KNOWN[provider], ident, settings, asking)
        elif added := added_provider(provider):
            added.load()
            problem, fix = "", ""
        else:
            problem, fix = _package_problem(provider)
    except ReviewLoopError as error:
        problem, fix = str(error), "correct [models] in the settings"
    return ModelCheck(name, used_by, not problem, problem, fix, warning)


def _offline_problem(provider: str, ident: str) -> tuple[str, str]:
    if provider == "none":
        return "", ""
    path = Path(ident).expanduser()
    try:
        if provider == "script":
            from reviewloop.llm.script import ScriptProvider  # for tests and demos only

            ScriptProvider(path, stopped=lambda seconds: False).entries()
        else:
            ReplayProvider(path, scrub=lambda text: text).calls()
    except ReviewLoopError as error:
        return str(error), f"correct {path} or name another file"
    return "", ""


def _agent_problem(name: str, settings: Settings) -> tuple[str, str]:
    """Return the problem of a coding agent; the agent is not started."""
    from reviewloop.acp.agents import require_agent

    agent = require_agent(name, settings.acp)
    if agent.find(trusted_path()) is not None:
        return "", ""
    get = f"get it with `{agent.get}`" if agent.get else f"correct [acp.{name}] in your settings"
    return f"the program {agent.command[0]} was not found", get


def _package_problem(provider: str) -> tuple[str, str]:
    package = _PACKAGES.get(provider, f"langchain_{provider}")
    if importlib.util.find_spec(package):
        return "", ""
    project = package.replace("_", "-")
    return f"the package {project} is not installed", install_advice(project)


def _known_problem(
    provider: Provider, ident: str, settings: ModelSettings, asking: _Asking | None
) -> _Problem:
    """Return the problem, the advice, and what could not be checked."""
    problem, fix = package_problem(provider)
    if problem:
        return problem, fix, ""
    if problem := missing_key(provider, settings, os.environ):
        return problem, f"set {provider.keys[0]} to your key, or name another model", ""
    # A server on this machine is always queried: only it knows its models.
    if asking is None and provider.name == OLLAMA:
        asking = _Asking(settings, before_a_run=False)
    return _answer_problem(provider, ident, asking) if asking else ("", "", "")


def _answer_problem(provider: Provider, ident: str, asking: _Asking) -> _Problem:
    answer = asking.listed(provider)
    own = shown_address(own_address(provider, asking.settings, os.environ))
    where = own or provider.address
    if asking.before_a_run and provider.name != OLLAMA and answer.answer in _UNCERTAIN:
        return (
            "",
            "",
            f"{where} did not list its models ({answer.detail}); the first call will tell",
        )
    if answer.answer in ("refused", "forbidden"):
        keys = " or ".join(provider.keys) or "no key"
        return f"{provider.title} refuses the key in {keys} ({answer.detail})", "check the key", ""
    if answer.answer == "unreachable" and provider.name == OLLAMA:
        return f"Ollama does not answer at {where}", "start it with `ollama serve`", ""
    if answer.answer == "unreachable" and own:
        address = f"{where} does not answer ({answer.detail})"
        return address, "start the server or correct the address", ""
    if answer.answer in ("missing", "odd") and own:
        problem = f"{where} does not answer as {provider.title}'s interface does ({answer.detail})"
        return problem, "correct the address; it often ends in /v1", ""
    if answer.answer != "fine":
        return "", "", f"{where} could not be reached ({answer.detail}), so the key is not checked"
    if any(same_model(provider, ident, name) for name in answer.models):
        return "", "", ""
    alone = asking.has(provider, ident) if answer.models and provider.name != OLLAMA else "missing"
    return (
        ("", "", "")
        if alone == "fine"
        else _model_problem(provider, ident, answer.models, own, alone)
    )


def _model_problem(
    provider: Provider, ident: str, listed: Sequence[str], own: str, alone: Answer
) -> _Problem:
    """Return the problem of a model that is not listed; `alone` is the response about it alone."""
    if provider.name == OLLAMA:
        return f"Ollama has no model {ident}", f"`ollama pull {ident}`", ""
    # Deployments there have names of their own, which are in no list.
    if own and (urlsplit(own).hostname or "").endswith(_DEPLOYMENTS):
        return "", "", f"{own} does not list {ident}; the first call will tell"
    if own and listed:
        few = ", ".join(_nearest_first(ident, listed)[:_FEW_MODELS])
        return f"the server at {own} has no model {ident}; it has {few}", "name one of them", ""
    if listed:  # a list may omit usable models
        near = difflib.get_close_matches(ident, listed, n=1)
        like = f" (did you mean {near[0]}?)" if near else ""
        if alone == "missing" and "/" not in ident:
            fix = f"name another one{like}"
            return f"{provider.title} has no model {ident}", fix, ""
        note = f"{provider.title} does not list a model {ident}{like}; the first call will tell"
        return "", "", note
    return "", "", ""


def _nearest_first(ident: str, listed: Sequence[str]) -> list[str]:
    near = difflib.get_close_matches(ident, listed, n=1)
    return [*near, *(name for name in listed if name not in near)]


def _bedrock_problem(name: str, ident: str, settings: ModelSettings, online: bool) -> _Problem:
    problem, fix = package_problem(KNOWN[BEDROCK])
    if problem:
        return problem, fix, ""
    if not is_bedrock_id(ident):
        near = nearest_in_bedrock(ident, aws_region(settings, os.environ))
        problem = f"{ident!r} has not the form of a Bedrock model id"
        return problem, f"write for example bedrock:{near or 'amazon.nova-pro-v1:0'}", ""
    import botocore.exceptions  # here, so that its errors are known below

    region_unset = "set AWS_REGION, models.region, or a region in the AWS profile"
    # A role is assumed only when online checks are requested: that is a call to AWS.
    offline = settings if online else settings.model_copy(update={"role_arn": ""})
    try:
        session = open_session(offline)
        if not session.region_name:
            return "no AWS region is set", region_unset, ""
        if not os.environ.get("AWS_BEARER_TOKEN_BEDROCK") and session.get_credentials() is None:
            if problem := aws_key_problem(os.environ):
                return problem, f"set {AWS_KEY_PAIR[0]} and {AWS_KEY_PAIR[1]} both", ""
            return (
                f"no AWS credentials were found{where(settings)}",
                "run `aws configure sso`, or set AWS_PROFILE or models.profile",
                "",
            )
        if online:
            _look_up(session, ident, settings)
    except botocore.exceptions.PartialCredentialsError as error:
        missing, origin = error.kwargs["cred_var"], error.kwargs["provider"]
        if origin == "env" and (problem := aws_key_problem(os.environ)):
            return problem, f"set {AWS_KEY_PAIR[0]} and {AWS_KEY_PAIR[1]} both", ""
        return f"the AWS credentials of {origin} have no {missing}", "add it there", ""
    except provider_errors() as error:
        diagnosis = diagnose(error)
        if diagnosis.trouble is Trouble.ACCESS:
            refusal = access_problem(diagnosis, name, where(settings))
            detail = f" ({refusal.detail})" if refusal.detail else ""
            return refusal.problem + detail, refusal.remedy, ""
        detail = diagnosis.message[:200]
        return "", "", f"Bedrock could not be asked about it ({detail}); the first call will tell"
    return "", "", ""


def _look_up(session: Any, ident: str, settings: ModelSettings) -> None:
    from botocore.config import Config

    quick = Config(
        connect_timeout=settings.connect_timeout_seconds,
        read_timeout=settings.connect_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    control = session.client("bedrock", config=quick)
    if "inference-profile/" in ident or base_model(ident).count(".") > 1:
        control.get_inference_profile(inferenceProfileIdentifier=ident)
    else:
        control.get_foundation_model(modelIdentifier=ident)
