"""A connection to a server, over pipes or HTTP: its tools, and calls.

https://modelcontextprotocol.io/specification/2025-06-18/basic/transports
"""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Protocol

from reviewloop.acp.client import NO_ANSWER, Client, Refused
from reviewloop.servers.definitions import ServerError

VERSION = "2025-06-18"
_MOST_PAGES = 20
_MOST_TOOLS = 200
_LONGEST = 16 << 20  # bytes of an answer over HTTP
_PIECE = 64 << 10
_NOTICE_SECONDS = 30.0
_TICK = 0.2  # seconds between checks whether the user stopped everything


class Transport(Protocol):
    """Sends requests."""

    def ask(self, method: str, parameters: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Return the result; raise `ServerError`, or `Refused` for an error response."""
        ...

    def notify(self, method: str) -> None:
        """Send a notification."""
        ...


class Pipes:
    """Over the pipes of a process; requests of the server are refused."""

    def __init__(
        self, into: IO[bytes], out: IO[bytes], stopped: threading.Event, ended: Callable[[], str]
    ) -> None:
        self.changed = threading.Event()  # the server reported that its tools changed
        self._stopped, self._ended = stopped, ended
        self._client = Client(into, out, on_request=lambda *_: None, on_update=self._on_update)

    def _on_update(self, method: str, _: Mapping[str, Any]) -> None:
        if method == "notifications/tools/list_changed":
            self.changed.set()

    def ask(self, method: str, parameters: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Return the result of a request."""
        answer, left = self._client.ask(method, parameters), seconds
        try:
            while left > 0 and not self._stopped.is_set():
                result = answer.wait(min(_TICK, left))
                if result is not None:
                    return result
                left -= _TICK
        except Refused:
            raise
        except NO_ANSWER as error:
            why = self._client.junk[:200] or str(error) or self._ended()
            detail = f": {why}" if why.strip() else ""
            raise ServerError(f"it ended, or does not speak the protocol{detail}") from error
        if self._stopped.is_set():
            raise ServerError("the run was stopped")
        raise ServerError(f"it was silent for {seconds:g} s")

    def notify(self, method: str) -> None:
        """Send a notification."""
        self._client.notify(method, {})


class Http:
    """Over HTTP: a message is a POST, its response JSON or one event of a stream."""

    def __init__(self, url: str, headers: Mapping[str, str], stopped: threading.Event) -> None:
        self.changed = threading.Event()
        self._url, self._headers, self._stopped = url, dict(headers), stopped
        self._next = 0
        self._opener = urllib.request.build_opener(_NoRedirect())

    def ask(self, method: str, parameters: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Return the result of a request."""
        self._next += 1
        message = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": parameters}
        answer = self._post(message, seconds)
        error = answer.get("error")
        if isinstance(error, dict):
            raise Refused(0, str(error.get("message", ""))[:300])
        result = answer.get("result")
        if not isinstance(result, dict):
            raise ServerError("it answered with no result")
        return result

    def notify(self, method: str) -> None:
        """Send a notification."""
        self._post({"jsonrpc": "2.0", "method": method}, _NOTICE_SECONDS)

    def _post(self, message: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        headers = {
            **self._headers,
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        request = urllib.request.Request(self._url, json.dumps(message).encode(), headers)  # noqa: S310 - http or https, looked at when it was read
        ends = time.monotonic() + seconds
        try:
            with self._opener.open(request, timeout=seconds) as response:
                if session := response.headers.get("Mcp-Session-Id"):
                    self._headers["Mcp-Session-Id"] = session
                streams = response.headers.get_content_type() == "text/event-stream"
                return self._answer_in(response, message.get("id"), streams, ends, seconds)
        except urllib.error.HTTPError as error:
            raise ServerError(f"it answered with status {error.code}") from error
        except (OSError, http.client.HTTPException) as error:
            raise ServerError(f"it cannot be reached ({error})") from error

    def _answer_in(
        self, response: Any, ident: object, streams: bool, ends: float, seconds: float
    ) -> dict[str, Any]:
        """Read until the response is complete, within the time limit even if it comes in small
        pieces.
        """
        body, read = bytearray(), 0  # lines of a stream are parsed at once
        while piece := response.read1(_PIECE):
            body += piece
            if len(body) > _LONGEST:
                raise ServerError("its answer is longer than 16 MB")
            if self._stopped.is_set():
                raise ServerError("the run was stopped")
            if time.monotonic() > ends:
                raise ServerError(f"its answer was not whole after {seconds:g} s")
            if streams and (end := body.rfind(b"\n", read) + 1):
                found = _event_for(bytes(body[read:end]), ident)
                read = end
                if found is not None:
                    return found  # the stream may stay open
        if ident is None:
            return {}
        rest = bytes(body[read:])
        found = _event_for(rest, ident) if streams else _message(rest)
        if found is None or found.get("id") != ident:
            raise ServerError("it does not answer what it was asked")
        return found


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Refuse: the user trusted this URL only."""


def _event_for(body: bytes, ident: object) -> dict[str, Any] | None:
    """Return the message in lines of a stream that answers a request, None where none does."""
    if ident is None:
        return None
    for line in body.splitlines():
        if line.startswith(b"data:") and line[5:].strip():
            read = _message(line[5:])
            if read.get("id") == ident:
                return read
    return None


def _message(data: bytes) -> dict[str, Any]:
    try:
        read = json.loads(data)
    except (ValueError, RecursionError):
        raise ServerError("what it answers is no JSON") from None
    return read if isinstance(read, dict) else {}


def greet(transport: Transport, seconds: float, version: str) -> None:
    """Initialize the session."""
    about = {"name": "reviewloop", "version": version}
    given = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": about}
    try:
        transport.ask("initialize", given, seconds)
    except Refused as error:
        raise ServerError(f"it refuses to begin: {error.message[:200]}") from error
    transport.notify("notifications/initialized")


def tools_of(transport: Transport, seconds: float) -> Sequence[Mapping[str, Any]]:
    """Return its tools as it describes them, at most 200."""
    found: list[Mapping[str, Any]] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        try:
            page = transport.ask("tools/list", {"cursor": cursor} if cursor else {}, seconds)
        except Refused as error:
            raise ServerError(f"it lists no tools: {error.message[:200]}") from error
        tools = page.get("tools")
        found += [one for one in tools if isinstance(one, dict)] if isinstance(tools, list) else []
        cursor = page.get("nextCursor") if isinstance(page.get("nextCursor"), str) else None
        if not cursor or len(found) >= _MOST_TOOLS:
            break
    return found[:_MOST_TOOLS]
