"""Holds one turn with an agent: only its call of our ending tool counts, not its text."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import field, replace
from math import inf
from pathlib import Path
from typing import Any

from reviewloop.acp.agents import KnownAgent
from reviewloop.acp.cage import (
    Caged,
    make_room,
    new_token,
    start_agent,
)
from reviewloop.acp.cage_checks import require_cage
from reviewloop.acp.choices import mode_of, model_choice, values
from reviewloop.acp.client import (
    NO_ANSWER,
    Answer,
    BrokenError,
    Client,
    ClosedError,
    GarbageError,
    Refused,
)
from reviewloop.acp.gateway import HOST, Gateway, gateway_for
from reviewloop.acp.own_commands import OwnCommands, Refusal
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import (
    InterruptedByUserError,
    ModelAccessError,
    ModelError,
    NoAnswerError,
    ReviewLoopError,
)
from reviewloop.domain.event import Emit, silent
from reviewloop.faults import fault
from reviewloop.mcp.protocol import NAME, Tool
from reviewloop.mcp.proxy import Proxy
from reviewloop.mcp.server import ToolServer
from reviewloop.sandbox.base import Sandbox

_VERSION = 1
_START_SECONDS = 120.0  # an agent of 500 MB on a busy machine
_TOOLS_SECONDS = 30.0  # from its session to its first listing of our tools
_END_SECONDS = 20.0  # for its output after the answer
_CANCEL_SECONDS = 5.0
_SLICE = 0.1
_MOST_TEXT = 4000
_MOST_LOGGED = 1000
_MOST_OUTSIDE = 20
_LONGEST = 200  # characters logged of a call
_LOGIN = {-32000, 401, 403}
_RECEIVED = "received; you are done: end your turn now"
_USAGE = {
    "input": ("inputTokens", "input_tokens"),
    "output": ("outputTokens", "output_tokens"),
    "cache_read": ("cachedReadTokens",),
    "cache_write": ("cachedWriteTokens",),
}
_CHANGING = {"edit", "delete", "move", "execute"}


@dataclass(frozen=True)
class Caps:
    """The limits of a turn."""

    seconds: float
    calls: int  # of tools, its own included, and of requests for permission
    silence: float  # seconds without a message
    usd: float = inf  # where it reports its cost
    tokens: float = inf  # in and out, where it reports them before its turn ends
    updates: int = 500_000  # notifications; one for each word is usual


@dataclass(frozen=True)
class Task:
    """The prompt of an agent, its tools, and the function that takes its answer.

    `check` returns what is wrong with an answer, or ""; its second argument says that it is the
    last try. `refusal` returns why a command of its own may not run, or "".
    """

    prompt: str
    tree: Path
    tools: Sequence[Tool]
    ending: str  # the tool whose call is the answer
    call: Callable[[str, Mapping[str, Any]], tuple[str, bool]]
    check: Callable[[Mapping[str, Any], bool], str]
    caps: Caps
    writes: bool = False  # it may change the files of the tree
    refusal: Refusal = lambda command: ""
    answered: Callable[["Outcome"], None] = lambda outcome: None  # before its turn has ended


@dataclass
class Outcome:
    """The outcome of a turn; `answer` is None where the ending tool was never called."""

    answer: dict[str, Any] | None = None
    text: str = ""
    stop_reason: str = ""
    calls: int = 0
    read: int = 0  # characters of our tools' results
    log: list[dict[str, str]] = field(default_factory=list)  # its calls of our tools and of its own
    outside: list[str] = field(default_factory=list)  # locations that its cage refused
    commands: list[str] = field(default_factory=list)  # reasons of its refused commands
    usage: dict[str, int] = field(default_factory=dict)  # as reported: input, output, ...
    cost_usd: float | None = None
    version: str = ""


def hold_turn(
    agent: KnownAgent,
    task: Task,
    *,
    sandbox: Sandbox,
    stopped: Callable[[], bool] = lambda: False,
    notify: Emit = silent,
) -> Outcome:
    """Start the agent in its cage, prompt it, and return the outcome.

    An agent that ends its turn without an answer is asked once more. Raises `ModelSetupError` where
    it is not installed, `ModelAccessError` where it is not logged in, `NoAnswerError` past a cap,
    and `ModelError` for one that dies, hangs, or breaks the protocol.
    """
    with open_session(agent, task, sandbox=sandbox, stopped=stopped, notify=notify) as session:
        return session.hold()


@contextmanager
def open_session(
    agent: KnownAgent,
    task: Task,
    *,
    sandbox: Sandbox,
    stopped: Callable[[], bool] = lambda: False,
    notify: Emit = silent,
) -> Iterator["Session"]:
    """Yield a session with a caged agent after its handshake."""
    require_cage(sandbox)
    token = new_token()
    agent = agent.in_role(writes=task.writes)
    environ: Mapping[str, str] = os.environ
    with ExitStack() as stack:
        room = stack.enter_context(make_room())
        session = Session(agent, task, sandbox, stopped, notify)

        def refused(location: str) -> None:
            outside = session.outcome.outside
            if len(outside) < _MOST_OUTSIDE:
                what = "".join(char if char.isprintable() else "?" for char in location)[:_LONGEST]
                outside.append(what)
                notify("note", text=f"acp:{agent.name}: its cage refused {what}")

        def unconnected(location: str) -> None:
            refused(f"a connection to {location}")

        hidden = gateway_for(agent, environ)
        if hidden:
            route, agent, environ = hidden
        proxy = stack.enter_context(Proxy(room.proxy, agent.hosts, unconnected))
        if hidden:
            session.hosts, session.is_keyless = (route.address.netloc,), True
            stack.enter_context(Gateway(room.model, route, refused))
            proxy.lead(80, room.model, host=HOST)
        server = ToolServer(room.tools, token, task.tools, session.call)
        stack.enter_context(server)
        caged = stack.enter_context(
            start_agent(
                agent,
                room,
                sandbox=sandbox,
                tree=task.tree,
                writes=task.writes,
                environ=environ,
                note=lambda text: notify("note", text=f"acp:{agent.name}: {text}"),
            )
        )
        stack.callback(session.end)
        proxy.lead(caged.tools_port, room.tools)
        session.begin(caged, server, token)
        yield session


class Session:
    """The state of one turn."""

    def __init__(
        self,
        agent: KnownAgent,
        task: Task,
        sandbox: Sandbox,
        stopped: Callable[[], bool],
        notify: Emit,
    ) -> None:
        self.outcome = Outcome()
        self.hosts = agent.hosts  # all hosts that it may reach
        self.is_keyless = False  # its key stays outside of its cage
        self._agent = agent
        self._task = task
        self._proven = sandbox.is_proven
        self._stopped = stopped
        self._notify = notify
        self._lock = threading.Lock()
        self._failed_answers = 0
        self._counts = dict.fromkeys(("tools", "updates", "permissions"), 0)
        self._seen: set[str] = set()
        self._last = time.monotonic()
        self._until = self._last + task.caps.seconds
        self._over = ""  # why calls are not answered any more
        self._updates = 0
        self._at_work = 0  # running calls of our tools
        self._trouble: ReviewLoopError | None = None  # the error of one of them
        self._own = OwnCommands(task.refusal, self.outcome.commands)

    def begin(self, caged: Caged, server: ToolServer, token: str) -> None:
        """Do the handshake."""
        self._caged, self._server, self._token = caged, server, token
        self._client = Client(
            caged.stdin, caged.stdout, on_request=self._answer, on_update=self._update
        )
        hello = self._wait(
            self._client.ask(
                "initialize",
                {
                    "protocolVersion": _VERSION,
                    "clientCapabilities": {
                        "fs": {"readTextFile": False, "writeTextFile": False},
                        "terminal": False,
                    },
                    "clientInfo": {"name": NAME, "version": "1"},
                },
            ),
            "to begin",
            _START_SECONDS,
        )
        if hello.get("protocolVersion") != _VERSION:
            version = str(hello.get("protocolVersion"))[:40]
            raise ModelError(
                f"{self._name} speaks version {version} of the protocol, and {_VERSION} is needed; "
                "use a newer release of it"
            )
        about = hello.get("agentInfo")
        if isinstance(about, dict):
            self.outcome.version = str(about.get("version", ""))[:40]
        ways = values(hello.get("authMethods"), "id")
        self._sign_in = next((one for one in self._agent.sign_in if one in ways), "")
        can = hello.get("agentCapabilities")
        mcp = can.get("mcpCapabilities") if isinstance(can, dict) else None
        if not (isinstance(mcp, dict) and mcp.get("http")):
            raise ModelError(
                f"{self._name} takes no tools over HTTP, so it could not answer; use a newer "
                "release of it"
            )

    def end(self) -> None:
        """Stop answering calls of our tools."""
        self._over = self._over or "the turn is over"

    def try_out(self) -> str:
        """Return the agent's version, once it opened a session and listed our tools.

        No model is asked.
        """
        self._open()
        return self.outcome.version

    def hold(self) -> Outcome:
        """Prompt the agent, and again where it ended its turn without an answer."""
        session = self._open()
        fault("turn.begin")
        ending = self._task.ending
        self._prompt(session, self._task.prompt)
        if self.outcome.answer is None and self.outcome.stop_reason == "end_turn":
            self._notify(
                "note", text=f"{self._name}: its turn brought no answer; it is asked again"
            )
            self._prompt(
                session,
                f"Your turn ended without an answer, and what you write is not read. Call the tool "
                f"`{ending}` of the server `{NAME}` now.",
            )
        return self.outcome

    @property
    def _name(self) -> str:
        return f"acp:{self._agent.name}"

    def _open(self) -> str:
        port = self._caged.tools_port
        server = {
            "type": "http",
            "name": NAME,
            "url": f"http://127.0.0.1:{port}/mcp",
            "headers": [{"name": "Authorization", "value": f"Bearer {self._token}"}],
        }
        params: dict[str, Any] = {"cwd": str(self._caged.folder), "mcpServers": [server]}
        if self._agent.meta:
            params["_meta"] = self._agent.meta
        made = self._made(params)
        session = made.get("sessionId")
        if not isinstance(session, str):
            raise ModelError(f"{self._name} gave no session; use a newer release of it")
        if self._agent.model:
            method, choice = model_choice(self._name, self._agent.model, made)
            answer = self._client.ask(method, {"sessionId": session, **choice})
            self._wait(answer, "for its model", _START_SECONDS)
        if self._agent.mode:
            mode = {"sessionId": session, "modeId": mode_of(self._name, self._agent.mode, made)}
            self._wait(self._client.ask("session/set_mode", mode), "for its mode", _START_SECONDS)
        until = time.monotonic() + _TOOLS_SECONDS
        while not self._server.listed.wait(_SLICE):
            self._check(self._until)
            if self._caged.exit_code(0) is not None:
                raise self._died()
            if time.monotonic() > until:
                raise ModelError(
                    f"{self._name} never looked at the tools that it was given, so it could not "
                    "have answered; it was not asked"
                )
        return session

    def _made(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return a new session; authenticate first where the agent requires it."""
        try:
            return self._wait(
                self._client.ask("session/new", parameters), "for a session", _START_SECONDS
            )
        except ModelAccessError:
            if not self._sign_in:
                raise
        method = {"methodId": self._sign_in}
        self._wait(self._client.ask("authenticate", method), "to sign in", _START_SECONDS)
        return self._wait(
            self._client.ask("session/new", parameters), "for a session", _START_SECONDS
        )

    def _prompt(self, session: str, text: str) -> None:
        content = [{"type": "text", "text": text}]
        answer = self._client.ask("session/prompt", {"sessionId": session, "prompt": content})
        self._last = time.monotonic()
        answered_at = 0.0
        while True:
            try:
                ended = answer.wait(_SLICE)
            except NO_ANSWER as error:
                if self.outcome.answer is not None:  # its answer counts, however the turn ended
                    return
                raise self._explained(error) from error
            if ended is not None:
                self.outcome.stop_reason = str(ended.get("stopReason", ""))[:40]
                self._count_turn(ended)
                return
            if self.outcome.answer is not None:
                answered_at = answered_at or time.monotonic()
                if time.monotonic() - answered_at > _END_SECONDS:
                    self._client.notify("session/cancel", {"sessionId": session})
                    return
                continue
            try:
                self._check(self._until)
            except ReviewLoopError:
                self._cancel(session, answer)
                raise

    def _cancel(self, session: str, answer: Answer) -> None:
        self._over = "the turn is over"
        self._client.notify("session/cancel", {"sessionId": session})
        try:
            answer.wait(_CANCEL_SECONDS)
        except NO_ANSWER:
            return

    def _wait(self, answer: Answer, what: str, seconds: float) -> dict[str, Any]:
        until = min(self._until, time.monotonic() + seconds)
        while True:
            try:
                result = answer.wait(_SLICE)
            except NO_ANSWER as error:
                raise self._explained(error) from error
            if result is not None:
                return result
            self._check(self._until)
            if time.monotonic() > until:
                raise ModelError(f"{self._name} did not answer {what} within {seconds:.0f} s")

    def _check(self, until: float) -> None:
        """Raise when the turn has to end."""
        caps = self._task.caps
        if self._trouble is not None:
            raise self._trouble
        if self._stopped():
            raise InterruptedByUserError("stopped while an agent was at work")
        if self.outcome.calls > caps.calls:
            raise NoAnswerError(
                f"{self._name} made more than {caps.calls} calls without an answer, so its turn "
                "was ended"
            )
        if self._updates > caps.updates:
            raise NoAnswerError(
                f"{self._name} sent more than {caps.updates:,} notifications without an answer, so "
                "its turn was ended"
            )
        cost = self.outcome.cost_usd
        if cost is not None and cost > caps.usd:
            raise NoAnswerError(
                f"{self._name} tells that its turn costs ${cost:.2f}, more than the "
                f"${caps.usd:.2f} that limits.usd leaves, so it was ended"
            )
        used = sum(self.outcome.usage.get(name, 0) for name in ("input", "output"))
        if used > caps.tokens:
            raise NoAnswerError(
                f"{self._name} tells that its turn took {used:,} tokens, more than the "
                f"{caps.tokens:,.0f} of limits.agent_tokens, so it was ended"
            )
        now = time.monotonic()
        if now > until:
            raise NoAnswerError(
                f"{self._name} gave no answer within {caps.seconds:.0f} s; raise "
                "limits.agent_minutes or give it a smaller change"
            )
        if now - self._last > caps.silence and not self._at_work:
            raise ModelError(f"{self._name} was silent for {caps.silence:.0f} s, so it was ended")

    def _explained(self, error: Exception) -> ReviewLoopError:
        if isinstance(error, ClosedError):
            return self._died()
        if isinstance(error, BrokenError):
            cause = error.__cause__
            if isinstance(cause, ReviewLoopError):
                return cause
            reason = " ".join(f"{type(cause).__name__}: {cause}".split())[:300]
            return ModelError(
                f"{self._name} sent what reviewloop could not take ({reason}), so its turn was "
                "ended; please report this"
            )
        if isinstance(error, GarbageError):
            detail = f": {self._client.junk}" if self._client.junk else ""
            return ModelError(f"{self._name} does not speak the protocol ({error}){detail}")
        assert isinstance(error, Refused)  # noqa: S101 - tells the type checker
        detail = " ".join(f"{error.message} {_detail(error.data)}".split())[:300]
        kind = error.data.get("errorKind") if isinstance(error.data, dict) else None
        if error.code in _LOGIN or kind == "authentication_failed":
            return ModelAccessError(
                f"{self._name} is not logged in ({detail}); {self._agent.login}"
            )
        return ModelError(f"{self._name} answered with an error: {detail}")

    def _died(self) -> ModelError:
        code = self._caged.exit_code(2.0)
        how = "closed its output" if code is None else f"ended with exit code {code}"
        detail = self._caged.stderr or self._client.junk
        reason = f": {detail}" if detail else ""
        return ModelError(f"{self._name} {how} in the middle of its turn{reason}")

    def call(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        """Handle a call of one of our tools; that of the ending tool is the answer, if it is
        valid.
        """
        self._at_work += 1
        try:
            return self._called(name, arguments)
        except ReviewLoopError as error:
            self._trouble = error
            return "the turn is ended", True
        finally:
            self._last = time.monotonic()
            self._at_work -= 1

    def _called(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        if self._over or self.outcome.answer is not None:
            return self._over or "the answer is received already", True
        self._count_call("tools")
        if self.outcome.calls > self._task.caps.calls:
            return "too many calls: your turn is ended", True
        self._log(name, json.dumps(arguments))
        if name != self._task.ending:
            text, failed = self._task.call(name, arguments)
            self.outcome.read += len(text)
            return text, failed
        problem = self._task.check(arguments, self._failed_answers > 0)
        if problem:
            self._failed_answers += 1
            return f"not taken: {problem}; call {name} again", True
        answer = dict(arguments)
        self._task.answered(replace(self.outcome, answer=answer))
        self.outcome.answer = answer
        return _RECEIVED, False

    def _log(self, what: str, about: str) -> None:
        if len(self.outcome.log) < _MOST_LOGGED:
            self.outcome.log.append({"call": what[:_LONGEST], "about": about[:_LONGEST]})

    def _count_call(self, what: str) -> None:
        """Count a call; one of our tools is seen twice, as a call and as an update."""
        with self._lock:
            self._counts[what] += 1
            self.outcome.calls = max(self._counts.values())

    def _update(self, method: str, parameters: Mapping[str, Any]) -> None:
        self._last = time.monotonic()
        self._updates += 1
        update = parameters.get("update")
        if method != "session/update" or not isinstance(update, dict):
            return
        kind = update.get("sessionUpdate")
        if kind == "agent_message_chunk":
            content = update.get("content")
            text = content.get("text") if isinstance(content, dict) else ""
            self.outcome.text = (self.outcome.text + str(text or ""))[-_MOST_TEXT:]
            self._count_chunk(update.get("_meta"))
        elif kind == "tool_call":
            ident = str(update.get("toolCallId"))
            if ident not in self._seen:
                self._seen.add(ident)
                self._count_call("updates")
                title = update.get("title") or ""
                self._log(str(update.get("kind", "other")), str(title))
        if kind in {"tool_call", "tool_call_update"} and (
            why := self._own.runs_without_asking(update)
        ):
            self._trouble = NoAnswerError(
                f"{self._name} ran a command without asking, so its turn was ended: {why}"
            )
        elif kind == "usage_update":
            cost = update.get("cost")
            amount = cost.get("amount") if isinstance(cost, dict) else None
            dollars = isinstance(cost, dict) and cost.get("currency") == "USD"
            if dollars and isinstance(amount, int | float) and amount >= 0:
                self.outcome.cost_usd = float(amount)

    def _answer(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """Answer the agent's requests: permissions by policy; files and terminals are its own."""
        self._last = time.monotonic()
        if method != "session/request_permission":
            return None
        self._count_call("permissions")
        given = parameters.get("toolCall")
        call: Mapping[str, Any] = given if isinstance(given, dict) else {}
        kind = str(call.get("kind", "other"))
        # A proven cage is the limit; without one, calls that change too much are refused.
        refused = _CHANGING - {"edit"} if self._task.writes else _CHANGING
        expected = "allow_once" if self._proven or kind not in refused else "reject_once"
        expected = "reject_once" if self._own.refuse_permission(call) else expected
        if self._over or self._stopped():
            return {"outcome": {"outcome": "cancelled"}}
        given = parameters.get("options")
        options = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
        fitting = (one.get("optionId") for one in options if one.get("kind") == expected)
        option = next(fitting, None)
        title = str(call.get("title") or kind)[:80]
        answer = expected if option is not None else "cancelled"
        self._notify("permission", agent_program=self._agent.name, title=title, answer=answer)
        if option is None:
            return {"outcome": {"outcome": "cancelled"}}
        return {"outcome": {"outcome": "selected", "optionId": option}}

    def _count_turn(self, ended: Mapping[str, Any]) -> None:
        """Count the tokens reported at the end of a turn: exact, unless it reports too few."""
        meta = ended.get("_meta")
        quota = meta.get("quota") if isinstance(meta, dict) else None
        usage = ended.get("usage") or (
            quota.get("token_count") if isinstance(quota, dict) else None
        )
        if self._agent.counts:
            self._count(usage)

    def _count_chunk(self, meta: Any) -> None:
        """Count the tokens reported with each reply of its model."""
        if isinstance(meta, dict) and self._agent.counts:
            self._count(meta.get("usage"))

    def _count(self, usage: Any) -> None:
        if not isinstance(usage, dict):
            return
        for ours, names in _USAGE.items():
            value = next((usage[name] for name in names if name in usage), None)
            if isinstance(value, int) and value >= 0:
                self.outcome.usage[ours] = self.outcome.usage.get(ours, 0) + value


def _detail(data: Any) -> str:
    """Return the details of an error besides its message."""
    if isinstance(data, dict):
        words = (data.get(key) for key in ("errorKind", "details", "message"))
        return " ".join(str(word) for word in words if word)
    return str(data) if isinstance(data, str) else ""
