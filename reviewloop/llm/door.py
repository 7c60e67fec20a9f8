"""Asks a model: journal, then budget, then the provider, then the journal again."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Unpack
from uuid import uuid4

from reviewloop.domain.errors import InterruptedByUserError, ModelError
from reviewloop.domain.event import Emit, EventFacts
from reviewloop.faults import fault
from reviewloop.llm import checks, prices
from reviewloop.llm.budget import Budget, is_far_off, is_turn
from reviewloop.llm.messages import (
    ModelRequest,
    Reply,
    Scrub,
    Usage,
    estimate_tokens,
    plain_request,
    redact_reply,
    request_hash,
)
from reviewloop.llm.paid_call import Asking
from reviewloop.llm.prefix_gate import GateTurn, PrefixGate, PrefixGates
from reviewloop.llm.providers import Provider, Providers
from reviewloop.llm.rate import LIKELY_OUTPUT, Limiter
from reviewloop.llm.retry import Attempt, Pacing, Patience, RequestRejectedError
from reviewloop.llm.routing import Route, kind_of, route
from reviewloop.sandbox.base import Sandbox
from reviewloop.settings import Settings
from reviewloop.store.journal import CallKey, Journal
from reviewloop.store.rates import FileRates, Rates

_REROUTES = (
    "LANGSMITH_GATEWAY",
    "LANGSMITH_GATEWAY_API_KEY",
    "LANGSMITH_TRACING_V2",
    "LANGCHAIN_TRACING_V2",
    "LANGCHAIN_TRACING",
    "LANGSMITH_OTEL_ENABLED",
    "LANGSMITH_RUNS_ENDPOINTS",
)


def silence_tracing() -> None:
    """Switch LangSmith's tracing and gateway off for this process.

    Call it before the first graph or model is created: its readers cache the first value.
    """
    for name in _REROUTES:
        os.environ.pop(name, None)
    os.environ["LANGSMITH_TRACING"] = "false"
    # Another thread may be in the middle of importing it: then it has read nothing yet.
    reader = getattr(sys.modules.get("langsmith.utils"), "get_env_var", None)
    if reader is not None:
        reader.cache_clear()


def _unchanged(text: str) -> str:
    return text


def _nobodys(text: str) -> tuple[str, ...]:
    del text
    return ()


def _nothing() -> None:
    """Check nothing."""


def _silent(kind: str, /, **what: Unpack[EventFacts]) -> None:
    """Ignore the event."""


class Models:
    """All models of a run, safe to use from the threads of the reviewers.

    `canonical` removes differences between equal requests from a text (nonces, temporary paths);
    `redact` takes held secrets out of answers, before they are used or stored; `keep` redacts what
    else must not be stored; `names_in` returns the names of the secrets in a text; `on_event`
    receives events; `require_room` raises when no reply could be stored, so that none is paid;
    `rates` are quotas shared with other runs; replies of `earlier` models are not requested from
    another one; `find_cage` returns the sandbox of coding agents, without it none runs.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        *,
        budget: Budget,
        canonical: Scrub = _unchanged,
        redact: Scrub = _unchanged,
        keep: Scrub = _unchanged,
        names_in: Callable[[str], tuple[str, ...]] = _nobodys,
        on_event: Emit = _silent,
        require_room: Callable[[], None] = _nothing,
        pacing: Pacing | None = None,
        rates: Rates | None = None,
        earlier: Sequence[str] = (),
        find_cage: Callable[[], Sandbox] | None = None,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._budget = budget
        self._canonical = canonical
        self._redact = redact
        self._keep = keep
        self._names_in = names_in
        self._notify = on_event
        self._require_room = require_room
        self._earlier = earlier
        self._stop = threading.Event()
        if not settings.models.tracing:
            silence_tracing()  # here, because a graph passes its tracer down to the models' calls
        self._find_cage = find_cage
        self._providers = Providers(
            settings.models,
            scrub=canonical,
            stopped=self._stop.wait,
            make_agent=self._make_agent if find_cage else None,
        )
        self._asking = Asking(
            self._providers,
            fallbacks=settings.models.fallbacks,
            limiter=self._limiter(rates or FileRates()),
            patience=Patience(
                max_attempts=settings.models.max_attempts,
                pacing=pacing or Pacing(),
                sleep=self._stop.wait,
                seconds_left=budget.seconds_left,
            ),
            notify=on_event,
            on_lost=self._note_lost,
            check=self._check_may_send,
        )
        self.gates = PrefixGates()
        self._idle = threading.Condition()
        self._under_way = 0

    def ask(self, key: CallKey, request: ModelRequest, *, hold: PrefixGate | None = None) -> Reply:
        """Return the reply, recorded before it is returned.

        A call that was answered before costs nothing. Raise `BudgetExhaustedError`,
        `InterruptedByUserError`, or a `ModelError` with advice.
        """
        plain = plain_request(request, self._canonical)
        digest = request_hash(plain)
        others = (request_hash({**plain, "model": model}) for model in self._earlier)
        found = self._journal.lookup(key, digest, *others)
        if found is not None:
            reply = Reply.from_plain(found)
            self._notify("model.reply", **_facts(key, reply))
            return reply
        early = self._journal.lookup(key, _early(digest))
        if early is not None:  # an interrupted turn without a recorded end
            return self._record_reply(
                key, request, plain, digest, Reply.from_plain(early, from_journal=False)
            )
        if request.hands:
            keep = partial(self._keep_early, key, digest)
            hands = replace(request.hands, received=keep, usd=self._budget.usd_left())
            request = replace(request, hands=hands)
        self._refuse_when_stopped()
        waiting: AbstractContextManager[GateTurn] = (
            hold.turn(self._stop.is_set) if hold else nullcontext(GateTurn())
        )
        with waiting as turn:
            self._refuse_when_stopped()
            tokens = estimate_tokens(request) + min(request.max_tokens, LIKELY_OUTPUT)
            usd = self._likely_cost(request)
            reserved = self._budget.call(
                tokens=tokens, usd=usd, turns=is_turn(request.model), stopped=self._stop.is_set
            )
            with reserved:
                self._count(1)
                try:
                    self._refuse_when_stopped()  # this call started too late to be waited for
                    started = time.monotonic()
                    reply = self._asking.ask(key, request, turn)
                    reply = replace(reply, seconds=time.monotonic() - started)
                    return self._record_reply(key, request, plain, digest, reply)
                except ModelError as error:
                    shown = self._without_secrets(error)
                    if isinstance(shown, RequestRejectedError):
                        self._keep_rejected(key, plain, shown)
                    if shown is error:
                        raise
                    raise shown from None
                finally:
                    self._count(-1)

    def stop(self) -> None:
        """Start no further call; those under way end and are recorded."""
        self._stop.set()

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait for the calls under way; return whether all ended in time."""
        with self._idle:
            return self._idle.wait_for(lambda: self._under_way == 0, timeout=seconds)

    def model_for(self, agent: str, step: str, agent_model: str | None = None) -> str:
        """Return the model for an agent in a step (or for a kind of work)."""
        return self.route(agent, step, agent_model).model

    def route(self, agent: str, step: str, agent_model: str | None = None) -> Route:
        """Return the model with the source of the choice and a note for the user."""
        return route(self._settings, agent, kind_of(step), agent_model)

    def warm_up(self, names: Iterable[str]) -> None:
        """Load these models' libraries in the background, behind the first screen."""
        work = partial(self._providers.warm_up, tuple(names))
        # No daemon: ending one inside a library's native code ends the process with it.
        threading.Thread(target=work, name="warm-up").start()

    def check(
        self, agents: Iterable[tuple[str, str | None]] = (), *, online: bool = False
    ) -> list[checks.ModelCheck]:
        """Return whether each model can be used, without paying.

        `agents` are (name, model of the agent's file) pairs. With `online` Bedrock's control plane
        is asked whether the model exists; without, nothing leaves the machine.
        """
        return checks.check_models(self._settings, agents, online=online)

    def _make_agent(self, name: str) -> Provider:
        from reviewloop.llm.agent_turns import AgentProvider  # only for an online check

        assert self._find_cage is not None  # noqa: S101 - tells the type checker
        return AgentProvider(
            name,
            self._settings,
            find_cage=self._find_cage,
            stopped=self._stop.wait,
            emit=self._notify,
        )

    def _limiter(self, rates: Rates) -> Limiter:
        return Limiter(
            rates,
            self._settings.models,
            scope=self._providers.scope,
            sleep=self._stop.wait,
            check=self._require_time,
            notify=self._notify,
        )

    def _record_reply(
        self,
        key: CallKey,
        request: ModelRequest,
        plain: Mapping[str, Any],
        digest: str,
        reply: Reply,
    ) -> Reply:
        """Write a reply into the journal, count it, and return it in redacted form."""
        cost = reply.usage.cost_usd  # a coding agent reports its own
        if cost is None:
            cost = prices.cost(reply.model, reply.usage)
        usage = replace(reply.usage, cost_usd=cost)
        reply = replace(reply, usage=usage)
        used: dict[str, Any] = {**asdict(usage), "model": reply.model, "attempts": reply.attempts}
        if reply.turn and (outside := reply.turn.get("outside")):
            used["outside"] = outside
        used["estimate"] = estimate_tokens(request)
        if is_far_off(used):
            self._notify("model.count", agent=key.agent, estimate=used["estimate"], counted=used)
        named = self._names_in(json.dumps(reply.plain(), ensure_ascii=False))
        if named:  # remembered, because the stored form does not show it any more
            used["held"] = list(named)
            self._notify("secret.hidden", agent=key.agent, step=key.step, names=list(named))
        reply = redact_reply(reply, self._redact)
        record = redact_reply(reply, self._keep).plain()
        self._journal.record(
            key,
            digest,
            "model",
            request=plain,
            reply=record,
            usage=used,
            seconds=reply.seconds,
        )
        fault("reply.recorded")
        self._budget.add(reply.usage)
        self._notify("model.reply", **_facts(key, reply))
        return reply

    def _keep_early(self, key: CallKey, digest: str, reply: Reply) -> None:
        """Store the answer of an unfinished turn: it is never requested again."""
        self._journal.record(
            key,
            _early(digest),
            "early",
            request={"model": reply.model},
            reply=redact_reply(redact_reply(reply, self._redact), self._keep).plain(),
            usage={},
            seconds=0.0,
        )
        fault("turn.answered")

    def _without_secrets(self, error: ModelError) -> ModelError:
        """Return the error without secrets: its message is stored and printed."""
        redacted = self._redact(str(error))
        return error if redacted == str(error) else type(error)(redacted)

    def _keep_rejected(
        self, key: CallKey, plain: Mapping[str, Any], error: RequestRejectedError
    ) -> None:
        """Store a request that the provider rejects as invalid, for diagnosis."""
        rejected = {"rejected": str(error)}
        name = f"rejected-{uuid4().hex}"
        self._journal.record(
            key, name, "rejected", request=plain, reply=rejected, usage={}, seconds=0.0
        )

    def _note_lost(self, key: CallKey, request: ModelRequest, failed: Attempt) -> None:
        """Count an attempt that broke off: the provider may bill it without a reply."""
        usage = Usage(input=estimate_tokens(request), estimated=True)
        usage = replace(usage, cost_usd=prices.cost(request.model, usage))
        self._journal.record(
            key,
            f"lost-{uuid4().hex}",  # never looked up: the call itself is still unanswered
            "model",
            request={"model": request.model},
            reply={"lost": failed.diagnosis.code},
            usage={**asdict(usage), "model": request.model, "attempts": 1},
            seconds=0.0,
        )
        self._budget.add(usage)

    def _likely_cost(self, request: ModelRequest) -> float | None:
        tokens, output = estimate_tokens(request), min(request.max_tokens, LIKELY_OUTPUT)
        return prices.estimate(request.model, input_tokens=tokens, output_tokens=output)

    def _refuse_when_stopped(self) -> None:
        if self._stop.is_set():
            raise InterruptedByUserError().resuming(
                "stopped before asking the model; ", " goes on from here"
            )

    def _require_time(self) -> None:
        """Raise when a request may not wait any longer to be sent."""
        self._refuse_when_stopped()
        self._budget.check_time()

    def _check_may_send(self) -> None:
        """Raise when a request may not be sent any more."""
        self._refuse_when_stopped()
        self._require_room()

    def _count(self, change: int) -> None:
        with self._idle:
            self._under_way += change
            self._idle.notify_all()


def _early(digest: str) -> str:
    """Return the journal key of the answer of an unfinished turn."""
    return f"early-{digest}"


def _facts(key: CallKey, reply: Reply) -> EventFacts:
    return {
        "agent": key.agent,
        "step": key.step,
        "finding": key.finding,
        "turn": key.turn,
        "model": reply.model,
        "seconds": reply.seconds,
        "from_journal": reply.from_journal,
        "stop_reason": reply.stop_reason,
        "usage": reply.usage.figures(),
        "attempts": reply.attempts,
    }
