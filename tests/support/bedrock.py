"""A stand-in for Amazon Bedrock on 127.0.0.1 that real boto3 clients talk to; scripted per test.

    with BedrockServer(lambda request: reply("hello")) as server:
        subprocess.run([...], env={**os.environ, **server.env()})
        assert [received.agent for received in server.ledger] == [...]

`answer` gets each `Received` request and returns an `Answer`, a string, or a list of blocks. It is
called from one thread per connection. Clients of the same process ask it without HTTP, unless it
is made with `over_http`.
"""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

from support.bedrock_answers import (
    Answer,
    Block,
    access_denied,
    breaks_off,
    calls,
    cut_short,
    empty,
    ends_early,
    expired_credentials,
    fails_inside,
    failure,
    filtered,
    garbage,
    hangs_up,
    invalid,
    malformed,
    page,
    reply,
    server_error,
    stalls,
    text,
    thought,
    throttle,
    too_long,
    tool_use,
    unknown_model,
)
from support.bedrock_data import read_service_data_once
from support.bedrock_http import BedrockHttp, Gone, Handler
from support.bedrock_inside import KEY, answer_inside, answer_no_more
from support.bedrock_ledger import PromptCache, Received, now

__all__ = [
    "Answer",
    "BedrockServer",
    "Received",
    "access_denied",
    "breaks_off",
    "calls",
    "cut_short",
    "empty",
    "ends_early",
    "expired_credentials",
    "fails_inside",
    "failure",
    "filtered",
    "garbage",
    "hangs_up",
    "invalid",
    "malformed",
    "page",
    "reply",
    "server_error",
    "stalls",
    "text",
    "thought",
    "throttle",
    "too_long",
    "tool_use",
    "unknown_model",
]

read_service_data_once()

Scripted = Answer | str | Sequence[Block | str]


class BedrockServer:
    """Answers until closed; `ledger` holds every request for a reply in order of arrival."""

    handler: type[Handler] | None = None  # of a server that speaks more

    def __init__(
        self,
        answer: Callable[[Received], Scripted],
        *,
        seconds: float = 0.0,
        first_byte: float = 0.0,
        agent_of: Callable[[Received], str] = lambda request: "",
        known_models: Callable[[str], bool] = lambda model: True,
        over_http: bool = False,
    ) -> None:
        self.answer = answer
        self.ledger: list[Received] = []
        self.counted: list[Received] = []  # count-tokens requests
        self.other: list[str] = []  # paths of the control plane and of STS
        self.cache = PromptCache()
        self._seconds = seconds
        self._first_byte = first_byte
        self._agent_of = agent_of
        self.known_models = known_models
        self._lock = threading.Lock()
        self._over_http = over_http
        self._under_way: dict[str, list[tuple[Received, Answer]]] = {}  # by digest
        self.closing = threading.Event()
        self._http = BedrockHttp(("127.0.0.1", 0), self)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def env(self) -> dict[str, str]:
        """Return the environment with which AWS clients ask this server and nobody else."""
        return {
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.url,
            "AWS_ENDPOINT_URL_BEDROCK": self.url,
            "AWS_ENDPOINT_URL_STS": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": "stand-in",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def start(self) -> "BedrockServer":
        """Begin to listen."""
        self._thread.start()
        if not self._over_http:
            answer_inside(self)
        return self

    def close(self) -> None:
        """Stop listening and let stalled replies go."""
        answer_no_more(self)
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def __enter__(self) -> "BedrockServer":
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.close()

    def of(self, agent: str) -> list[Received]:
        """Return the requests of one agent."""
        return [received for received in self.ledger if received.agent == agent]

    def paid_twice(self) -> list[Received]:
        """Return requests that were asked again although a complete reply had been sent."""
        seen: set[str] = set()
        again = []
        for received in self.ledger:
            if received.digest in seen:
                again.append(received)
            if received.complete and received.status == 200:
                seen.add(received.digest)
        return again

    def take(self, operation: str, model: str, body: dict[str, Any]) -> Received:
        """Write a request into the ledger."""
        with self._lock:
            number = len(self.ledger) + len(self.counted)
            received = Received(number, now(), operation, model, body)
            received.agent = self._agent_of(received)
            (self.counted if operation == "count-tokens" else self.ledger).append(received)
        return received

    def wait(self, seconds: float) -> None:
        """Wait as a slow model would; raise `Gone` when the server closes meanwhile."""
        if seconds > 0 and self.closing.wait(seconds):
            raise Gone

    def answer_over_http(self, received: Received, answer: Answer) -> None:
        """Give this answer to the same request when it arrives over HTTP."""
        with self._lock:
            self._under_way.setdefault(received.digest, []).append((received, answer))

    def arrived(
        self, operation: str, model: str, body: dict[str, Any]
    ) -> tuple[Received, Answer | None]:
        """Return a request over HTTP as it stands in the ledger, its answer if that is known."""
        if self._under_way:
            digest = Received(0, 0.0, operation, model, body).digest
            with self._lock:
                if waiting := self._under_way.get(digest):
                    return waiting.pop(0)
        return self.take(operation, model, body), None

    def answer_to(self, received: Received) -> Answer:
        """Return the scripted answer with its times filled in."""
        scripted = self.answer(received)
        if isinstance(scripted, str):
            scripted = reply(scripted)
        elif not isinstance(scripted, Answer):
            scripted = reply(*scripted)
        if scripted.status != 200:
            return scripted
        seconds = self._seconds if scripted.seconds is None else scripted.seconds
        first = self._first_byte if scripted.first_byte is None else scripted.first_byte
        return scripted.after(seconds, min(first, seconds) if seconds else first)
