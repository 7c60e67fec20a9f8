"""One paid call: the chosen model with its retries, then the fallbacks; every attempt is
counted.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from reviewloop.domain.errors import ModelAccessError
from reviewloop.domain.event import Emit, EventFacts
from reviewloop.llm.messages import ModelRequest, Reply
from reviewloop.llm.prefix_gate import GateTurn
from reviewloop.llm.providers import Provider, Providers
from reviewloop.llm.rate import Limiter
from reviewloop.llm.retry import Attempt, ModelUnavailableError, Patience, Try, tries
from reviewloop.llm.routing import OFFLINE, split_model
from reviewloop.llm.trouble import diagnose, provider_errors
from reviewloop.store.journal import CallKey


class Asking:
    """Asks models through their providers; `on_lost` gets attempts that may be billed."""

    def __init__(
        self,
        providers: Providers,
        *,
        fallbacks: tuple[str, ...],
        limiter: Limiter,
        patience: Patience,
        notify: Emit,
        on_lost: Callable[[CallKey, ModelRequest, Attempt], None],
        check: Callable[[], None],
    ) -> None:
        self._providers = providers
        self._fallbacks = fallbacks
        self._limiter = limiter
        self._patience = patience
        self._notify = notify
        self._on_lost = on_lost
        self._check = check  # raises when no more requests are allowed, or no reply can be stored

    def ask(self, key: CallKey, request: ModelRequest, gate_turn: GateTurn) -> Reply:
        """Return the reply of the first model that gives one.

        Fallbacks are for models that cannot be reached or used. A request that is too long or
        invalid would be so for the next one too, and fails at once.
        """
        facts: EventFacts = {"agent": key.agent, "step": key.step, "finding": key.finding}
        failed: list[Attempt] = []
        for one, to_send, provider in self._tries(key, request, failed):
            began = partial(self._began, one, gate_turn, facts)
            with one:
                with self._limiter.turn(key, to_send) as turn:
                    self._check()
                    gate_turn.asks()
                    with_model: EventFacts = {**facts, "model": to_send.model}
                    self._notify("model.asked", **with_model)
                    try:
                        reply = provider.ask(key, to_send, began)
                    except provider_errors() as error:
                        self._limiter.failed(turn, diagnose(error))
                        raise
                self._limiter.answered(turn, reply.usage)
                return replace(reply, attempts=len(failed) + 1)
        raise AssertionError("the last try answers or raises")

    def _tries(
        self, key: CallKey, request: ModelRequest, failed: list[Attempt]
    ) -> Iterator[tuple[Try, ModelRequest, Provider]]:
        """Yield each try with its request and provider, and add failed ones to `failed`.

        After the last one, its error is raised.
        """
        names = [request.model]
        names += [name for name in self._fallbacks if name != request.model]
        if _is_offline(request.model):  # a free model must not have a paid fallback
            names = list(filter(_is_offline, names))
        failures: list[ModelAccessError | ModelUnavailableError] = []
        for position, name in enumerate(names):
            to_send = replace(request, model=name)
            patience = replace(
                self._patience,
                on_failure=partial(self._note_failure, key, to_send, failed),
                seconds_left=partial(self._seconds_left, name),
            )
            try:
                provider = self._providers.get(name)
                for one in tries(patience, name, self._providers.scope(name)):
                    yield one, to_send, provider
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
        reasons = "; ".join(str(failure) for failure in others)
        raise type(first)(f"{first} (the fallbacks failed too: {reasons})") from first

    def _began(self, one: Try, gate_turn: GateTurn, facts: EventFacts) -> None:
        """Record that the first event of a reply has arrived."""
        one.started = True
        gate_turn.began()
        self._notify("model.first", **facts)

    def _seconds_left(self, model: str) -> float:
        return min(self._patience.seconds_left(), self._limiter.seconds_left(model))

    def _note_failure(
        self, key: CallKey, request: ModelRequest, failures: list[Attempt], failed: Attempt
    ) -> None:
        failures.append(failed)
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
