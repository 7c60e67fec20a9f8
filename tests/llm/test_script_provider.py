"""`script:FILE` answers from the request alone and fails loudly when it has no answer."""

import json

import pytest
from support.model_requests import asking

from reviewloop.domain.errors import (
    BudgetExhaustedError,
    ContextOverflowError,
    ModelAccessError,
    ModelError,
)
from reviewloop.llm.messages import Usage
from reviewloop.llm.retry import ModelUnavailableError
from reviewloop.store.journal import CallKey


@pytest.fixture
def script(tmp_path, open_door):
    """Return a function that writes a script and returns a function (key, text) -> reply."""

    def write(*replies, **door):
        path = tmp_path / "replies.json"
        path.write_text(json.dumps({"replies": list(replies)}))
        models = open_door(**door).models
        return lambda key, *texts: models.ask(key, asking(*texts, model=f"script:{path}"))

    return write


def test_the_most_specific_entry_answers_and_the_first_of_equals(script):
    ask = script(
        {"text": "anybody"},
        {"agent": "fix", "text": "fix"},
        {"agent": "fix", "text": "never"},
        {"agent": "fix", "attempt": 1, "text": "second try"},
        {"agent": "fix", "attempt": 1, "finding": "f9", "text": "second try of f9"},
    )
    assert ask(CallKey("other", "review")).text == "anybody"
    assert ask(CallKey("fix", "fix")).text == "fix"
    assert ask(CallKey("fix", "fix", attempt=1)).text == "second try"
    assert ask(CallKey("fix", "fix", attempt=1, finding="f9")).text == "second try of f9"


def test_text_of_the_request_chooses_between_findings(script):
    ask = script(
        {"agent": "fix", "when": "SQL injection", "text": "parameters"},
        {"agent": "fix", "when": ["N+1", "query"], "text": "one query"},
    )
    assert ask(CallKey("fix", "fix", finding="1"), "the SQL injection here").text == "parameters"
    assert ask(CallKey("fix", "fix", finding="2"), "an N+1 problem", "a query").text == "one query"
    with pytest.raises(ModelError, match="no reply for agent 'fix'"):
        ask(CallKey("fix", "fix", finding="3"), "an N+1 problem")


def test_turns_are_one_conversation(script):
    ask = script(
        {
            "agent": "implement",
            "turns": [
                {"tool_calls": [{"name": "fs_write", "args": {"path": "a.py"}}]},
                {"text": ["All", "done."]},
            ],
        }
    )
    first = ask(CallKey("implement", "implement", turn=0))
    assert first.tool_calls[0].name == "fs_write"
    assert first.stop_reason == "tool_use"
    second = ask(CallKey("implement", "implement", turn=1))
    assert (second.text, second.stop_reason) == ("All\ndone.", "end_turn")
    with pytest.raises(ModelError, match="turn 2"):
        ask(CallKey("implement", "implement", turn=2))


def test_the_same_call_gets_the_same_reply_in_another_process(script):
    entries = [{"tool_calls": [{"name": "report"}, {"name": "report"}]}]
    key = CallKey("quick-review", "quick-review")
    one = script(*entries)(key, "one")
    two = script(*entries)(key, "two")
    assert one.tool_calls == two.tool_calls
    assert len({call.id for call in one.tool_calls}) == 2


def test_strings_may_hold_the_finding_and_captured_words(script):
    ask = script(
        {
            "capture": {"ident": r"id: (\w+) .*injection"},
            "tool_calls": [{"name": "verdict", "args": {"ids": ["${ident}", "${finding}"]}}],
            "text": "about ${ident}; ${other} stays",
        }
    )
    reply = ask(CallKey("quick-review", "quick-review", finding="f7"), "id: ab12 an injection")
    assert reply.tool_calls[0].args == {"ids": ["ab12", "f7"]}
    assert reply.text == "about ab12; ${other} stays"
    with pytest.raises(ModelError, match="capture 'ident'"):
        ask(CallKey("quick-review", "quick-review"), "nothing")


def test_long_contents_are_files_beside_the_script(script, tmp_path):
    (tmp_path / "app.py").write_text("print('hi')\n")
    write = {"name": "fs_write", "args": {"text": {"$file": "app.py"}}}
    ask = script({"tool_calls": [write]})
    [call] = ask(CallKey("implement", "implement")).tool_calls
    assert call.args == {"text": "print('hi')\n"}


def test_usage_is_what_the_script_says_and_costs_nothing(script):
    ask = script({"agent": "a", "usage": {"input": 5, "output": 7}}, {"text": "xxxx" * 10})
    assert ask(CallKey("a", "review")).usage == Usage(5, 7, cost_usd=0.0)
    usage = ask(CallKey("b", "review")).usage
    assert (usage.output, usage.estimated, usage.cost_usd) == (10, True, 0.0)


def test_a_scripted_reply_may_take_its_time(script):
    ask = script({"seconds": 0.2, "text": "late"})
    reply = ask(CallKey("a", "review"))
    assert reply.seconds >= 0.2


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        ("throttled", ModelUnavailableError),
        ("cut", ModelUnavailableError),
        ("access", ModelAccessError),
        ("overflow", ContextOverflowError),
    ],
)
def test_errors_can_be_scripted(script, error, raised):
    with pytest.raises(raised):
        script({"error": error})(CallKey("a", "review"))


def test_caps_hold_for_scripted_replies_too(script):
    ask = script({"usage": {"input": 5000}}, limits={"tokens": 6000})
    ask(CallKey("a", "review"))
    with pytest.raises(BudgetExhaustedError):
        ask(CallKey("a", "review", turn=1))


def test_no_match_names_the_call_and_the_nearest_entries(script):
    ask = script(
        {"agent": "implement", "turn": 0},
        {"agent": "fix", "round": 1, "when": "SQL"},
        {"agent": "fix", "round": 2},
        {"agent": "review-security"},
    )
    with pytest.raises(ModelError) as caught:
        ask(CallKey("fix", "fix", finding="f1", round=1), "something else")
    message = str(caught.value)
    assert "agent 'fix', step 'fix', finding 'f1', cycle 0, round 1" in message
    nearest = message.partition("nearest entries: ")[2]
    assert nearest.startswith('{"agent": "fix", "round": 1, "when": "SQL"}')


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("{", "replies.json: the file: Invalid JSON"),
        ('{"replies": [{"agnet": "fix"}]}', "replies.0.agnet: Extra inputs are not permitted"),
        ('{"replies": [{"turn": "x"}]}', "replies.0.turn"),
        (None, "replies.json cannot be read"),
    ],
)
def test_a_bad_script_is_named_with_the_place(tmp_path, open_door, data, words):
    path = tmp_path / "replies.json"
    if data is not None:
        path.write_text(data)
    with pytest.raises(ModelAccessError) as caught:
        open_door().models.ask(CallKey("a", "review"), asking(model=f"script:{path}"))
    assert words in str(caught.value)


def test_no_paid_model_answers_for_a_script_that_is_gone(tmp_path, open_door):
    door = open_door(models={"fallbacks": ["bedrock_converse:amazon.nova-pro-v1:0"]})
    with pytest.raises(ModelAccessError, match="cannot be read"):
        door.models.ask(CallKey("a", "review"), asking(model=f"script:{tmp_path / 'gone'}"))
    assert door.told("model.fallback") == []
