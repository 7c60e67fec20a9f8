"""An MCP server over HTTP on loopback that counts its calls."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SCHEMA = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}


class HttpServer(ThreadingHTTPServer):
    """Answers `search`; `asked` holds the arguments of its calls."""

    daemon_threads = True

    def __init__(self, answer: str = "batches hold at most 10 messages") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tools = ["search"]
        self.asked: list[dict[str, Any]] = []
        self.answer = answer

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.server_port}/mcp"

    def __enter__(self) -> "HttpServer":
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: HttpServer

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = message["method"]
        if method == "tools/call":
            self.server.asked.append(message["params"]["arguments"])
        text = {"type": "text", "text": self.server.answer}
        results: dict[str, Any] = {
            "initialize": {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {}},
            "tools/list": {
                "tools": [
                    {"name": name, "description": f"{name}s.", "inputSchema": SCHEMA}
                    for name in self.server.tools
                ]
            },
            "tools/call": {"content": [text]},
        }
        answer = {"jsonrpc": "2.0", "id": message.get("id"), "result": results.get(method, {})}
        body = json.dumps(answer).encode() if "id" in message else b""
        self.send_response(200 if body else 202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
