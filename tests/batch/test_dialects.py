"""Specs of every dialect on the real command line: listed, run, ticked in the commit; checkpoints.

A checkpoint is answered by the checks. No model is asked while they are green.
"""

import json
from itertools import groupby

import pytest
from support.dialects import CC_SDD, OPENSPEC, SPEC_KIT, cc_sdd, openspec, spec_kit
from support.many import many
from support.parts import says
from support.play import REVIEWERS, done, reply, write

NUMBERS = "specs/001-numbers"
TASKS = """\
# Tasks: numbers

## Phase 1: Setup

- [ ] T001 First number in shop/part1.py

## Phase 2: Polish

- [ ] T002 [P] Run all tests
"""
GATE = "# Plan\n\n- [ ] 1. Checkpoint - Ensure all tests pass\n- [ ] 2. More\n"
RED = "def test_red():\n    assert False\n"


def agents(checkout):
    return [agent for agent, _ in groupby(one.agent for one in checkout.server.ledger)]


@pytest.fixture
def three_dialects(shop):
    sources = (spec_kit(), openspec(), cc_sdd())
    files = {p: data.decode() for one in sources for p, data in one.contents.items()}
    checkout = shop(many(), **files)
    del checkout.environ["REVIEWLOOP_SPEC__PATH"]
    return checkout


def test_tasks_are_listed_in_every_dialect(three_dialects):
    checkout = three_dialects
    said = checkout.run("tasks")
    assert said.code == 2
    assert said.err.count("ambiguous: this repository has 5 specs") == 1
    assert all(path in said.err for path in (SPEC_KIT, OPENSPEC, CC_SDD))
    seen = {}
    for path in (SPEC_KIT, "add-night-tariff", "bird-count"):
        body = checkout.json("tasks", "--spec", path)
        assert body["problems"] == []
        ready = [task["id"] for task in body["tasks"] if task["eligible"]]
        gates = [task["id"] for task in body["tasks"] if task["checkpoint"]]
        plan = checkout.run("batch", "--plan", "matrix", "--spec", path)
        assert [entry["task"] for entry in json.loads(plan.out)["include"]] == ready
        seen[body["spec"]["dialect"]] = (body["spec"]["stage"], ready, gates)
    assert seen == {
        "spec-kit": ("Draft", ["T002", "T003"], ["T012"]),
        "openspec": ("", ["1.2"], ["3.1"]),
        "cc-sdd": ("tasks-generated", ["1.2"], ["3.3"]),
    }
    body = checkout.json("tasks", "--spec", "004")
    (task,) = [task for task in body["tasks"] if task["id"] == "T005"]
    assert (task["parallel"], task["requirements"]) == (True, ["US1"])
    assert task["phase"].startswith("Phase 3")
    told = checkout.run("tasks", "--spec", "004", COLUMNS="80").out.splitlines()
    assert told[2:6] == [
        "[x] T001 Create the package in swap/",
        "[ ] T002 Configure the linter in pyproject.toml  [P]  can start  wave 2",
        "[ ] T003 Write the settings in swap/settings.py  [P]  can start  wave 2",
        "         requirements FR-002",
    ]
    assert "[ ] T010 Rating in swap/rating.py  waits for phase 4  wave 6  requirements US3" in told
    told = checkout.run("tasks", "--spec", "bird-count", COLUMNS="120").out.splitlines()
    assert told[-1].endswith("pass  checkpoint  waits for all tasks above, 2.3, which is blocked")


@pytest.mark.with_tests
@pytest.mark.slow
def test_a_spec_kit_feature_is_run_and_ticked_task_by_task(shop):
    checkout = shop(many(), **{f"{NUMBERS}/tasks.md": TASKS})
    checkout.environ["REVIEWLOOP_SPEC__PATH"] = "001"
    said = checkout.run("run", "next")
    assert said.code == 4, said.err
    assert "specs/001-numbers/plan.md does not exist" in said.err
    assert checkout.run("approve").code == 0
    assert checkout.git("show", "--format=", "-U0", "HEAD", "--", NUMBERS).splitlines()[-2:] == [
        "-- [ ] T001 First number in shop/part1.py",
        "+- [X] T001 First number in shop/part1.py",
    ]
    asked = len(checkout.server.ledger)
    said = checkout.run("batch", "--mode", "autopilot")
    assert said.code == 0, said.err
    assert checkout.git("log", "--reverse", "--format=%s").splitlines()[1:] == [
        "Add part 1",
        "Run all tests",
    ]
    assert len(checkout.server.ledger) == asked
    assert checkout.read(f"{NUMBERS}/tasks.md") == TASKS.replace("[ ]", "[X]")
    assert "Review: no change, so there was nothing to review" in checkout.git(
        "log", "-1", "--format=%B"
    )


@pytest.mark.with_tests
def test_a_green_checkpoint_of_an_uncommitted_spec_is_ticked_on_disk(shop):
    checkout = shop(many())
    checkout.write(".kiro/specs/gate/tasks.md", GATE)
    head = checkout.git("rev-parse", "HEAD^{tree}")
    said = checkout.run("run", "1", "--spec", "gate")
    assert said.code == 4, said.err
    assert checkout.run("approve").code == 0
    assert checkout.read(".kiro/specs/gate/tasks.md") == GATE.replace("[ ] 1", "[x] 1")
    assert checkout.git("rev-parse", "HEAD^{tree}") == head
    assert checkout.server.ledger == []
    body = checkout.json("stats")
    assert (body["tasks"], body["checkpoints"], body["money"]["usd"]) == (0, 1, 0)


@pytest.mark.with_tests
@pytest.mark.slow
def test_a_red_checkpoint_is_repaired_and_its_repair_is_reviewed(shop):
    mended = says(
        reply(write("tests/test_red.py", RED.replace("False", "True"))), done("Mended.", "Mend it")
    )
    checkout = shop(
        many(repair=mended), **{"tests/test_red.py": RED, ".kiro/specs/many/tasks.md": GATE}
    )
    said = checkout.run("run", "next")
    assert said.code == 4, said.err
    assert agents(checkout)[0] == "repair"
    assert set(agents(checkout)[1:]) == set(REVIEWERS)
    assert [file["path"] for file in checkout.record()["proposal"]["files"]] == [
        "tests/test_red.py"
    ]


def test_a_checkpoint_without_tests_shows_nothing_and_is_not_ticked(shop):
    checkout = shop(many(), **{".kiro/specs/many/tasks.md": GATE})
    checkout.environ["REVIEWLOOP_GATES__TEST__ENABLED"] = "false"
    said = checkout.run("run", "next")
    assert said.code == 3, said.err
    assert "no tests ran, so nothing shows that this checkpoint holds" in said.err
    assert checkout.read(".kiro/specs/many/tasks.md") == GATE
