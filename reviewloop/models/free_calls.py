"""The requests that cost nothing: whether a key is taken, and which models a server has."""

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from reviewloop.models.found import address_of, key_of
from reviewloop.models.provider_table import OLLAMA, Provider
from reviewloop.settings import Models as ModelSettings

_MOST_BYTES = 20_000_000  # of a list of models; OpenRouter's has some megabytes

Answer = Literal["fine", "refused", "forbidden", "missing", "unreachable", "odd"]

_ANSWERS: Mapping[int, Answer] = {403: "forbidden", 404: "missing"}


@dataclass(frozen=True)
class FreeCallResult:
    """What a provider said to a free request, and the models it listed."""

    answer: Answer
    said: str = ""  # status or reason, for people
    models: tuple[str, ...] = ()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key goes to the address it was meant for, and to no other."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow nothing."""


def ask_free(
    provider: Provider,
    settings: ModelSettings,
    environ: Mapping[str, str],
    *,
    seconds: float,
) -> FreeCallResult:
    """Send a provider its free request; nothing is paid and nothing of the project is sent."""
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
    path = f"{provider.models_path.partition('?')[0]}/{urllib.parse.quote(ident)}"
    return _get(provider, settings, environ, path, seconds)


def _get(
    provider: Provider,
    settings: ModelSettings,
    environ: Mapping[str, str],
    path: str,
    seconds: float,
) -> FreeCallResult:
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
        with _opener().open(request, timeout=seconds) as reply:
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
    """Return the models of a server of the person's own; () where it does not answer in time."""
    return ask_free(provider, settings, environ, seconds=seconds).models


def _opener() -> urllib.request.OpenerDirector:
    context = ssl.create_default_context()
    try:
        import certifi

        context.load_verify_locations(certifi.where())  # a Python of uv may know no authorities
    except ImportError:
        pass
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect())


def _names(body: Any) -> tuple[str, ...]:
    """Return the names in a list of models; OpenAI's form, Google's or Ollama's."""
    if not isinstance(body, Mapping):
        return ()
    rows = body.get("data") or body.get("models") or ()
    if not isinstance(rows, list):
        return ()
    found = [str(row.get("id") or row.get("name") or "") for row in rows if isinstance(row, dict)]
    return tuple(name.removeprefix("models/") for name in found if name)


def same_model(provider: Provider, wanted: str, listed: str) -> bool:
    """Whether a listed model is the wanted one; Ollama writes `:latest` where nothing is said."""
    if provider.name == OLLAMA and ":" not in wanted:
        return listed == f"{wanted}:latest"
    return listed == wanted
