"""Whether each configured model could be asked: found out before anything is paid."""

import importlib.util
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewloop.errors import ReviewLoopError
from reviewloop.models.bedrock import base_model, open_session, where
from reviewloop.models.replay_provider import ReplayProvider
from reviewloop.models.retry import access_problem
from reviewloop.models.routing import BEDROCK, OFFLINE, is_bedrock_id, route, split_model
from reviewloop.models.script_provider import ScriptProvider
from reviewloop.models.trouble import Trouble, diagnose, provider_errors
from reviewloop.settings import Models as ModelSettings
from reviewloop.settings import Settings

_PACKAGES = {
    "anthropic_bedrock": "langchain_aws",
    "bedrock": "langchain_aws",
    "azure_openai": "langchain_openai",
    "google_anthropic_vertex": "langchain_google_vertexai",
}


@dataclass(frozen=True)
class ModelCheck:
    """One model: who uses it, whether it could be asked, and what to do if not."""

    model: str
    used_by: tuple[str, ...]
    ok: bool
    problem: str = ""
    how_to_fix: str = ""


def check_models(
    settings: Settings, agents: Iterable[tuple[str, str | None]], *, online: bool
) -> list[ModelCheck]:
    """Return one check per model that the settings or the agents' files name."""
    users: dict[str, list[str]] = {}
    models = settings.models
    users.setdefault(models.reasoning, []).append("models.reasoning")
    users.setdefault(models.generation, []).append("models.generation")
    for name in models.fallbacks:
        users.setdefault(name, []).append("models.fallbacks")
    named = {**dict.fromkeys(models.per_agent), **dict(agents)}
    for agent, agent_model in named.items():
        chosen = route(settings, agent, "reasoning", agent_model)
        users.setdefault(chosen.model, []).append(agent)
    return [_check(name, tuple(by), models, online) for name, by in users.items()]


def _check(
    name: str, used_by: tuple[str, ...], settings: ModelSettings, online: bool
) -> ModelCheck:
    try:
        provider, ident = split_model(name)
        if provider == BEDROCK:
            problem, fix = _bedrock_problem(name, ident, settings, online)
        elif provider in OFFLINE:
            problem, fix = _offline_problem(provider, ident)
        else:
            problem, fix = _package_problem(provider)
    except ReviewLoopError as error:
        problem, fix = str(error), "correct [models] in the settings"
    return ModelCheck(name, used_by, not problem, problem, fix)


def _offline_problem(provider: str, ident: str) -> tuple[str, str]:
    if provider == "none":
        return "", ""
    path = Path(ident).expanduser()
    try:
        if provider == "script":
            ScriptProvider(path, stopped=lambda seconds: False).entries()
        else:
            ReplayProvider(path, scrub=lambda text: text).calls()
    except ReviewLoopError as error:
        return str(error), f"correct {path} or name another file"
    return "", ""


def _package_problem(provider: str) -> tuple[str, str]:
    package = _PACKAGES.get(provider, f"langchain_{provider}")
    if importlib.util.find_spec(package):
        return "", ""
    project = package.replace("_", "-")
    return f"the package {project} is not installed", f"pip install {project}"


def _bedrock_problem(
    name: str, ident: str, settings: ModelSettings, online: bool
) -> tuple[str, str]:
    if importlib.util.find_spec("langchain_aws") is None:
        return "the package langchain-aws is not installed", "pip install langchain-aws"
    if not is_bedrock_id(ident):
        example = f"{BEDROCK}:amazon.nova-pro-v1:0"
        return f"{ident!r} has not the form of a Bedrock model id", f"write for example {example}"
    import botocore.exceptions  # noqa: F401 - so that its errors are known below

    region_unset = "set AWS_REGION, models.region, or a region in the AWS profile"
    # A role is assumed only when asked to go online: that is a call to AWS.
    offline = settings if online else settings.model_copy(update={"role_arn": ""})
    try:
        session = open_session(offline)
        if not session.region_name:
            return "no AWS region is set", region_unset
        if not os.environ.get("AWS_BEARER_TOKEN_BEDROCK") and session.get_credentials() is None:
            return (
                f"no AWS credentials were found{where(settings)}",
                "run `aws configure sso`, or set AWS_PROFILE or models.profile",
            )
        if online:
            _look_up(session, ident, settings)
    except provider_errors() as error:
        diagnosis = diagnose(error)
        if diagnosis.trouble is Trouble.ACCESS:
            return access_problem(diagnosis, name, where(settings)), "see the sentence before"
        return (
            f"Bedrock could not be asked about it ({diagnosis.message[:200]})",
            "check the connection; the first call will tell",
        )
    return "", ""


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
