"""Answers from any machine: the question is shown, and each answer has its effect."""

import json
import signal
import sys
import time

import pytest
from support.many import many
from support.parts import finds, found, says
from support.play import done
from support.team import Team
from support.webhook import listening

from reviewloop.render.batch import ON_ITS_WAY

pytestmark = pytest.mark.needs_postgresql


def states(crew: Team) -> dict[str, str]:
    told = crew.person.json("status")["batches"]
    return {task["task"]: task["state"] for task in told[0]["tasks"]}


def why(crew: Team, run: str) -> str:
    [row] = [row for row in crew.person.json("queue")["runs"] if row["run"] == run]
    return str(row["why"])


@pytest.mark.slow
def test_modify_reject_and_a_branch_that_has_moved_on(team):
    crew = team.waiting("1,2,4")
    machine, elsewhere = crew.machine("one"), crew.machine("elsewhere")
    first, second, fourth = (row["run"] for row in elsewhere.json("queue")["runs"])

    # What is to be decided about can be read without a clone.
    shown = elsewhere.run("queue", "show", first, "--diff")
    assert shown.code == 0, shown.err
    assert "+++ b/shop/part1.py" in shown.out
    assert "Add part 1" in shown.out

    # A task that stands on another one cannot be approved alone.
    said = elsewhere.run("approve", second)
    assert said.code == 2
    assert f"builds on {first}" in said.err

    key = "AKIA" + "Q3EGRIT7JZ5PWNXK"
    assert elsewhere.run("modify", first, "-m", f"Say it more clearly, not {key}.").code == 0
    assert elsewhere.run("approve", first).code == 2  # an answer is on its way already
    assert "Say it more clearly" in crew.queued()
    assert key not in crew.queued()
    assert crew.work(machine).code == 0
    assert states(crew) == {"1": "waiting", "2": "waiting", "4": "waiting"}
    assert [r for r in crew.server.ledger if "Say it more clearly" in r.said]

    # What stood on the change as it was waits for the change as it is.
    other = crew.machine("two")
    said = elsewhere.run("approve", second)
    assert said.code == 2
    assert f"needs what {first} does, which waits: approve that one first" in said.err
    # It stands on a commit that no run proposes any more, and this machine has never seen.
    assert elsewhere.run("modify", fourth, "-m", "Count on.").code == 0
    assert crew.work(other).code == 0
    assert [r for r in crew.server.ledger if "Count on." in r.said], why(crew, fourth)
    assert elsewhere.run("reject", fourth, "-m", "not now").code == 0
    assert crew.work(other).code == 0

    # Somebody pushes to the branch: changes are brought there and shown anew, not committed.
    crew.person.write("notes.md", "# Notes\n")
    crew.person.git("add", "notes.md")
    crew.person.git("commit", "-q", "-m", "Add notes")
    crew.person.git("push", "-q", "origin", crew.branch)
    said = elsewhere.run("approve", second, first)  # what the other needs comes first
    assert said.code == 0, said.err
    assert said.err.index(f"{first}: approve") < said.err.index(f"{second}: approve")
    assert crew.work(other).code == 0
    assert crew.history() == ["Add notes"]
    assert "look at it again" in why(crew, first)
    assert f"rebased there, onto {first}: look at it again" in why(crew, second)
    for run in (first, second):
        assert elsewhere.run("approve", run).code == 0
        assert crew.work(machine).code == 0
        if run == first:  # what its answer met with before is over
            assert first not in why(crew, second)
    assert crew.history() == ["Add notes", "Add part 1", "Add part 2"]
    assert states(crew) == {"1": "committed", "2": "committed", "4": "rejected"}
    said = crew.person.run("clean", "--older-than", "0", "--yes")
    assert f"hold their work: {fourth}" in said.err
    assert crew.count("runs") == 1
    assert crew.person.json("stats")["runs"] == 3  # figures stay
    assert crew.person.run("clean", "--metrics", "--yes").code == 0
    assert crew.person.json("stats")["runs"] == 0


@pytest.mark.slow
def test_all_holds_what_has_must_fix_left_and_passes_over_what_was_answered(team):
    crew = team.waiting("1,4,5")
    machine, elsewhere = crew.machine("one"), crew.machine("elsewhere")
    first, fourth, fifth = (row["run"] for row in elsewhere.json("queue")["runs"])
    crew.server.answer = many({4: says(done("Wrote it."))})  # and changes nothing
    assert elsewhere.run("modify", fourth, "-m", "say EURO").code == 0
    assert crew.work(machine).code == 0

    said = elsewhere.run("approve", "--all")
    assert said.code == 4
    assert f"{first}: approve is on its way" in said.err
    held = (
        f"{fourth}: held: 1 request not done; only naming it commits that all the same; next: `rev"
    )
    assert held in said.err
    assert said.err.splitlines()[-1] == "1 on the way, 2 not"
    assert f"{fifth}: held: it needs task 4, and {fourth} was not committed; next: `" in said.err
    rows = elsewhere.json("queue", "approve", "--all")["runs"]
    assert [row["what"] for row in rows] == ["answered", "held", "held"]
    assert [row["next"] for row in rows[1:]] == [f"reviewloop queue approve {fourth}"] * 2
    [told] = crew.person.json("status")["batches"]
    assert [row["next"] == ON_ITS_WAY for row in told["tasks"]] == [True, False, False]
    # Naming what needs it does not name it.
    assert elsewhere.run("queue", "approve", fifth).code == 4
    assert elsewhere.run("queue", "approve", fourth).code == 0
    assert elsewhere.run("queue", "approve", "--all").code == 0
    assert elsewhere.run("queue", "approve", "--all").code == 0
    assert crew.work(machine).code == 0
    assert crew.history() == ["Add part 1", "Add part 4"]
    assert states(crew) == {"1": "committed", "4": "committed", "5": "waiting"}
    assert "look at it again" in why(crew, fifth)


