"""Changes that finish in parallel become one line of commits: rebased, gated, presented again."""

from types import SimpleNamespace

import pytest
from support.checkout import Checkout
from support.many import SPEC, files_of, many
from support.parts import Part, says
from support.play import calls, done, reply, write

from reviewloop.app.batch.approve import approve_each
from reviewloop.app.batch.queue import to_approve
from reviewloop.app.batch.run_steps import redo_task
from reviewloop.app.project import open_repository
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus

SHARED = "shop/registry.py"


def commits(checkout: Checkout) -> list[str]:
    return checkout.git("log", "--reverse", "--format=%s").splitlines()[1:]


def rows(checkout: Checkout) -> dict[str, dict]:
    return {row["task"]: row for row in checkout.json("queue")["runs"]}


def also(number: int, path: str, text: str) -> Part:
    """Return the implementer of a task that writes one file more."""
    made = [write(p, t) for p, t in {**files_of(number), path: text}.items()]
    return says(reply(*made), done("Wrote it.", f"Add part {number}"))


@pytest.mark.with_tests
@pytest.mark.slow
def test_side_by_side_the_result_is_that_of_one_after_the_other(shop):
    slow = many()
    checkout = shop(
        lambda received: slow(received).after(0.15 if "First number" in received.said else 0.0)
    )
    before = checkout.bytes()
    said = checkout.run("batch", "--max-parallel", "3")
    assert said.code == 4, said.err
    assert checkout.bytes() == before
    begun = [row["created_at"] for row in checkout.json("status")["runs"]]
    assert begun == sorted(begun, reverse=True)
    assert any(moment % 1 for moment in begun)  # else those of one second have no order
    states = {task: row["state"] for task, row in rows(checkout).items()}
    assert states == dict.fromkeys("123456", "waiting")
    assert checkout.run("queue", "approve", "--all").code == 0
    starts = [line for line in said.err.splitlines() if ": run " in line]
    assert starts[0].startswith("1 ")
    assert starts[1].startswith("4 ")
    assert "on top of" not in starts[1]
    read = sum(r.agent.startswith("review-") for r in checkout.server.ledger)
    assert read == 6 * 5  # other files: gates judged the rebased changes, nobody read them again
    assert commits(checkout) == [f"Add part {n}" for n in range(1, 7)]
    assert checkout.read(SPEC).count("[x]") == 6


@pytest.mark.slow
def test_changes_of_the_same_lines_are_done_once_more_on_top_of_each_other(shop):
    first = also(1, SHARED, "NAMES = ['one']\n")

    def fourth(received):
        if received.turn == 0:
            return calls("fs_read", {"path": SHARED})
        there = "'one'" in str(received.messages)
        names = "['one', 'four']" if there else "['four']"
        files = {"shop/part4.py": files_of(4)["shop/part4.py"], SHARED: f"NAMES = {names}\n"}
        steps = [reply(*(write(p, t) for p, t in files.items())), done("Wrote.", "Add part 4")]
        return steps[received.turn - 1]

    checkout = shop(many({1: first, 4: fourth}))
    said = checkout.run("batch", "--max-parallel", "2", "--tasks", "1,4")
    assert said.code == 4, said.err
    assert "changed the same lines of shop/registry.py" in said.err
    told = checkout.json("status")
    assert [row["status"] for row in told["runs"]].count("redone") == 1
    batch = told["batch"]
    assert batch["totals"]["runs"] == 3
    assert batch["totals"]["calls"] == len(checkout.server.ledger)
    assert checkout.run("queue", "approve", "--all").code == 0
    assert checkout.read(SHARED) == "NAMES = ['one', 'four']\n"
    assert commits(checkout) == ["Add part 1", "Add part 4"]


@pytest.mark.slow
def test_rejecting_one_leaves_the_others_to_be_rebased_and_asked_about_again(shop):
    checkout = shop.waiting("1,2,4")
    found = rows(checkout)
    said = checkout.run("queue", "reject", found["2"]["run"])
    assert said.code == 7
    assert f"{found['4']['run']} builds on it" in said.err
    assert rows(checkout)["4"]["state"] == "waiting"
    assert "approving rebases it first" in rows(checkout)["4"]["note"]
    with checkout.inside():
        runs = open_repository().runs
    fourth = runs.find(found["4"]["run"])
    fourth.options["redo"] = True  # a batch was killed as it was about to give it up
    runs.save(fourth)
    said = checkout.run("queue", "approve", "--all")
    assert said.code == 4, said.err
    assert not runs.find(fourth.run_id).options["redo"]  # rejected, it would be done again
    assert "1 committed, 1 not" in said.err
    assert f"{found['4']['run']} rebased: it builds on " in said.err
    assert commits(checkout) == ["Add part 1"]
    assert checkout.run("queue", "approve", "--all").code == 0
    assert commits(checkout) == ["Add part 1", "Add part 4"]
    assert checkout.read(SPEC).count("[x]") == 2


