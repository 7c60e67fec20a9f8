"""Classifies failed calls by what to do next, for all libraries.

The rules are ours. Libraries' own retries repeat refused permissions, or a read timeout of ten
minutes three times; they are all switched off.
"""

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ReviewLoopError


class Trouble(StrEnum):
    """The class of a failed call, which decides what to do."""

    THROTTLED = "throttled"  # wait longer, ask again
    UNAVAILABLE = "unavailable"  # wait, ask again; nothing was paid
    TIMEOUT = "timeout"  # possibly paid: ask again once
    CUT = "cut"  # the reply broke off, possibly paid: ask again
    ACCESS = "access"  # credentials, permission or model id: a retry cannot help
    OVERFLOW = "overflow"  # the request has to shrink
    REJECTED = "rejected"  # the request is wrong


@dataclass(frozen=True)
class Diagnosis:
    """A failed call; `code` is the provider's word for it, `retry_after` its request in seconds."""

    trouble: Trouble
    code: str
    message: str
    retry_after: float | None = None

    @property
    def possibly_paid(self) -> bool:
        """Whether the provider may have done, and billed, the work."""
        return self.trouble in {Trouble.TIMEOUT, Trouble.CUT}


class ProviderError(ReviewLoopError):
    """A provider's failure that is already diagnosed (scripted errors)."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        super().__init__(diagnosis.message)
        self.diagnosis = diagnosis


_BY_CODE = {
    "throttlingexception": Trouble.THROTTLED,
    "throttling": Trouble.THROTTLED,
    "toomanyrequestsexception": Trouble.THROTTLED,
    "modelnotreadyexception": Trouble.UNAVAILABLE,
    "serviceunavailableexception": Trouble.UNAVAILABLE,
    "serviceunavailable": Trouble.UNAVAILABLE,
    "internalserverexception": Trouble.UNAVAILABLE,
    "internalfailure": Trouble.UNAVAILABLE,
    "modelerrorexception": Trouble.UNAVAILABLE,
    "modelstreamerrorexception": Trouble.CUT,
    "modeltimeoutexception": Trouble.TIMEOUT,
    "accessdeniedexception": Trouble.ACCESS,
    "accessdenied": Trouble.ACCESS,
    "resourcenotfoundexception": Trouble.ACCESS,
    "expiredtoken": Trouble.ACCESS,
    "expiredtokenexception": Trouble.ACCESS,
    "unrecognizedclientexception": Trouble.ACCESS,
    "invalidclienttokenid": Trouble.ACCESS,
    "invalidsignatureexception": Trouble.ACCESS,
    "incompletesignature": Trouble.ACCESS,
    "missingauthenticationtokenexception": Trouble.ACCESS,
    "notauthorized": Trouble.ACCESS,
    "optinrequired": Trouble.ACCESS,
    "signaturedoesnotmatch": Trouble.ACCESS,
}
_BY_STATUS = {
    401: Trouble.ACCESS,
    403: Trouble.ACCESS,
    404: Trouble.ACCESS,
    408: Trouble.TIMEOUT,
    409: Trouble.UNAVAILABLE,
    424: Trouble.UNAVAILABLE,
    429: Trouble.THROTTLED,
}
# LangChain's own classes come first: its clients mix them with those of the providers' libraries.
_NORMALISED = {
    "ModelRateLimitError": Trouble.THROTTLED,
    "ModelTimeoutError": Trouble.TIMEOUT,
    "ModelConnectionError": Trouble.UNAVAILABLE,
    "ModelAPIError": Trouble.UNAVAILABLE,
    "ModelAuthenticationError": Trouble.ACCESS,
    "ModelPermissionDeniedError": Trouble.ACCESS,
    "ModelNotFoundError": Trouble.ACCESS,
    "ModelInvalidRequestError": Trouble.REJECTED,
}
# Codes of errors inside a stream, whose HTTP status is the 200 of the stream.
_BY_KIND = {
    "rate_limit_error": Trouble.THROTTLED,
    "rate_limit_exceeded": Trouble.THROTTLED,
    "overloaded_error": Trouble.UNAVAILABLE,
    "timeout_error": Trouble.TIMEOUT,
    "authentication_error": Trouble.ACCESS,
    "permission_error": Trouble.ACCESS,
    "not_found_error": Trouble.ACCESS,
    "invalid_request_error": Trouble.REJECTED,
}
# Names in the ancestry of an exception: libraries do not share classes, but they share names.
_BY_NAME = {
    "ContextOverflowError": Trouble.OVERFLOW,
    "ConnectTimeoutError": Trouble.UNAVAILABLE,
    "ConnectTimeout": Trouble.UNAVAILABLE,
    "PoolTimeout": Trouble.UNAVAILABLE,
    "ReadTimeoutError": Trouble.TIMEOUT,
    "ReadTimeout": Trouble.TIMEOUT,
    "APITimeoutError": Trouble.TIMEOUT,
    "TimeoutError": Trouble.TIMEOUT,
    "TimeoutException": Trouble.TIMEOUT,
    "EndpointConnectionError": Trouble.UNAVAILABLE,
    "ProxyConnectionError": Trouble.UNAVAILABLE,
    "NewConnectionError": Trouble.UNAVAILABLE,
    "MaxRetryError": Trouble.UNAVAILABLE,
    "SSLError": Trouble.UNAVAILABLE,
    "ConnectionClosedError": Trouble.CUT,
    "ReadError": Trouble.CUT,
    "JSONDecodeError": Trouble.CUT,  # an event that is no JSON
    "ResponseStreamingError": Trouble.CUT,
    "ParserError": Trouble.CUT,  # of AWS's events
    "ProtocolError": Trouble.CUT,
    "RemoteProtocolError": Trouble.CUT,
    "IncompleteRead": Trouble.CUT,
    "ConnectError": Trouble.UNAVAILABLE,
    "APIConnectionError": Trouble.UNAVAILABLE,
    "ConnectionRefusedError": Trouble.UNAVAILABLE,
    "ConnectionError": Trouble.CUT,
    "HTTPClientError": Trouble.UNAVAILABLE,
    "TransportError": Trouble.UNAVAILABLE,
    "RateLimitError": Trouble.THROTTLED,
    "ResourceExhausted": Trouble.THROTTLED,
    "AuthenticationError": Trouble.ACCESS,
    "PermissionDeniedError": Trouble.ACCESS,
    "NotFoundError": Trouble.ACCESS,
    "NoCredentialsError": Trouble.ACCESS,
    "PartialCredentialsError": Trouble.ACCESS,
    "CredentialRetrievalError": Trouble.ACCESS,
    "TokenRetrievalError": Trouble.ACCESS,
    "SSOError": Trouble.ACCESS,
    "ProfileNotFound": Trouble.ACCESS,
    "NoRegionError": Trouble.ACCESS,
    "NoAuthTokenError": Trouble.ACCESS,
    "DefaultCredentialsError": Trouble.ACCESS,
    "InvalidURL": Trouble.ACCESS,
    "UnsupportedProtocol": Trouble.ACCESS,
    # Of the clients of OpenAI and Anthropic, if no status is more precise: inside a stream.
    "APIError": Trouble.CUT,
}
_CONNECTIONS = {"APIConnectionError"}  # of the clients of OpenAI and Anthropic; timeouts too
_OVERFLOW_WORDS = (
    "input is too long",
    "prompt is too long",
    "input tokens exceeded",
    "maximum context length",
    "context_length_exceeded",
    "exceeds the context window",
    "too many input tokens",
)
_NO_MONEY_WORDS = ("insufficient_quota", "credit balance is too low")
_MODEL_ID_WORDS = (
    "model identifier is invalid",
    "on-demand throughput",
    "model id",
    "end of its life",
    "not supported in this region",
)
_BASES = {
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "botocore.eventstream": ("ParserError",),
    "urllib3.exceptions": ("HTTPError",),
    "httpx": ("HTTPError", "InvalidURL"),
    "httpx2": ("HTTPError", "InvalidURL"),
    "httpcore": ("NetworkError", "ProtocolError", "TimeoutException"),
    "requests.exceptions": ("RequestException",),
    "openai": ("OpenAIError",),
    "anthropic": ("AnthropicError",),
    "groq": ("GroqError",),
    "cohere.core": ("ApiError",),
    "ollama": ("ResponseError",),
    "google.genai.errors": ("APIError",),
    "google.api_core.exceptions": ("GoogleAPIError",),
    "google.auth.exceptions": ("GoogleAuthError",),
    "langchain_core.exceptions": ("LangChainException",),
}


def provider_errors() -> tuple[type[BaseException], ...]:
    """Return the exceptions that loaded libraries raise for a failed call; others are bugs.

    `ValueError` is among them: LangChain reports a reply it cannot read that way.
    """
    found: list[type[BaseException]] = [ProviderError, OSError, EOFError, ValueError]
    for module, names in _BASES.items():
        loaded = sys.modules.get(module)
        found.extend(getattr(loaded, name) for name in names if hasattr(loaded, name))
    return tuple(found)


def diagnose(error: BaseException) -> Diagnosis:
    """Return what to do about one of the exceptions in `provider_errors`."""
    if isinstance(error, ProviderError):
        return error.diagnosis
    error = _broken_connection(error)
    code, message, status = _words(error)
    trouble = _classify(error, code, message, status)
    return Diagnosis(trouble, code, message, _retry_after(error))


def _broken_connection(error: BaseException) -> BaseException:
    """Return the cause of a broken connection, if a client hides it.

    A server that was never reached costs nothing; one that received the request may bill it.
    """
    inner = error
    while _CONNECTIONS & {cls.__name__ for cls in type(inner).__mro__}:
        if inner.__cause__ is None:
            return error
        inner = inner.__cause__
    return inner


def _classify(error: BaseException, code: str, message: str, status: int | None) -> Trouble:
    lowered = message.lower()
    names = [cls.__name__ for cls in type(error).__mro__]
    if "ContextOverflowError" in names or any(words in lowered for words in _OVERFLOW_WORDS):
        return Trouble.OVERFLOW
    if code.lower() == "validationexception" and any(w in lowered for w in _MODEL_ID_WORDS):
        return Trouble.ACCESS
    if any(words in lowered for words in _NO_MONEY_WORDS):
        return Trouble.ACCESS
    by_code = _BY_CODE.get(code.lower())
    if by_code:
        return by_code
    by_class = next((_NORMALISED[name] for name in names if name in _NORMALISED), None)
    if by_class:
        return by_class
    if status is not None:
        return _BY_STATUS.get(status) or (
            Trouble.UNAVAILABLE if status >= 500 else Trouble.REJECTED
        )
    if kind := _kind(error):
        return _BY_KIND.get(kind, Trouble.CUT)
    by_name = next((_BY_NAME[name] for name in names if name in _BY_NAME), None)
    if by_name:
        return by_name
    if isinstance(error, OSError):
        return Trouble.UNAVAILABLE
    if "Received AWS exception" in message:
        return Trouble.CUT
    return Trouble.REJECTED


def _kind(error: BaseException) -> str:
    """Return the code in the body of an error, in the form of OpenAI or Anthropic."""
    body: Any = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    return str(inner.get("type") or "") if isinstance(inner, Mapping) else ""


def _words(error: BaseException) -> tuple[str, str, int | None]:
    """Return (code, message, HTTP status) as far as the exception has them."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, Mapping):
        fields = response.get("Error", {})
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        # An error inside a stream carries the 200 of the stream's own headers.
        failed = status if isinstance(status, int) and status >= 400 else None
        code = str(fields.get("Code") or type(error).__name__)
        return code, str(fields.get("Message") or error), failed
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    failed = status if isinstance(status, int) and status >= 400 else None
    return type(error).__name__, str(error) or type(error).__name__, failed


def _retry_after(error: BaseException) -> float | None:
    response: Any = getattr(error, "response", None)
    if isinstance(response, Mapping):
        headers: Any = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    else:
        headers = getattr(response, "headers", None) or {}
    value = headers.get("retry-after") if hasattr(headers, "get") else None
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:
        return None  # the HTTP-date form: our own pacing is as good a guess
