"""Detection of providers: which, in which order, and the meaning of bare names."""

import json
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from support.model_server import KEY, ModelServer

from reviewloop.app.review.review import model_in_force
from reviewloop.domain.errors import UsageError
from reviewloop.llm.found_providers import FoundProvider, detect_providers
from reviewloop.llm.model_choice import choice, ensure_model, resolve_models
from reviewloop.llm.prices import estimate
from reviewloop.llm.provider_table import KNOWN
from reviewloop.llm.routing import resolve_name, route, split_model
from reviewloop.settings import Models, load_settings

AWS = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
KEYS = [(key, provider) for provider in KNOWN.values() for key in provider.keys]
ROOT = Path(__file__).resolve().parents[2]


def loaded(environ, **models):
    """Return the settings of somebody with this environment."""
    flags = {f"models.{name}": value for name, value in models.items()}
    plain = load_settings(
        user=None, repository=None, repository_name="reviewloop.toml", environ={}, flags=flags
    )
    return resolve_models(plain, {"HOME": "/nosuch", **environ})


@pytest.mark.parametrize(("key", "provider"), KEYS, ids=[key for key, _ in KEYS])
def test_each_key_alone_chooses_a_model_of_its_provider(key, provider):
    found = loaded({key: "k"})
    assert found.settings.models.reasoning == f"{provider.name}:{provider.reasoning}"
    assert found.settings.models.generation == f"{provider.name}:{provider.generation}"
    assert found.origins["models.reasoning"] == f"found: {key}"
    assert not found.is_set("models.reasoning")  # a plain review stays without a model


def test_auto_asks_for_what_a_key_chooses_unless_the_settings_say():
    assert model_in_force("", loaded({"OPENAI_API_KEY": "k"})) == "none"
    assert model_in_force("auto", loaded({"OPENAI_API_KEY": "k"})).startswith("openai:")
    said = load_settings(
        **{"user": None, "repository_name": "reviewloop.toml", "flags": {}, "environ": {}},
        repository=b'[models]\nreasoning = "none"\n',
    )
    assert model_in_force("auto", resolve_models(said, {"OPENAI_API_KEY": "k"})) == "none"


