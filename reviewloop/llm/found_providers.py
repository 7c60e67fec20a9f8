"""Detects usable providers in settings, environment and AWS's files, with free requests only."""

import configparser
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit

from reviewloop.dataclass import dataclass
from reviewloop.llm.provider_table import BEDROCK, KNOWN, OLLAMA, OPENAI, Provider
from reviewloop.settings import Models as ModelSettings

if TYPE_CHECKING:
    from urllib.request import HTTPSHandler, OpenerDirector

AWS_KEY_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_AWS_KEYS = (
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_AWS_SIGN_INS = (
    *("aws_access_key_id", "credential_process", "role_arn", "login_session"),
    *("sso_session", "sso_start_url", "web_identity_token_file"),
)
_ANSWERS_WITHIN = 1.0  # seconds for a server on this machine


@dataclass(frozen=True)
class FoundProvider:
    """A usable provider, and the setting or variable that led to it."""

    provider: Provider
    by: str
    reasoning: str = ""  # a model of a local server; "": the provider's default

    @property
    def model(self) -> str:
        """The model for reasoning, by its full name."""
        return f"{self.provider.name}:{self.reasoning or self.provider.reasoning}"

    @property
    def generation(self) -> str:
        """The model for high-volume work, by its full name."""
        return f"{self.provider.name}:{self.reasoning or self.provider.generation}"


def detect_providers(
    settings: ModelSettings, environ: Mapping[str, str]
) -> tuple[FoundProvider, ...]:
    """Return the usable providers, in the order of preference.

    The user's own servers are not among them: only a server knows its models.
    """
    found = [FoundProvider(KNOWN[BEDROCK], by)] if (by := aws_found_by(settings, environ)) else []
    for provider in KNOWN.values():
        if provider.name == OPENAI and own_address(provider, settings, environ):
            continue
        if key := key_of(provider, environ):
            found.append(FoundProvider(provider, key))
    return tuple(found)


def detect_local_servers(
    settings: ModelSettings, environ: Mapping[str, str]
) -> tuple[FoundProvider, ...]:
    """Return the user's own servers that answer within a second, with their models."""

    found = []
    for provider in (KNOWN[OPENAI], KNOWN[OLLAMA]):
        own = own_address(provider, settings, environ)
        if provider.name == OPENAI and not own:
            continue
        models = served_models(provider, settings, environ, seconds=_ANSWERS_WITHIN)
        if models:
            address = address_of(provider, settings, environ)
            found.append(FoundProvider(provider, f"a server at {address}", models[0]))
    return tuple(found)


def key_of(provider: Provider, environ: Mapping[str, str]) -> str:
    """Return the variable with a key for a provider, "" for none."""
    return next((name for name in provider.keys if environ.get(name, "").strip()), "")


def missing_key(provider: Provider, settings: ModelSettings, environ: Mapping[str, str]) -> str:
    """Return what is missing for a provider's key, "" if complete."""
    if not provider.keys or key_of(provider, environ):
        return ""
    if provider.name == OPENAI and own_address(provider, settings, environ):
        return ""
    empty = next((name for name in provider.keys if name in environ), "")
    return f"{empty} is set but empty" if empty else f"{' or '.join(provider.keys)} is not set"


def empty_keys(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables for keys that are set but empty."""
    names = [name for provider in KNOWN.values() for name in provider.keys]
    return tuple(name for name in names if name in environ and not environ[name].strip())


def own_address(provider: Provider, settings: ModelSettings, environ: Mapping[str, str]) -> str:
    """Return the address that the user configured for a provider, "" for the default one."""
    if provider.name == OPENAI and settings.base_url:
        return settings.base_url
    named = next((environ[name] for name in provider.addresses if environ.get(name)), "")
    if provider.name == OLLAMA and named and "://" not in named:
        host, _, port = named.partition(":")
        host = "127.0.0.1" if host in ("", "0.0.0.0") else host  # noqa: S104 - Ollama listens on it
        named = f"http://{host}:{port or 11434}"
    return "" if named.rstrip("/") == provider.address else named.rstrip("/")


def address_of(provider: Provider, settings: ModelSettings, environ: Mapping[str, str]) -> str:
    """Return the address of a provider."""
    return (own_address(provider, settings, environ) or provider.address).rstrip("/")


def shown_address(address: str) -> str:
    """Return an address without parts that may be secret: user, password and query."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def aws_region(settings: ModelSettings, environ: Mapping[str, str]) -> str:
    """Return the region that AWS's clients would use, "" for none."""
    named = settings.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if named:
        return named
    profile = settings.profile or environ.get("AWS_PROFILE") or "default"
    return _aws_files(environ).get(profile, {}).get("region", "")


def aws_found_by(settings: ModelSettings, environ: Mapping[str, str]) -> str:
    """Return what makes Bedrock usable, "" without region or credentials."""
    if settings.profile or settings.role_arn or settings.endpoint_url:
        return "[models] of the settings"
    return _aws_credentials(environ) if aws_region(settings, environ) else ""


def has_aws_credentials(settings: ModelSettings, environ: Mapping[str, str]) -> bool:
    """Whether credentials for AWS exist, with or without a region."""
    return bool(settings.profile or settings.role_arn or _aws_credentials(environ))


def aws_key_problem(environ: Mapping[str, str]) -> str:
    """Return which of AWS's two keys is missing beside the other, "" if both or none are set."""
    missing = [name for name in AWS_KEY_PAIR if not environ.get(name, "").strip()]
    empty = [name for name in missing if name in environ]
    if empty:
        return f"{' and '.join(empty)} {'is' if len(empty) == 1 else 'are'} set but empty"
    return f"{missing[0]} is not set" if len(missing) == 1 else ""


def _aws_credentials(environ: Mapping[str, str]) -> str:
    if key := next((name for name in _AWS_KEYS if environ.get(name, "").strip()), ""):
        return key
    if profile := environ.get("AWS_PROFILE"):
        return f"AWS_PROFILE {profile}"
    default = _aws_files(environ).get("default", {})
    return "AWS's default profile" if any(name in default for name in _AWS_SIGN_INS) else ""


def _aws_files(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the entries of AWS's two files by profile; AWS's client reports a broken file."""
    home = Path(environ.get("HOME") or Path.home())
    files = (
        environ.get("AWS_CONFIG_FILE") or home / ".aws/config",
        environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws/credentials",
    )
    profiles: dict[str, dict[str, str]] = {}
    for file in files:
        parser = configparser.RawConfigParser(default_section="")
        try:
            parser.read_string(Path(file).expanduser().read_text(encoding="utf-8"))
        except (OSError, ValueError, configparser.Error):
            continue
        for section in parser.sections():
            name = section.removeprefix("profile ").strip()
            profiles.setdefault(name, {}).update(parser.items(section))
    return profiles


def provider_names(found: Sequence[FoundProvider]) -> str:
    """Return the detected providers in words."""
    return ", ".join(f"{one.provider.title} ({one.by})" for one in found)


_MOST_BYTES = 20_000_000  # of a list of models; OpenRouter's has some megabytes

Answer = Literal["fine", "refused", "forbidden", "missing", "unreachable", "odd"]

_ANSWERS: Mapping[int, Answer] = {403: "forbidden", 404: "missing"}


@dataclass(frozen=True)
class FreeCallResult:
    """A provider's response to a free request, and the models it listed."""

    answer: Answer
    detail: str = ""  # status or reason, for users
    models: tuple[str, ...] = ()


def ask_free(
    provider: Provider,
    settings: ModelSettings,
    environ: Mapping[str, str],
    *,
    seconds: float,
) -> FreeCallResult:
    """Send a provider its free request; it costs nothing and contains nothing of the project."""
    return _get(provider, settings, environ, provider.models_path, seconds)


def ask_about_model(
    provider: Provider,
    ident: str,
    settings: ModelSettings,
    environ: Mapping[str, str],
    *,
    seconds: float,
) -> FreeCallResult:
    """Ask a provider whether it has one model, which is free, too: lists leave aliases out."""
    path = f"{provider.models_path.partition('?')[0]}/{quote(ident)}"
    return _get(provider, settings, environ, path, seconds)


def _get(
    provider: Provider,
    settings: ModelSettings,
    environ: Mapping[str, str],
    path: str,
    seconds: float,
) -> FreeCallResult:
    import urllib.error  # it imports HTTP, TLS and mail: most commands need none
    import urllib.request

    key = environ.get(key_of(provider, environ), "").strip()
    bearer = provider.key_header == "authorization"
    headers = dict(provider.headers)
    if key:
        headers[provider.key_header] = f"Bearer {key}" if bearer else key
    url = address_of(provider, settings, environ) + path
    try:
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked below
        if request.type not in ("http", "https"):
            return FreeCallResult("odd", f"{url} is no address of the web")
        with _opener(encrypted=request.type == "https").open(request, timeout=seconds) as reply:
            return FreeCallResult("fine", models=_names(json.loads(reply.read(_MOST_BYTES))))
    except urllib.error.HTTPError as error:
        error.close()
        # Google answers 400 to a key it does not know.
        refused = error.code == 401 or (error.code == 400 and not bearer)
        answer: Answer = "refused" if refused else _ANSWERS.get(error.code, "odd")
        return FreeCallResult(answer, f"HTTP {error.code}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        odd = isinstance(error, ValueError) and not isinstance(error, OSError)
        return FreeCallResult("odd" if odd else "unreachable", str(reason))


def served_models(
    provider: Provider, settings: ModelSettings, environ: Mapping[str, str], *, seconds: float
) -> tuple[str, ...]:
    """Return the models of the user's own server; () if it does not answer in time."""
    return ask_free(provider, settings, environ, seconds=seconds).models


def _opener(*, encrypted: bool) -> "OpenerDirector":
    from urllib.request import HTTPRedirectHandler, build_opener

    class NoRedirect(HTTPRedirectHandler):
        """Follows no redirect: a key goes to its own address only."""

        def redirect_request(self, *args: Any, **kwargs: Any) -> None:
            """Follow nothing."""

    if not encrypted:  # reading the certificate authorities takes 50 ms
        return build_opener(NoRedirect())
    return build_opener(_https_handler(), NoRedirect())


def _https_handler() -> "HTTPSHandler":
    import ssl
    from urllib.request import HTTPSHandler

    context = ssl.create_default_context()
    try:
        import certifi

        # A Python of uv may have no certificate authorities.
        context.load_verify_locations(certifi.where())
    except ImportError:
        pass
    return HTTPSHandler(context=context)


def _names(body: Any) -> tuple[str, ...]:
    """Return the names in a list of models in the form of OpenAI, Google or Ollama."""
    if not isinstance(body, Mapping):
        return ()
    rows = body.get("data") or body.get("models") or ()
    if not isinstance(rows, list):
        return ()
    found = [str(row.get("id") or row.get("name") or "") for row in rows if isinstance(row, dict)]
    return tuple(name.removeprefix("models/") for name in found if name)


def same_model(provider: Provider, name: str, listed: str) -> bool:
    """Whether a listed model is the requested one; Ollama adds `:latest` to names without a tag."""
    if provider.name == OLLAMA and ":" not in name:
        return listed == f"{name}:latest"
    return listed == name
