"""The servers of one run: started in a cage when an agent first needs them, ended with the run."""

import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from reviewloop.acp.agents import KnownAgent
from reviewloop.acp.cage import make_room, new_token, start_agent
from reviewloop.acp.client import Refused
from reviewloop.domain.errors import ModelSetupError, ReviewLoopError
from reviewloop.mcp.proxy import Proxy
from reviewloop.mcp.server import ToolServer
from reviewloop.sandbox.base import Sandbox
from reviewloop.servers.connection import Http, Pipes, Transport, greet, tools_of
from reviewloop.servers.definitions import ServerDefinition, ServerError, ServerTool, Trusted

_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 1_000
_LONGEST_ANSWER = 200_000  # characters; a model gets less
_FAILS_ABOVE = 2_000_000  # characters; cut, so much would be taken for the whole


class Servers:
    """The servers of agents; all methods are thread-safe.

    `pins` is the file that records the tools as first seen; `offered` is called with the names of
    the tools of each started server. `note` is called for each server that cannot be used, and for
    calls that fail because of the server.
    """

    def __init__(
        self,
        trusted: Iterable[Trusted],
        pins: Path,
        *,
        version: str,
        find_cage: Callable[[], Sandbox],
        stopped: threading.Event,
        note: Callable[[str], None],
        offered: Callable[[ServerDefinition, Sequence[str]], None] = lambda *_: None,
    ) -> None:
        self._offered = offered
        self._trusted = {one.definition.name: one for one in trusted}
        self._pins, self._find_cage, self._stopped, self._note = pins, find_cage, stopped, note
        self._version = version
        self._stack = ExitStack()
        self._lock = threading.RLock()
        self._open: dict[str, _Server | None] = {}  # None: it cannot be used

    def begin_required(self) -> None:
        """Start the required ones; raise `ModelSetupError` where one cannot be used."""
        for name, trusted in self._trusted.items():
            if trusted.required:
                self._server(name)

    def close(self) -> None:
        """End all that were started."""
        with self._lock:
            self._stack.close()
            self._open.clear()

    def tools(self, patterns: Iterable[str], *, reading: bool) -> tuple[ServerTool, ...]:
        """Return the tools that `@SERVER`, `@SERVER/TOOL` or `@mcp` name.

        With `reading` only those that the user listed as read-only.
        """
        found: dict[str, ServerTool] = {}
        for pattern in patterns:
            name, _, tool = pattern.removeprefix("@").partition("/")
            names = list(self._trusted) if name == "mcp" else [name]
            for each in names:
                server = self._server(each)
                for one in server.tools if server else ():
                    if tool in ("", "*", one.called) and (one.reads or not reading):
                        found[one.name] = one
        return tuple(found.values())

    def call(self, tool: ServerTool, arguments: Mapping[str, object]) -> tuple[str, bool]:
        """Return the result of a tool, and whether it reports a failure.

        Raises `ServerError` where there is no response.
        """
        server = self._server(tool.server)
        if server is None:
            raise ServerError(f"the MCP server {tool.server} cannot be used")
        try:
            return server.call(tool, arguments)
        except ServerError as error:
            with self._lock:
                self._open[tool.server] = None
            self._note(f"the MCP server {tool.server} is not asked any more: {error}")
            raise

    def _server(self, name: str) -> "_Server | None":
        trusted = self._trusted.get(name)
        if trusted is None:
            return None
        with self._lock:
            if name not in self._open:
                self._open[name] = self._started(trusted)
            return self._open[name]

    def _started(self, trusted: Trusted) -> "_Server | None":
        name = trusted.definition.name
        try:
            transport = self._connected(trusted)
            greet(transport, trusted.definition.seconds, self._version)
            server = _Server(trusted, transport, self._note)
            self._offered(trusted.definition, [one.called for one in server.tools])
            self._pin(server)
        except ServerError as error:
            if trusted.required:
                raise ModelSetupError(f"the MCP server {name} cannot be used: {error}") from error
            self._note(f"the MCP server {name} is not used: {error}")
            return None
        return server

    def _connected(self, trusted: Trusted) -> Transport:
        definition = trusted.definition
        variables, headers = definition.filled(os.environ)
        if definition.url:
            return Http(definition.url, headers, self._stopped)
        agent = KnownAgent(f"mcp:{definition.name}", definition.command, set=variables)
        room = self._stack.enter_context(make_room())
        tree = room.folder / "work"
        tree.mkdir()

        def refused(location: str) -> None:
            name = definition.name
            self._note(
                f"the cage of the MCP server {name} refused it {location[:200]}; your own "
                f"setting mcp.{name}.hosts lists what it may reach"
            )

        self._stack.enter_context(Proxy(room.proxy, trusted.hosts, refused))
        nothing = ToolServer(room.tools, new_token(), (), lambda *_: ("", True))
        self._stack.enter_context(nothing)
        try:
            caged = self._stack.enter_context(
                start_agent(
                    agent,
                    room,
                    sandbox=self._find_cage(),
                    tree=tree,
                    writes=False,
                    environ={"HOME": os.environ.get("HOME", "/")},
                )
            )
        except ServerError:
            raise
        except ReviewLoopError as error:
            raise ServerError(str(error)) from error
        return Pipes(caged.stdin, caged.stdout, self._stopped, lambda: caged.stderr[-200:])

    def _pin(self, server: "_Server") -> None:
        """Record the tools, or leave out those that changed since."""
        known = json.loads(self._pins.read_text("utf-8")) if self._pins.exists() else {}
        before = known.get(server.name)
        if before is None:
            known[server.name] = server.digests
            partial = self._pins.with_suffix(".new")
            partial.write_text(json.dumps(known), "utf-8")
            partial.replace(self._pins)
            return
        if others := server.keep(before):
            self._note(
                f"the MCP server {server.name} has other tools than when the run began; not "
                f"offered any more: {', '.join(others[:5])}"
            )