@pytest.mark.parametrize(
    "environ",
    [
        AWS,
        {"AWS_REGION": "us-east-1", "AWS_PROFILE": "dev"},
        {"AWS_DEFAULT_REGION": "us-east-1", "AWS_BEARER_TOKEN_BEDROCK": "t"},
        {"AWS_REGION": "us-east-1", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://h"},
    ],
)
def test_region_and_credentials_of_aws_choose_bedrock(environ):
    assert loaded(environ).settings.models.reasoning.startswith("bedrock_converse:global.anthropic")


@pytest.mark.parametrize(
    ("config", "credentials", "is_found"),
    [
        ("[default]\nregion = us-west-2\n", "[default]\naws_access_key_id = a\n", True),
        ("[default]\nregion = us-west-2\nsso_session = s\n", "", True),
        ("[default]\nregion = us-west-2\n", "", False),
        ("", "[default]\naws_access_key_id = a\n", False),
        ("broken", "[default]\naws_access_key_id = a\n", False),
    ],
)
def test_aws_files_are_read_for_region_and_credentials(tmp_path, config, credentials, is_found):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(config)
    (tmp_path / ".aws/credentials").write_text(credentials)
    assert bool(detect_providers(Models(), {"HOME": str(tmp_path)})) is is_found


def test_two_keys_have_one_order_and_are_both_said():
    environ = {"HOME": "/nosuch", "OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a"}
    found = loaded(environ)
    assert found.settings.models.reasoning.startswith("anthropic:")
    assert choice(found, environ) == (
        "found by ANTHROPIC_API_KEY; also found: OpenAI (OPENAI_API_KEY); "
        "choose with --model or models.reasoning"
    )
    both = loaded({**AWS, **environ})
    assert both.settings.models.reasoning.startswith("bedrock_converse:")


def test_what_a_person_chose_is_no_find():
    environ = {"ANTHROPIC_API_KEY": "a"}
    chosen = loaded(environ, reasoning="openai:gpt-5.1")
    assert chosen.settings.models.reasoning == "openai:gpt-5.1"
    assert chosen.settings.models.generation == "openai:gpt-6.1-terra"
    assert chosen.is_set("models.reasoning")
    assert choice(chosen, environ) == ""


def test_an_empty_key_is_none():
    assert loaded({"OPENAI_API_KEY": " "}).settings.models.reasoning == "auto"


def test_nothing_found_is_one_sentence_that_names_the_keys():
    environ = {"HOME": "/nosuch", "OLLAMA_HOST": "http://127.0.0.1:9"}
    with pytest.raises(UsageError) as caught:
        ensure_model(loaded(environ), environ)
    said = str(caught.value)
    assert all(provider.keys[0] in said for provider in KNOWN.values() if provider.keys)
    assert "AWS_REGION" in said
    assert "Ollama" in said
    assert "--model provider:model" in said


def test_a_region_of_aws_alone_is_left_to_aws_client():
    """A machine in AWS has credentials that nothing in its environment shows."""
    environ = {"HOME": "/nosuch", "AWS_REGION": "eu-west-1", "OLLAMA_HOST": "http://127.0.0.1:9"}
    assert ensure_model(loaded(environ), environ).settings.models.reasoning.startswith("bedrock")


def test_a_local_ollama_is_asked_for_its_models():
    with ModelServer(lambda request: "never", models=("qwen3:8b",)) as server:
        environ = {"HOME": "/nosuch", "OLLAMA_HOST": server.url, "NO_PROXY": "*"}
        found = ensure_model(loaded(environ), environ)
        assert found.settings.models.reasoning == "ollama:qwen3:8b"
        assert found.settings.models.generation == "ollama:qwen3:8b"
        assert server.other == ["/api/tags"]
        ensure_model(loaded({**environ, "GROQ_API_KEY": "k"}), environ)
        assert server.other == ["/api/tags"]  # with a key it is not asked


def test_an_openai_compatible_server_is_asked_for_its_models():
    with ModelServer(lambda request: "never", models=("qwen3-coder",)) as server:
        server.keyless = True
        environ = {"HOME": "/nosuch", "OPENAI_BASE_URL": f"{server.url}/v1", "NO_PROXY": "*"}
        assert (
            ensure_model(loaded(environ), environ).settings.models.reasoning == "openai:qwen3-coder"
        )
        by_setting = loaded({"HOME": "/nosuch"}, base_url=f"{server.url}/v1")
        named = ensure_model(by_setting, {"HOME": "/nosuch"})
        assert named.settings.models.reasoning == "openai:qwen3-coder"
        assert loaded(environ, reasoning="qwen3").settings.models.reasoning == "openai:qwen3"


def found(*names):
    return [FoundProvider(KNOWN[name], "key") for name in names]


@pytest.mark.parametrize(
    ("name", "providers", "full"),
    [
        ("gpt-5.1", ["openai"], "openai:gpt-5.1"),
        ("gpt-5.1", ["anthropic", "openrouter"], "openrouter:openai/gpt-5.1"),
        ("claude-sonnet-4-5", ["anthropic"], "anthropic:claude-sonnet-4-5"),
        ("claude-sonnet-4.5", ["anthropic"], "anthropic:claude-sonnet-4-5"),
        ("claude-sonnet-4", ["anthropic", "openai"], "anthropic:claude-sonnet-4-0"),
        ("claude-sonnet-4.5", ["openrouter"], "openrouter:anthropic/claude-sonnet-4.5"),
        ("gemini-3.8-flash", ["google_genai"], "google_genai:gemini-3.8-flash"),
        ("newcomer-1", ["groq"], "groq:newcomer-1"),
        ("gpt-5.1", ["anthropic"], ""),
        ("newcomer-1", ["anthropic", "groq"], ""),
        ("gpt-5.1", [], ""),
        ("claude-of-next-year", ["bedrock_converse"], ""),
    ],
)
def test_a_bare_name_is_the_model_of_who_can_be_asked(name, providers, full):
    assert resolve_name(name, found(*providers)) == full


def test_kiros_short_names_are_models_of_bedrock():
    full = resolve_name("claude-sonnet-4", found("bedrock_converse"), region="eu-west-1")
    assert full == "bedrock_converse:global.anthropic.claude-sonnet-4-20250514-v1:0"
    full = resolve_name("claude-opus-4.1", found("bedrock_converse"), region="eu-west-1")
    assert full == "bedrock_converse:eu.anthropic.claude-opus-4-1-20250805-v1:0"


def test_the_preferred_provider_comes_before_the_first():
    two = found("bedrock_converse", "anthropic")
    assert resolve_name("claude-sonnet-4-5", two).startswith("bedrock_converse:")
    assert resolve_name("claude-sonnet-4-5", two, prefer="anthropic").startswith("anthropic:")


def test_a_bare_name_nobody_here_has_is_told_with_its_spelling():
    with pytest.raises(UsageError, match=r"'gizmo' names no provider; .* example openai:"):
        split_model("gizmo")


def test_a_bare_name_whose_key_is_missing_is_told_the_variable(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError) as told:
        split_model("gpt-5")
    said = "models: no key was found for a provider of 'gpt-5': set OPENAI_API_KEY or "
    assert str(told.value).startswith(said)
    assert str(told.value).endswith("or write provider:model, for example openai:gpt-5")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with pytest.raises(UsageError, match="names no provider"):
        split_model("gpt-5")


def test_everyday_names_of_providers_are_known():
    assert split_model("bedrock:amazon.nova-pro-v1:0")[0] == "bedrock_converse"
    assert split_model("google:gemini-3.8-flash")[0] == "google_genai"
    assert split_model("mistral:mistral-large-4")[0] == "mistralai"


@pytest.mark.parametrize("provider", KNOWN.values(), ids=list(KNOWN))
def test_default_models_have_a_price(provider):
    for model in (provider.reasoning, provider.generation):
        assert estimate(f"{provider.name}:{model}", input_tokens=1000, output_tokens=10) is not None


def test_extras_name_the_packages_of_the_table():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for provider in KNOWN.values():
        if provider.name == "bedrock_converse":
            continue  # always there
        [wanted] = map(Requirement, extras[provider.extra or provider.name])
        assert wanted.name == provider.package
        assert wanted.specifier.contains(provider.minimum)


def test_a_key_is_never_part_of_what_is_said():
    said = json.dumps([choice(loaded({"OPENAI_API_KEY": KEY}), {"OPENAI_API_KEY": KEY})])
    assert KEY not in said


def test_where_nothing_was_found_every_way_is_told():
    from reviewloop.llm.model_choice import nothing_found

    said = nothing_found(Models(), {})
    assert "`--model script:FILE` takes replies from a file, as `reviewloop demo --spec`" in said
    assert "OPENAI_BASE_URL" in said
    assert said.endswith("`reviewloop review` needs none")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("wrong", "refused the key in OPENAI_API_KEY (HTTP 401)"),
        ("", "wants a key (HTTP 401), and OPENAI_API_KEY is set but empty"),
        (None, "wants a key (HTTP 401), and OPENAI_API_KEY is not set"),
    ],
)
def test_a_server_that_refuses_says_why_there_is_no_model(key, said):
    with ModelServer(lambda request: "never", models=("qwen3-coder",)) as server:
        environ = {"HOME": "/nosuch", "OPENAI_BASE_URL": f"{server.url}/v1", "NO_PROXY": "*"}
        environ |= {"OLLAMA_HOST": "http://127.0.0.1:9"}
        environ |= {} if key is None else {"OPENAI_API_KEY": key}
        with pytest.raises(UsageError) as told:
            ensure_model(loaded(environ), environ)
    assert f"the server at {server.url}/v1 {said}; " in str(told.value)
    assert "set one of" not in str(told.value)


