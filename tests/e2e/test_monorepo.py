"""A project in a folder of a repository: from there to a reviewed commit, over HTTP."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from e2e.test_projects import PRICE, PYPROJECT, TEST, make_venv, with_path_file
from support.bedrock import BedrockServer, reply
from support.checkout import Checkout, Said
from support.parts import cast, says
from support.play import agent_of, done, write

BILLING = "services/billing"
TASKS = f"{BILLING}/.kiro/specs/prices/tasks.md"
RED = "def test_of_another_team():\n    assert False\n"
SHIPPING_TASKS = "# Plan\n\n- [ ] 1. Send parcels\n"


def agent(name: str, prompt: str, *resources: str) -> str:
    fields = {"name": name, "prompt": prompt, "tools": ["fs_read"], "resources": resources}
    return json.dumps(fields)


FILES = {
    ".gitignore": ".venv/\n",
    "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n'
    'addopts = "--disable-plugin-autoload"\n',
    "tests/test_all.py": RED,
    "reviewloop.toml": '[limits]\nusd = 3.0\n[review]\nmin_severity = "should"\n',
    "AGENTS.md": "WORD-OF-THE-ROOT\n",
    ".kiro/steering/style.md": "STYLE-OF-THE-ROOT\n",
    ".kiro/steering/names.md": "NAMES-OF-THE-ROOT\n",
    ".kiro/agents/review-house.json": agent("review-house", "Look at the house rules."),
    ".kiro/agents/review-money.json": agent("review-money", "The root's."),
    f"{BILLING}/pyproject.toml": PYPROJECT,
    f"{BILLING}/reviewloop.toml": "[limits]\nusd = 2.0\n",
    f"{BILLING}/src/acme/__init__.py": PRICE.format(1),
    f"{BILLING}/tests/test_price.py": TEST.format(1),
    f"{BILLING}/.kiro/steering/style.md": "STYLE-OF-BILLING\n#[[file:docs/prices.md]]\n",
    f"{BILLING}/.kiro/steering/code.md": (
        '---\ninclusion: fileMatch\nfileMatchPattern: "src/**/*.py"\n---\nCODE-OF-BILLING\n'
    ),
    f"{BILLING}/.kiro/agents/review-money.json": agent(
        "review-money", "Look at the money.", "file://docs/money.md"
    ),
    f"{BILLING}/docs/prices.md": "PRICES-ARE-WHOLE-EUROS\n",
    f"{BILLING}/docs/money.md": "MONEY-OF-BILLING\n",
    TASKS: "# Plan\n\n- [ ] 1. Raise the price to 2\n  - in `src/acme/__init__.py`\n",
    "services/shipping/.kiro/specs/parcels/tasks.md": SHIPPING_TASKS,
}


@dataclass
class Story:
    root: Checkout
    billing: Checkout
    shipping: Checkout
    seen: dict[str, Any]
    run: Said
    approve: Said


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("monorepo")
    wrong = write(f"{BILLING}/src/acme/__init__.py", PRICE.format(3))
    right = write(f"{BILLING}/src/acme/__init__.py", PRICE.format(2))
    new_test = write(f"{BILLING}/tests/test_price.py", TEST.format(2))
    parts = cast(
        implement=says(reply(wrong), done("Raised the price.", "Raise the price")),
        repair=says(reply(right, new_test), done("Mended it.")),
    )
    with ExitStack() as stack:
        server = stack.enter_context(BedrockServer(parts, agent_of=agent_of))
        root = Checkout(folder / "shop", folder / "home", server)
        for path, text in FILES.items():
            root.write(path, text)
        for args in (
            ("init", "-q", "-b", "work"),
            ("config", "user.name", "Ada Example"),
            ("config", "user.email", "ada@example.org"),
            ("add", "-A"),
            ("commit", "-q", "-m", "base"),
        ):
            root.git(*args)
        billing, shipping = (
            Checkout(root.root / place, root.home, server)
            for place in (BILLING, "services/shipping")
        )
        with_path_file(billing.root, make_venv(billing.root))
        seen = {
            "tasks": billing.json("tasks"),
            "agents": billing.json("agents", "list"),
            "config": billing.json("config", "show"),
            "doctor": billing.run("doctor", "--offline"),
            "inner": Checkout(billing.root / "src", root.home, server).json("tasks"),
        }
        run = billing.run("run", "--spec", ".kiro/specs/prices")
        seen["waiting"] = shipping.json("tasks")
        approve = root.run("approve")
        yield Story(root, billing, shipping, seen, run, approve)


@pytest.mark.slow
def test_tasks_of_the_project_are_listed_from_wherever_one_stands_in_it(story: Story) -> None:
    assert story.seen["tasks"]["spec"]["path"] == f"{BILLING}/.kiro/specs/prices"
    assert story.seen["inner"]["spec"]["path"] == f"{BILLING}/.kiro/specs/prices"
    assert "Send parcels" not in str(story.seen["tasks"])


@pytest.mark.slow
def test_nearest_agents_and_settings_win_and_those_of_the_root_count_too(story: Story) -> None:
    files = {one["name"]: one["file"] for one in story.seen["agents"]["agents"]}
    assert files["review-money"] == f"{BILLING}/.kiro/agents/review-money.json"
    assert files["review-house"] == ".kiro/agents/review-house.json"
    values = {one["name"]: one for one in story.seen["config"]["settings"]}
    assert values["limits.usd"]["value"] == 2.0
    assert values["limits.usd"]["origin"] == f"{BILLING}/reviewloop.toml"
    assert values["review.min_severity"]["origin"] == "reviewloop.toml"


@pytest.mark.slow
def test_doctor_names_the_project_and_its_environment(story: Story) -> None:
    said = story.seen["doctor"].out + story.seen["doctor"].err
    assert f"{BILLING}/, a project of its own in this repository" in said
    assert f"{BILLING}/.venv (found in the checkout)" in said


@pytest.mark.slow
def test_gates_run_in_the_project_and_see_its_change_only(story: Story) -> None:
    assert story.run.code == 4, story.run.err
    gates = story.billing.events("gate")
    statuses = [one["status"] for one in gates if one["name"] == "test"]
    assert statuses == ["failed", "passed"], gates
    coverage = [one for one in gates if one["name"] == "coverage"][-1]
    assert "100 % of 1 new line" in coverage["summary"], coverage
    assert "test_of_another_team" not in str(gates)


@pytest.mark.slow
def test_agents_get_the_rules_of_the_project_and_the_root(story: Story) -> None:
    for name in ("implement", "review-money"):
        said = story.billing.server.of(name)[0].said  # type: ignore[union-attr]
        assert "STYLE-OF-BILLING" in said
        assert "STYLE-OF-THE-ROOT" not in said
        for text in ("NAMES-OF-THE-ROOT", "WORD-OF-THE-ROOT", "CODE-OF-BILLING"):
            assert text in said
        assert "PRICES-ARE-WHOLE-EUROS" in said
        if name == "review-money":
            assert "Look at the money." in said
            assert "MONEY-OF-BILLING" in said


@pytest.mark.slow
def test_projects_side_by_side_do_not_mix_their_runs(story: Story) -> None:
    assert [task["run"] for task in story.seen["waiting"]["tasks"]] == [""]


@pytest.mark.slow
def test_commit_holds_the_change_and_ticks_the_spec_of_the_project(story: Story) -> None:
    assert story.approve.code == 0, story.approve.err
    assert story.root.git("show", "--format=", "--name-only").split() == [
        TASKS,
        f"{BILLING}/src/acme/__init__.py",
        f"{BILLING}/tests/test_price.py",
    ]
    assert "- [x] 1. Raise the price to 2" in story.root.read(TASKS)


@pytest.mark.slow
def test_init_writes_into_the_project_and_says_so(story: Story) -> None:
    said = story.shipping.run("init", REVIEWLOOP_MODELS__REASONING="none")
    assert said.code == 0, said.err
    assert "wrote services/shipping/reviewloop.toml" in said.err
    assert (story.shipping.root / "reviewloop.toml").exists()


@pytest.mark.slow
def test_a_broken_settings_file_of_the_project_is_one_sentence(story: Story) -> None:
    story.billing.write("reviewloop.toml", "[limits\nusd = 2\n")
    for command in (("tasks",), ("run",), ("config", "show"), ("review",), ("batch",)):
        said = story.billing.run(*command)
        assert said.code == 2, (command, said)
        assert said.err.count("\n") == 1, said.err
        assert f"{BILLING}/reviewloop.toml:1: not valid TOML" in said.err
    assert story.root.run("config", "show").code == 0, "the root has its own"
