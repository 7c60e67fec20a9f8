"""Servers as real programs in the real cage: their answers, and the handling of bad ones."""

import contextlib
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reviewloop.app.sandboxing import agents_cage
from reviewloop.domain.errors import ModelSetupError
from reviewloop.servers.definitions import ServerDefinition, ServerError, Trusted
from reviewloop.servers.running import Servers
from reviewloop.settings import Settings

PROGRAM = Path(__file__).parents[1] / "support" / "mcp_server.py"
pytestmark = pytest.mark.needs_bubblewrap


@pytest.fixture
def notes():
    return []


@pytest.fixture
def started(tmp_path, notes):
    """Return a function that makes the servers of a run of which one plays a part."""
    opened = []

    def start(part, *, env=None, seconds=5.0, required=False, reads=("search",), hosts=()):
        command = (sys.executable, "-I", "-X", f"of={_mark(tmp_path)}", str(PROGRAM), part)
        docs = ServerDefinition("docs", "mcp.json", command, env=env or {}, seconds=seconds)
        servers = Servers(
            [Trusted(docs, hosts, reads, required)],
            tmp_path / "servers.json",
            version="0",
            find_cage=lambda: agents_cage(Settings(), ""),
            stopped=threading.Event(),
            note=notes.append,
        )
        opened.append(servers)
        return servers

    yield start
    for servers in opened:
        servers.close()


def _mark(tmp_path):
    """Return what stands in the command line of this test's servers, and of no other's."""
    return f"{os.getpid()}-{tmp_path.name}"