@pytest.mark.slow
def test_what_needs_a_rejected_change_is_not_brought_onto_another_commit(shop):
    checkout = shop.waiting("1,2")
    found = rows(checkout)
    checkout.run("queue", "reject", found["1"]["run"])
    said = checkout.run("queue", "approve", found["2"]["run"])
    assert said.code == 4
    advice = "`reviewloop batch` does 1 anew and rebases this onto it, or reject this, too: "
    advice += f"`reviewloop queue reject {found['2']['run']}`"
    assert "held: task 2 needs task 1" in said.err
    assert advice in said.err
    assert "next: " not in said.err
    assert rows(checkout)["2"]["note"].endswith(advice)
    [_, row] = checkout.json("status")["batch"]["tasks"]
    assert row["next"] == advice
    assert commits(checkout) == []


@pytest.mark.slow
def test_a_run_on_top_of_others_can_be_saved_as_a_branch_when_these_are_gone(shop):
    checkout = shop.waiting("1,2")
    found = rows(checkout)
    assert checkout.run("queue", "reject", found["1"]["run"], found["2"]["run"]).code == 7
    assert checkout.run("checkout", found["1"]["run"], "first").code == 0
    assert checkout.run("clean", "--older-than", "0", "--yes").code == 0
    assert not checkout.folder(found["2"]["run"]).with_name(found["1"]["run"]).exists()
    assert checkout.run("checkout", found["2"]["run"], "second").code == 0
    assert checkout.git("log", "--format=%s", "second").splitlines()[:2] == [
        "Add part 2",
        "Add part 1",
    ]
    checkout.git("fsck", "--strict")


@pytest.mark.with_tests
@pytest.mark.slow
def test_a_gate_that_turns_red_on_top_of_another_change_is_worked_on_once_more(shop):
    alone = (
        "import pathlib\n\n\n"
        "def test_alone():\n    assert not pathlib.Path('shop/part1.py').exists()\n"
    )

    def fourth(received):
        if received.turn == 0:
            return calls("fs_read", {"path": "shop/part1.py"})
        files = files_of(4)
        if "return 1" not in str(received.messages):
            files["tests/test_part4.py"] = alone
        steps = [reply(*(write(p, t) for p, t in files.items())), done("Wrote.", "Add part 4")]
        return steps[received.turn - 1]

    checkout = shop(many({4: fourth}))
    said = checkout.run(
        *("batch", "--mode", "autopilot", "--max-parallel", "2", "--tasks", "1,4,5")
    )
    assert said.code == 0, said.err
    assert "4 Fourth number: done once more: test: " in said.err
    assert commits(checkout) == ["Add part 1", "Add part 4", "Add part 5"]
    batch = checkout.json("status")["batch"]
    assert batch["counts"] == {"committed": 3}
    assert {row["approved_by"] for row in batch["tasks"]} == {"autopilot"}
    assert [len(row["earlier_runs"]) for row in batch["tasks"]] == [0, 1, 0]
    assert batch["totals"]["calls"] == len(checkout.server.ledger)


@pytest.mark.slow
def test_what_stood_on_a_modified_change_is_brought_onto_the_new_one(shop):
    checkout = shop.waiting("1,2")
    found = rows(checkout)
    said = checkout.run("approve", found["2"]["run"])
    assert (said.code, "queue approve" in said.err) == (2, True)
    with checkout.inside():
        repository = open_repository()
        chosen = to_approve(repository, [found["1"]["run"]], every=False)
    edit = reply(write("shop/more.py", "more = 1\n"))
    checkout.server.answer = many({1: says(edit, done("More."))})
    assert checkout.run("modify", found["1"]["run"], "-m", "add more").code == 4
    with checkout.inside():
        [said] = approve_each(repository, chosen, lambda event: None)
    assert (said.what, said.code) == ("changed", 2)
    assert "has changed since you looked" in said.why
    assert "approving rebases it first" in rows(checkout)["2"]["note"]
    assert checkout.run("batch", "--tasks", "1,2").code == 4
    assert rows(checkout)["2"]["state"] == "waiting"
    said = checkout.run("queue", "approve", found["2"]["run"])
    assert said.code == 0, said.err
    assert commits(checkout) == ["Add part 1", "Add part 2"]
    assert checkout.git("show", "HEAD^:shop/more.py") == "more = 1"


@pytest.mark.slow
def test_what_waits_is_brought_onto_what_a_person_committed_meanwhile(shop):
    checkout = shop.waiting("1,2")
    checkout.write("NOTES.md", "mine\n")
    checkout.git("add", "NOTES.md")
    checkout.git("commit", "-q", "-m", "Mine")
    asked = len(checkout.server.ledger)
    said = checkout.run("queue", "approve", "--all")
    assert said.code == 4, said.err
    assert said.err.count("so it was not read again; the guard-rails ran there") == 2
    assert commits(checkout) == ["Mine"]
    assert checkout.run("queue", "approve", "--all").code == 0
    assert commits(checkout) == ["Mine", "Add part 1", "Add part 2"]
    assert len(checkout.server.ledger) == asked


def test_what_somebody_else_answers_at_this_moment_is_not_given_up(repo):
    repository = open_repository(repo)
    run = RunRecord("1-a", "", "One", "", "work", status=RunStatus.WAITING, proposal="before")
    repository.runs.save(run)
    session = SimpleNamespace(repository=repository, look=lambda: repository)
    with hold(repository.run_lock("1-a"), "run 1-a"):
        assert not redo_task(session, None, run, "it does not merge")
    repository.runs.save(RunRecord(**{**vars(run), "proposal": "modified"}))
    assert not redo_task(session, None, run, "it does not merge")
    assert "redo" not in repository.runs.find("1-a").options
