"""The models of real coding agents, on 127.0.0.1: four protocols, streamed, and a script to play.

What an agent offers its model is read whatever its client calls things: tools in namespaces
(Codex), behind a search (Qwen), with a prefix of the server's (all).

    with AgentModel(reviewer) as model:
        subprocess.run([agent], env={**os.environ, **model.anthropic()})
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from support.bedrock import Answer, calls, reply
from support.bedrock_answers import stop_reason
from support.bedrock_http import Gone
from support.bedrock_ledger import Received, now
from support.model_server import KEY, ModelServer, _AnyHandler, _event

FINDING = {
    "severity": "must_fix",
    "path": "shop/digest.py",
    "line": 7,
    "quote": "    return hashlib.md5(data).hexdigest()",
    "title": "The checksum is made with MD5",
    "why": "Collisions can be made.",
    "suggestion": "Use SHA-256.",
    "confidence": "high",
    "category": "security",
}


class AgentModel(ModelServer):
    """Answers real agents; `asked` counts replies that were not for the conversation itself."""

    def __init__(self, answer: Callable[[Received], Any], **options: Any) -> None:
        super().__init__(answer, models=("stand-in",), over_http=True, **options)
        self._http.RequestHandlerClass = _AgentHandler

    def gemini(self) -> dict[str, str]:
        """Return the environment with which Google's client asks this server."""
        return {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": self.url}


def tool(received: Received, name: str) -> str:
    """Return what a tool of ours is called in this request, "" where it is not offered."""
    return next((one for one in received.tools if one.endswith(name)), "")


def reviewer(received: Received) -> Answer:
    """Read the file by our tool, then report; other questions than ours get a word."""
    results = seen_results(received)
    hidden = "tool_call" in received.tools and any("report_findings" in text for text in results)
    if not hidden and not (tool(received, "report_findings") and tool(received, "fs_read")):
        return _search(received) or reply(ASIDE)

    def call(name: str, arguments: dict[str, Any]) -> Answer:
        if hidden:
            return calls("tool_call", {"name": f"{OURS}{name}", "arguments": arguments})
        return calls(tool(received, name), arguments)

    if not any("md5" in text for text in results):
        return call("fs_read", {"path": "shop/digest.py"})
    if any("received; you are done" in text for text in results):
        return reply("Done.")
    mine = "# Your part: review-security" in received.said + received.system
    return call("report_findings", {"findings": [FINDING] if mine else [], "evidence": []})


def seen_results(received: Received) -> list[str]:
    """Return the texts of all tool results of the conversation."""
    return [
        json.dumps(block["toolResult"]["content"])
        for message in received.messages
        for block in message["content"]
        if "toolResult" in block
    ]


def _search(received: Received) -> Answer | None:
    """Return a search for our tools, where the agent keeps them behind one."""
    name = next((one for one in received.tools if one.lower() in SEARCHES), "")
    wanted = ",".join(f"select:{OURS}{one}" for one in ("fs_read", "report_findings"))
    return calls(name, {"query": wanted.replace(",select:", ",")}) if name else None


ASIDE = '{"reasoning": "short", "model_choice": "pro", "complexity_score": 90, "title": "A title"}'
OURS = "mcp__reviewloop__"
SEARCHES = {"tool_search", "toolsearch"}


class _AgentHandler(_AnyHandler):
    def do_HEAD(self) -> None:
        self._send(200, b"", "text/plain", {})

    def do_POST(self) -> None:
        path = self.path.partition("?")[0]
        model, _, method = path.rpartition("/")[2].partition(":")
        if path == "/v1/messages/count_tokens":
            self._body()
            self._json(200, {"input_tokens": 1000})
        elif method == "countTokens":
            self._body()
            self._json(200, {"totalTokens": 1000})
        elif method in ("streamGenerateContent", "generateContent"):
            self._answer_google(model, method)
        elif path == "/v1/responses":
            self._answer_codex(path)
        else:
            super().do_POST()

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")

    def _is_let_in(self) -> bool:
        if self.headers.get("x-goog-api-key") == KEY:
            return True
        return super()._is_let_in()

    def _answer_google(self, model: str, method: str) -> None:
        body = self._body()
        if not self._is_let_in():
            return
        received = self.server.bedrock.take(method, model, from_google(body))
        received.sent = body
        try:
            answer = self.server.bedrock.answer_to(received)
            if answer.status != 200:
                received.status, received.complete = answer.status, True
                told = {"code": answer.status, "message": answer.message, "status": answer.error}
                self._json(answer.status, {"error": told}, answer.headers)
                return
            usage = self.server.bedrock.cache.usage(received.model, received.body, 10)
            received.usage, received.status = usage, 200
            chunks = list(_as_google(answer, usage))
            if method == "generateContent":
                self._json(200, chunks[-1])
            else:
                self._events(received, answer, [_event(chunk) for chunk in chunks])
        except (OSError, Gone):
            self.close_connection = True
        finally:
            received.ended_at = now()

    def _answer_codex(self, path: str) -> None:
        body = self._body()
        if not self._is_let_in():
            return
        self.namespaces: dict[str, str] = {}
        received = self.server.bedrock.take(path, body["model"], self._from_codex(body))
        received.sent = body
        try:
            self._answer_in(received)
        except (OSError, Gone):
            self.close_connection = True
        finally:
            received.ended_at = now()

    def _from_codex(self, body: dict[str, Any]) -> dict[str, Any]:
        from support.model_server import _from_responses

        flat = []
        self.scripted = False  # whether its model calls tools by a script, as the newest ones do
        offered = list(body.get("tools") or ())
        for item in body["input"]:
            if item.get("type") == "additional_tools":
                offered += [inner for one in item["tools"] for inner in one.get("tools", [one])]
                self.scripted = any(one.get("name") == "exec" for one in offered)
        if self.scripted:  # ours are not named to it: it finds them by a list
            offered += [{"name": f"{OURS}{name}"} for name in _NAMES]
        for one in offered:
            if one.get("type") == "namespace":
                for inner in one["tools"]:
                    self.namespaces[inner["name"]] = one["name"]
                    flat.append(inner)
            elif one.get("name"):
                flat.append(one)
        known = {"message", "function_call", "function_call_output"}
        items = map(_as_function, body["input"])
        given = [one for one in items if one.get("type", "message") in known]
        return _from_responses({**body, "input": given, "tools": flat})

    def _events(self, received: Received, answer: Answer, events: list[bytes]) -> None:
        if getattr(self, "scripted", False):
            events = [event for one in events if (event := _as_script(one))]
        for name, space in getattr(self, "namespaces", {}).items():
            old, new = f'"name": "{name}"', f'"name": "{name}", "namespace": "{space}"'
            events = [event.replace(old.encode(), new.encode()) for event in events]
        super()._events(received, answer, events)


_NAMES = ("fs_read", "report_findings", "run_gate", "finish")


def _as_function(item: dict[str, Any]) -> dict[str, Any]:
    """Return a script that was called, or what came of it, in the older form."""
    if item.get("type") == "custom_tool_call":
        arguments = json.dumps({"script": item["input"]})
        return {**item, "type": "function_call", "arguments": arguments}
    if item.get("type") == "custom_tool_call_output":
        return {**item, "type": "function_call_output"}
    return item


def _as_script(event: bytes) -> bytes:
    """Return an event with calls of our tools as scripts that make them, b"" for a part of one."""
    head, _, data = event.partition(b"data: ")
    body = json.loads(data)
    if body["type"].startswith("response.function_call_arguments"):
        return b""

    def made(item: dict[str, Any]) -> dict[str, Any]:
        if item.get("type") != "function_call" or not item["name"].startswith(OURS):
            return item
        script = f"text(JSON.stringify(await tools.{item['name']}({item['arguments'] or '{}'})))"
        kept = {key: item[key] for key in ("id", "status", "call_id")}
        named = {"type": "custom_tool_call", "name": "exec", "namespace": "functions"}
        return {**kept, **named, "input": script}

    if "item" in body:
        body["item"] = made(body["item"])
    if "output" in body.get("response", {}):
        body["response"]["output"] = [made(item) for item in body["response"]["output"]]
    return head + b"data: " + json.dumps(body).encode() + b"\n\n"


def from_google(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request of Gemini's form in Bedrock's."""
    messages = []
    for content in body.get("contents", []):
        blocks: list[dict[str, Any]] = []
        for part in content.get("parts", []):
            if "functionCall" in part:
                call = part["functionCall"]
                use = {"toolUseId": call["name"], "name": call["name"], "input": call.get("args")}
                blocks.append({"toolUse": use})
            elif "functionResponse" in part:
                said = json.dumps(part["functionResponse"]["response"])
                result = {
                    "toolUseId": part["functionResponse"]["name"],
                    "content": [{"text": said}],
                }
                blocks.append({"toolResult": result})
            elif "text" in part:
                blocks.append({"text": part["text"]})
        role = "assistant" if content.get("role") == "model" else "user"
        messages.append({"role": role, "content": blocks})
    told = body.get("systemInstruction", {}).get("parts", [])
    system = [{"text": part["text"]} for part in told]
    groups = body.get("tools", [])
    functions = [one for group in groups for one in group.get("functionDeclarations", [])]
    tools = [
        {
            "toolSpec": {
                "name": one["name"],
                "description": one.get("description", ""),
                "inputSchema": {"json": one.get("parametersJsonSchema", {})},
            }
        }
        for one in functions
    ]
    return {"system": system, "messages": messages, "toolConfig": {"tools": tools}}


def _as_google(answer: Answer, usage: dict[str, int]) -> Iterator[dict[str, Any]]:
    prompt = usage["totalTokens"] - usage["outputTokens"]
    told = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": usage["outputTokens"],
        "totalTokenCount": usage["totalTokens"],
    }
    for block in answer.blocks:
        if "tool" in block:
            args = json.loads(block["raw"])
            part = {"functionCall": {"name": block["tool"], "args": args}}
        else:
            part = {"text": block.get("text", "")}
        candidate = {"content": {"role": "model", "parts": [part]}, "index": 0}
        yield {"candidates": [candidate], "usageMetadata": told}
    reasons = {"max_tokens": "MAX_TOKENS", "refusal": "SAFETY"}
    reason = reasons.get(stop_reason(answer), "STOP")
    last = {"content": {"role": "model", "parts": []}, "finishReason": reason, "index": 0}
    yield {"candidates": [last], "usageMetadata": told}
