"""Doctor and preflight: missing requirements are found before anything is paid."""

import json

import pytest
from support.model_requests import CLAUDE, NOVA


@pytest.fixture
def problems(open_door):
    """Return a function (models settings) -> {model: problem} without online look-ups."""

    def check(agents=(), online=False, **models):
        checks = open_door(models=models).models.check(agents, online=online)
        assert all(check.ok is (not check.problem) for check in checks)
        assert all(bool(check.how_to_fix) is bool(check.problem) for check in checks)
        return {check.model: check.problem for check in checks}

    return check


def test_with_credentials_and_region_all_is_well_and_nothing_is_sent(bedrock, problems):
    server = bedrock(lambda request: "never")
    assert problems() == {CLAUDE: ""}  # no step asks another one
    assert (server.ledger, server.other) == ([], [])


def test_users_of_each_model_are_named(bedrock, open_door):
    bedrock(lambda request: "never")
    own = {"fix": NOVA, "review-docs": "generation"}
    door = open_door(models={"per_agent": own, "fallbacks": [NOVA]})
    checks = {check.model: check.used_by for check in door.models.check([("implement", None)])}
    assert checks[CLAUDE] == ("models.reasoning", "implement")
    assert checks[NOVA] == ("models.fallbacks", "fix", "review-docs")


def test_missing_credentials_are_found(monkeypatch, problems):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert "no AWS credentials were found (region us-east-1)" in problems()[CLAUDE]


def test_a_missing_region_is_found(bedrock, monkeypatch, problems):
    bedrock(lambda request: "never")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert problems()[CLAUDE] == "no AWS region is set"


def test_an_unknown_profile_is_found(bedrock, problems):
    bedrock(lambda request: "never")
    assert "nosuch" in problems(profile="nosuch")[CLAUDE]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (("AKIA", ""), "AWS_SECRET_ACCESS_KEY is set but empty"),
        (("AKIA", None), "AWS_SECRET_ACCESS_KEY is not set"),
        (("", "secret"), "AWS_ACCESS_KEY_ID is set but empty"),
        ((None, "secret"), "AWS_ACCESS_KEY_ID is not set"),
    ],
)
def test_half_a_pair_of_aws_keys_is_told_by_its_name(monkeypatch, open_door, keys, problem):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    for name, value in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), keys, strict=True):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    [check] = open_door().models.check(online=True)
    assert check.problem == problem
    assert check.how_to_fix == "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY both"


def test_half_a_pair_of_aws_keys_in_a_file_is_told_with_the_file(monkeypatch, open_door, tmp_path):
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = AKIA\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    [check] = open_door().models.check(online=True)
    assert (
        check.problem
        == "the AWS credentials of shared-credentials-file have no aws_secret_access_key"
    )


def test_refused_credentials_of_aws_are_told_with_what_helps(bedrock, open_door):
    server = bedrock(lambda request: "never", known_models=lambda model: False)
    [check] = open_door().models.check(online=True)
    assert "is not known or not offered" in check.problem
    assert check.how_to_fix == "check the model id and the region in [models]"
    assert server.ledger == []


def test_a_short_name_of_bedrocks_that_it_has_not_is_answered_with_the_nearest_id(open_door):
    [check] = open_door(models={"reasoning": "bedrock:claude-sonnet-9"}).models.check()
    assert "'claude-sonnet-9' has not the form of a Bedrock model id" in check.problem
    assert check.how_to_fix.startswith("write for example bedrock:global.anthropic.claude-sonnet-")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("claude-sonnet-4", "no key was found for a provider of"),
        ("bedrock_converse:claude-sonnet-4", "has not the form of a Bedrock model id"),
        ("groq:llama", "the package langchain-groq is not installed"),
        ("script:/nosuch/replies.json", "cannot be read"),
        ("replay:/nosuch/run.jsonl", "cannot be read"),
        ("none", ""),
    ],
)
def test_a_model_that_cannot_be_asked_is_found(problems, name, problem):
    assert problem in problems(reasoning=name)[name]


def test_a_readable_script_is_fine(problems, tmp_path):
    path = tmp_path / "replies.json"
    path.write_text(json.dumps({"replies": []}))
    assert problems(reasoning=f"script:{path}")[f"script:{path}"] == ""


def test_online_a_model_that_does_not_exist_is_found(bedrock, problems):
    server = bedrock(lambda request: "never", known_models=lambda model: "nova" in model)
    found = problems(online=True, fallbacks=[NOVA])
    assert "is not known or not offered" in found[CLAUDE]
    assert found[NOVA] == ""
    assert server.ledger == []


def test_a_control_plane_that_does_not_answer_is_a_warning(bedrock, open_door):
    server = bedrock(lambda request: "never")
    server.close()
    [check] = open_door().models.check(online=True)
    assert check.ok
    assert "could not be asked" in check.warning


def test_a_mistyped_model_is_answered_with_the_nearest_name():
    from reviewloop.llm.checks import _model_problem
    from reviewloop.llm.provider_table import KNOWN

    listed = ("a-1", "b-1", "c-1", "d-1", "e-1", "f-1", "g-1", "qwen3-coder")
    problem, _, _ = _model_problem(KNOWN["openai"], "qwen3-codr", listed, "http://h/v1", "missing")
    assert "has no model qwen3-codr; it has qwen3-coder, a-1" in problem
    _, _, note = _model_problem(KNOWN["openai"], "qwen3-codr", listed, "", "odd")
    assert "does not list a model qwen3-codr (did you mean qwen3-coder?)" in note
    problem, fix, _ = _model_problem(KNOWN["openai"], "qwen3-codr", listed, "", "missing")
    assert problem == "OpenAI has no model qwen3-codr"
    assert fix == "name another one (did you mean qwen3-coder?)"
    azure = "https://me.openai.azure.com/openai/v1"
    problem, _, note = _model_problem(KNOWN["openai"], "my-own", listed, azure, "missing")
    assert (problem, "does not list my-own; the first call" in note) == ("", True)
