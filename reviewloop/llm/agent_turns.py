"""Runs an external coding agent in a sandbox: its whole turn is one reply (`acp:NAME`)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Unpack

from reviewloop.acp.agents import require_agent
from reviewloop.acp.turn import Caps, Outcome, Task, hold_turn
from reviewloop.domain.errors import InterruptedByUserError, ModelSetupError, WorkspaceError
from reviewloop.domain.event import Emit, EventFacts
from reviewloop.faults import fault
from reviewloop.llm.messages import (
    CHARS_PER_TOKEN,
    WHOLE_TURN,
    Hands,
    ModelRequest,
    Reply,
    Taken,
    ToolCall,
    ToolSpec,
    Turn,
    Usage,
    estimate_tokens,
    spoken_text,
)
from reviewloop.mcp.protocol import NAME, Tool
from reviewloop.sandbox.base import Sandbox
from reviewloop.sandbox.command_policy import CommandPolicy
from reviewloop.settings import Settings
from reviewloop.store.folders import private_folder, state_root
from reviewloop.store.journal import CallKey
from reviewloop.store.locks import hold

_BETWEEN = 0.1  # seconds
_REFUSAL = "refusal"
_ITS_OWN = {"fs_write", "execute_bash"}  # an agent that writes has tools of its own for this
_HOW_TO_WORK = """# How you work

Your working folder holds the files. Change them there with your own tools, also where the words
above speak of `fs_write` or `execute_bash`; `run_gate` checks them as they are then. The files
count, what you commit does not. Text such as ⟦secret:...⟧ stands for a secret: leave such lines
alone.

"""


class AgentProvider:
    """Runs an agent's turns; at most two of its processes work at once on this machine.

    `find_cage` returns the sandbox, or raises if there is none and no user accepted that.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        find_cage: Callable[[], Sandbox],
        stopped: Callable[[float], bool],
        emit: Emit,
    ) -> None:
        self._agent = require_agent(name, settings.acp)
        self._commands = CommandPolicy.of(settings)
        self._silence = settings.models.read_timeout_seconds
        self._find_cage = find_cage
        self._stopped = stopped
        self._notify = emit

    def ask(self, key: CallKey, request: ModelRequest, on_first: Callable[[], None]) -> Reply:
        """Return the agent's turn: its result as the call of the tool that ends it."""
        hands = request.hands
        if hands is None:
            raise ModelSetupError(
                f"{request.model} holds whole turns and was asked for less; name a model"
            )
        on_first()  # no other request could wait for a cached prefix
        with self._turn_lock():
            return self._turn(key, request, hands)

    @contextmanager
    def _turn_lock(self) -> Iterator[None]:
        """Hold one of the slots that all of this machine's processes share for this agent.

        A login serves one process at a time: of two that renew it, one is logged out.
        """
        name = self._agent.name
        folder = private_folder(state_root() / "agents")
        count = self._agent.at_once
        while True:
            for number in range(count):
                with ExitStack() as held:
                    try:
                        path = folder / f"{name}-{number}.lock"
                        held.enter_context(hold(path, f"the agent {name}"))
                    except WorkspaceError:
                        continue
                    yield
                    return
            if self._stopped(_BETWEEN):
                raise InterruptedByUserError("stopped before an agent was asked")

    def _turn(self, key: CallKey, request: ModelRequest, hands: Hands) -> Reply:
        with hands.tree() as tree:
            writes = hands.taken is not None
            offered = [one for one in request.tools if one.name not in _ITS_OWN or not writes]
            task = Task(
                prompt=_prompt(request, offered, hands.ending, writes=writes),
                tree=tree,
                tools=[Tool(one.name, one.description, one.schema) for one in offered],
                ending=hands.ending,
                call=hands.call,
                check=hands.check,
                caps=Caps(
                    hands.seconds, hands.calls, self._silence, usd=hands.usd, tokens=hands.tokens
                ),
                writes=writes,
                refusal=self._commands.refusal,
                answered=lambda so_far: hands.received(_reply(so_far, request, hands)),
            )

            def emit(kind: str, /, **what: Unpack[EventFacts]) -> None:
                facts: EventFacts = {"agent": key.agent, "step": key.step, **what}
                self._notify(kind, **facts)

            outcome = hold_turn(
                self._agent,
                task,
                sandbox=self._find_cage(),
                stopped=lambda: self._stopped(0),
                notify=emit,
            )
            fault("turn.ended")
            return _reply(outcome, request, hands)  # all of its processes have ended

    def warm_up(self) -> None:
        """Check that the sandbox works."""
        self._find_cage()


def _prompt(
    request: ModelRequest, offered: Sequence[ToolSpec], ending: str, *, writes: bool
) -> str:
    named = ", ".join(f"`{one.name}`" for one in offered)
    work = _HOW_TO_WORK if writes else ""
    return (
        f"{request.system}\n\n{spoken_text(request.messages)}\n\n{work}# How you answer\n\n"
        f"The tools of the server `{NAME}` are {named}; search for them if they are not listed. "
        f"Your answer is one call of `{ending}`. Nothing else that you write is read."
    )


def _reply(outcome: Outcome, request: ModelRequest, hands: Hands) -> Reply:
    """Return a turn as a reply; token counts that the agent omits are our estimate."""
    answer = outcome.answer
    calls = () if answer is None else (ToolCall("answer", hands.ending, answer),)
    taken = hands.taken() if hands.taken and answer is not None else Taken("")
    turn: Turn = {
        "tree": taken.tree,
        "refused": [*taken.refused],
        "calls": [*outcome.log],
        "outside": [*outcome.outside],
        "commands": [*outcome.commands],
        "edits": None if taken.edits is None else [*taken.edits],
    }
    refused = answer is None and outcome.stop_reason == _REFUSAL
    if outcome.usage:
        used = outcome.usage.get
        usage = Usage(
            input=used("input", 0),
            output=used("output", 0),
            cache_read=used("cache_read", 0),
            cache_write=used("cache_write", 0),
            cost_usd=outcome.cost_usd,
        )
    else:
        usage = Usage(
            input=estimate_tokens(request) + outcome.read // CHARS_PER_TOKEN,
            output=max(1, len(outcome.text) // CHARS_PER_TOKEN),
            cost_usd=outcome.cost_usd,
            estimated=True,
        )
    stop_reason = _REFUSAL if refused else WHOLE_TURN
    return Reply(outcome.text, calls, stop_reason, usage, request.model, turn=turn)