class _Server:
    def __init__(self, trusted: Trusted, transport: Transport, note: Callable[[str], None]) -> None:
        self.name = trusted.definition.name
        self._note, self._notified = note, set[str]()
        self._trusted, self._transport = trusted, transport
        self._lock = threading.Lock()  # one call at a time
        self.digests: dict[str, str] = {}
        self.tools: tuple[ServerTool, ...] = ()
        self._read_tools()

    def _read_tools(self) -> None:
        definition = self._trusted.definition
        tools: dict[str, ServerTool] = {}
        self.digests = {}
        for row in tools_of(self._transport, definition.seconds):
            called, schema = row.get("name"), row.get("inputSchema")
            if not isinstance(called, str) or not called or called in definition.without:
                continue
            if not isinstance(schema, dict) or schema.get("type") != "object":
                continue
            text = " ".join(str(row.get("description") or "").split())[:_LONGEST_DESCRIPTION]
            name = re.sub(r"[^A-Za-z0-9_-]", "_", f"{self.name}__{called}")[:_LONGEST_NAME]
            reads = bool({"*", called} & set(self._trusted.reads))
            tools[name] = ServerTool(name, self.name, called, text, schema, reads)
            decides = json.dumps([called, text, schema], sort_keys=True)
            self.digests[called] = hashlib.sha256(decides.encode()).hexdigest()
        self.tools = tuple(tools.values())

    def keep(self, digests: Mapping[str, str]) -> list[str]:
        """Leave out the tools whose digests differ; return their names."""
        kept = [one for one in self.tools if digests.get(one.called) == self.digests[one.called]]
        others = [one.called for one in self.tools if one not in kept]
        self.tools = tuple(kept)
        return others

    def call(self, tool: ServerTool, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        """Return the result of a tool, and whether it failed."""
        with self._lock:
            changed = getattr(self._transport, "changed", None)
            if changed is not None and changed.is_set():
                changed.clear()
                before = self.digests
                self._read_tools()
                self.keep(before)
            if tool not in self.tools:
                return self._failed(f"{tool.called} changed since the run began; it is not called")
            given = {"name": tool.called, "arguments": dict(arguments)}
            try:
                result = self._transport.ask("tools/call", given, self._trusted.definition.seconds)
            except Refused as error:
                return error.message[:2_000], True
            text = _text_of(result)
            if len(text) > _FAILS_ABOVE:
                reason = f"{tool.called} answered {len(text):,} characters, and at most"
                return self._failed(f"{reason} {_FAILS_ABOVE:,} are read; ask it for less")
        return text[:_LONGEST_ANSWER], bool(result.get("isError"))

    def _failed(self, why: str) -> tuple[str, bool]:
        if why not in self._notified:
            self._notified.add(why)
            self._note(f"the MCP server {self.name}: {why}")
        return why, True


def _text_of(result: Mapping[str, Any]) -> str:
    content = result.get("content")
    parts: list[str] = []
    for one in content if isinstance(content, list) else ():
        if isinstance(one, dict) and one.get("type") == "text":
            parts.append(str(one.get("text", "")))
        elif isinstance(one, dict):
            parts.append(f"[{str(one.get('type', 'something'))[:40]} left out: only text is read]")
    if not parts and isinstance(result.get("structuredContent"), dict):
        parts.append(json.dumps(result["structuredContent"], ensure_ascii=False))
    return "\n".join(parts)
