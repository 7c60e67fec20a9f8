"""A run is recorded to a file and replayed from it; differences are reported, not guessed."""

import json
from contextlib import closing
from dataclasses import replace

import pytest
from support import bedrock as b
from support.model_requests import asking

from reviewloop.domain.errors import ModelError
from reviewloop.llm.budget import Budget
from reviewloop.llm.door import Models
from reviewloop.llm.replay import export_journal, first_difference
from reviewloop.llm.retry import Pacing
from reviewloop.settings import Settings
from reviewloop.store.journal import CallKey, Journal

KEY = CallKey("review-security", "review")


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Record three calls of a run with one broken attempt among them."""
    folder = tmp_path_factory.mktemp("recorded")
    call = b.tool_use("report", {"a_b": 2})
    answers = iter(["one", b.breaks_off(), b.reply("two", call), "3"])
    settings = Settings()
    with (
        b.BedrockServer(lambda request: next(answers), over_http=True) as server,
        pytest.MonkeyPatch.context() as patch,
        closing(Journal(folder / "j.db")) as journal,
    ):
        for name, value in server.env().items():
            patch.setenv(name, value)
        budget = Budget(settings.limits)
        models = Models(settings, journal, budget=budget, pacing=Pacing(first=0.001))
        models.ask(KEY, asking("first prompt\nline two"))
        models.ask(replace(KEY, turn=1), asking("second prompt"))
        models.ask(CallKey("fix", "fix", finding="f1"), asking("fix it"))
        path = folder / "run.jsonl"
        assert export_journal(journal, path) == 3
    assert path.stat().st_mode & 0o077 == 0  # it holds what the models were asked
    return path


@pytest.fixture
def replayed(recording, open_door):
    """Open a fresh run that answers from the recording, without any network."""
    door = open_door()
    model = f"replay:{recording}"
    return lambda key, *texts, **rest: door.models.ask(key, asking(*texts, model=model, **rest))


def test_a_recorded_run_is_answered_without_its_model(replayed):
    reply = replayed(KEY, "first prompt\nline two")
    assert (reply.text, reply.usage.cost_usd, reply.attempts) == ("one", 0.0, 1)
    second = replayed(replace(KEY, turn=1), "second prompt")
    assert second.tool_calls[0].args == {"a_b": 2}


def test_the_same_request_at_another_turn_of_the_agent_is_answered(replayed):
    assert replayed(replace(KEY, turn=7), "first prompt\nline two").text == "one"


def test_a_changed_prompt_shows_the_first_difference(replayed):
    with pytest.raises(ModelError) as caught:
        replayed(KEY, "first prompt\nline 2")
    message = str(caught.value)
    assert "request.messages[0].content[0].text, line 2, character 18" in message
    assert r"now 'first prompt\nline 2', recorded 'first prompt\nline two'" in message
    assert "review-security, review, round 0, turn 0" in message


def test_a_changed_tool_shows_the_first_difference(replayed):
    with pytest.raises(ModelError, match=r"request\.tools has 0 entries, recorded were 1"):
        replayed(KEY, "first prompt\nline two", tools=())


def test_the_nearest_recorded_call_is_the_one_compared(replayed):
    with pytest.raises(ModelError, match="recorded 'second prompt'"):
        replayed(replace(KEY, turn=1), "another prompt")


def test_an_agent_that_was_not_recorded_is_named(replayed):
    with pytest.raises(ModelError, match="has no call of review-performance"):
        replayed(CallKey("review-performance", "review"), "x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", None),
        ('{"replies": []}\n', "not a recording"),
        ('{"format": "reviewloop-recording", "version": 99}\n', "version 99"),
        ('{"format": "reviewloop-recording", "version": 1}\n{"key"', ":2: not a line"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_recording_is_named(open_door, tmp_path, text, words):
    path = tmp_path / "x.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ModelError, match=words):
        open_door().models.ask(KEY, asking(model=f"replay:{path}"))


def test_a_recording_holds_plain_lines(recording):
    header, *calls = [json.loads(line) for line in recording.read_text().splitlines()]
    assert header == {"format": "reviewloop-recording", "version": 1}
    assert [call["reply"]["text"] for call in calls] == ["one", "two", "3"]
    assert calls[0]["request"]["system"] == "You review code."


@pytest.mark.parametrize(
    ("wanted", "recorded", "told"),
    [
        ({"a": [1]}, {"a": [1]}, None),
        ({"a": 1}, {}, "request.a is not in what was recorded"),
        ({}, {"a": 1}, "request.a is not in what was asked now"),
        ({"a": [1, 2]}, {"a": [1]}, "request.a has 2 entries, recorded were 1"),
        ({"a": [1, 3]}, {"a": [1, 2]}, "request.a[1] is 3, recorded was 2"),
        ({"a": None}, {"a": "x"}, "request.a is None, recorded was 'x'"),
        ("abc", "abd", "request, line 1, character 2: now 'abc', recorded 'abd'"),
    ],
)
def test_the_first_difference_is_found(wanted, recorded, told):
    assert first_difference(wanted, recorded) == told
