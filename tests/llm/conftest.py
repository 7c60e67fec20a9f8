"""A model door with a real boto3 client behind it, pointed at the stand-in for Bedrock."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.bedrock import BedrockServer, Received
from support.model_requests import CLAUDE
from support.quota import Unlimited

from reviewloop.llm.budget import Budget, spent_by
from reviewloop.llm.door import Models
from reviewloop.llm.messages import ModelRequest, Reply, text_block, user_message
from reviewloop.llm.retry import Pacing
from reviewloop.settings import Settings
from reviewloop.store.journal import CallKey, Journal
from reviewloop.store.rates import FileRates

QUICK = Pacing(first=0.001, throttled_first=0.001, longest=0.01)


@dataclass
class Door:
    """A door with what stands behind it."""

    models: Models
    journal: Journal
    budget: Budget
    events: list[dict[str, Any]]

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of one kind."""
        return [event for event in self.events if event["kind"] == kind]


@pytest.fixture
def bedrock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., BedrockServer]]:
    """Return a function that starts a server and points this process's AWS clients at it."""
    started: list[BedrockServer] = []

    def start(answer: Callable[..., Any], **options: Any) -> BedrockServer:
        server = BedrockServer(answer, **{"over_http": True, **options}).start()
        started.append(server)
        for name, value in server.env().items():
            monkeypatch.setenv(name, value)
        return server

    yield start
    for server in started:
        server.close()


@pytest.fixture
def open_door(tmp_path: Path) -> Iterator[Callable[..., Door]]:
    """Return a function that opens a door; the same journal file is used each time."""
    journals: list[Journal] = []

    def door(
        *, models: dict[str, Any] | None = None, limits: dict[str, Any] | None = None, **rest: Any
    ) -> Door:
        settings = Settings.model_validate({"models": models or {}, "limits": limits or {}})
        journal = Journal(tmp_path / "journal.sqlite")
        journals.append(journal)
        budget = Budget(settings.limits, spent=spent_by(journal))
        events: list[dict[str, Any]] = []
        rest.setdefault("pacing", QUICK)
        rest.setdefault("rates", Unlimited())  # a refusal would slow down what comes after it
        made = Models(
            settings,
            journal,
            budget=budget,
            on_event=lambda kind, **what: events.append({"kind": kind, **what}),
            **rest,
        )
        return Door(made, journal, budget, events)

    yield door
    for journal in journals:
        journal.close()


@pytest.fixture
def in_turn() -> Callable[..., Callable[..., Any]]:
    """Return a function that makes a server answer from a list, the last answer for ever."""

    def script(*answers: Any) -> Callable[..., Any]:
        numbers = itertools.count()
        return lambda request: answers[min(next(numbers), len(answers) - 1)]

    return script


@pytest.fixture(scope="module")
def ask_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Return a function (answer, request) -> (reply, what the server received), with one client.

    For tests that only look at one reply: making a client takes longer than the rest of them.
    """
    answers: list[Any] = [None]
    settings = Settings()
    folder = tmp_path_factory.mktemp("shared")
    journal, rates = Journal(folder / "journal.sqlite"), FileRates(folder / "rates")
    server = BedrockServer(lambda request: answers[0], over_http=True)
    with server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.env().items():
            patch.setenv(name, value)
        models = Models(
            settings, journal, budget=Budget(settings.limits), pacing=QUICK, rates=rates
        )

        def ask(answer: Any, request: ModelRequest) -> tuple[Reply, Received]:
            answers[0] = answer
            key = CallKey("any", "implement", turn=len(server.ledger))
            reply = models.ask(key, request)
            return reply, server.ledger[-1]

        ask("warm", ModelRequest(CLAUDE, "", (user_message(text_block("x")),)))
        yield ask
    journal.close()
