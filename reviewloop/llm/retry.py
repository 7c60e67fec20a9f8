"""Retries failed calls when that can help, with pauses and a limit; else explains the failure."""

import random
from collections.abc import Callable, Iterator
from types import TracebackType

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import (
    ContextOverflowError,
    InterruptedByUserError,
    ModelAccessError,
    ModelError,
)
from reviewloop.llm.provider_table import KNOWN, Provider
from reviewloop.llm.routing import split_model
from reviewloop.llm.trouble import Diagnosis, Trouble, diagnose, provider_errors

_MOST_TIMEOUTS = 2  # attempts that may each have waited for the whole read timeout
_MOST_PAID = 3  # attempts that broke off and may all be billed


class ModelUnavailableError(ModelError):
    """The provider stayed unreachable, overloaded or broken off through all attempts."""


class RequestRejectedError(ModelError):
    """The provider rejects the request as invalid; a retry cannot help."""


@dataclass(frozen=True)
class Pacing:
    """Seconds between attempts: doubled each time, half of it random; throttling waits longer."""

    first: float = 0.5
    throttled_first: float = 2.0
    longest: float = 60.0

    def delay(self, diagnosis: Diagnosis, failures: int) -> float:
        """Return the seconds to wait after this number of failures."""
        throttled = diagnosis.trouble is Trouble.THROTTLED
        base = self.throttled_first if throttled else self.first
        grown = min(self.longest, base * 2.0 ** (failures - 1))
        spread = grown / 2 + random.uniform(0, grown / 2)  # noqa: S311 - jitter is no secret
        return min(self.longest, max(spread, diagnosis.retry_after or 0.0))


@dataclass(frozen=True)
class Attempt:
    """One failed attempt: its diagnosis, and whether it may be billed."""

    number: int
    diagnosis: Diagnosis
    possibly_paid: bool
    wait: float | None  # seconds until the next attempt; None: there is none


@dataclass(frozen=True)
class Patience:
    """How long to retry one model."""

    max_attempts: int
    pacing: Pacing
    sleep: Callable[[float], bool]  # waits for the seconds; returns whether the user asked to stop
    seconds_left: Callable[[], float]  # of the run's time
    on_failure: Callable[[Attempt], None] = lambda attempt: None


class Try:
    """A context for one attempt; it catches the errors of a provider."""

    def __init__(self) -> None:
        self.started = False  # whether the reply's first event has come: it may be billed
        self.failure: BaseException | None = None

    def __enter__(self) -> "Try":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        own = (ModelAccessError, ModelUnavailableError)
        if isinstance(error, own) or (error and isinstance(error, provider_errors())):
            self.failure = error
        return self.failure is not None


def tries(patience: Patience, model: str, where: str) -> Iterator[Try]:
    """Yield attempts with pauses, as long as another one may help.

    The caller stops after a reply. `where` names region and profile for messages. Raise
    `ModelAccessError`, `ContextOverflowError`, `ModelUnavailableError` or `RequestRejectedError`,
    each naming the model.
    """
    timeouts = paid = 0
    for number in range(1, patience.max_attempts + 1):
        one = Try()
        yield one
        failure = one.failure
        if isinstance(failure, ModelAccessError | ModelUnavailableError):  # the message is complete
            raise failure
        if failure is None:
            return
        diagnosis = diagnose(failure)
        lost = diagnosis.possibly_paid or one.started
        timeouts += diagnosis.trouble is Trouble.TIMEOUT
        paid += lost
        last = number == patience.max_attempts or timeouts >= _MOST_TIMEOUTS or paid >= _MOST_PAID
        again = _may_help(diagnosis) and not last
        wait = patience.pacing.delay(diagnosis, number) if again else None
        if wait is not None and wait > patience.seconds_left():
            wait = None
        patience.on_failure(Attempt(number, diagnosis, lost, wait))
        if wait is None:
            raise _explained(diagnosis, model, where, number, paid=paid > 0) from failure
        if patience.sleep(wait):
            raise InterruptedByUserError().resuming(
                "stopped while waiting to ask the model again; ", " goes on"
            )


def _may_help(diagnosis: Diagnosis) -> bool:
    return diagnosis.trouble not in {Trouble.ACCESS, Trouble.OVERFLOW, Trouble.REJECTED}


