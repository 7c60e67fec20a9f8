"""A working day and the next morning: every command in its usual place."""

import json
import re

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.ideas import idea_of, replies_to
from support.spec_script import written

NAME = "notifications"
HANDOFF = ".kiro/context/session-handoff.md"


@pytest.mark.slow
def test_from_an_empty_morning_to_the_next_one(repo, tmp_path, git):
    idea = idea_of(NAME)
    checkout = Checkout(repo, tmp_path / "home", settings=QUIET_GATES)
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    git(repo, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(repo, "push", "-q", "-u", "origin", "HEAD")
    model = ("--model", written(tmp_path, replies_to(idea)))
    checkout.environ["REVIEWLOOP_MODELS__REASONING"] = model[1]
    checkout.environ["REVIEWLOOP_MODELS__GENERATION"] = model[1]

    # the first morning: nobody handed over
    said = checkout.run("session", "resume", "--offline")
    assert (said.code, "there is no handoff" in said.err) == (2, True)

    # a spec from a sentence, each phase approved, then its first task
    begun = checkout.json("spec", "new", NAME, "-m", idea["idea"])
    numbers = [str(number) for number, _ in enumerate(begun["questions"], 1)]
    assert checkout.run("spec", "answer", NAME, *numbers).code == 4
    assert [checkout.run("spec", "approve", NAME).code for _ in range(4)] == [4, 4, 4, 0]
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "spec of notifications")
    run = ("run", "next", "--spec", NAME, "--branch", "work", "--no-sandbox")
    assert checkout.run(*run).code == 4
    assert checkout.run("approve").code == 0
    git(repo, "switch", "-q", "work")

    # the evening
    said = checkout.run("handoff", "--offline", "-m", "mail first, SMS never")
    assert said.code == 0, said.err
    text = (repo / HANDOFF).read_text()
    assert re.search(rf"task 1: .*: committed as [0-9a-f]{{10}};.*\(run {record(checkout)}\)", text)
    assert "mail first, SMS never (note, " in text
    assert f"- {NAME}: 1/4 tasks" in text
    assert f"`reviewloop run 2 --spec .kiro/specs/{NAME}`" in text
    assert checkout.run("memory").code == 0
    assert len(checkout.json("audit")["rows"]) == 2  # the spec, and its first task

    # at night: another branch, a commit, an edit, and a run that was taken back
    assert checkout.run("undo").code == 0
    git(repo, "switch", "-q", "-c", "night")
    git(repo, "commit", "-q", "--allow-empty", "-m", "fix at night")
    (repo / "notes.txt").write_text("half done\n")

    # the next morning
    lines = checkout.run("session", "resume", "--offline").out.splitlines()
    assert len(lines) <= 25
    assert lines[0] == "not pushed: 2 commits of night to origin, which has no such branch"
    assert lines[1] == "not committed: notes.txt"
    differs = [line.removeprefix("differs: ") for line in lines if line.startswith("differs: ")]
    assert differs[0] == "branch: it was work, you are on night"
    [left] = [line for line in lines if line.startswith("left off: ")]
    assert ", on work at " in left
    assert differs[1].startswith("commits: ")
    assert differs[2] == "files: edited since and not committed: notes.txt"
    assert differs[3] == f"run {record(checkout)}: it was committed, now undone"
    body = json.loads(checkout.run("session", "resume", "--offline", "--json").out)
    assert body["next"][0]["command"] == "git push -u origin night"


def record(checkout: Checkout) -> str:
    (row,) = checkout.json("status")["runs"]
    return str(row["run"])
