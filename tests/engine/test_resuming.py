"""A stopped run resumes on workers, under the caps that the user raised."""

import re
import shlex

import pytest
from support.team import Team

pytestmark = pytest.mark.needs_postgresql


def row(crew: Team, task: str) -> dict[str, str]:
    [told] = crew.person.json("status")["batches"]
    [found] = [one for one in told["tasks"] if one["task"] == task]
    return dict(found)


@pytest.mark.slow
def test_the_next_command_of_a_run_that_reached_its_cap_brings_all_of_it_on_from_anywhere(team):
    crew = team()
    machine, elsewhere = crew.machine("one"), crew.machine("elsewhere")
    assert crew.enqueue("--tasks", "1,2").code == 0
    quick = ("--heartbeat", "0.1")
    said = crew.work(machine, *quick, REVIEWLOOP_LIMITS__TOKENS="1000")
    assert said.code == 0, said.err
    found = row(crew, "1")
    run = found["run"]
    assert (found["state"], row(crew, "2")["state"]) == ("stopped", "open")
    assert "of 1,000 tokens" in found["why"]

    assert f"`reviewloop resume {run} --budget-tokens " in said.err
    for more in ((), ("--budget-usd", "90"), ("--budget-tokens", "1000")):
        said = elsewhere.run("resume", run, *more)
        assert said.code == 6
        assert f"1000 tokens; `reviewloop resume {run} --budget-tokens " in said.err
    assert row(crew, "1")["why"] != "queued"

    # What is printed is what works, and `approve` says the same.
    said = elsewhere.run("approve", run)
    assert said.code == 2
    assert f"`reviewloop resume {run}` goes on with it" in said.err
    assert elsewhere.run("resume", run, "--budget-tokens", "-1").code == 2
    raised = re.fullmatch(r"`reviewloop (resume \S+ --budget-tokens) \d+`", found["next"])
    assert raised, found["next"]
    told = elsewhere.json(*shlex.split(raised[1]), "900000")
    assert (told["run"], told["queued"]) == (run, ["1", "2"])

    # Now it is queued: there is no more to say, but a cap can be changed until a worker has it.
    assert (row(crew, "1")["why"], row(crew, "1")["next"]) == ("queued", "")
    for command in (("resume", run), ("approve", run)):
        said = elsewhere.run(*command)
        assert (said.code, "it is queued, and the next free worker" in said.err) == (2, True)
    said = elsewhere.run("resume", run, "--budget-tokens", "800000")
    assert said.code == 0, said.err
    assert f"{run} is queued; the next free worker goes on with it" in said.err
    assert "no worker is at work" in said.err
    assert crew.work(machine, *quick, REVIEWLOOP_LIMITS__TOKENS="700000").code == 0
    assert [row(crew, task)["state"] for task in "12"] == ["waiting", "waiting"]
    assert row(crew, "1")["run"] == run
    assert crew.server.paid_twice() == []
    assert elsewhere.json("show", run)["settings"]["limits"]["tokens"] == 800_000
    said = elsewhere.run("resume", run)
    assert (said.code, "it waits for you" in said.err) == (2, True)
    said = elsewhere.run("resume", "m-0101-aaaa")  # of `reviewloop run`, which knows no store
    assert (said.code, '`--store ""` looks on this machine' in said.err) == (2, True)
