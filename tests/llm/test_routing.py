"""The model for each agent and kind of work, and its price."""

import pytest

from reviewloop.domain.errors import UsageError
from reviewloop.llm.messages import Usage
from reviewloop.llm.prices import cost
from reviewloop.llm.routing import STEP_KINDS, route, split_model
from reviewloop.settings import Settings

THINKER = "bedrock_converse:global.anthropic.claude-sonnet-5-5"
WORKER = "bedrock_converse:amazon.nova-pro-v1:0"


def _route(agent="fix", kind="reasoning", own=None, **models):
    return route(Settings.model_validate({"models": models}), agent, kind, own)


def test_the_kind_of_work_chooses_the_model():
    assert _route().model == THINKER
    assert _route(kind="generation").model == WORKER
    assert {STEP_KINDS[step] for step in ("implement", "fix", "review", "quick-review")} == {
        "reasoning"
    }
    assert [step for step, kind in STEP_KINDS.items() if kind == "generation"] == [
        *("tasks", "plan", "explain", "ask")
    ]


def test_the_agents_file_wins_over_the_kind_and_the_settings_over_the_file():
    chosen = _route(own="openai:gpt-5")
    assert (chosen.model, chosen.origin) == ("openai:gpt-5", "agent file")
    chosen = _route(own="openai:gpt-5", per_agent={"fix": "anthropic:claude-opus-5"})
    assert (chosen.model, chosen.origin) == ("anthropic:claude-opus-5", "models.per_agent.fix")
    assert _route(per_agent={"fix": "generation"}).model == WORKER


def test_a_short_name_of_kiro_falls_to_the_default_with_a_note():
    chosen = _route(own="claude-sonnet-4")
    assert chosen.model == THINKER
    assert "'claude-sonnet-4'" in chosen.note
    assert "models.per_agent.fix" in chosen.note
    assert _route(own="auto").note == ""


@pytest.mark.parametrize("free", ["script:a.json", "replay:a.jsonl", "none"])
def test_who_chose_to_spend_nothing_pays_nothing_because_of_a_file(free):
    spendthrift = {"fix": "openai:gpt-5"}
    chosen = _route(own="openai:gpt-5", reasoning=free, per_agent=spendthrift)
    assert chosen.model == free
    assert _route(reasoning=free, per_agent={"fix": "script:b.json"}).model == "script:b.json"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (WORKER, ("bedrock_converse", "amazon.nova-pro-v1:0")),
        ("amazon.nova-pro-v1:0", ("bedrock_converse", "amazon.nova-pro-v1:0")),
        ("us.anthropic.claude-x-v1:0", ("bedrock_converse", "us.anthropic.claude-x-v1:0")),
        ("script:C:/x.json", ("script", "C:/x.json")),
        ("none", ("none", "")),
    ],
)
def test_names_are_split_at_the_provider(name, parts):
    assert split_model(name) == parts


def test_an_arn_is_bedrocks():
    arn = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-x"
    assert split_model(arn) == ("bedrock_converse", arn)


@pytest.mark.parametrize("name", ["claude-sonnet-4", "", "none:", ":x"])
def test_a_name_without_a_provider_is_an_error_that_shows_one(name):
    with pytest.raises(UsageError, match="write provider:model"):
        split_model(name)


def test_a_provider_without_a_model_is_an_error_that_says_what_is_missing():
    with pytest.raises(UsageError, match="'openai:' names no model; write openai:MODEL"):
        split_model("openai:")


def test_prices_are_known_for_the_default_models_and_cached_tokens_cost_less():
    fresh = cost(THINKER, Usage(input=100_000))
    read = cost(THINKER, Usage(cache_read=100_000))
    written = cost(THINKER, Usage(cache_write=100_000))
    assert read < fresh < written
    assert cost(WORKER, Usage(output=1000)) > 0


def test_an_unknown_price_is_none_and_a_recorded_reply_free():
    assert cost("bedrock_converse:made.up-model-v1:0", Usage(input=10)) is None
    assert cost("nosuch:model", Usage(input=10)) is None
    assert cost("script:x.json", Usage(input=10)) == 0.0
