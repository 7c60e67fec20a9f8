"""One paid call: the chosen model with its retries, then the fallbacks, every attempt counted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from reviewloop.domain.errors import ModelAccessError
from reviewloop.llm.messages import ModelRequest, Reply
from reviewloop.llm.prefix_gate import GateTurn
from reviewloop.llm.providers import Providers
from reviewloop.llm.rate import Limiter
from reviewloop.llm.retry import Attempt, ModelUnavailableError, Patience, ask_patiently
from reviewloop.llm.routing import OFFLINE, split_model
from reviewloop.llm.trouble import diagnose, provider_errors
from reviewloop.store.journal import CallKey

Notify = Callable[..., None]  # notify(kind, **what), as `Events.emit`


class Asking:
    """Asks models through their providers; `on_lost` hears of attempts that may be billed."""

    def __init__(
        self,
        providers: Providers,
        *,
        fallbacks: tuple[str, ...],
        limiter: Limiter,
        patience: Patience,
        notify: Notify,
        on_lost: Callable[[CallKey, ModelRequest, Attempt], None],
        check: Callable[[], None],
    ) -> None:
        self._providers = providers
        self._fallbacks = fallbacks
        self._limiter = limiter
        self._patience = patience
        self._notify = notify
        self._on_lost = on_lost
        self._check = check  # raises when nothing more may be asked, or no reply be kept

    def ask(self, key: CallKey, request: ModelRequest, gate_turn: GateTurn) -> Reply:
        """Return the reply of the first model that gives one.

        Fallbacks are for models that cannot be reached or used. A request that is too long or
        wrong would be so for the next one too, and fails at once.
        """
        names = [request.model]
        names += [name for name in self._fallbacks if name != request.model]
        if _is_offline(request.model):  # who chose to spend nothing must not pay for what is lost
            names = list(filter(_is_offline, names))
        failures: list[ModelAccessError | ModelUnavailableError] = []
        attempts = 0

        def count(attempt: Attempt) -> None:
            nonlocal attempts
            attempts += 1
            self._note_failure(key, replace(request, model=name), attempt)

        for position, name in enumerate(names):
            try:
                attempt, patience = self._attempts(
                    key, replace(request, model=name), gate_turn, count
                )
                reply = ask_patiently(attempt, patience, name, self._providers.scope(name))
                return replace(reply, attempts=attempts + 1)
            except (ModelAccessError, ModelUnavailableError) as error:
                failures.append(error)
            self._check()
            if position + 1 < len(names):
                self._notify(
                    "model.fallback",
                    agent=key.agent,
                    model=name,
                    to=names[position + 1],
                    why=str(failures[-1]),
                )
        first, *others = failures
        if not others:
            raise first
        failed = "; ".join(str(failure) for failure in others)
        raise type(first)(f"{first} (the fallbacks failed too: {failed})") from first

    def _attempts(
        self,
        key: CallKey,
        request: ModelRequest,
        gate_turn: GateTurn,
        on_failure: Callable[[Attempt], None],
    ) -> tuple[Callable[[Callable[[], None]], Reply], Patience]:
        """Return what sends the request to its model once, and how long to go on with it."""
        provider = self._providers.get(request.model)
        facts: dict[str, Any] = {"agent": key.agent, "step": key.step, "finding": key.finding}

        def attempt(on_first: Callable[[], None]) -> Reply:
            def began() -> None:
                on_first()
                gate_turn.began()
                self._notify("model.first", **facts)

            with self._limiter.turn(key, request) as turn:
                self._check()
                gate_turn.asks()
                self._notify("model.asked", **facts, model=request.model)
                try:
                    reply = provider.ask(key, request, began)
                except provider_errors() as error:
                    self._limiter.failed(turn, diagnose(error))
                    raise
            self._limiter.answered(turn, reply.usage)
            return reply

        patience = replace(
            self._patience,
            on_failure=on_failure,
            seconds_left=lambda: min(
                self._patience.seconds_left(), self._limiter.seconds_left(request.model)
            ),
        )
        return attempt, patience

    def _note_failure(self, key: CallKey, request: ModelRequest, failed: Attempt) -> None:
        self._notify(
            "model.failed",
            agent=key.agent,
            step=key.step,
            finding=key.finding,
            model=request.model,
            attempt=failed.number,
            trouble=str(failed.diagnosis.trouble),
            wait=failed.wait,
            possibly_paid=failed.possibly_paid,
        )
        if failed.possibly_paid:
            self._on_lost(key, request, failed)


def _is_offline(name: str) -> bool:
    return split_model(name)[0] in OFFLINE
