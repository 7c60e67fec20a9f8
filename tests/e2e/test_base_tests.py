"""Tests that failed or were flaky before a change: detected before a model runs, and no
obstacle.
"""

import re

import pytest
from support.parts import CLEAN, cast, replaces, writes
from support.play import TEST

TESTS_ONLY = {
    "REVIEWLOOP_REVIEW__ANALYSERS_OFF": '["*"]',
    "REVIEWLOOP_GATES__BUILD__ENABLED": "false",
    "REVIEWLOOP_GATES__COVERAGE__ENABLED": "false",
}
# The plugins of the environment these tests run in cost each start of pytest three seconds.
ALONE = "--disable-plugin-autoload"
QUICK = {"setup.cfg": f"[tool:pytest]\naddopts = {ALONE}\n"}
RED = "def test_broken():\n    assert 1 == 2\n"
PLANNED = {"shop/search.py": CLEAN, "tests/test_search.py": TEST}


@pytest.mark.slow
def test_a_red_test_of_the_base_does_not_block_and_is_told_before_anything_is_paid(shop):
    files = {**QUICK, "tests/test_old.py": RED}
    checkout = shop(cast(implement=writes(PLANNED)), TESTS_ONLY, files=files)
    said = checkout.run("run", "2.1")
    assert said.code == 4, said.err
    kinds = [(event["kind"], event.get("text", "")) for event in checkout.events()]
    note = "1 test is red before this change and will not block it: tests/test_old.py::test_broken"
    first_call = next(at for at, (kind, _) in enumerate(kinds) if kind == "model.asked")
    assert kinds.index(("note", note)) < first_call
    remark = "1 test was red before this change: tests/test_old.py::test_broken"
    assert remark in said.err + said.out
    (gate,) = [g for g in checkout.record()["proposal"]["gates"] if g["name"] == "test"]
    assert gate["status"] == "passed"
    assert gate["details"]["red_before"] == ["tests/test_old.py::test_broken"]
    assert checkout.run("approve").code == 0
    assert remark in checkout.git("log", "-1", "--format=%B").replace("\n", " ")


@pytest.mark.slow
def test_the_next_run_on_a_commit_of_ours_does_not_run_the_base_again(shop):
    checkout = shop(cast(implement=writes(PLANNED)), TESTS_ONLY, files=QUICK)
    assert checkout.run("run", "2.1").code == 4
    assert checkout.run("approve").code == 0
    first = checkout.record()["run_id"]
    assert checkout.run("run", "2.2").code in {3, 4}
    second = checkout.record()["run_id"]
    begun = [
        [e["name"] for e in checkout.events("gate.start", run)].count("base tests")
        for run in (first, second)
    ]
    assert begun == [1, 0]


@pytest.mark.slow
def test_what_the_change_breaks_blocks_beside_a_test_that_was_red(shop):
    files = {**QUICK, "tests/test_old.py": RED}
    play = cast(implement=replaces("shop/store.py", "(?, ?)", "(?, 1)"))
    checkout = shop(play, TESTS_ONLY, files=files)
    said = checkout.run("run", "2.1")
    assert said.code == 3, said.err
    (gate,) = [g for g in checkout.record()["proposal"]["gates"] if g["name"] == "test"]
    assert gate["status"] == "failed"
    assert "tests/test_old.py::test_broken" in gate["details"]["red_before"]
    assert re.search(r"1 test was red before this change: tests/test_old\.py", gate["summary"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.toml", f'[pytest]\naddopts = ["{ALONE}", "--deselect=tests/test_store.py"]\n'),
        ("setup.cfg", f"[tool:pytest]\naddopts = {ALONE} --deselect=tests/test_store.py\n"),
        ("tests/test_store.py", "def test_other():\n    assert True\n"),
    ],
)
def test_a_test_that_no_longer_runs_needs_a_person(shop, name, text):
    checkout = shop(cast(implement=writes({**PLANNED, name: text})), TESTS_ONLY, files=QUICK)
    said = checkout.run("run", "2.1")
    assert said.code == 4, said.err
    reasons = checkout.record()["proposal"]["governance"]
    gone = "1 test that passed before this change did not run: tests/test_store.py::"
    assert any(reason.startswith(gone) for reason in reasons), reasons


def test_a_base_that_does_not_build_is_told_before_anything_is_paid(shop):
    settings = {**TESTS_ONLY, "REVIEWLOOP_GATES__BUILD__ENABLED": "true"}
    settings["REVIEWLOOP_GATES__BUILD__COMMAND"] = '["false"]'
    checkout = shop(cast(implement=writes(PLANNED)), settings)
    assert checkout.run("run", "2.1").code == 3
    kinds = [(event["kind"], event.get("text", "")) for event in checkout.events()]
    note = ("note", "the build fails before this change: false failed")
    assert kinds.index(note) < next(
        at for at, (kind, _) in enumerate(kinds) if kind == "model.asked"
    )
