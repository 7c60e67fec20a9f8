"""Answers messages of the Model Context Protocol from any transport; tools only."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reviewloop.dataclass import dataclass

NAME = "reviewloop"
"""The name of the server in an agent's list of tools."""

LONGEST = 16 << 20  # bytes of a request
_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
_PARSE, _REQUEST, _METHOD, _PARAMETERS = -32700, -32600, -32601, -32602


@dataclass(frozen=True)
class Tool:
    """A tool as offered; `schema` is the JSON schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]
    reads_only: bool = False


@dataclass(frozen=True)
class Answer:
    """The result of a call: text, and optionally the same as an object."""

    text: str
    failed: bool = False
    structured: Mapping[str, Any] | None = None


Call = Callable[[Any, str, Mapping[str, object]], Answer]
"""(id of the request, tool, arguments) -> the result."""


class Protocol:
    """One connection: the tools it offers, and the function that runs a call."""

    def __init__(
        self,
        tools: Sequence[Tool],
        call: Call,
        *,
        version: str = "1",
        listed: Callable[[], object] | None = None,
    ) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._call = call
        self._version = version
        self._listed = listed

    def answer(self, body: bytes) -> Any:
        """Return the response to a request or to a list of them, None where there is none."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            return error(None, _PARSE, "not JSON")
        if isinstance(message, list):
            answers = [self.answer_one(each) for each in message]
            return [answer for answer in answers if answer is not None] or None
        return self.answer_one(message)

    def answer_one(self, request: Any) -> dict[str, Any] | None:
        """Return the response to one message, None to a notification."""
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return error(None, _REQUEST, "not a request")
        if "id" not in request:
            return None
        ident, method, parameters = request["id"], request["method"], request.get("params") or {}
        if not isinstance(parameters, dict):
            return error(ident, _PARAMETERS, "params is no object")
        if method == "initialize":
            requested = parameters.get("protocolVersion")
            version = requested if requested in _VERSIONS else _VERSIONS[0]
            about = {"name": NAME, "version": self._version}
            can = {"tools": {"listChanged": False}}
            result = {"protocolVersion": version, "capabilities": can, "serverInfo": about}
            return _result(ident, result)
        if method == "ping":
            return _result(ident, {})
        if method == "tools/list":
            if self._listed is not None:
                self._listed()
            return _result(ident, {"tools": [_described(tool) for tool in self._tools.values()]})
        if method == "tools/call":
            return self._run(ident, parameters)
        return error(ident, _METHOD, "there is no such method here")

    def _run(self, ident: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
        name, arguments = parameters.get("name"), parameters.get("arguments") or {}
        if name not in self._tools or not isinstance(arguments, dict):
            known = ", ".join(self._tools)
            return error(ident, _PARAMETERS, f"no such tool, or no object; the tools are: {known}")
        found = self._call(ident, str(name), arguments)
        result: dict[str, Any] = {
            "content": [{"type": "text", "text": found.text}],
            "isError": found.failed,
        }
        if found.structured is not None:
            result["structuredContent"] = dict(found.structured)
        return _result(ident, result)


def error(ident: Any, code: int, text: str) -> dict[str, Any]:
    """Return the response of a failed request."""
    return {"jsonrpc": "2.0", "id": ident, "error": {"code": code, "message": text}}


def _described(tool: Tool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": dict(tool.schema),
    }
    return {**shown, "annotations": {"readOnlyHint": True}} if tool.reads_only else shown


def _result(ident: Any, result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": ident, "result": result}
