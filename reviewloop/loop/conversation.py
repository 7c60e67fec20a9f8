"""One agent's conversation: ask the model, run the tools it calls, stop at an answer or a cap.

The engine ends a conversation, never the model's prose: an agent is done when it has called its
ending tool with arguments that pass the check. Replies and tool results come from the journal when
this conversation was already held, so a resumed run repeats nothing that was paid for.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ContextOverflowError, NoAnswerError
from reviewloop.domain.event import EventFacts
from reviewloop.faults import fault
from reviewloop.hooks.hook import ToolUse
from reviewloop.llm.door import Models
from reviewloop.llm.history import shorter, trim_results, with_cache_points, without_repeats
from reviewloop.llm.messages import (
    WHOLE_TURN,
    Block,
    Hands,
    Message,
    ModelRequest,
    Reply,
    Scrub,
    Taken,
    ToolCall,
    ToolSpec,
    assistant_message,
    map_text,
    redact_reply,
    spoken_text,
    text_block,
    tool_message,
    tool_result,
    user_message,
)
from reviewloop.llm.prefix_gate import PrefixGate
from reviewloop.render.event_lines import LASTING
from reviewloop.review.lenient_json import NotOneObjectError, the_one_object, written_answer
from reviewloop.store.events import Events
from reviewloop.store.journal import CallKey, Journal
from reviewloop.tools.toolbox import OWN_COMMAND, Toolbox, about, tool_name

_REPAIRS = 1  # an answer that fails the check, or text instead of an answer, is sent back once
_CALLS_A_TURN = 4  # tool calls per reply, for an agent that runs its tools itself
_CHANGING = {"fs_write", "execute_bash"}  # tools whose refusals are reported to people
_BAD_CALLS = 3  # tool calls in a row that cannot be understood
_QUOTED = 500  # characters quoted of a text that is not an answer
_TOO_LONG = "your answer was cut off; give it again, shorter: the worst findings first"
_CUT_OFF = "its reply ended at the token limit; what it had answered until then is whole"
_REFUSALS = {"refusal", "content_filtered", "guardrail_intervened"}


@dataclass(frozen=True)
class Caps:
    """The limits of a conversation: replies, tokens, seconds of replies."""

    turns: int
    tokens: int
    seconds: float
    results: int = 240_000  # characters of tool results; beyond, the oldest ones are left out


Check = Callable[[Mapping[str, object], bool], str]
"""(arguments, whether it is the last try) -> what is wrong with the answer, or ""."""


class AroundTools(Protocol):
    """Called before and after each tool call."""

    def before(self, use: ToolUse, key: CallKey, index: int, tree: str) -> str:
        """Return why the call must not be made, "" if it may."""

    def after(self, use: ToolUse, key: CallKey, index: int, tree: str) -> None:
        """Receive the result of a call."""


@dataclass(frozen=True)
class Conversation:
    """The opening of a conversation, its model, and its end."""

    key: CallKey
    model: str
    system: str
    opening: tuple[Message, ...]
    ending: ToolSpec
    check: Check
    caps: Caps
    max_tokens: int
    tree: Callable[[], AbstractContextManager[Path]] | None = None  # files for an agent in a cage
    taken: Callable[[], Taken] | None = None  # imports the edits made there
    replayed: Callable[[Mapping[str, Any]], Taken] | None = None  # replays a foreign turn
    around: AroundTools | None = None
    redact: Scrub = str  # redacts what is sent back to the model or stored as its answer


@dataclass(frozen=True)
class AgentReply:
    """The agent's answer, the tree with its edits, and notes for the user."""

    arguments: Mapping[str, Any]
    tree: str
    turns: int
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()  # edits that were not allowed, with the reason


