"""`spec.require_approval`: a spec that changed since its approval is not run."""

import json

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.ideas import idea_of, replies_to
from support.parts import cast
from support.shop import CRITERIA
from support.spec_script import written

from reviewloop.store.audit import AuditFile

TASKS = ".kiro/specs/orders/tasks.md"
REQUIREMENTS = ".kiro/specs/orders/requirements.md"
ON = {**QUIET_GATES, "REVIEWLOOP_SPEC__REQUIRE_APPROVAL": "true"}


def edit(checkout, path: str, old: str, new: str) -> None:
    file = checkout.root / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_nobody_approved_it_so_nothing_is_paid(shop):
    checkout = shop(cast(), ON)
    for command in (("run", "2.1"), ("batch", "--mode", "queue"), ("run", "next", "--preflight")):
        said = checkout.run(*command)
        assert said.code == 3
        assert "nobody approved .kiro/specs/orders; `reviewloop spec approve orders`" in said.err
    assert checkout.server.ledger == []


def test_an_approved_spec_runs_and_ticks_are_no_change(shop):
    checkout = shop(cast(), ON)
    body = checkout.json("spec", "approve", "orders")
    assert body["path"] == ".kiro/specs/orders"
    assert checkout.run("run", "2.1").code == 4
    assert checkout.run("approve").code == 0
    assert "- [x] 2.1" in (checkout.root / TASKS).read_text()
    said = checkout.run("run", "2.2", "--preflight")
    assert said.code == 0, said.err


def test_a_change_is_refused_and_its_lines_are_named(shop):
    checkout = shop(cast(), ON, files=CRITERIA)
    assert checkout.run("spec", "approve", "orders").code == 0
    edit(checkout, REQUIREMENTS, "in the order they came", "in any order")
    for command in (("run", "2.1"), ("batch", "--mode", "queue")):
        said = checkout.run(*command)
        assert said.code == 3
        words = " ".join(said.err.split())
        assert ".kiro/specs/orders changed since " in words
        assert f"{REQUIREMENTS}:" in words
        assert "+ 1. WHEN a customer is named" in words
        assert "in any order" in words
        assert "in the order they came" in words
    assert checkout.server.ledger == []
    assert checkout.run("spec", "approve", "orders").code == 0
    assert checkout.run("run", "2.1", "--preflight").code == 0


def test_a_new_file_of_the_spec_is_a_change(shop):
    checkout = shop(cast(), ON)
    (checkout.root / ".kiro/specs/orders/design.md").unlink()
    assert checkout.run("spec", "approve", "orders").code == 0
    (checkout.root / ".kiro/specs/orders/design.md").write_text("# Design\n\nUse a cloud.\n")
    said = checkout.run("run", "2.1")
    assert said.code == 3
    assert "+ Use a cloud." in said.err


def test_without_the_setting_nothing_changes(shop):
    checkout = shop(cast(), QUIET_GATES)
    assert checkout.run("run", "2.1", "--preflight").code == 0


def test_approvals_are_in_the_trail(shop):
    checkout = shop(cast(), ON)
    assert checkout.run("spec", "approve", "orders").code == 0
    (path,) = checkout.state.rglob("audit.jsonl")
    (row,) = AuditFile(path.parent).rows()
    assert row.body["kind"] == "spec"
    assert {one["path"] for one in row.body["spec"]["files"]} >= {TASKS, REQUIREMENTS}
    assert json.loads(checkout.run("audit", "--json").out)["rows"][0]["title"] == "orders"
    assert checkout.run("audit", "--verify").code == 0


@pytest.mark.parametrize(
    ("name", "words"), [("nope", "no spec 'nope' is in work"), ("orders", "cannot be approved")]
)
def test_what_cannot_be_approved_is_said(shop, name, words):
    checkout = shop(cast(), ON)
    edit(checkout, TASKS, "_Depends: 2.1_", "_Depends: 9.9_")
    said = checkout.run("spec", "approve", name)
    assert said.code == 2
    assert words in said.err


@pytest.mark.slow
def test_the_gates_of_a_session_are_an_approval(repo, tmp_path):
    """What a person approved phase by phase needs no second approval, until it changes."""
    checkout = Checkout(repo, tmp_path / "home", settings=ON)
    idea = idea_of("notifications")
    model = ("--model", written(tmp_path, replies_to(idea)))
    assert checkout.run("spec", "new", "notify", "-m", idea["idea"], *model).code == 4
    numbers = [str(number) for number in range(1, len(idea["questions"]) + 1)]
    assert checkout.run("spec", "answer", "notify", *numbers).code == 4
    assert [checkout.run("spec", "approve", "notify").code for _ in range(4)] == [4, 4, 4, 0]
    run = ("run", "next", *model, "--branch", "work", "--preflight", "--no-sandbox")
    said = checkout.run(*run)
    assert said.code == 0, said.err
    requirements = repo / ".kiro/specs/notify/requirements.md"
    requirements.write_text(requirements.read_text() + "\nNobody saw this.\n")
    said = checkout.run(*run)
    assert said.code == 3
    assert "Nobody saw this." in said.err
