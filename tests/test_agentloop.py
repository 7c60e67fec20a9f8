"""One agent's conversation with real models over HTTP: how it continues, and every end."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.bedrock import (
    BedrockServer,
    Received,
    calls,
    cut_short,
    empty,
    filtered,
    invalid,
    malformed,
    reply,
    tool_use,
)
from support.bedrock_ledger import PromptCache
from support.play import write

from reviewloop.domain.errors import BudgetExhaustedError, InterruptedByUserError, ModelError
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.llm.budget import Budget
from reviewloop.llm.door import Models
from reviewloop.llm.messages import ModelRequest, ToolSpec, text_block, user_message
from reviewloop.loop.conversation import AgentReply, Caps, Conversation, Talk
from reviewloop.secrets import redact
from reviewloop.settings import Settings
from reviewloop.store.events import Events, read_events
from reviewloop.store.journal import CallKey, Journal
from reviewloop.store.rates import FileRates
from reviewloop.tools.toolbox import Toolbox

FINISH = ToolSpec("finish", "Be done.", {"type": "object", "properties": {"summary": {}}})
KEY = "AKIA" + "Z7Q2M5XW3PLK6RTB"
MODEL = "bedrock_converse:global.anthropic.claude-sonnet-5-5"


@dataclass
class Stage:
    """A server, the models that ask it, and one agent's tools on a real tree."""

    server: BedrockServer
    models: Models
    journal: Journal
    private: PrivateRepo
    tree: str
    events: Events
    path: Path
    key: CallKey

    def talk(self, *answers: Any, **options: Any) -> AgentReply:
        """Hold a conversation in which the model gives these answers, the last one for ever."""
        start = len(self.server.ledger)
        self.server.answer = lambda r: answers[min(r.number - start, len(answers) - 1)]
        caps = {"turns": 10, "tokens": 100_000, "seconds": 60.0}
        caps |= {name: options.pop(name) for name in list(options) if name in caps}
        options.setdefault("check", lambda args, last: "" if args.get("summary") else "no summary")
        conversation = Conversation(
            key=self.key,
            model=MODEL,
            system="You work.",
            opening=(user_message(text_block("Do it.")),),
            ending=FINISH,
            caps=Caps(**caps),
            max_tokens=1000,
            **options,
        )
        allowed = ("fs_read", "grep", "fs_write")
        self.toolbox = Toolbox(self.private, self.tree, allowed=allowed, redact=redact)
        return Talk(conversation, self.toolbox, self.models, self.journal, self.events).run()

    def asked(self) -> list[Received]:
        return self.server.ledger[self._first :]

    def __post_init__(self) -> None:
        self._first = len(self.server.ledger)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BedrockServer, Any]]:
    """One server and one client for the module: making a client takes longer than a test."""
    settings = Settings(models={"reasoning": MODEL, "generation": MODEL})
    folder = tmp_path_factory.mktemp("agentloop")
    journal, rates = Journal(folder / "journal.sqlite"), FileRates(folder / "rates")
    with (
        BedrockServer(lambda r: "?", over_http=True) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in server.env().items():
            patch.setenv(name, value)
        models = Models(settings, journal, budget=Budget(settings.limits), rates=rates)
        # The client is made at the first call, while the environment still points at the server.
        hello = ModelRequest(settings.models.reasoning, "", (user_message(text_block("hello")),))
        models.ask(CallKey("first", "implement"), hello)
        yield server, (models, journal)
    journal.close()


@pytest.fixture
def stage(door: Any, repo: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    server, (models, journal) = door
    private = PrivateRepo.create(tmp_path / "private", discover(repo))
    tree = private.edit(private.tree_of(private.head), {"a.py": b"x = 1\n"})
    events = tmp_path / "events.jsonl"
    key = CallKey(request.node.name, "implement")  # nobody else's calls in the journal
    yield Stage(server, models, journal, private, tree, Events(events), events, key)
    private.close()


def done(**more: Any) -> Any:
    return calls("finish", {"summary": "it is done", **more})


def results(received: Received) -> list[str]:
    return received.results


def test_tools_run_until_the_agent_calls_its_ending(stage):
    answer = stage.talk(
        calls("fs_read", {"path": "a.py"}),
        reply("I see.", write("b.py", "y = 2\n"), tool_use("grep", {"pattern": "y ="})),
        done(),
    )
    assert answer.arguments == {"summary": "it is done"}
    assert answer.turns == 3
    assert stage.private.read(answer.tree, "b.py") == b"y = 2\n"
    first, second, third = stage.asked()
    assert "x = 1" in results(second)[0]
    assert "created b.py" in results(third)[0]
    assert "b.py" in results(third)[1], "the second call of a turn sees what the first one wrote"
    assert set(first.tools) == {"fs_read", "grep", "fs_write", "finish"}


def test_the_tail_of_the_history_is_marked_for_the_cache(stage):
    stage.talk(calls("fs_read", {"path": "a.py"}), done())
    last = stage.asked()[1].messages[-1]["content"]
    assert "cachePoint" in json.dumps(last)


def test_each_request_reads_from_the_cache_what_the_one_before_it_sent(stage):
    """Also for a model that finds a prefix at its own points only."""
    big = "".join(f"line_{number} = {number}\n" for number in range(400))
    read = calls("fs_read", {"path": "b.py"})
    stage.talk(reply(write("b.py", big)), read, read, calls("grep", {"pattern": "line_7"}), done())
    asked = stage.asked()
    sizes = [r.usage["cacheReadInputTokens"] + r.usage["cacheWriteInputTokens"] for r in asked]
    reads = [r.usage["cacheReadInputTokens"] for r in asked]
    assert sizes[1] > 1024
    assert reads[2:] == sizes[1:-1]
    exact = PromptCache()
    for before, after in itertools.pairwise(asked[1:]):
        exact.remember("nova", before.body)
        assert exact.usage("nova", after.body, 1)["cacheReadInputTokens"] > 1024
    assert "line_399" in results(asked[2])[0]
    assert results(asked[3])[0].startswith("[the same")


def test_answers_and_edits_are_asked_for_once_however_often_a_run_is_resumed(stage):
    script = (reply(write("b.py", "y = 2\n")), done())
    first = stage.talk(*script)
    paid = len(stage.asked())
    again = stage.talk(*script)
    assert (again.tree, again.arguments) == (first.tree, first.arguments)
    assert len(stage.asked()) == paid


def test_a_resumed_conversation_asks_only_for_what_is_missing(stage):
    with pytest.raises(ModelError):
        stage.talk(reply(write("b.py", "y = 2\n")), invalid())
    paid = len(stage.asked())
    answer = stage.talk(done())
    assert len(stage.asked()) == paid + 1
    assert stage.private.read(answer.tree, "b.py") == b"y = 2\n"


@pytest.mark.parametrize(
    ("first", "told"),
    [
        (reply("All done!"), "answer by calling finish"),
        (empty(), "answer by calling finish"),
        (cut_short("I think"), "your reply was cut off"),
        (malformed("finish", '{"summary": "it'), "not valid JSON"),
        (calls("finish", {"summary": ""}), "no summary"),
    ],
    ids=["prose", "empty", "cut", "no-json", "unusable"],
)
def test_an_answer_that_cannot_be_used_is_sent_back_once(stage, first, told):
    assert stage.talk(first, done()).arguments == {"summary": "it is done"}
    asked = stage.asked()[1]
    assert told in asked.said + "".join(asked.results)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (reply("All done!"), "gave no usable answer"),
        (malformed("finish"), "gave no usable answer: the arguments are not valid JSON"),
        (calls("finish", {}), "gave no usable answer: no summary"),
        (filtered("I must not"), "refused to answer: I must not"),
        (invalid(), "maxTokens exceeds"),
    ],
    ids=["prose", "no-json", "unusable", "refused", "rejected"],
)
def test_an_agent_without_a_usable_answer_fails(stage, answer, why):
    with pytest.raises(ModelError, match=why):
        stage.talk(answer)
    assert len(stage.asked()) <= 2