def running(mark):
    """Return the command lines of the processes of a test."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"of={mark}".encode() in (words := (process / "cmdline").read_bytes()):
                found.append(words)
    return found


def search(servers, query="sqs"):
    [tool] = servers.tools(["@docs/search"], reading=True)
    return servers.call(tool, {"query": query})


def test_a_reader_gets_what_the_user_listed_and_a_writer_all(started):
    servers = started("good")
    assert [one.name for one in servers.tools(["@docs"], reading=True)] == ["docs__search"]
    assert [one.name for one in servers.tools(["@mcp"], reading=False)] == [
        *("docs__search", "docs__delete")
    ]
    assert servers.tools(["@docs/delete"], reading=True) == ()
    assert servers.tools(["@nobody"], reading=False) == ()
    assert search(servers) == ("sqs: batches hold at most 10 messages", False)


@pytest.mark.parametrize(
    ("part", "answer"),
    [
        ("banner", ("sqs: batches hold at most 10 messages", False)),
        ("pages", ("sqs: batches hold at most 10 messages", False)),
        ("fails", ("no such page", True)),
        ("asks", ("asked us: -32601", False)),
        ("floods", ("flooded", False)),
        ("picture", ("[image left out: only text is read]", False)),
        ("long", ("x" * 200_000, False)),
        (
            "huge",
            (
                "search answered 10,485,760 characters, and at most 2,000,000 are read; "
                "ask it for less",
                True,
            ),
        ),
    ],
)
def test_what_a_server_may_do(started, notes, part, answer):
    assert search(started(part)) == answer
    assert [note for note in notes if answer[0] not in note] == []
    assert len(notes) == (part == "huge")  # what a person should know


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("slow", "it was silent for 1 s"),
        ("dies", "it ended"),
        ("garbage", "does not speak the protocol: <html>"),
    ],
)
def test_a_server_that_fails_is_named_and_not_asked_again(started, notes, part, words):
    servers = started(part, seconds=1.0)
    with pytest.raises(ServerError, match=words):
        search(servers)
    assert len(notes) == 1
    assert words in notes[0]
    assert servers.tools(["@docs"], reading=True) == ()


def test_one_that_does_not_begin_is_left_out_and_a_required_one_stops(started, notes):
    assert started("mute", seconds=1.0).tools(["@docs"], reading=True) == ()
    assert "docs is not used: it was silent for 1 s" in notes[0]
    with pytest.raises(ModelSetupError, match="docs cannot be used: it was silent"):
        started("mute", seconds=1.0, required=True).begin_required()
    started("mute", seconds=1.0).begin_required()  # nobody needs it yet


def test_a_server_gets_at_nothing_of_the_users(started, tmp_path, monkeypatch):
    (tmp_path / "planted").write_text("planted secret")
    monkeypatch.setenv("MY_SECRET", "1")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        servers = started(
            "looks", env={"TARGETS": f"{tmp_path / 'planted'}:/etc/shadow", "PORT": str(port)}
        )
        assert search(servers) == ("nothing", False)


def test_a_server_reaches_the_hosts_that_the_user_listed_and_no_other(started, notes):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a page")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        listed = f"localhost:{server.server_port}"
        env = {"URLS": f"http://{listed}/ http://nobody.example/"}
        page, _, refused = search(started("fetches", env=env, hosts=(listed,)))[0].partition(" | ")
        server.shutdown()
    assert page == "a page"
    assert "403" in refused
    [note] = notes
    assert note.startswith("the cage of the MCP server docs refused it nobody.example:80; ")


def test_tools_that_change_are_not_called_any_more(started, notes):
    servers = started("changes")
    assert search(servers)[1] is False
    [tool] = servers.tools(["@docs/search"], reading=True)
    said, failed = servers.call(tool, {"query": "again"})
    assert (failed, said) == (True, "search changed since the run began; it is not called")
    servers.call(tool, {"query": "and again"})
    assert notes == [f"the MCP server docs: {said}"]  # told once
    notes.clear()
    servers.close()
    later = started("other-tools", env={"ROUND": "2"})  # the run goes on, in another process
    assert later.tools(["@docs/search"], reading=True) == ()
    assert "other tools than when the run began; not offered any more: search" in notes[0]


def test_no_process_is_left(started, tmp_path):
    servers = started("good")
    search(servers)
    assert running(_mark(tmp_path))
    servers.close()
    assert running(_mark(tmp_path)) == []


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self):
        import json

        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        results = {
            "initialize": {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {}},
            "tools/list": {"tools": [{"name": "search", "inputSchema": {"type": "object"}}]},
            "tools/call": {
                "content": [{"type": "text", "text": self.headers.get("Authorization", "none")}]
            },
        }
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/mcp")
            self.end_headers()
            return
        if self.path == "/drips" and message["method"] == "tools/list":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b" ")
                    time.sleep(0.05)
            return
        if "id" not in message:
            self.send_response(202)
            self.end_headers()
            return
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": results[message["method"]]}
        body = f"event: message\ndata: {json.dumps(answer)}\n\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/open":  # the stream stays open after the answer
            self.wfile.flush()
            time.sleep(3)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/mcp", ""),
        ("/open", ""),
        ("/moved", "it answered with status 302"),
        ("/drips", "its answer was not whole after 2 s"),
    ],
)
def test_a_server_over_http_gets_its_headers_and_leads_nowhere_else(
    tmp_path, notes, monkeypatch, path, why
):
    monkeypatch.setenv("KEY", "7")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    docs = ServerDefinition(
        "docs",
        "mcp.json",
        url=f"http://127.0.0.1:{server.server_port}{path}",
        headers={"Authorization": "Bearer ${KEY}"},
        seconds=2.0,
    )
    servers = Servers(
        [Trusted(docs, reads=("*",))],
        tmp_path / "servers.json",
        version="0",
        find_cage=lambda: agents_cage(Settings(), ""),
        stopped=threading.Event(),
        note=notes.append,
    )
    try:
        if not why:
            assert search(servers) == ("Bearer 7", False)
        else:
            assert servers.tools(["@docs"], reading=True) == ()
            assert why in notes[0]
    finally:
        servers.close()
        server.shutdown()
        server.server_close()
