"""Amazon Bedrock: one shared pair of clients, and chat models on top of them."""

import os
import threading
from typing import TYPE_CHECKING, Any

from reviewloop.settings import Models as ModelSettings

if TYPE_CHECKING:
    import boto3
    from langchain_core.language_models import BaseChatModel

_CACHING_MODELS = ("claude", "nova")
_FRAMEWORK = "x-client-framework:langchain-aws"  # as langchain-aws itself says it to AWS
_SIGN_IN_NAME = "reviewloop"
_REGION_GROUPS = {"global", "us", "eu", "apac", "jp", "au", "ca", "us-gov"}


class BedrockClients:
    """The runtime and control clients that all agents share, created at the first call.

    A pair costs 0.4 s and 18 MB, too much for each agent.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._made: tuple[Any, Any] | None = None

    def pair(self) -> tuple[Any, Any]:
        """Return (runtime client, control client)."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def chat_model(self, ident: str, max_tokens: int) -> "BaseChatModel":
        """Return LangChain's model for a Bedrock model id or ARN."""
        # Not from the package: it also loads retrievers and older models.
        from langchain_aws.chat_models.bedrock_converse import ChatBedrockConverse

        runtime, control = self.pair()
        named: dict[str, Any] = {}
        base = base_model(ident)
        if "application-inference-profile/" in ident:
            base = base_model(_profile_model(control, ident))
            named["base_model_id"] = base
        if ident.startswith("arn:"):
            named["provider"] = _vendor(base)
        # Neither max_retries nor timeout here: they would remove the timeouts set on the clients.
        model: BaseChatModel = ChatBedrockConverse(
            model=ident,
            client=runtime,
            bedrock_client=control,
            region_name=runtime.meta.region_name,
            max_tokens=max_tokens,
            **named,
        )
        return model

    def _make(self) -> tuple[Any, Any]:
        from botocore.config import Config

        settings = self._settings
        # One attempt per call: our own code counts retries, and paces requests of all processes.
        config = Config(
            read_timeout=settings.read_timeout_seconds,
            connect_timeout=settings.connect_timeout_seconds,
            max_pool_connections=max(32, settings.concurrency),
            retries={"mode": "standard", "total_max_attempts": 1},
            tcp_keepalive=True,
            user_agent_extra=_FRAMEWORK,
        )
        session = open_session(settings)
        endpoint = endpoint_of(settings) or None
        runtime = session.client("bedrock-runtime", config=config, endpoint_url=endpoint)
        control = session.client("bedrock", config=config)
        return runtime, control


def open_session(settings: ModelSettings) -> "boto3.Session":
    """Return the AWS session of the settings, with the role assumed if there is one."""
    import boto3

    # boto3 itself reads AWS_DEFAULT_REGION only; AWS's other tools read AWS_REGION first.
    region = settings.region or os.environ.get("AWS_REGION") or None
    session = boto3.Session(profile_name=settings.profile or None, region_name=region)
    if not settings.role_arn:
        return session
    # Valid for an hour; after that the error says so and `resume` assumes it again.
    granted = session.client("sts").assume_role(
        RoleArn=settings.role_arn, RoleSessionName=_SIGN_IN_NAME
    )["Credentials"]
    return boto3.Session(
        aws_access_key_id=granted["AccessKeyId"],
        aws_secret_access_key=granted["SecretAccessKey"],
        aws_session_token=granted["SessionToken"],
        region_name=session.region_name,
    )


def endpoint_of(settings: ModelSettings) -> str:
    """Return the configured address of Bedrock's runtime, "" for AWS's own."""
    return settings.endpoint_url or os.environ.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "")


def where(settings: ModelSettings) -> str:
    """Return region, profile and role of the settings for messages; never a key."""
    region = settings.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    profile = settings.profile or os.environ.get("AWS_PROFILE")
    parts = [f"region {region}" if region else "", f"profile {profile}" if profile else ""]
    parts.append(f"role {settings.role_arn}" if settings.role_arn else "")
    parts_text = ", ".join(part for part in parts if part)
    return f" ({parts_text})" if parts_text else ""


def base_model(ident: str) -> str:
    """Return the model id at the end of an ARN, else the id itself."""
    return ident.rpartition("/")[2]


def takes_cache_points(ident: str) -> bool:
    """Whether a Bedrock model accepts cache points; others reject the whole request."""
    return any(name in ident for name in _CACHING_MODELS) or "application-inference" in ident


def _vendor(base: str) -> str:
    parts = base.split(".")
    return parts[1] if parts[0] in _REGION_GROUPS and len(parts) > 2 else parts[0]


def _profile_model(control: Any, ident: str) -> str:
    models = control.get_inference_profile(inferenceProfileIdentifier=ident)["models"]
    return str(models[0]["modelArn"]) if models else ident
