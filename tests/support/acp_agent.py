"""A coding agent for tests, by the protocol: `acp_agent.py PART`, a real process with real pipes.

It reads its tools over HTTP from where `session/new` says, and plays the part it is named. A run
starts a dozen of it: what takes long to import, as all clients of HTTP do, is imported where a part
needs it.
"""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

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
SESSION = "s1"
DONE: dict[str, Any] = {"stopReason": "end_turn"}
Message = dict[str, Any]


def send(message: Message) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def read() -> Message:
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    message: Message = json.loads(line)
    return message


def update(**what: Any) -> None:
    send({"method": "session/update", "params": {"sessionId": SESSION, "update": what}})


def request(port: int, line: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return the body of an answer over HTTP that is good."""
    told = {**headers, "Content-Length": str(len(body)), "Connection": "close"}
    head = "".join(f"{one}\r\n" for one in (line, *(f"{name}: {told[name]}" for name in told)))
    with socket.create_connection(("127.0.0.1", port), 30) as way:
        way.sendall(head.encode() + b"\r\n" + body)
        said = b"".join(iter(lambda: way.recv(1 << 16), b""))
    status, _, rest = said.partition(b"\r\n")
    assert status.split()[1] == b"200", said
    return rest.partition(b"\r\n\r\n")[2]


class Tools:
    def __init__(self, server: Message) -> None:
        self.place, _, self.path = server["url"].removeprefix("http://").partition("/")
        self.headers = {one["name"]: one["value"] for one in server["headers"]}

    def ask(self, method: str, **parameters: Any) -> Message:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        headers = {**self.headers, "Host": self.place, "Content-Type": "application/json"}
        port = int(self.place.rpartition(":")[2])
        answer = request(port, f"POST /{self.path} HTTP/1.1", headers, body.encode())
        result: Message = json.loads(answer)["result"]
        return result

    def call(self, name: str, /, **arguments: Any) -> tuple[str, bool]:
        answer = self.ask("tools/call", name=name, arguments=arguments)
        return answer["content"][0]["text"], answer["isError"]


def look_around() -> list[str]:
    """Return what a hostile agent gets at; each entry is a success."""
    found = []
    for place in filter(None, os.environ.get("TARGETS", "").split(":")):
        with suppress(OSError):
            found.append(f"read {Path(place).read_text()[:9]}")
    for place in ("new.py", "shop/digest.py"):
        with suppress(OSError), open(place, "a") as file:
            file.write("# md5\n")
            found.append(f"wrote {place}")
    for address in (("127.0.0.1", int(os.environ.get("PORT", "9"))), ("192.0.2.1", 80)):
        with suppress(OSError):
            socket.create_connection(address, 1).close()
            found.append(f"reached {address[0]}")
    proxy = os.environ["HTTPS_PROXY"].rpartition(":")[2]
    with socket.create_connection(("127.0.0.1", int(proxy)), 5) as way:
        way.sendall(b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n")
        if b" 403 " not in way.recv(1000):
            found.append("passed the proxy")
    return found + [name for name in os.environ if "SECRET" in name]


def ask_without_a_key() -> str:
    """Return how a model answers by what an agent is given, and where it finds the real key."""
    import urllib.error
    import urllib.request

    url, word = os.environ["ANTHROPIC_BASE_URL"], os.environ["ANTHROPIC_API_KEY"]
    way = urllib.request.build_opener(
        urllib.request.ProxyHandler({"http": os.environ["HTTP_PROXY"]})
    )

    def status(path: str) -> int:
        request = urllib.request.Request(f"{url}{path}", b"{}", {"x-api-key": word})
        try:
            with way.open(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    keys = 0
    processes = (Path("/proc", name, "environ") for name in os.listdir("/proc") if name.isdigit())
    files = (Path(above, name) for above, _, names in os.walk(Path.home()) for name in names)
    for place in (*processes, *files):  # neither walk minds what goes away meanwhile
        with suppress(OSError):
            keys += b"the-persons-own" in place.read_bytes()
    keys += any("the-persons-own" in value for value in os.environ.values())
    return f"model {status('/v1/messages')}, files {status('/v1/files')}, keys {keys}"


def install() -> str:
    """Return what came of installing a package: into the machine, and from a registry."""
    found = []
    for folder in [*sys.path, "/usr/local/lib/node_modules", "/usr/lib/node_modules"]:
        with suppress(OSError):
            Path(folder, "planted.py").write_text("")
            found.append(f"wrote {folder}")
    proxy = os.environ["HTTPS_PROXY"].rpartition(":")[2]
    with socket.create_connection(("127.0.0.1", int(proxy)), 5) as way:
        way.sendall(b"CONNECT packages.example:443 HTTP/1.1\r\n\r\n")
        if b" 403 " not in way.recv(1000):
            found.append("reached the registry")
    return f"installed: {', '.join(found)}" if found else "nothing was installed"


class Agent:
    tools: Tools  # from when a session is open

    def __init__(self, part: str) -> None:
        self.part = part
        self.asked: list[str] = []

    def start(self) -> None:
        if self.part == "serves":
            self.server = socket.create_server(("127.0.0.1", 47_123))
        if self.part == "banner":
            print("Update available! 1.0 -> 2.0")
        if self.part == "garbage":
            print("<html>not the protocol</html>\n" * 2000, flush=True)
        if self.part in ("garbage", "mute"):
            time.sleep(600)
        answers: dict[str | None, Callable[[Message], Message]] = {
            "initialize": self.initialize,
            "session/new": self.open,
            "session/prompt": self.prompt,
            "authenticate": self.sign_in,
            "session/set_mode": lambda _: {"result": {}},
        }
        while True:
            message = read()
            if message.get("method") == "session/cancel" and self.part != "deaf":
                sys.exit(0)
            if self.part == f"killed-at-{message.get('method')}":
                os.kill(os.getpid(), signal.SIGKILL)
            if answer := answers.get(message.get("method")):
                send({"id": message["id"], **answer(message["params"])})

    def initialize(self, _: Message) -> Message:
        version = 9 if self.part == "old" else 1
        can = {"mcpCapabilities": {"http": True}}
        about = {"name": "scripted", "version": "1.2.3"}
        told: Message = {"protocolVersion": version, "agentCapabilities": can, "agentInfo": about}
        if self.part == "signs-in":
            told["authMethods"] = [{"id": "browser", "name": "-"}, {"id": "api-key", "name": "-"}]
        return {"result": told}

    def sign_in(self, parameters: Message) -> Message:
        assert parameters == {"methodId": "api-key"}
        self.part = "good"
        return {"result": {}}

    def open(self, parameters: Message) -> Message:
        if self.part in ("login", "signs-in"):
            return {"error": {"code": -32000, "message": "Authentication required"}}
        self.tools = Tools(parameters["mcpServers"][0])
        if self.part != "blind":
            self.tools.ask("initialize", protocolVersion="2025-06-18")
            self.tools.ask("tools/list")
        return {"result": {"sessionId": SESSION}}

    def prompt(self, parameters: Message) -> Message:
        self.asked.append(parameters["prompt"][0]["text"])
        update(sessionUpdate="agent_message_chunk", content={"type": "text", "text": "Hm."})
        early = EARLY.get(self.part)
        ended = early(self) if early else None
        return {"result": ended or self.review()}

    def review(self) -> Message:
        said, error = self.tools.call("fs_read", path="shop/digest.py")
        assert not error and "md5" in said, said
        title = FINDING["title"]
        if self.part == "keyless":
            title = ask_without_a_key()
        if self.part == "installs":
            title = install()
        if self.part == "edits-settings":
            Path("~/.agent/settings.json").expanduser().write_text('{"hooks": "rm"}')
            Path("~/.agent/more.json").expanduser().write_text("{}")
        if self.part == "hostile":
            found = look_around()
            title = f"got out: {', '.join(found)}" if found else "nothing got out"
        assert "md5" in Path("shop/digest.py").read_text()
        assert not Path("CLAUDE.md").exists()
        mine = "# Your part: review-security" in self.asked[0]
        findings = [{**FINDING, "title": title}] if mine else []
        said, error = self.tools.call("report_findings", findings=findings, evidence=[])
        assert not error, said
        if self.part == "killed-when-answered":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.part == "quiet":
            return DONE
        update(sessionUpdate="usage_update", cost={"amount": 0.25, "currency": "USD"})
        return {**DONE, "usage": {"inputTokens": 1000, "outputTokens": 10, "totalTokens": 1010}}

    def die(self) -> NoReturn:
        os.write(2, b"segmentation fault\n")
        os._exit(9)

    def hang(self) -> NoReturn:
        while True:
            time.sleep(1)

    def learn(self) -> Message | None:
        return DONE if len(self.asked) == 1 else None

    def flood(self) -> NoReturn:
        while True:
            self.tools.call("fs_read", path="shop/digest.py")

    def flood_updates(self) -> NoReturn:
        while True:
            update(sessionUpdate="agent_message_chunk", content={"type": "text", "text": "x"})

    def beg(self) -> NoReturn:
        while True:
            self.ask_leave(expected=None)

    def beg_unheard(self) -> NoReturn:
        given = {"sessionId": SESSION, "toolCall": {"toolCallId": "t1"}, "options": []}
        for number in range(5000):  # more answers than a pipe holds, and nobody reads them
            send({"id": f"p{number}", "method": "session/request_permission", "params": given})
        self.hang()

    def multiply(self) -> NoReturn:
        while True:
            if os.fork() == 0:
                self.hang()

    def cost_much(self) -> NoReturn:
        update(sessionUpdate="usage_update", cost={"amount": 25.0, "currency": "USD"})
        while True:  # not silent, but nothing comes of it
            time.sleep(0.05)
            update(sessionUpdate="plan", entries=[])

    def use_many_tokens(self) -> NoReturn:
        meta = {"usage": {"inputTokens": 300_000, "outputTokens": 50_000}}
        while True:
            content = {"type": "text", "text": "x"}
            update(sessionUpdate="agent_message_chunk", content=content, _meta=meta)
            time.sleep(0.05)

    def chatter(self) -> None:
        for _ in range(2000):
            os.write(2, b"x" * 10_000)

    def leave_a_daemon(self) -> None:
        if os.fork() == 0:
            os.setsid()
            self.hang()

    def ask_leave(self, expected: str | None = "once") -> None:
        options = [
            {"optionId": "always", "kind": "allow_always", "name": "Always"},
            {"optionId": "once", "kind": "allow_once", "name": "Once"},
            {"optionId": "no", "kind": "reject_once", "name": "No"},
        ]
        call = {"toolCallId": "t1", "kind": "execute", "title": "rm -rf /"}
        given = {"sessionId": SESSION, "toolCall": call, "options": options}
        send({"id": 77, "method": "session/request_permission", "params": given})
        wanted = os.environ.get("WANTED", expected)
        outcome = read()["result"]["outcome"]
        assert wanted is None or outcome == {"outcome": "selected", "optionId": wanted}

    def act_unasked(self) -> NoReturn:
        call = {"toolCallId": "t2", "kind": "execute", "title": "Clean", "status": "in_progress"}
        update(sessionUpdate="tool_call", **call, rawInput={"command": ["sh", "-c", "rm -fr x"]})
        self.hang()

    def say_much(self) -> None:
        update(sessionUpdate="agent_message_chunk", content={"text": "x" * (1 << 20)})


EARLY: dict[str, Callable[[Agent], Message | None]] = {
    "dies": Agent.die,
    "exits": lambda _: sys.exit(0),
    "hangs": Agent.hang,
    "deaf": Agent.hang,
    "prose": lambda _: DONE,
    "slow-learner": Agent.learn,
    "refuses": lambda _: {"stopReason": "refusal"},
    "floods": Agent.flood,
    "daemon": Agent.leave_a_daemon,
    "asks": Agent.ask_leave,
    "acts": Agent.act_unasked,
    "updates": Agent.flood_updates,
    "begs": Agent.beg,
    "begs-unheard": Agent.beg_unheard,
    "forks": Agent.multiply,
    "costs": Agent.cost_much,
    "uses": Agent.use_many_tokens,
    "chatters": Agent.chatter,
    "long-line": Agent.say_much,
}

if __name__ == "__main__":
    Agent(sys.argv[1]).start()
