"""The server of our tools and the way out of a cage, each over its own local socket."""

import json
import socket
from contextlib import closing
from http.client import HTTPConnection
from threading import Thread

import pytest

from reviewloop.mcp.protocol import Tool
from reviewloop.mcp.proxy import Proxy
from reviewloop.mcp.server import ToolServer

TOOL = Tool("add", "Adds.", {"type": "object"})


class Local(HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def posted(path, body, token="t"):
    with closing(Local(path)) as connection:
        connection.request("POST", "/mcp", body, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        data = answer.read()
        return answer.status, json.loads(data) if data else None


@pytest.fixture
def server(tmp_path):
    def add(_, arguments):
        return str(arguments["a"] + arguments["b"]), False

    with ToolServer(tmp_path / "tools", "t", [TOOL], add) as running:
        yield running


def asked(method, **parameters):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})


def test_tools_are_listed_and_called(server):
    assert not server.listed.is_set()
    status, answer = posted(server.path, asked("tools/list"))
    assert (status, answer["result"]["tools"][0]["name"]) == (200, "add")
    assert server.listed.is_set()
    call = asked("tools/call", name="add", arguments={"a": 1, "b": 2})
    _, answer = posted(server.path, call)
    assert answer["result"] == {"content": [{"type": "text", "text": "3"}], "isError": False}


def test_nobody_else_is_answered(server):
    assert posted(server.path, asked("tools/list"), token="guess") == (401, None)
    assert not server.listed.is_set()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", -32700),
        ("7", -32600),
        (asked("tools/call", name="rm"), -32602),
        (asked("resources/list"), -32601),
    ],
)
def test_what_is_wrong_is_said(server, body, code):
    status, answer = posted(server.path, body)
    assert (status, answer["error"]["code"]) == (200, code)


def test_a_notification_has_no_answer(server):
    body = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert posted(server.path, body) == (202, None)


@pytest.fixture
def upstream():
    """Yield the port of a server that answers the first line it gets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            while True:
                try:
                    client = listener.accept()[0]
                except OSError:
                    return
                with client:
                    first = client.recv(1000).split(b"\r\n")[0]
                    client.sendall(b"got " + first)

        Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1]


def said(path, request):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(request)
        data = b""
        while piece := client.recv(1000):
            data += piece
            if data.endswith(b"established\r\n\r\n"):
                client.sendall(b"hello\r\n")
        return data


def test_the_proxy_forwards_what_is_allowed_and_tells_what_is_not(tmp_path, upstream):
    refused = []
    place = f"localhost:{upstream}"
    with Proxy(tmp_path / "proxy", [place, "api.example.com"], refused.append) as proxy:
        through = said(proxy.path, f"CONNECT {place} HTTP/1.1\r\n\r\n".encode())
        assert through.endswith(b"got hello")
        plain = said(proxy.path, f"GET http://{place}/v1 HTTP/1.1\r\n\r\n".encode())
        assert plain == b"got GET /v1 HTTP/1.1"
        for other in (f"127.0.0.1:{upstream}", "api.example.com:22", "example.com:443"):
            for _ in range(2):
                answer = said(proxy.path, f"CONNECT {other} HTTP/1.1\r\n\r\n".encode())
                assert b" 403 " in answer
        assert b" 400 " in said(proxy.path, b"GET /etc/passwd HTTP/1.1\r\n\r\n")
    assert refused == [f"127.0.0.1:{upstream}", "api.example.com:22", "example.com:443"]
