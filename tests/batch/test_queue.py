"""The queue on the command line: other branches, names, what is left, and cut-off approvals."""

import re
import shlex

import pytest
from support.checkout import Checkout
from support.many import SPEC, files_of, many
from support.parts import Part, says
from support.play import done, reply, write

from reviewloop.app.project import open_repository
from reviewloop.store.runs import RunRecord, RunStatus


def commits(checkout: Checkout) -> list[str]:
    return checkout.git("log", "--reverse", "--format=%s").splitlines()[1:]


def states(checkout: Checkout) -> dict[str, str]:
    return {row["task"]: row["state"] for row in checkout.json("queue")["runs"]}


def shared(number: int) -> Part:
    """Return the implementer of a task that writes a line which another writes, too."""
    files = {**files_of(number), "shop/registry.py": f"NAMES = [{number}]\n"}
    made = [write(path, text) for path, text in files.items()]
    return says(reply(*made), done("Wrote it.", f"Add part {number}"))


@pytest.mark.slow
def test_what_waits_on_another_branch_is_named_and_committed_without_touching_the_checkout(shop):
    checkout = shop.waiting("1,2,4")
    checkout.server.answer = many({4: says(done("Wrote it."))})  # and changes nothing
    assert checkout.run("modify", "4", "-m", "say EURO").code == 4
    checkout.git("switch", "-q", "-c", "other")
    assert "3 waiting on work: git switch work" in checkout.run("queue").out
    [there] = checkout.json("queue")["elsewhere"]
    assert (there["branch"], len(there["runs"]), there["next"]) == ("work", 3, "git switch work")
    said = checkout.run("queue", "show")
    assert (said.code, "3 waiting on work" in said.err) == (2, True)
    before = checkout.git("status", "--porcelain", "--branch")
    assert checkout.run("queue", "approve", "1").code == 0
    assert checkout.git("status", "--porcelain", "--branch") == before
    assert checkout.git("log", "-1", "--format=%s", "work") == "Add part 1"
    checkout.git("switch", "-q", "work")
    both = {"2": "waiting", "4": "waiting"}
    assert states(checkout) == both

    # All names are looked at before anything is done.
    for answer in ("approve", "reject"):
        for wrong in ("99", "1"):
            assert checkout.run("queue", answer, "2", wrong).code == 2
            assert states(checkout) == both
    told = checkout.json("queue", "reject", "2", "2", "-m", "no")
    [row] = told["runs"]
    [fourth] = [one["run"] for one in checkout.json("queue")["runs"]]
    assert (row["what"], row["why"], row["exit_code"], row["left_on_it"]) == (
        "rejected",
        "no",
        7,
        [fourth],
    )

    # What has a red finding left is committed only by its name.
    assert "say EURO" in checkout.run("queue", "show").out  # the only one that waits
    said = checkout.run("queue", "approve", "--all")
    assert (said.code, commits(checkout)) == (4, ["Add part 1"])
    assert f"{fourth} held: 1 request not done; naming it rebases it onto work first" in said.err
    assert f"next: `reviewloop queue approve {fourth}`" in said.err
    said = checkout.run("queue", "approve", fourth)
    assert said.code == 0, said.err
    assert re.search(r"4 Fourth number: \w{10} on work \(1 request not done\)", said.err)
    message = checkout.git("log", "-1", "--format=%B")
    assert "\nAsked for and not done: say EURO\n" in f"{message}\n"
    assert "0 findings, 0 fixed, 0 left open, 0 nits; 1 request not done" in message
    assert message.count("Wrote it.") == 1


def test_runs_of_an_earlier_repository_at_this_path_are_not_in_the_queue(repo, tmp_path):
    checkout = Checkout(repo, tmp_path / "home")
    with checkout.inside():
        runs = open_repository().runs
    for name, branch in (("1-a", checkout.git("branch", "--show-current")), ("2-a", "other")):
        runs.save(RunRecord(name, "", "Gone", "0" * 40, branch, status=RunStatus.BLOCKED))
    body = checkout.json("queue")
    assert (body["runs"], body["elsewhere"]) == ([], [])
    said = checkout.run("queue", "reject", "1-a")
    assert (said.code, "2 runs are left out (" in said.err) == (2, True)
    assert runs.find("1-a").status is RunStatus.BLOCKED


@pytest.mark.slow
def test_one_that_does_not_merge_stops_only_what_stands_on_it(shop):
    checkout = shop(many({1: shared(1), 4: shared(4)}))
    for task in ("1", "4"):
        assert checkout.run("run", task).code == 4
    asked = len(checkout.server.ledger)
    told = checkout.json("queue", "approve", "--all")
    first, second = told["runs"]
    assert (first["what"], second["what"], second["exit_code"]) == ("committed", "conflict", 4)
    assert (told["committed"], told["not_committed"]) == (1, 1)
    assert first["commit"] == checkout.git("rev-parse", "HEAD")
    said = checkout.run("queue", "approve", "--all")
    assert said.code == 4
    assert "0 committed, 1 not" in said.err
    assert f"next: `{second['next']}`" in said.err
    promised = f"does not merge: {second['why']}; next: `{second['next']}`"
    assert promised in checkout.run("queue", "show", "4").out
    assert checkout.json("queue")["runs"][0]["note"] == promised
    assert len(checkout.server.ledger) == asked
    assert checkout.run(*shlex.split(second["next"])[1:]).code == 4  # what was named does it
    assert checkout.run("queue", "approve", "--all").code == 0
    assert commits(checkout) == ["Add part 1", "Add part 4"]


@pytest.mark.with_tests
@pytest.mark.slow
def test_an_approval_while_others_are_at_work_and_one_that_was_cut_off_tick_in_their_commits(shop):
    checkout = shop()
    said = []

    def fourth(received):
        if received.turn == 0:  # what this one stands on is neither the branch nor all of the line
            said.append(checkout.forked("queue", "approve", "1"))
            return reply(*(write(path, text) for path, text in files_of(4).items()))
        return done("Wrote it.", "Add part 4")

    checkout.server.answer = many({4: fourth})
    assert checkout.run("batch", "--tasks", "1,2,4").code == 4
    assert [one.code for one in said] == [0]
    assert checkout.record("4")["proposal"]["tick_on_disk"] == ""
    asked = len(checkout.server.ledger)

    # It keeps its place and is finished first.
    said = checkout.forked("queue", "approve", "--all", REVIEWLOOP_FAULT="commit.begin:1")
    assert said.code == -9
    assert states(checkout) == {"2": "stopped", "4": "waiting"}
    rows = {row["task"]: row for row in checkout.json("status")["batch"]["tasks"]}
    assert rows["4"]["why"] == ""  # what it builds on is on its way to the branch
    said = checkout.forked("queue", "approve", "4", REVIEWLOOP_FAULT="promote.file:1")
    assert said.code == -9
    assert checkout.run("queue", "reject", "2").code == 2  # some of it is in the checkout
    said = checkout.run("queue", "approve", "--all")
    assert said.code == 0, said.err
    assert commits(checkout) == ["Add part 1", "Add part 2", "Add part 4"]
    assert checkout.git("show", f"HEAD:{SPEC}").count("[x]") == 3
    assert checkout.git("status", "--porcelain") == ""
    assert len(checkout.server.ledger) == asked