class Talk:
    """A conversation in progress."""

    def __init__(
        self,
        conversation: Conversation,
        toolbox: Toolbox,
        models: Models,
        journal: Journal,
        events: Events,
        hold: PrefixGate | None = None,
    ) -> None:
        self._plan = conversation
        self._toolbox = toolbox
        toolbox.ending = conversation.ending.name
        self._models = models
        self._journal = journal
        self._events = events
        self._hold = hold
        self._messages = list(conversation.opening)
        self._tokens = 0
        self._seconds = 0.0
        self._repairs = 0
        self._bad_calls = 0
        self._notes: list[str] = []
        self._refused: list[str] = []

    def run(self) -> AgentReply:
        """Hold the conversation and return the answer.

        Raises `NoAnswerError` when the agent gives no usable answer within its caps, refuses, or
        cannot be reached; budget and interruption raise their own errors.
        """
        caps = self._plan.caps
        for turn in range(caps.turns):
            last = (
                turn == caps.turns - 1
                or self._tokens >= caps.tokens
                or self._seconds >= caps.seconds
                or self._toolbox.exhausted
            )
            key = replace(self._plan.key, turn=turn)
            versions = shorter(self._messages)
            while True:  # too long: asked again with fewer tool results
                before = self._toolbox.tree
                try:
                    reply = self._models.ask(key, self._request(last), hold=self._hold)
                    break
                except ContextOverflowError:
                    if (fewer := next(versions, None)) is None:
                        raise
                    self._messages = fewer
                    self._notes.append("tool results were left out to make room for the answer")
                finally:
                    self._toolbox.tree = before  # an interrupted turn changed nothing
            self._tokens += reply.usage.input + reply.usage.output
            self._seconds += reply.seconds
            answer = self._take(reply, key, turn)
            if answer is not None:
                return answer
            if last:
                break
        raise NoAnswerError.by(
            self._plan.key.agent,
            f"gave no answer within its caps ({caps.turns} turns, "
            f"{caps.tokens} tokens, {caps.seconds:.0f} s of replies); raise them in [limits] or "
            "give it a smaller task",
        )

    def _request(self, last: bool) -> ModelRequest:
        opening, writes = len(self._plan.opening), self._toolbox.writes
        messages = with_cache_points(self._messages, opening, writes=writes, more=not last)
        if last:  # not every model can be forced to call a tool, so the text says it too
            ending = self._plan.ending.name
            messages += (user_message(text_block(f"Your last turn: call {ending} now.")),)
        return ModelRequest(
            model=self._plan.model,
            system=self._plan.system,
            messages=messages,
            tools=(*self._toolbox.specs(), self._plan.ending),
            tool_choice=self._plan.ending.name if last else None,
            max_tokens=self._plan.max_tokens,
            hands=self._hands(),
        )

    def _hands(self) -> Hands | None:
        """Return the files and tools of an agent in a cage, None where a model is asked."""
        tree, plan = self._plan.tree, self._plan
        if tree is None:
            return None

        def call(name: str, args: Mapping[str, Any]) -> tuple[str, bool]:
            so_far = plan.taken() if plan.taken else None
            if so_far:
                self._toolbox.tree = so_far.tree
            result = self._toolbox.call(name, args)
            facts = {"agent": plan.key.agent, "finding": plan.key.finding, **about(name, args)}
            shown = {"text": result.text, "error": result.error}
            self._emit_call(map_text(facts, plan.redact), shown, made=True)
            refused = so_far.refused if so_far else ()
            notes = (f"will be put back as it was: {reason}" for reason in refused)
            return "\n".join((result.text, *notes)), result.error

        def check(args: Mapping[str, Any], last_chance: bool) -> str:
            return plan.check(map_text(args, plan.redact), last_chance)

        ending = plan.ending.name
        caps = plan.caps
        most = caps.turns * _CALLS_A_TURN
        return Hands(
            *(tree, call, check, ending, caps.seconds, most, plan.taken), tokens=caps.tokens
        )

    def _take(self, reply: Reply, key: CallKey, turn: int) -> AgentReply | None:
        if reply.stop_reason in _REFUSALS:
            why = reply.text[:500] or "no reason"
            raise NoAnswerError.by(key.agent, f"refused to answer: {why}")
        # Tools get the model's own text, or a guard-rail could not see a secret in it; the model
        # and the run's findings get it redacted.
        shown = redact_reply(reply, self._plan.redact)
        message = assistant_message(shown)
        if message["content"]:  # the history must not hold an empty reply
            self._messages.append(message)
        if reply.turn:
            self._take_edits(reply.turn, key)
        if reply.stop_reason == WHOLE_TURN and not reply.tool_calls:  # already asked twice
            raise NoAnswerError.by(
                key.agent,
                f"ended its turn without calling {self._plan.ending.name}{_quote(shown.text)}",
            )
        if not reply.tool_calls:
            written, problem = self._written_answer(shown)
            if written is not None:
                return self._answer(written, reply, turn)
            self._count_repair(problem, reply, _quote(shown.text))
            self._messages.append(user_message(text_block(problem)))
            return None
        results: list[Block] = []
        answer: Mapping[str, Any] | None = None
        for index, call in enumerate(shown.tool_calls):
            if call.name != self._plan.ending.name:
                results.append(self._run_tool(reply.tool_calls[index], call, key, index))
                continue
            args, problem = self._read(call, reply)
            if problem:
                self._count_repair(problem, reply)
                results.append(tool_result(call.id, problem, error=True))
            else:
                answer = args
                results.append(tool_result(call.id, "received", error=False))
        if answer is not None:
            return self._answer(answer, reply, turn)
        self._messages.append(tool_message(without_repeats(self._messages, results)))
        self._messages = trim_results(self._messages, self._plan.caps.results)
        return None

    def _take_edits(self, turn: Mapping[str, Any], key: CallKey) -> None:
        """Import the edits that an agent made in its files, and record the refused ones."""
        before = self._toolbox.tree
        taken = Taken(turn["tree"] or before, tuple(turn["refused"]))
        if turn["tree"] and self._plan.replayed is not None:
            taken = self._plan.replayed(turn)
        self._toolbox.tree = taken.tree
        commands = turn.get("commands", ())
        refused = [*(("turn", r) for r in taken.refused), *((OWN_COMMAND, r) for r in commands)]
        for index, (tool, reason) in enumerate(refused):
            request = {"tool": tool, "args": {}, "index": index, "tree": before}
            result = {"text": reason, "error": True, "tree": taken.tree, "refused": reason}
            self._journal.once(key, request, partial(dict, result))
            self._refused.append(reason)
            self._events.emit("refused", agent=key.agent, finding=key.finding, reason=reason)

    def _answer(self, arguments: Mapping[str, Any], reply: Reply, turn: int) -> AgentReply:
        notes = dict.fromkeys(self._notes)
        if reply.stop_reason == "max_tokens":
            notes[_CUT_OFF] = None
        refused = dict.fromkeys(self._refused)
        return AgentReply(arguments, self._toolbox.tree, turn + 1, tuple(notes), tuple(refused))

    def _read(self, call: ToolCall, reply: Reply) -> tuple[Mapping[str, Any] | None, str]:
        """Return (arguments, "") of the ending's call, or (None, what is wrong with it)."""
        args = call.args
        if args is None:
            if reply.stop_reason == "max_tokens":  # never completed by guessing
                return None, _TOO_LONG
            try:
                args, _ = the_one_object(call.raw)
            except NotOneObjectError as error:
                return None, f"the arguments are not valid JSON ({error}); call {call.name} again"
        last = self._repairs >= _REPAIRS or reply.stop_reason == WHOLE_TURN
        problem = self._plan.check(args, last)
        return (None, problem) if problem else (args, "")

    def _written_answer(self, reply: Reply) -> tuple[Mapping[str, Any] | None, str]:
        """Return (arguments, "") of an answer given as text, or (None, what to do instead)."""
        problem = self._unanswered(reply)
        if reply.stop_reason == "max_tokens":
            return None, problem
        args = written_answer(reply.text, spoken_text(self._messages, ("user", "tool")))
        if args is None:
            return None, problem
        wrong = self._plan.check(args, self._repairs >= _REPAIRS)
        return (None, f"{problem} ({wrong})") if wrong else (args, "")

    def _run_tool(self, call: ToolCall, shown: ToolCall, key: CallKey, index: int) -> Block:
        """Run one call; `shown` is the redacted call to store."""
        if call.args is None:
            self._count_bad_call(shown.error)
            problem = f"arguments are not valid JSON: {shown.error}"
            return tool_result(call.id, problem, error=True)
        args, tree = call.args, self._toolbox.tree
        call_facts = about(call.name, shown.args)
        call_facts |= {"agent": key.agent, "finding": key.finding}
        request = {"tool": call.name, "args": shown.args, "index": index, "tree": tree}

        made = []

        def do() -> dict[str, Any]:
            made.append(call)
            around, use = (
                self._plan.around,
                ToolUse(key.agent, tool_name(call.name), shown.args or {}),
            )
            if around and (why := around.before(use, key, index, tree)):
                refused = why if use.name in _CHANGING else ""
                return {"text": why, "error": True, "tree": tree, "bad": False, "refused": refused}
            if call_facts["name"] in LASTING:
                self._events.emit("tool.start", **call_facts)
            r = self._toolbox.call(call.name, args)
            if around:
                around.after(replace(use, answer=r.text), key, index, r.tree)
            result_facts = {"text": r.text, "error": r.error, "tree": r.tree}
            refusal_facts = {"refused": r.refused, "brief": r.brief}
            return {**result_facts, "bad": r.bad_call, **refusal_facts, "lines": list(r.lines)}

        result = self._journal.once(key, request, do)
        fault("tool.recorded")
        self._toolbox.settle(call.name, args, result["tree"])
        self._emit_call(call_facts, result, made=bool(made))
        if result.get("refused"):
            self._refused.append(result["refused"])
            self._events.emit(
                "refused", agent=key.agent, finding=key.finding, reason=result["refused"]
            )
        if result["bad"]:
            self._count_bad_call(result["text"])
        else:
            self._bad_calls = 0
        return tool_result(call.id, result["text"], error=result["error"])

    def _emit_call(self, facts: EventFacts, result: Mapping[str, Any], *, made: bool) -> None:
        """Emit the event of a call; one not `made` now comes from the journal."""
        added, removed = result.get("lines") or (0, 0)
        first = str(result["text"]).partition("\n")[0][:_QUOTED]
        output = first if facts["name"] in LASTING or result["error"] else ""
        ended: EventFacts = {
            **facts,
            "error": result["error"],
            "added": added,
            "removed": removed,
            "said": output,
            "from_journal": not made,
        }
        self._events.emit("tool", **ended)

    def _unanswered(self, reply: Reply) -> str:
        ending = self._plan.ending.name
        if reply.stop_reason == "max_tokens":
            return f"your reply was cut off; be shorter, and answer by calling {ending}"
        return f"answer by calling {ending}; text outside of tool calls is not read"

    def _count_repair(self, problem: str, reply: Reply, quoted: str = "") -> None:
        self._repairs += 1
        if self._repairs > _REPAIRS:
            help_ = "; raise models.max_output_tokens" if reply.stop_reason == "max_tokens" else ""
            words = f"gave no usable answer: {problem}{quoted}{help_}"
            raise NoAnswerError.by(self._plan.key.agent, words)

    def _count_bad_call(self, problem: str) -> None:
        self._bad_calls += 1
        if self._bad_calls >= _BAD_CALLS:
            raise NoAnswerError.by(
                self._plan.key.agent,
                f"called tools wrongly {_BAD_CALLS} times in a row; the last time: {problem[:300]}",
            )


def _quote(text: str) -> str:
    """Return the end of a sentence that quotes a text instead of an answer."""
    words = " ".join(text.split())[:_QUOTED]
    return f"; it said: “{words}”" if words else "; it said nothing"
