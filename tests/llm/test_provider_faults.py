"""Each fault by each provider's real client over loopback: diagnosis, requests, exit code, money.

`docs/providers.md` shows the same table to people.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import bedrock as b
from support.checkout import QUIET_GATES, Checkout
from support.model_requests import asking
from support.model_server import ModelServer
from support.quota import Unlimited
from support.shop import make_shop

from reviewloop.domain.errors import ContextOverflowError, ModelAccessError, ModelError
from reviewloop.llm.budget import Budget
from reviewloop.llm.door import Models
from reviewloop.llm.retry import ModelUnavailableError, Pacing, RequestRejectedError
from reviewloop.llm.trouble import Trouble
from reviewloop.settings import Settings
from reviewloop.store.journal import CallKey, Journal

PAGE = Path(__file__).parents[2] / "docs/providers.md"
CLIENTS = {
    "bedrock": "bedrock:global.anthropic.claude-sonnet-5-5",
    "openai": "openai:gpt-6.1-sol",
    "openai older": "openai:gpt-5.1",
    "anthropic": "anthropic:claude-sonnet-5-5",
}
ATTEMPTS = 6
SILENCE = 0.3
LONGEST = 0.02  # seconds between two attempts
TOO_LONG = {
    "bedrock": b.too_long(),
    "openai": b.failure(400, "context_length_exceeded", "maximum context length is 128000 tokens"),
    "anthropic": b.failure(400, "invalid_request_error", "prompt is too long: 210000 tokens"),
}


class Fault(NamedTuple):
    """What a provider does, and what is made of it; `free` says that nothing can be billed."""

    by: Callable[[str], b.Answer]  # of the client's name
    error: type[ModelError]
    trouble: Trouble
    requests: int
    free: bool
    words: str


def each(bedrock: b.Answer, others: b.Answer) -> Callable[[str], b.Answer]:
    """Return how all of them say the same in their own words."""
    return lambda client: bedrock if client == "bedrock" else others


def same(answer: b.Answer) -> Callable[[str], b.Answer]:
    """Return what no protocol has a word for."""
    return lambda client: answer


FAULTS = {
    "wrong key": Fault(
        each(
            b.failure(403, "UnrecognizedClientException", "The security token is invalid."),
            b.failure(401, "authentication_error", "invalid key"),
        ),
        *(ModelAccessError, Trouble.ACCESS, 1, True, "refused the "),
    ),
    "no permission": Fault(
        each(b.access_denied(), b.failure(403, "permission_error", "not for you")),
        *(ModelAccessError, Trouble.ACCESS, 1, True, "allow "),
    ),
    "no such model": Fault(
        each(b.unknown_model(), b.failure(404, "not_found_error", "no such model")),
        *(ModelAccessError, Trouble.ACCESS, 1, True, "in [models]"),
    ),
    "too long": Fault(
        lambda client: TOO_LONG[client.split()[0]],
        *(ContextOverflowError, Trouble.OVERFLOW, 1, True, "limits.context_tokens"),
    ),
    "bad request": Fault(
        each(b.invalid(), b.failure(400, "invalid_request_error", "no such parameter")),
        *(RequestRejectedError, Trouble.REJECTED, 1, True, "kept in the journal"),
    ),
    "throttled": Fault(
        each(b.throttle(30), b.failure(429, "rate_limit_error", "slow down", retry_after="30")),
        *(ModelUnavailableError, Trouble.THROTTLED, ATTEMPTS, True, "higher quota"),
    ),
    "overloaded": Fault(
        each(b.server_error(503), b.failure(529, "overloaded_error", "Overloaded")),
        *(ModelUnavailableError, Trouble.UNAVAILABLE, ATTEMPTS, True, "provider's status"),
    ),
    "broken": Fault(
        each(b.server_error(500), b.failure(500, "api_error", "Internal")),
        *(ModelUnavailableError, Trouble.UNAVAILABLE, ATTEMPTS, True, "provider's status"),
    ),
    "proxy": Fault(
        same(b.page()),
        *(ModelUnavailableError, Trouble.UNAVAILABLE, ATTEMPTS, True, "check the connection"),
    ),
    "reset": Fault(
        same(b.hangs_up()),
        *(ModelUnavailableError, Trouble.CUT, 3, False, "what ends connections"),
    ),
    "closed": Fault(
        same(b.breaks_off(after=0)),
        *(ModelUnavailableError, Trouble.CUT, 3, False, "what ends connections"),
    ),
    "breaks off": Fault(
        same(b.breaks_off()),
        *(ModelUnavailableError, Trouble.CUT, 3, False, "what ends connections"),
    ),
    "ends early": Fault(
        same(b.ends_early()),
        *(ModelUnavailableError, Trouble.CUT, 3, False, "what ends connections"),
    ),
    "garbage": Fault(
        same(b.garbage()),
        *(ModelUnavailableError, Trouble.CUT, 3, False, "what ends connections"),
    ),
    "silence": Fault(
        same(b.stalls(20 * SILENCE)),
        *(ModelUnavailableError, Trouble.TIMEOUT, 2, False, "models.read_timeout_seconds"),
    ),
    "silence inside": Fault(
        same(b.stalls(20 * SILENCE, after=2)),
        *(ModelUnavailableError, Trouble.TIMEOUT, 2, False, "models.read_timeout_seconds"),
    ),
}
# Replies that are no answers: paid, and told by the reviewer that got them.
REPLIES = {
    "the reply says nothing": (same(b.empty()), 2, "it said nothing"),
    "the reply reaches its longest length": (
        *(same(b.cut_short("half a")), 2, "raise models.max_output_tokens"),
    ),
    "a content filter, or a refusal": (
        lambda client: (
            b.reply("no", stop_reason="refusal") if client == "anthropic" else b.filtered("no")
        ),
        *(1, "refused to answer: no"),
    ),
}


class Place(NamedTuple):
    """A door to every client's server, with what happens there."""

    models: Models
    journal: Journal
    server: ModelServer
    budget: Budget
    events: list[dict[str, Any]]
    answers: list[b.Answer]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Yield one door for all tests: making the clients takes longer than the rest of them."""
    given = {"max_attempts": ATTEMPTS, "read_timeout_seconds": SILENCE}
    settings = Settings.model_validate({"models": given})
    journal = Journal(tmp_path_factory.mktemp("place") / "journal.sqlite")
    answers = [b.reply("fine")]
    events: list[dict[str, Any]] = []
    server = ModelServer(lambda request: answers[0], over_http=True)
    with server, pytest.MonkeyPatch.context() as patch:
        for name, value in {**server.env(), **server.openai(), **server.anthropic()}.items():
            patch.setenv(name, value)
        budget = Budget(settings.limits)
        models = Models(
            settings,
            journal,
            budget=budget,
            pacing=Pacing(first=0.001, throttled_first=0.001, longest=LONGEST),
            rates=Unlimited(),
            on_event=lambda kind, **what: events.append({"kind": kind, **what}),
        )
        for client, model in CLIENTS.items():  # only here the environment is as it is wanted
            models.ask(CallKey("warm", client), asking(model=model))
        yield Place(models, journal, server, budget, events, answers)
    journal.close()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_for_what_it_is(place: Place, client: str, name: str) -> None:
    fault = FAULTS[name]
    place.answers[:] = [fault.by(client)]
    place.server.ledger.clear()
    place.events.clear()
    before = place.budget.spent.calls
    with pytest.raises(fault.error) as caught:
        place.models.ask(CallKey(name, client), asking(model=CLIENTS[client]))
    told = str(caught.value)
    assert fault.words in told
    assert len(place.server.ledger) == fault.requests
    failed = [event for event in place.events if event["kind"] == "model.failed"]
    assert {event["trouble"] for event in failed} == {fault.trouble}
    assert len(failed) == fault.requests
    assert [event["possibly_paid"] for event in failed] == [not fault.free] * fault.requests
    assert place.budget.spent.calls - before == (0 if fault.free else fault.requests)
    assert ("may have been billed" in told) is not fault.free
    assert ("nothing was paid" in told) is (fault.free and fault.requests > 1)
    if name == "throttled":  # what the provider asks for is granted, up to our longest wait
        assert failed[0]["wait"] == LONGEST


@pytest.mark.parametrize("client", CLIENTS)
def test_a_server_that_is_not_there_costs_nothing(place: Place, client: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        server = place.server
        for name, value in {**server.env(), **server.openai(), **server.anthropic()}.items():
            patch.setenv(name, value.replace(server.url, "http://127.0.0.1:9"))
        settings = Settings.model_validate({"models": {"max_attempts": 2}})
        events: list[dict[str, Any]] = []
        models = Models(
            settings,
            place.journal,
            budget=Budget(settings.limits),
            pacing=Pacing(0.001, 0.001, LONGEST),
            rates=Unlimited(),
            on_event=lambda kind, **what: events.append({"kind": kind, **what}),
        )
        with pytest.raises(ModelUnavailableError, match="nothing was paid") as caught:
            models.ask(CallKey("gone", client), asking(model=CLIENTS[client]))
    assert "Connection error." not in str(caught.value)  # what that is, is said
    troubles = [event["trouble"] for event in events if event["kind"] == "model.failed"]
    assert troubles == [Trouble.UNAVAILABLE] * 2


def reviewed(
    folder: Path, client: str, answer: b.Answer
) -> tuple[int, dict[str, Any], ModelServer]:
    """Review a small change by one reviewer that is answered so; return exit code and report."""
    root = folder / "project"
    root.mkdir()
    make_shop(root, branch="work")
    (root / "shop/digest.py").write_text("import hashlib\n")
    with ModelServer(lambda request: answer, over_http=True) as server:
        by = {"bedrock": server.env, "anthropic": server.anthropic}.get(client, server.openai)
        quick = {"REVIEWLOOP_MODELS__MAX_ATTEMPTS": "1"}
        checkout = Checkout(root, folder / "home", None, {**QUIET_GATES, **by(), **quick})
        said = checkout.run(
            *("review", "--model", CLIENTS[client], "--agents", "review-security", "--json")
        )
    return said.code, json.loads(said.out), server


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_that_is_no_answer_is_paid_and_told(tmp_path: Path, client: str, name: str) -> None:
    by, requests, words = REPLIES[name]
    code, report, server = reviewed(tmp_path, client, by(client))
    [agent] = report["agents"]
    assert (code, agent["status"], len(server.ledger)) == (5, "failed", requests)
    assert words in agent["reason"]
    assert report["usage"]["cost_usd"] > 0
    assert not report["usage"].get("estimated")


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize(
    ("client", "name"),
    [
        *(("bedrock", "wrong key"), ("openai", "no such model"), ("openai older", "bad request")),
        *(("anthropic", "throttled"), ("bedrock", "garbage"), ("anthropic", "ends early")),
    ],
)
def test_a_review_fails_with_the_same_words(tmp_path: Path, client: str, name: str) -> None:
    fault = FAULTS[name]
    code, report, _ = reviewed(tmp_path, client, fault.by(client))
    [agent] = report["agents"]
    assert (code, agent["status"]) == (5, "failed")
    assert fault.words in agent["reason"]
    assert bool(report["usage"]) is not fault.free


def test_the_page_shows_this_table() -> None:
    times = {1: "once", 2: "twice"}
    rows = [line.split(" | ")[1:] for line in PAGE.read_text("utf-8").splitlines()]
    shown = [(row[0], row[1].removesuffix(" |")) for row in rows if len(row) == 2]
    told = dict.fromkeys(
        (
            times.get(fault.requests, f"{fault.requests} times"),
            "nothing" if fault.free else "an estimate each time",
        )
        for fault in FAULTS.values()
    )
    told |= dict.fromkeys((times[requests], "its cost") for _, requests, _ in REPLIES.values())
    assert shown[1:] == list(told)
