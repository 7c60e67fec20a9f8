"""`replay:FILE`: the replies of a recorded run, as long as it asks what was asked then."""

import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from reviewloop.domain.errors import ModelError
from reviewloop.models.messages import ModelRequest, Reply, Scrub, content_hash, plain_request
from reviewloop.models.recording import Recorded, first_difference, read_recording
from reviewloop.store.journal import CallKey


class ReplayProvider:
    """Answers from one recording; `scrub` removes what differs between equal requests."""

    def __init__(self, path: Path, *, scrub: Scrub) -> None:
        self._path = path
        self._scrub = scrub
        self._lock = threading.Lock()
        self._calls: list[Recorded] | None = None
        self._index: dict[tuple[str, CallKey], Recorded] = {}

    def ask(self, key: CallKey, request: ModelRequest, on_first: Callable[[], None]) -> Reply:
        """Return the recorded reply; raise `ModelError` with the first difference if none is."""
        plain = plain_request(request, self._scrub)
        content = content_hash(plain)
        calls = self._read()
        found = self._index.get((content, key)) or next(
            (call for call in calls if call.content == content and call.key.agent == key.agent),
            None,
        )
        if found is None:
            raise ModelError(self._not_recorded(key, {**plain, "model": ""}, calls))
        on_first()
        reply = Reply.from_plain(found.reply, from_journal=False)
        usage = replace(reply.usage, cost_usd=0.0)
        return replace(reply, usage=usage, model=f"replay:{self._path}", seconds=0.0, attempts=1)

    def warm_up(self) -> None:
        """Read the file."""
        self._read()

    def calls(self) -> list[Recorded]:
        """Return what is recorded; raise `ModelAccessError` for a file that is no recording."""
        return self._read()

    def _read(self) -> list[Recorded]:
        with self._lock:
            if self._calls is None:
                self._calls = read_recording(self._path)
                self._index = {(call.content, call.key): call for call in self._calls}
            return self._calls

    def _not_recorded(self, key: CallKey, wanted: dict[str, object], calls: list[Recorded]) -> str:
        place = f"{key.agent}, {key.step}, round {key.round}, turn {key.turn}"
        same_agent = [call for call in calls if call.key.agent == key.agent]
        if not same_agent:
            return (
                f"{self._path} has no call of {key.agent} ({place}); the recorded run did not ask "
                "it: record again with --record"
            )
        nearest = max(same_agent, key=lambda call: _likeness(call.key, key))
        difference = first_difference(wanted, {**nearest.request, "model": ""})
        return (
            f"{self._path} does not hold this request ({place}); the first difference to the "
            f"recorded one: {difference}; if the change is wanted, record again with --record"
        )


def _likeness(one: CallKey, other: CallKey) -> int:
    left, right = asdict(one), asdict(other)
    weight = {"turn": 2, "step": 2, "finding": 2}
    return sum(weight.get(name, 1) for name in left if left[name] == right[name])