def test_at_the_last_chance_the_check_may_take_what_is_there(stage):
    chances: list[bool] = []

    def check(arguments: Any, last: bool) -> str:
        chances.append(last)
        return "" if last else "mend it"

    stage.talk(calls("finish", {"half": 1}), calls("finish", {"half": 2}), check=check)
    assert chances == [False, True]


def test_tool_calls_that_are_no_json_are_explained_and_end_the_talk_at_the_third(stage):
    answer = stage.talk(malformed("fs_read"), malformed("fs_read"), done())
    assert answer.turns == 3
    assert "not valid JSON" in stage.asked()[1].results[0]
    stage.key = CallKey("three", "implement")
    with pytest.raises(ModelError, match="called tools wrongly 3 times in a row"):
        stage.talk(malformed("fs_read"))


def test_a_good_call_in_between_starts_the_count_anew(stage):
    bad, good = malformed("fs_read"), calls("fs_read", {"path": "a.py"})
    assert stage.talk(bad, bad, good, bad, bad, done()).turns == 6


def test_a_tool_that_was_not_offered_is_refused(stage):
    stage.talk(calls("execute_bash", {"command": "id"}), done())
    block = stage.asked()[1].messages[-1]["content"][0]["toolResult"]
    assert block["status"] == "error"
    assert "execute_bash" in stage.asked()[1].results[0]