def _explained(
    diagnosis: Diagnosis, model: str, where: str, attempts: int, *, paid: bool
) -> ModelError:
    if diagnosis.trouble is Trouble.ACCESS:
        return ModelAccessError(str(access_problem(diagnosis, model, where)))
    quoted = _quoted(diagnosis)
    if diagnosis.trouble is Trouble.OVERFLOW:
        return ContextOverflowError(
            f"{model} takes no request this long ({quoted}); lower limits.context_tokens or make "
            "the task smaller"
        )
    if diagnosis.trouble is Trouble.REJECTED:
        return RequestRejectedError(
            f"{model} rejected the request ({quoted}); if the settings under [models] suit this "
            "model, this is a bug worth reporting: the request is kept in the journal"
        )
    tries = "attempt" if attempts == 1 else "attempts"
    billed = "the attempts may have been billed" if paid else "nothing was paid"
    hint = {
        Trouble.THROTTLED: f"{billed}; wait a little, ask the provider for a higher quota",
        Trouble.TIMEOUT: f"{billed}; raise models.read_timeout_seconds",
        Trouble.CUT: f"{billed}; look for what ends connections on the way",
    }.get(diagnosis.trouble, f"{billed}; check the connection and the provider's status")
    return ModelUnavailableError(
        f"{model} gave no reply in {attempts} {tries} ({quoted}); {hint}, or name another model "
        "in models.fallbacks"
    )


@dataclass(frozen=True)
class Refusal:
    """Why a model may not be used: the problem, the advice, and the provider's message."""

    problem: str
    remedy: str
    detail: str = ""

    def __str__(self) -> str:
        """Return it in one sentence."""
        return f"{self.problem}; {self.remedy}" + (f" ({self.detail})" if self.detail else "")


def access_problem(diagnosis: Diagnosis, model: str, where: str) -> Refusal:
    """Return what is missing to use the model; `where` names region and profile."""
    code = diagnosis.code.lower()
    quoted = _quoted(diagnosis)
    provider = KNOWN.get(split_model(model)[0])
    if provider and provider.keys:
        return _key_problem(diagnosis, model, provider)
    if "accessdenied" in code or "notauthorized" in code:
        remedy = (
            "allow bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream on this model "
            "for your role, and enable the model in the Bedrock console"
        )
        return Refusal(f"no access to {model}{where}", remedy, quoted)
    if "expired" in code:
        problem = f"the AWS credentials for {model}{where} have expired"
        return Refusal(problem, "sign in again (for example `aws sso login`)")
    if code == "partialcredentialserror":
        problem = f"the AWS credentials for {model}{where} are not complete"
        return Refusal(problem, "set what is missing", quoted)
    if "credential" in code or code in {"tokenretrievalerror", "ssoerror"}:
        problem = f"no usable AWS credentials for {model}{where}"
        return Refusal(
            problem, "run `aws configure sso`, or set AWS_PROFILE or models.profile", quoted
        )
    if "noregion" in code:
        return Refusal(f"no AWS region for {model}", "set AWS_REGION or models.region")
    if "profilenotfound" in code:
        problem = f"{model}{where} cannot be asked with this profile"
        return Refusal(problem, "set models.profile to a profile of your AWS configuration", quoted)
    if "notfound" in code or "validation" in code:
        problem = f"{model} is not known or not offered{where}"
        return Refusal(problem, "check the model id and the region in [models]", quoted)
    return Refusal(f"{model}{where} refused the credentials", "check profile, role and key", quoted)


def _key_problem(diagnosis: Diagnosis, model: str, provider: Provider) -> Refusal:
    """Return the problem of a provider with a key."""
    code, quoted = diagnosis.code.lower(), _quoted(diagnosis)
    keys = " or ".join(provider.keys)
    if "notfound" in code:
        problem = f"{provider.title} has no model {model}"
        return Refusal(problem, "check its name in [models]", quoted)
    if "url" in code or "protocol" in code:
        problem = f"{model}: the address of {provider.title} is wrong"
        return Refusal(problem, "correct it", quoted)
    if "credit balance" in quoted.lower() or "insufficient_quota" in quoted.lower():
        problem = f"{model}: the account behind {keys} has no credit left"
        return Refusal(problem, "add credit, or name another model", quoted)
    if "permission" in code:
        problem = f"{model}: the key in {keys} may not use this model"
        return Refusal(problem, "allow it, or name another model", quoted)
    return Refusal(f"{model}: {provider.title} refused the key in {keys}", "check it", quoted)


def _quoted(diagnosis: Diagnosis) -> str:
    text = " ".join(diagnosis.message.split())
    return f"{diagnosis.code}: {text[:300]}" if diagnosis.code not in text else text[:300]
