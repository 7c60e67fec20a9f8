"""An agent's key stays outside of its cage: the gateway to its model adds it."""

import json
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.shop import make_shop

from reviewloop.acp.agents import require_agent
from reviewloop.acp.gateway import Gateway, gateway_for
from reviewloop.settings.schema import AgentProgram

KEY = "sk-ant-the-persons-own"
AGENT = Path(__file__).parents[1] / "support" / "acp_agent.py"


@pytest.fixture
def upstream():
    """Yield a model's server, and what it was asked: (method, path, headers, body)."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.command, self.path, dict(self.headers), body))
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"4\r\ndone\r\n0\r\n\r\n")

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture
def gateway(tmp_path, upstream):
    """Yield a gateway, the word that it takes, what it was asked behind it, and its refusals."""
    environ = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": f"{upstream[0]}/base"}
    route, _, inside = gateway_for(require_agent("claude", {}), environ)
    refused = []
    with Gateway(tmp_path / "model", route, refused.append) as gateway:
        yield gateway.path, inside["ANTHROPIC_API_KEY"], upstream[1], refused


def said(path, head, body=b""):
    """Return the status of the answer, and all of it."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        data = b""
        while piece := client.recv(65536):
            data += piece
    return int(data.split()[1]), data


def post(path, key, target="/base/v1/messages?beta=true", more="", body=b"{}"):
    head = f"POST {target} HTTP/1.1\nHost: model.reviewloop\nx-api-key: {key}\n"
    return said(path, f"{head}Content-Length: {len(body)}{more}", body)


def test_the_key_is_put_in_and_nothing_else_changes(gateway):
    path, word, asked, refused = gateway
    assert word != KEY
    status, data = post(path, word, more="\nanthropic-version: 7\nAuthorization: Bearer mine")
    assert (status, data.endswith(b"4\r\ndone\r\n0\r\n\r\n"), refused) == (200, True, [])
    [(method, target, headers, body)] = asked
    assert (method, target, body) == ("POST", "/base/v1/messages?beta=true", b"{}")
    assert headers["x-api-key"] == KEY
    assert headers["anthropic-version"] == "7"
    assert word not in str(headers) and "mine" not in str(headers)


def test_another_key_and_another_path_are_refused(gateway):
    path, word, asked, refused = gateway
    assert post(path, KEY)[0] == 401  # its own key is no word either
    assert post(path, "sk-of-somebody-else")[0] == 401
    for target in ("/base/v1/files", "/base/v1/messages/batches", "/base/v1/models/../files"):
        assert [post(path, word, target)[0] for _ in range(2)] == [403, 403]
    assert post(path, word, "/base/v1/models/%2e%2e/files")[0] == 403
    assert refused[:2] == ["POST /base/v1/files", "POST /base/v1/messages/batches"]
    assert (len(refused), asked) == (4, [])


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ("\nTransfer-Encoding: chunked", 411),
        ("\nContent-Length: 40", 411),
        ("\nUpgrade: websocket", 426),
    ],
)
def test_a_request_that_another_could_ride_on_is_refused(gateway, more, status):
    path, word, asked, _ = gateway
    assert post(path, word, more=more)[0] == status
    assert asked == []


def test_a_second_request_on_a_connection_goes_nowhere(gateway):
    path, word, asked, _ = gateway
    second = f"POST /base/v1/files HTTP/1.1\r\nx-api-key: {word}\r\nContent-Length: 0\r\n\r\n"
    head = f"POST /base/v1/messages HTTP/1.1\nx-api-key: {word}\nContent-Length: 2"
    assert said(path, head, b"{}" + second.encode())[0] == 200
    assert [target for _, target, _, _ in asked] == ["/base/v1/messages"]


@pytest.mark.parametrize("word", ["", "wrong"])
def test_a_refusal_arrives_although_nobody_read_what_was_sent(gateway, word):
    """A connection that is closed with something unread is reset, and the answer is lost."""
    path, key, asked, _ = gateway
    code, _ = post(path, word or key, target="/v1/files", body=b"x" * 120_000)
    assert code == (401 if word else 403)
    assert asked == []


def test_a_model_that_is_not_there_is_said(tmp_path):
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    route, agent, inside = gateway_for(require_agent("codex", {}), environ)
    assert agent.files[".codex/config.toml"].startswith(
        'openai_base_url = "http://model.reviewloop/v1"\n'
    )
    assert agent.hosts == ()
    with Gateway(tmp_path / "model", route) as gateway:
        head = f"POST /v1/responses HTTP/1.1\nAuthorization: Bearer {inside['OPENAI_API_KEY']}"
        assert said(gateway.path, head)[0] == 502


@pytest.mark.parametrize(
    ("own", "environ"),
    [
        ({}, {}),
        ({}, {"ANTHROPIC_API_KEY": KEY, "CLAUDE_CODE_OAUTH_TOKEN": "t"}),
        ({"env": ("ANTHROPIC_API_KEY",)}, {"ANTHROPIC_API_KEY": KEY}),
        ({"hosts": ("gateway.example",)}, {"ANTHROPIC_API_KEY": KEY}),
    ],
)
def test_a_login_of_another_kind_and_a_persons_own_choice_go_as_they_are(own, environ):
    agent = require_agent("claude", {"claude": AgentProgram(**own)})
    assert gateway_for(agent, environ) is None


@pytest.mark.needs_bubblewrap
@pytest.mark.parametrize(
    ("level", "given"),
    [
        ("bubblewrap", False),
        pytest.param("landlock", False, marks=pytest.mark.slow),
        pytest.param("bubblewrap", True, marks=pytest.mark.slow),  # what the others would find
    ],
)
def test_an_agent_works_without_ever_seeing_the_key(tmp_path, upstream, level, given):
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root, branch="work")
    (root / "shop/digest.py").write_text("import hashlib\n\nMD5 = hashlib.md5\n")
    checkout = Checkout(root, tmp_path / "home", settings=QUIET_GATES)
    folder = checkout.home / ".config/reviewloop"
    folder.mkdir(parents=True)
    command = json.dumps([sys.executable, "-I", str(AGENT), "keyless"])
    host = upstream[0].replace("http://127.0.0.1", "localhost")
    handed = f'env = ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"]\nhosts = ["{host}"]\n'
    own = f"[acp.claude]\ncommand = {command}\n{handed if given else ''}"
    (folder / "config.toml").write_text(own)
    environ = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": f"http://{host}"}
    said = checkout.run(
        *("review", "--model", "acp:claude", "--agents", "review-security", "--json"),
        **{**environ, "REVIEWLOOP_SANDBOX__LEVEL": level},
    )
    report = json.loads(said.out)
    assert len(report["findings"]) == 1, report["agents"]
    [title] = [one["title"] for one in report["findings"]]
    if given:
        assert title.startswith("model 200, files 200, keys ") and not title.endswith(" 0")
        return
    assert title == "model 200, files 403, keys 0"
    [(_, target, headers, _)] = upstream[1]
    assert (target, headers["x-api-key"]) == ("/v1/messages", KEY)
    assert KEY not in said.out + said.err
