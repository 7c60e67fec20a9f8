"""Skills written by models that speak their providers' own protocols, over loopback."""

import pytest
from support.bedrock import calls
from support.model_server import ModelServer
from support.skill_script import BODY, DESCRIPTION, SKILL, edit

PATH = ".kiro/skills/review-pr/SKILL.md"
MODELS = {"anthropic": "claude-sonnet-5", "openai": "gpt-5"}


def answered(server: ModelServer, provider: str) -> dict[str, str]:
    return getattr(server, provider)()


@pytest.mark.slow
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_skill_is_captured_and_improved_over_the_wire(here, provider):
    row = edit("- Ask instead of guessing.", "- MANDATORY: ask instead of guessing.", "rule")
    answers = {
        "write_skill": {"description": DESCRIPTION, "body": BODY},
        "propose_edits": {"guards": [], "no_guard": "none fits", "edits": [row]},
    }
    asked = []

    def answer(received):
        asked.append(received.said)
        name = next(name for name in answers if f"`{name}`" in received.said)
        return calls(name, answers[name])

    model = f"{provider}:{MODELS[provider]}"
    with ModelServer(answer, models=(MODELS[provider],)) as server:
        environ = answered(server, provider)
        said = here.run(
            "skills", "capture", "review-pr", "-m", "list findings", "--model", model, **environ
        )
        assert said.code == 4, said.err
        assert here.run("skills", "approve").code == 0
        assert (here.root / PATH).read_text() == SKILL
        new = ("skills", "improve", "review-pr", "-m", "it guessed", "--model", model)
        assert here.run(*new, **environ).code == 4
        assert here.run("skills", "approve").code == 0
    assert "- MANDATORY: ask" in (here.root / PATH).read_text()
    assert len(asked) == 2  # and nothing was paid twice


@pytest.mark.slow
def test_a_server_that_is_down_leaves_a_session_that_can_go_on(here):
    model = f"openai:{MODELS['openai']}"
    new = ("skills", "capture", "review-pr", "-m", "list findings", "--model", model)
    with ModelServer(lambda received: None, models=(MODELS["openai"],)) as server:
        environ = {**server.openai(), "REVIEWLOOP_MODELS__MAX_ATTEMPTS": "2"}
    said = here.run(*new, **environ)
    assert said.code in (2, 5)
    assert said.err.count("\n") == 1
    assert not (here.root / ".kiro/skills").exists()