def test_a_server_that_is_down_is_said_to_be():
    environ = {"HOME": "/nosuch", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "NO_PROXY": "*"}
    with pytest.raises(UsageError, match=r"127\.0\.0\.1:9/v1 cannot be reached \(.*refused"):
        ensure_model(loaded({**environ, "OLLAMA_HOST": "http://127.0.0.1:9"}), environ)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("openai", "is a provider and names no model; write openai:MODEL"),
        ("bedrock", "is a provider and names no model; write bedrock:MODEL"),
        ("claude", "is a family of models; write for example anthropic:claude-"),
    ],
)
@pytest.mark.parametrize(
    "environ",
    [{"OPENAI_API_KEY": "k"}, {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, {}, AWS],
    ids=["key", "server", "nothing", "aws"],
)
def test_a_provider_or_a_family_is_no_model(name, problem, environ):
    wanted = loaded(environ, reasoning=name).settings.models.reasoning
    assert wanted == name
    with pytest.raises(UsageError, match=problem):
        split_model(wanted)


def test_a_model_of_bedrock_may_be_named_as_people_say_it():
    known = "bedrock_converse:global.anthropic.claude-sonnet-5-v1:0"
    found = loaded({}, reasoning="bedrock:claude-sonnet-5", fallbacks=("bedrock:nova-pro",))
    assert found.settings.models.reasoning == known
    assert found.settings.models.fallbacks == ("bedrock_converse:amazon.nova-pro-v1:0",)
    assert route(found.settings, "fix", "reasoning", "bedrock:claude-sonnet-5").model == known
    plain = loaded({}, reasoning="bedrock:amazon.nova-pro-v1:0", fallbacks=("bedrock:nosuch-1",))
    assert plain.settings.models.reasoning == "bedrock:amazon.nova-pro-v1:0"
    assert plain.settings.models.fallbacks == ("bedrock:nosuch-1",)


def test_credentials_of_aws_without_a_region_are_told_to_set_one():
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "HOME": "/nosuch"}
    here = {**keys, "OLLAMA_HOST": "http://127.0.0.1:9"}
    with pytest.raises(UsageError) as told:
        ensure_model(loaded(here), here)
    assert "AWS credentials are here, but no AWS region; set AWS_REGION or" in str(told.value)
    assert "ANTHROPIC_API_KEY" not in str(told.value)
