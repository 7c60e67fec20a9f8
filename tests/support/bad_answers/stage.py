"""The stage that the rows share: one server, one checkout with a change, one AWS session.

A `Row` says what is played and what must come of it; `Stage.play` plays it through the real command
line and compares. Calls are counted by the server: paid is a reply that was sent whole to a client
that was still there.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.bedrock import BedrockServer, Received
from support.checkout import QUIET_GATES, Checkout, Said
from support.parts import CLEAN, Part, cast
from support.play import agent_of
from support.quota import Unlimited
from support.shop import make_shop

from reviewloop.llm import bedrock, door
from reviewloop.llm.retry import Patience
from reviewloop.store.journal import Journal

MODEL = "bedrock_converse:global.anthropic.claude-sonnet-5-5"
OTHER = "bedrock_converse:amazon.nova-pro-v1:0"
FILE = "shop/search.py"
QUERY = (
    '    rows = db.execute("select item from orders where customer = ? order by id", (customer,))'
)
DOC = '"""Search."""'
QUIET_RUN = 7  # paid calls: the implementer's two, five reviewers


@dataclass(frozen=True)
class Row:
    """One row: what is played, how it must end, and whether going on afterwards ends right."""

    number: int
    expected: str  # the row's own words, and where we differ from them, why
    play: Callable[["Stage"], None]


@dataclass
class Clock:
    """What waiting between attempts takes, without waiting."""

    waited: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return False

    @property
    def now(self) -> float:
        return sum(self.waited)


class Stage:
    """The shared checkout, and the means to play one row on it."""

    def __init__(self, checkout: Checkout, server: BedrockServer, clock: Clock) -> None:
        self.checkout = checkout
        self.server = server
        self.clock = clock
        self.run_id = ""
        self._from = 0

    def begin(self, play: Part | None = None, **parts: Part) -> None:
        """Start counting, with these parts played."""
        self.server.answer = play or cast(**parts)
        self._from = len(self.server.ledger)
        self.clock.waited.clear()

    @property
    def asked(self) -> list[Received]:
        """Requests since `begin`, all of them ended."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and any(
            r.ended_at is None for r in self.server.ledger[self._from :]
        ):
            time.sleep(0.002)
        return self.server.ledger[self._from :]

    @property
    def paid(self) -> int:
        """Replies since `begin` that somebody received."""
        return sum(r.complete and r.status == 200 for r in self.asked)

    def review(self, *more: str, again: bool = True, **environ: str) -> "Reviewed":
        """Review the change as one reviewer, whatever was read before if `again`."""
        team = [] if "--agents" in more else ["--agents", "security"]
        words = ["review", "--model", MODEL, "--json", *team, *more]
        said = self.checkout.run(*words, *(["--again"] if again else []), **environ)
        assert said.out, said.err
        return Reviewed(said, json.loads(said.out))

    def run(self, *words: str, **environ: str) -> Said:
        """Start a run of the task, or go on with the one that was started."""
        if not words:
            known = set(self._runs())
            said = self.checkout.run("run", "2.1", "--again", "--model", MODEL, **environ)
            started = set(self._runs()) - known
            self.run_id = started.pop() if started else ""
            return said
        return self.checkout.run(words[0], self.run_id, *words[1:], **environ)

    def resumed(self, code: int = 4) -> None:
        """Let the models be healthy and go on with the run: it must end as a quiet one does."""
        before = self.paid
        self.server.answer = cast()
        said = self.run("resume")
        assert said.code == code, said.err
        assert self.record["status"] == "waiting"
        assert self.server.paid_twice() == [] or before == 0

    @property
    def record(self) -> dict[str, Any]:
        """The run's record with its proposal."""
        return self.checkout.record(self.run_id)

    @property
    def findings(self) -> dict[str, dict[str, Any]]:
        """The run's findings by title."""
        return {f["title"]: f for f in self.record["proposal"]["findings"]}

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What the run told."""
        return self.checkout.events(kind, self.run_id)

    def told(self) -> list[dict[str, Any]]:
        """Return what the latest review told."""
        files = self.checkout.state.glob("repositories/*/reviews/*/events.jsonl")
        latest = max(files, key=lambda path: path.stat().st_mtime_ns)
        told = [json.loads(line) for line in latest.read_text().splitlines()]
        return told[max(n for n, e in enumerate(told) if e["kind"] == "reviewer.start") :]

    def journal(self, kind: str) -> list[Any]:
        """Return what the run's journal holds of one kind."""
        journal = Journal(self.checkout.folder(self.run_id) / "journal.sqlite")
        try:
            return list(journal.calls(kind))
        finally:
            journal.close()

    def forget(self) -> None:
        """Give the task free for the next row."""
        if self.run_id:
            self.checkout.run("reject", self.run_id)

    def _runs(self) -> list[str]:
        return [path.name for path in self.checkout.state.glob("repositories/*/runs/*")]


@dataclass(frozen=True)
class Reviewed:
    """How a review ended and what it reported."""

    said: Said
    report: Mapping[str, Any]

    @property
    def agent(self) -> Mapping[str, Any]:
        """The one reviewer."""
        agent: Mapping[str, Any]
        (agent,) = self.report["agents"]
        return agent

    @property
    def findings(self) -> dict[str, dict[str, Any]]:
        """The findings by title."""
        return {f["title"]: f for f in self.report["findings"]}

    def failed(self, *words: str) -> None:
        """Check that the reviewer is shown as failed, for this reason."""
        assert (self.said.code, self.report["outcome"]) == (5, "incomplete"), self.report
        assert self.agent["status"] == "failed"
        for word in words:
            assert word in self.agent["reason"]


@contextmanager
def opened(folder: Path) -> Iterator[Stage]:
    """Yield the stage: a checkout with an uncommitted change, on a branch of its own."""
    root = folder / "project"
    root.mkdir()
    make_shop(root)
    clock = Clock()
    sessions: dict[Any, Any] = {}
    real = bedrock.open_session

    def session(settings: Any) -> Any:  # reading AWS's service files takes most of a row's time
        key = settings.model_dump_json()
        return sessions.get(key) or sessions.setdefault(key, real(settings))

    def patience(**given: Any) -> Patience:
        return Patience(**{**given, "sleep": clock.sleep})

    with (
        BedrockServer(cast(), agent_of=agent_of) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(bedrock, "open_session", session)
        patch.setattr(door, "Patience", patience)
        # One row's refusals would slow down the next row, by the real clock.
        patch.setattr(door, "FileRates", Unlimited)
        checkout = Checkout(root, folder / "home", server, QUIET_GATES)
        checkout.write("big.txt", "line of text\n" * 700_000)  # more than is ever read at once
        (root / "blob.bin").write_bytes(b"\0\1" * 10)
        checkout.git("add", "big.txt", "blob.bin")
        checkout.git("commit", "-q", "-m", "large things")
        checkout.write(FILE, CLEAN)
        yield Stage(checkout, server, clock)
