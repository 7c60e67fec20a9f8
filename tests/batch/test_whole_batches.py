"""Whole batches: six tasks in order, killed and resumed, capped, approved in different ways."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkout import Checkout
from support.disguises import PY
from support.many import SPEC, files_of, many
from support.parts import says
from support.play import done, reply, write

pytestmark = pytest.mark.with_tests


def commits(checkout: Checkout) -> list[str]:
    return checkout.git("log", "--reverse", "--format=%s").splitlines()[1:]


def each_commit_passes_alone(checkout: Checkout, folder: Path) -> bool:
    for number, commit in enumerate(checkout.git("rev-list", "--reverse", "HEAD").splitlines()):
        place = folder / f"alone-{number}"
        checkout.git("clone", "-q", "--no-local", str(checkout.root), str(place))
        subprocess.run(["git", "-C", str(place), "checkout", "-q", commit], check=True)
        subprocess.run([sys.executable, "-S", "checks.py"], cwd=place, check=True)
        ticked = (place / SPEC).read_text().count("[x]")
        assert ticked == number
    return True


@pytest.mark.slow
def test_six_tasks_wait_in_one_line_and_become_six_commits(shop, tmp_path):
    checkout = shop()
    before = checkout.bytes()
    said = checkout.run("batch")
    assert said.code == 4, said.err
    assert checkout.bytes() == before
    rows = checkout.json("queue")["runs"]
    assert [(row["task"], row["state"]) for row in rows] == [
        (str(n), "waiting") for n in range(1, 7)
    ]
    assert [row["stands_on"] for row in rows] == ["", *(row["run"] for row in rows[:-1])]
    assert all(row["tests"] is None and row["usd"] > 0 for row in rows)

    said = checkout.run("queue", "approve", rows[1]["run"])
    assert said.code == 0, said.err
    assert f"{rows[0]['run']} first" in said.err
    assert commits(checkout) == ["Add part 1", "Add part 2"]
    asked = len(checkout.server.ledger)
    said = checkout.run("queue", "approve", "--all")
    assert said.code == 0, said.err
    assert commits(checkout) == [f"Add part {n}" for n in range(1, 7)]
    assert len(checkout.server.ledger) == asked
    assert checkout.git("status", "--porcelain") == ""
    assert each_commit_passes_alone(checkout, tmp_path)
    said = checkout.run("batch")
    assert (said.code, "every required task" in said.err) == (0, True)
    assert "6 committed" in said.out


@pytest.mark.slow
def test_autopilot_commits_what_is_clean_and_leaves_the_rest_to_a_person(shop):
    risky = {**files_of(4), "shop/migrations/0001.py": "x = 1\n"}
    governed = says(
        reply(*(write(p, t) for p, t in risky.items())), done("Wrote it.", "Add part 4")
    )
    checkout = shop(many({4: governed}))
    said = checkout.run("batch", "--mode", "autopilot", "--tasks", "1,4,5", "--json")
    assert said.code == 4, said.err
    assert commits(checkout) == ["Add part 1"]
    told = checkout.json("status")["batch"]["tasks"]
    assert json.loads(said.out)["tasks"] == told  # its own commit is none that came in between
    rows = {row["task"]: row for row in told}
    assert rows["1"]["approved_by"] == "autopilot"
    assert "migrations" in rows["4"]["why"]
    assert [rows[n]["state"] for n in "45"] == ["waiting"] * 2
    assert rows["5"]["stands_on"] == rows["4"]["run"]
    assert checkout.read(SPEC).count("[x]") == 1


@pytest.mark.slow
def test_autopilot_commits_nothing_that_an_implementer_hides(shop):
    hidden = {
        1: {"shop/echo.py": f"# @generated\n{PY}"},
        2: {},  # stands on the first, and stays with it
        4: {"vendor/echo.py": PY},
    }
    plays = {
        number: says(
            reply(*(write(p, t) for p, t in {**files_of(number), **files}.items())),
            done("Wrote it.", f"Add part {number}"),
        )
        for number, files in hidden.items()
    }
    checkout = shop(many(plays))
    analysed = {"REVIEWLOOP_REVIEW__ANALYSERS_OFF": '["tested", "cfn-lint"]'}
    said = checkout.run("batch", "--mode", "autopilot", "--tasks", "1,2,4", **analysed)
    assert said.code == 4, said.err
    assert commits(checkout) == []
    rows = {row["task"]: row for row in checkout.json("status")["batch"]["tasks"]}
    assert [rows[n]["state"] for n in "124"] == ["waiting"] * 3
    assert "must fix" in rows["1"]["why"]
    assert "vendor/echo.py was not analysed: vendored" in rows["4"]["why"]
    said = checkout.run("queue", "approve", "--all")
    assert commits(checkout) == [], said.err


def test_a_batch_needs_a_branch_that_it_may_commit_to(shop):
    checkout = shop()
    checkout.git("switch", "-q", "-c", "main")
    said = checkout.run("batch")
    assert said.code == 3
    assert "the branch main is protected; make a branch for the batch" in said.err
    assert checkout.server.ledger == []