@pytest.mark.parametrize("cap", [{"turns": 2}, {"tokens": 1}, {"seconds": 0.0}])
def test_at_a_cap_the_agent_is_told_to_answer_and_then_fails(stage, cap):
    with pytest.raises(ModelError, match="gave no answer within its caps"):
        stage.talk(
            calls("fs_read", {"path": "a.py"}),
            calls("fs_read", {"path": "README.md"}),
            calls("grep", {"pattern": "x"}),
            **cap,
        )
    assert "call finish now" in stage.asked()[-1].said
    assert len(stage.asked()) <= 2


def test_an_agent_that_goes_round_in_circles_is_told_to_answer(stage):
    with pytest.raises(ModelError, match="within its caps"):
        stage.talk(calls("fs_read", {"path": "a.py"}))
    assert len(stage.asked()) == 6


def test_a_secret_is_written_as_it_is_and_never_sent_back(stage):
    answer = stage.talk(
        reply(f"The key is {KEY}.", write("b.py", f"KEY = '{KEY}'\n")),
        calls("fs_read", {"path": "b.py"}),
        done(key=KEY),
        redact=redact,
    )
    assert stage.private.read(answer.tree, "b.py") == f"KEY = '{KEY}'\n".encode()
    assert not any(KEY in json.dumps(received.body) for received in stage.asked())
    assert KEY not in str(answer.arguments)


def test_every_tool_call_is_told_in_the_log(stage):
    stage.talk(calls("fs_read", {"path": "nowhere.py"}), done())
    told = [e for e, _ in read_events(stage.path) if e["kind"] == "tool"]
    assert [(e["name"], e["about"], e["error"]) for e in told] == [("fs_read", "nowhere.py", True)]


def test_an_edit_is_told_with_its_file_and_lines_and_no_secret(stage):
    stage.talk(reply(write("b.py", f"A = 1\nKEY = '{KEY}'\n")), done(), redact=redact)
    (told,) = [e for e, _ in read_events(stage.path) if e["kind"] == "tool"]
    assert (told["about"], told["how"], told["added"], told["removed"]) == ("b.py", "create", 2, 0)
    assert KEY not in stage.path.read_text()


def once(stage: Stage, limits: dict[str, Any]) -> Callable[[], Models]:
    settings = Settings.model_validate({"limits": limits})
    return lambda: Models(settings, stage.journal, budget=Budget(settings.limits))


def test_an_exhausted_budget_is_no_failure_of_the_agent(stage):
    stage.models = once(stage, {"tokens": 1})()
    with pytest.raises(BudgetExhaustedError):
        stage.talk(done())


def test_a_stopped_run_asks_nothing_any_more(stage):
    stage.models = once(stage, {})()
    stage.models.stop()
    with pytest.raises(InterruptedByUserError):
        stage.talk(done())
    assert stage.asked() == []
