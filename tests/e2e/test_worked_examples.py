"""Published example ideas: from the sentence to its first committed task."""

import json

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.ideas import NAMES, idea_of, replies_to
from support.spec_script import written

ALWAYS = ("notifications",)  # the others are slow: they show the same way for other ideas
HOLDS = {
    "authentication": {"requirements": 8, "tasks": 4, "endpoints": 3},
    "blog": {"requirements": 6, "tasks": 20, "endpoints": 15},
    "dashboard": {"requirements": 5, "tasks": 4, "endpoints": 1},
    "finance": {"requirements": 4, "tasks": 3, "endpoints": 4},
    "iot": {"requirements": 6, "tasks": 8, "endpoints": 8},
    "microservices": {"requirements": 5, "tasks": 4, "endpoints": 6},
    "notifications": {"requirements": 5, "tasks": 4, "endpoints": 2},
    "preferences": {"requirements": 4, "tasks": 4, "endpoints": 3},
    "products": {"requirements": 4, "tasks": 3, "endpoints": 7},
}
"""What the spec of each idea holds."""


@pytest.mark.parametrize(
    "name",
    [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.slow) for name in NAMES],
)
def test_from_the_sentence_to_the_first_committed_task(repo, tmp_path, git, name):
    idea = idea_of(name)
    checkout = Checkout(repo, tmp_path / "home", settings=QUIET_GATES)
    model = ("--model", written(tmp_path, replies_to(idea)))
    form = ("--format", idea.get("form", "kiro"))
    begun = checkout.run("spec", "new", name, "-m", idea["idea"], *model, *form, "--json")
    asked = json.loads(begun.out)["questions"]
    assert [one["question"] for one in asked] == [one[0] for one in idea["questions"]]
    numbers = [str(number) for number in range(1, len(asked) + 1)]
    assert checkout.run("spec", "answer", name, *numbers).code == 4
    ends = [checkout.run("spec", "approve", name, "--json") for _ in range(4)]
    assert [one.code for one in ends] == [4, 4, 4, 0], ends[-1].err

    end, holds = json.loads(ends[-1].out), HOLDS[name]
    counts = end["counts"]
    assert counts["functional"] + counts["non_functional"] == holds["requirements"]
    assert (counts["tasks"], counts["components"]) == (holds["tasks"], len(idea["components"]))
    tasks = json.loads(checkout.run("tasks", "--spec", name, "--json").out)
    assert (tasks["problems"], tasks["notices"]) == ([], [])
    text = "".join(path.read_text() for path in repo.rglob("*.md"))
    assert sum(f"`{one}`" in text for one in idea["api"]) == holds["endpoints"]
    check = checkout.run("spec", "check", name)
    assert check.code == 0, check.out

    run = checkout.run("run", "next", "--spec", name, *model, "--branch", "work", "--no-sandbox")
    assert run.code == 4, run.err
    assert checkout.run("approve").code == 0
    assert git(repo, "log", "-1", "--format=%s", "work") == idea["first"]["subject"]
