"""Stands between reviewloop and a coding agent: `acp_between.py FAULT PROGRAM [ARGUMENT]...`.

It hands messages on as they are, but for the one fault it is named. So real agents fail in ways
that no model of theirs can bring about.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

Message = dict[str, Any]
NOTHING: Message = {
    "jsonrpc": "2.0",
    "method": "session/update",
    "params": {"sessionId": "x", "update": {}},
}


class Between:
    """Two pipes, and what is done to the messages on them."""

    def __init__(self, fault: str, command: Sequence[str]) -> None:
        self.fault = fault
        self.agent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.agent.stdin is not None
        assert self.agent.stdout is not None
        self.into, self.out_of = self.agent.stdin, self.agent.stdout
        self.session = ""
        self.opening: object = object()  # the id of the request that opens a session
        self.lock = threading.Lock()

    def say(self, text: str) -> None:
        """Write a line to reviewloop."""
        with self.lock:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def update(self, **what: Any) -> None:
        """Send a notification of the session."""
        about = {"sessionId": self.session, "update": what}
        self.say(json.dumps({"jsonrpc": "2.0", "method": "session/update", "params": about}))

    def end(self, code: int) -> NoReturn:
        """End the agent, then this process."""
        self.agent.send_signal(signal.SIGKILL)
        self.agent.wait()
        os._exit(code)

    def start(self) -> NoReturn:
        """Hand on what the agent says, and what it is told, until one of them ends."""
        if self.fault == "update notice":
            self.say("Update available! 1.0 -> 2.0")
        threading.Thread(target=self.from_agent, daemon=True).start()
        for line in sys.stdin:
            message = json.loads(line)
            if self.told(message):
                self.into.write(line.encode())
                self.into.flush()
        self.end(0)

    def told(self, message: Message) -> bool:
        """Act on what the agent is told; return whether it hears of it."""
        method, fault = message.get("method"), self.fault
        if method == "session/new":
            self.opening = message["id"]
        if fault == "dies at once" and method == "initialize":
            self.end(137)
        if fault == "signed out" and method == "session/new":
            error = {"code": -32000, "message": "Authentication required"}
            self.say(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}))
            return False
        if fault == "deaf":
            return method not in ("session/cancel", "session/prompt")
        if method == "session/prompt":
            self.session = message["params"]["sessionId"]
            act = PROMPTED.get(fault)
            return act(self, message) if act else True
        return True

    def from_agent(self) -> NoReturn:
        """Hand on what the agent says."""
        for line in self.out_of:
            if self.fault == "mute":
                continue
            text = line.decode().rstrip("\n")
            if self.fault == "old protocol" and '"protocolVersion"' in text:
                message = json.loads(text)
                message["result"]["protocolVersion"] = 9
                text = json.dumps(message)
            self.say(text)
        self.end(self.agent.wait() & 0xFF)

    def die(self, _: Message) -> NoReturn:
        """End in the middle of the turn."""
        self.end(9)

    def leave(self, _: Message) -> NoReturn:
        """End as if all were well, with nothing done."""
        self.end(0)

    def answer(self, message: Message) -> bool:
        """Say that the turn is over before it began."""
        done = {"stopReason": "end_turn"}
        self.say(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": done}))
        return False

    def babble(self, message: Message) -> bool:
        """Write what is no message."""
        for _ in range(2000):
            self.say("<html>not the protocol</html>")
        return True

    def one_long_line(self, _: Message) -> bool:
        """Write a message of a megabyte."""
        self.update(
            sessionUpdate="agent_message_chunk", content={"type": "text", "text": "x" * (1 << 20)}
        )
        return True

    def strange(self, _: Message) -> bool:
        """Answer what nobody asked, and ask for what nobody knows."""
        self.say(json.dumps({"jsonrpc": "2.0", "id": 987_654, "result": {}}))
        self.say(
            json.dumps({"jsonrpc": "2.0", "id": "q1", "method": "fs/unheard_of", "params": {}})
        )
        self.say(json.dumps(NOTHING))
        return True

    def leave_a_daemon(self, _: Message) -> bool:
        """Start a process that wants to outlive the turn."""
        if os.fork() == 0:
            os.setsid()
            time.sleep(3600)
            os._exit(0)
        return True

    def beg(self, _: Message) -> bool:
        """Ask for leave without an end."""
        kinds = ("allow_once", "reject_once")
        options = [{"optionId": kind, "kind": kind, "name": kind} for kind in kinds]
        call = {"toolCallId": "t1", "kind": "execute", "title": "rm -rf /"}
        given = {"sessionId": self.session, "toolCall": call, "options": options}
        for number in range(5000):
            ask = {"jsonrpc": "2.0", "id": f"p{number}", "method": "session/request_permission"}
            self.say(json.dumps({**ask, "params": given}))
        return False

    def flood(self, _: Message) -> NoReturn:
        """Write notifications without an end."""
        content = {"type": "text", "text": "x"}
        while True:
            self.update(sessionUpdate="agent_message_chunk", content=content)


PROMPTED: dict[str, Callable[[Between, Message], bool]] = {
    "dies": Between.die,
    "leaves": Between.leave,
    "ends at once": Between.answer,
    "garbage": Between.babble,
    "long line": Between.one_long_line,
    "strange messages": Between.strange,
    "daemon": Between.leave_a_daemon,
    "begs": Between.beg,
    "floods": Between.flood,
}

if __name__ == "__main__":
    Between(sys.argv[1], sys.argv[2:]).start()
