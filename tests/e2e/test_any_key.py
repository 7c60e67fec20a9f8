"""A single key, or a local server, is enough for a reviewed commit."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import bedrock as b
from support.checkout import QUIET_GATES, Checkout
from support.model_server import ModelServer
from support.parts import cast
from support.play import agent_of
from support.shop import make_shop
from support.terminal import Terminal

# Only what a system has: the doctor asks each analyser that is installed for its version.
NOBODY = {"OLLAMA_HOST": "http://127.0.0.1:9", "PATH": os.defpath}


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., Checkout]:
    """Return a function (environment) -> a checkout of somebody who has that and nothing else."""

    def make(**environ: str) -> Checkout:
        root = tmp_path / "project"
        root.mkdir()
        make_shop(root)
        return Checkout(root, tmp_path / "home", None, {**QUIET_GATES, **NOBODY, **environ})

    return make


@pytest.fixture
def models() -> Iterator[ModelServer]:
    """Return a server whose models play a run."""
    with ModelServer(
        cast(), agent_of=agent_of, models=("qwen3-coder", "claude-sonnet-5-5")
    ) as server:
        yield server


def doctor(checkout: Checkout) -> tuple[int, list[tuple[str, str]]]:
    """Return the exit code of the doctor and what it says of models."""
    said = checkout.run("doctor", "--json")
    rows = json.loads(said.out)["checks"]
    return said.code, [(row["mark"], row["text"]) for row in rows if row["name"] == "models"]


@pytest.mark.slow_but(every=9)
@pytest.mark.parametrize(
    ("who", "model"),
    [
        ("openai", "openai:qwen3-coder (found by a server at"),
        ("anthropic", "anthropic:claude-sonnet-5-5 (found by ANTHROPIC_API_KEY"),
    ],
)
def test_one_key_is_enough_for_a_reviewed_commit(place, models, who, model):
    checkout = place(**getattr(models, who)())
    said = checkout.run("run", "2.1")
    assert said.code == 4, said.err
    assert f"model      {model}" in said.err
    asked = {received.model for received in models.ledger}
    assert asked == {model.partition(" ")[0].partition(":")[2]}
    approved = checkout.run("approve")
    assert approved.code == 0, approved.err


def test_a_key_in_the_environment_pays_for_no_plain_review(place, models):
    checkout = place(**models.openai(), ANTHROPIC_API_KEY="k")
    checkout.write("shop/new.py", "NEW = 1\n")
    said = checkout.run("review")
    assert said.code == 0, said.err
    shown = " ".join((said.out + said.err).split())
    assert "no model was asked: `review` asks one only if you name it" in shown
    assert "--model anthropic:claude-sonnet-5-5" in shown
    assert (models.ledger, models.other) == ([], [])


@pytest.mark.slow
def test_a_review_asks_the_model_that_a_bare_name_means(place, models):
    checkout = place(**models.anthropic())
    checkout.write("shop/new.py", "NEW = 1\n")
    said = checkout.run("review", "--model", "claude-sonnet-5.5")
    assert said.code in (0, 1), said.err
    assert {received.model for received in models.ledger} == {"claude-sonnet-5-5"}


def test_a_kiro_agents_short_name_works_without_a_note(place, models):
    checkout = place(**models.anthropic())
    agent = {"name": "review-docs", "prompt": "Read the docs.", "model": "claude-sonnet-4"}
    checkout.write(".kiro/agents/review-docs.json", json.dumps(agent))
    listed = json.loads(checkout.run("agents", "list", "--json").out)
    [mine] = [one for one in listed["agents"] if one["name"] == "review-docs"]
    assert mine["model"] == "anthropic:claude-sonnet-4-0"
    assert "no provider" not in checkout.run("agents", "list").out


@pytest.mark.parametrize("name", ["anthropic", "openai"])
def test_a_stream_that_breaks_off_leaves_the_review_incomplete(place, name):
    with ModelServer(lambda request: b.breaks_off(), models=("m",)) as server:
        checkout = place(**getattr(server, name)(), REVIEWLOOP_MODELS__MAX_ATTEMPTS="2")
        checkout.write("shop/new.py", "NEW = 1\n")
        said = checkout.run("review", "--model", f"{name}:m", "--agents", "security")
        assert said.code == 5, said.err
        shown = " ".join((said.out + said.err).split())
        assert "may have been billed" in shown
        assert "nothing was paid" not in shown
        assert len(server.ledger) == 2


def test_the_doctor_says_what_was_found_and_that_it_answers(place, models):
    code, rows = doctor(place(**models.anthropic()))
    assert code == 0, rows
    assert rows[0][1].startswith("anthropic:claude-sonnet-5-5: found by ANTHROPIC_API_KEY; ")
    assert rows[1][1].endswith("can be asked")


def wrong_key(models):
    return models.anthropic("sk-wrong"), "Anthropic refuses the key in ANTHROPIC_API_KEY (HTTP 401)"


def empty_key(models):
    return {"ANTHROPIC_API_KEY": ""}, "ANTHROPIC_API_KEY is set but empty"


def empty_key_of_the_named_model(models):
    named = {"REVIEWLOOP_MODELS__REASONING": "openai:gpt-5.1", "OPENAI_API_KEY": ""}
    return named, "OPENAI_API_KEY is set but empty; set OPENAI_API_KEY to your key"


def no_key(models):
    return {"REVIEWLOOP_MODELS__REASONING": "openai:gpt-5.1"}, "OPENAI_API_KEY is not set; set"


def no_package(models):
    return {"MISTRAL_API_KEY": "k"}, "the package langchain-mistralai is not installed; "


def ollama_without_the_model(models):
    named = {"REVIEWLOOP_MODELS__REASONING": "ollama:llama9", "OLLAMA_HOST": models.url}
    return named, "Ollama has no model llama9; `ollama pull llama9`"


def wrong_address(models):
    named = {"REVIEWLOOP_MODELS__REASONING": "openai:m", "OPENAI_BASE_URL": f"{models.url}/x/y"}
    return named, "does not answer as OpenAI's interface does (HTTP 404); correct the address"


def nothing(models):
    return {}, "no model to ask was found: set one of ANTHROPIC_API_KEY, OPENAI_API_KEY"


@pytest.mark.parametrize(
    "situation",
    [
        *(wrong_key, empty_key, empty_key_of_the_named_model, no_key, no_package),
        *(ollama_without_the_model, wrong_address, nothing),
    ],
    ids=lambda situation: situation.__name__,
)
def test_the_doctor_tells_the_truth_before_anything_is_paid(
    place, models, situation, monkeypatch, tmp_path
):
    if situation is ollama_without_the_model:
        installed(monkeypatch, tmp_path, "langchain-ollama", "1.1.0")
    models.known_models = lambda model: False
    environ, words = situation(models)
    code, rows = doctor(place(**environ))
    assert code == 2
    assert any(words in text for _, text in rows), rows
    assert any(mark == "bad" for mark, _ in rows)
    assert models.ledger == []


def installed(monkeypatch, folder: Path, name: str, version: str) -> None:
    """Let a package look installed in this version."""
    info = folder / f"packages/{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    monkeypatch.syspath_prepend(str(folder / "packages"))


def test_a_package_that_is_too_old_is_told_with_the_line_that_helps(place, monkeypatch, tmp_path):
    installed(monkeypatch, tmp_path, "langchain-openai", "0.3.1")
    said = place(OPENAI_API_KEY="k").run("run", "2.1")
    assert said.code == 2
    assert "the package langchain-openai 0.3.1 is older than 1.7; " in said.err
    assert (
        "install 'langchain-openai>=1.7'" in said.err.replace("--python", "") or "pip" in said.err
    )
    assert len(said.err.strip().splitlines()) == 1


def test_a_server_of_ones_own_that_does_not_answer_is_told(place, models):
    environ = models.anthropic()
    models.close()
    code, rows = doctor(place(**environ))
    assert code == 2
    assert any("does not answer" in text for _, text in rows)


def test_a_provider_that_cannot_be_reached_is_a_warning(place, monkeypatch, tmp_path):
    installed(monkeypatch, tmp_path, "langchain-google-genai", "4.4.2")
    code, rows = doctor(place(GOOGLE_API_KEY="k", HTTPS_PROXY="http://127.0.0.1:9"))
    assert code == 0, rows
    [said] = [text for mark, text in rows if mark == "note"]
    assert "so the key is not checked" in said


def test_init_without_a_terminal_says_what_was_found_and_writes_no_model(place):
    checkout = place(OPENAI_API_KEY="k", ANTHROPIC_API_KEY="k")
    said = checkout.run("init")
    assert said.code == 0
    assert "models: anthropic:claude-sonnet-5-5 (ANTHROPIC_API_KEY): $2.00 in, $10.00" in said.err
    assert "a run costs about $" in said.err
    assert '# reasoning = "auto"' in (checkout.root / "reviewloop.toml").read_text()


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("", '# reasoning = "auto"'),
        ("2", 'reasoning = "openai:gpt-6.1-sol"'),
        ("groq:some", 'reasoning = "groq:some"'),
    ],
)
def test_init_asks_a_person_with_what_was_found_as_the_default(place, answer, line):
    checkout = place(OPENAI_API_KEY="k", ANTHROPIC_API_KEY="k")
    terminal = Terminal(checkout, "init")
    terminal.expect("1 anthropic:claude-sonnet-5-5")
    terminal.expect("2 openai:gpt-6.1-sol")
    terminal.expect("[1]")
    terminal.type("nosuch:model")
    terminal.expect("no provider is called 'nosuch'")
    terminal.expect("[1]")
    terminal.type(answer)
    assert terminal.end() == 0, terminal.screen
    assert line in (checkout.root / "reviewloop.toml").read_text().splitlines()


@pytest.mark.slow
def test_a_mistyped_model_is_refused_before_a_run_begins(place, models):
    models.known_models = lambda model: False
    checkout = place(**models.openai())
    for words in (("run", "2.1"), ("run", "2.1", "--preflight"), ("batch",)):
        said = checkout.run(*words, "--model", "openai:qwen3-codr")
        assert said.code == 2, (words, said.err)
        assert "has no model qwen3-codr; it has qwen3-coder" in said.err
    assert json.loads(checkout.run("status", "--json").out)["runs"] == []
    assert models.ledger == []


def test_a_wrong_key_is_refused_before_a_run_begins_and_is_not_shown(place, models):
    said = place(**models.anthropic("sk-wrong-key")).run("run", "2.1")
    assert said.code == 2
    assert "Anthropic refuses the key in ANTHROPIC_API_KEY (HTTP 401)" in said.err
    assert "sk-wrong-key" not in said.out + said.err
    assert models.ledger == []


def test_a_model_that_is_in_no_list_is_asked_about_by_its_name(place, models):
    said = place(**models.anthropic()).run(
        "run", "2.1", "--preflight", "--model", "anthropic:alias"
    )
    assert said.code == 0, said.err
    assert models.other == ["/v1/models", "/v1/models/alias"]


@pytest.mark.slow
def test_a_run_asks_each_provider_once_and_a_resume_none(place, models):
    models.models = ("qwen3-coder",)
    checkout = place(**models.openai(), REVIEWLOOP_MODELS__FALLBACKS='["openai:qwen3-coder"]')
    said = checkout.run("run", "2.1", "--model", "openai:qwen3-coder", "--budget-tokens", "200")
    assert said.code == 6, said.err
    assert models.other == ["/v1/models"]
    assert checkout.run("resume", "--budget-tokens", "5000000").code == 4
    assert models.other == ["/v1/models"]


def test_a_provider_that_cannot_be_reached_stops_no_preflight(place, models):
    environ = models.anthropic()
    address = models.url.replace("//", "//me:hidden-word@")
    models.close()
    said = place(**{**environ, "ANTHROPIC_BASE_URL": address}).run("run", "2.1", "--preflight")
    assert said.code == 0, said.err
    shown = " ".join(said.err.split())
    assert "did not list its models (" in shown
    assert "the first call will tell" in shown
    assert "hidden-word" not in said.err


@pytest.mark.slow
def test_a_cap_in_dollars_beside_an_unknown_price_is_told(place, models):
    checkout = place(**models.openai())
    notes = json.loads(checkout.run("run", "2.1", "--preflight", "--json").out)["notes"]
    told = "openai:qwen3-coder: its price is unknown, so the $10 cap cannot work; limits.tokens "
    assert [note for note in notes if note.startswith(told)]
    told = checkout.run("run", "2.1", "--preflight").err
    assert "price unknown (" in told
    assert "; stops at 5,000,000 tokens" in told
    named = ("--model", "openai:gpt-5.1")  # the server's, whatever it lists
    notes = json.loads(checkout.run("run", "2.1", "--preflight", "--json", *named).out)["notes"]
    assert not [note for note in notes if "cannot work" in note]


@pytest.mark.slow
def test_the_doctor_checks_the_model_that_is_named(place, models):
    models.known_models = lambda model: False
    checkout = place(**models.openai(), ANTHROPIC_API_KEY="")
    for name, code, words in (
        ("openai:qwen3-coder", 0, "can be asked"),
        ("openai:qwen3-codr", 2, "has no model qwen3-codr; it has qwen3-coder"),
        ("anthropic:claude-sonnet-5-5", 2, "ANTHROPIC_API_KEY is set but empty"),
        ("mistral:mistral-large-4", 2, "the package langchain-mistralai is not installed"),
        ("opnai:gpt", 2, "no provider is called 'opnai' (in 'opnai:gpt'); did you mean openai?"),
    ):
        said = checkout.run("doctor", "--model", name, "--json")
        rows = [row for row in json.loads(said.out)["checks"] if row["name"] == "models"]
        assert said.code == code, rows
        assert any(words in row["text"] for row in rows), rows
    assert models.ledger == []


def test_agents_name_the_server_of_ones_own_that_will_be_asked(place):
    checkout = place(OPENAI_BASE_URL="http://me:word@box.example:8000/v1?key=word")
    agents = json.loads(checkout.run("agents", "list", "--json").out)["agents"]
    assert {(one["model"], one["server"]) for one in agents} == {("auto", "box.example:8000")}
    said = checkout.run("agents", "list")
    assert "auto at box.example:8000 (models.reasoning)" in said.out
    assert "word" not in said.out
    checkout.environ["REVIEWLOOP_MODELS__REASONING"] = "openai:qwen3"
    assert "openai:qwen3 at box.example:8000 (" in checkout.run("agents", "list").out
    checkout.environ["REVIEWLOOP_MODELS__REASONING"] = "anthropic:claude-sonnet-5-5"
    assert "box.example" not in checkout.run("agents", "list").out


@pytest.mark.parametrize("where", ["the key", "the address"])
def test_what_stops_all_reviewers_is_told_once_with_their_names(place, models, where):
    environ, words = models.anthropic("sk-wrong"), "refused the key in ANTHROPIC_API_KEY"
    if where == "the address":
        environ, words = {**models.anthropic(), "ANTHROPIC_BASE_URL": NOBODY["OLLAMA_HOST"]}, ""
    checkout = place(**environ, REVIEWLOOP_MODELS__MAX_ATTEMPTS="1")
    checkout.write("shop/new.py", "NEW = 1\n")
    said = checkout.run("review", "--model", "anthropic:m", "--agents", "security,performance")
    shown = " ".join((said.out + said.err).split())
    assert said.code == 5, shown
    assert shown.count(words or "gave no reply in 1 attempt") == 1
    assert "✗ review-security, review-performance: anthropic:m" in shown
    assert "resume" not in shown