@pytest.mark.with_tests
@pytest.mark.slow
def test_autopilot_pushes_what_is_clean_with_commands_that_who_enqueued_agreed_to(team):
    argv = json.dumps([sys.executable, "-S", "checks.py"])
    crew = team(**{"reviewloop.toml": f"[gates.test]\nenabled = true\ncommand = {argv}\n"})
    machine = crew.machine("one")
    for one in (crew.person, machine):
        del one.environ["REVIEWLOOP_GATES__TEST__COMMAND"]
    queue = ("batch", "--mode", "autopilot", "--tasks", "1,2")
    said = crew.person.forked(*queue)
    assert said.code == 2
    assert "reviewloop trust" in said.err
    assert crew.person.run("trust", "--yes").code == 0
    said = crew.person.forked(*queue)
    assert said.code == 0, said.err
    quick = ("--heartbeat", "0.1")
    said = crew.work(machine, *quick, REVIEWLOOP_FAULT="worker.pushed:1")
    assert said.code == -signal.SIGKILL, said.err
    time.sleep(0.4)  # three signs of life that lack
    said = crew.work(machine, *quick)
    assert said.code == 0, said.err
    assert crew.history() == ["Add part 1", "Add part 2"]
    assert states(crew) == {"1": "committed", "2": "committed"}
    assert crew.person.json("queue")["runs"] == []
    # What was pushed is deleted on request, with all that stands under it.
    assert crew.person.run("clean", "--older-than", "1", "--yes").code == 0
    assert crew.count("runs") == 2
    assert crew.person.run("clean", "--older-than", "0", "--yes").code == 0
    tables = ("runs", "files", "calls", "batches", "checkpoints", "procrastinate_jobs")
    assert {table: crew.count(table) for table in tables} == dict.fromkeys(tables, 0)


@pytest.mark.slow
def test_what_workers_would_not_find_is_refused_before_it_is_queued(team):
    crew = team()
    crew.person.write("notes.md", "# Notes\n")
    crew.person.git("add", "notes.md")
    crew.person.git("commit", "-q", "-m", "Add notes")
    said = crew.enqueue()
    assert said.code == 2
    assert "is not at origin: push it first" in said.err
    for arguments in (("--max-parallel", "2"), ("--mode", "each"), ("--no-sandbox",)):
        assert crew.person.run("batch", *arguments).code == 2
    assert crew.person.run("batch", "--store", "", "--remote", "origin").code == 2
    crew.person.write("art/.gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n")
    module = crew.person.git("rev-parse", "HEAD")
    crew.person.git("update-index", "--add", "--cacheinfo", f"160000,{module},libs/other")
    crew.person.git("add", "art/.gitattributes")
    crew.person.git("commit", "-q", "-m", "Add what clones lack")
    crew.person.git("push", "-q", "origin", crew.branch)
    said = crew.enqueue("--tasks", "1")
    assert said.code == 0, said.err
    assert "no content of submodules: libs/other is empty there" in said.err
    assert "no content of Git LFS" in said.err


@pytest.mark.slow
def test_must_fix_findings_need_a_word_behind_a_store_too(team):
    bad = found("must_fix", "Too short", '"""Part 4."""', "shop/part4.py")
    crew = team(many(review_security=finds(bad)))
    assert crew.enqueue("--tasks", "4").code == 0
    machine, elsewhere = crew.machine("one"), crew.machine("elsewhere")
    assert crew.work(machine).code == 0
    [run] = [row["run"] for row in elsewhere.json("queue")["runs"]]
    queued = crew.queued()
    said = elsewhere.run("approve", run)
    assert (said.code, crew.queued()) == (2, queued)
    assert f"run {run} has 1 must fix left" in said.err
    assert f"`reviewloop approve {run} --with-must-fix`" in said.err
    said = elsewhere.run("queue", "approve", run)
    assert (said.code, crew.queued()) == (4, queued)
    assert f"next: `reviewloop queue approve {run} --with-must-fix`" in said.err
    assert elsewhere.run("queue", "approve", run, "--with-must-fix").code == 0
    assert crew.work(machine).code == 0
    assert states(crew) == {"4": "committed"}


@pytest.mark.slow
def test_a_worker_calls_about_what_waits_and_what_stopped(team):
    crew = team()
    assert crew.enqueue("--tasks", "1").code == 0
    machine = crew.machine("one")
    with listening() as hook:
        address = {"REVIEWLOOP_NOTIFY__WEBHOOK": hook.url}
        assert crew.work(machine, **address).code == 0
        assert crew.enqueue("--tasks", "4").code == 0
        assert crew.work(machine, **address, REVIEWLOOP_LIMITS__TOKENS="1").code == 0
    told = [(body["task"], body["status"]) for _, body in hook.posted]
    assert told == [("1", "waiting"), ("4", "paused")]
