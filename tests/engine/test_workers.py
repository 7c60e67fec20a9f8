"""The same loop on many machines: queued in a database, run by workers, approved from anywhere."""

import signal
import threading
import time
from collections import Counter

import pytest
from support.many import many
from support.processes import asked, until, waiting, worker

REVIEWERS = 5
pytestmark = pytest.mark.needs_postgresql


@pytest.mark.slow
def test_a_worker_that_is_killed_is_taken_over_and_approvals_come_from_elsewhere(team):
    play, killed = many(), threading.Event()

    def slow_at_first(received):
        answer = play(received)
        reads = received.agent.startswith("review-") and not killed.is_set()
        return answer.after(20, first_byte=0) if reads else answer

    crew = team(slow_at_first)
    before = crew.person.bytes()
    assert crew.enqueue("--tasks", "1,2,4").code == 0
    elsewhere = crew.machine("elsewhere")
    # It dies when the first task is implemented, and replies of all reviewers are on their way.
    with worker(crew.machine("one")) as first:
        until(lambda: bool(asked(crew, _DOING)), "the first worker takes the first task")
        with worker(crew.machine("two")) as second:
            until(lambda: len(crew.server.ledger) == 2 + REVIEWERS, "all reviewers read")
            killed.set()
            assert first.end(signal.SIGKILL).code == -signal.SIGKILL
            until(lambda: len(crew.server.ledger) > 2 + REVIEWERS, "the other one goes on")
            until(lambda: len(waiting(elsewhere)) == 3, "three tasks wait")
            until(lambda: not asked(crew, _DOING), "no worker is held by a run that waits")
            assert crew.history() == []
            said = elsewhere.run("queue", "approve", "--all")
            assert said.code == 0, said.err
            until(lambda: len(crew.history()) == 3, "three commits at the remote")
            until(lambda: not asked(crew, _DOING), "the last answer is carried out")
            said = second.end()
    assert said.code == 0, said.err
    assert "its worker died" in said.err
    assert crew.history() == ["Add part 1", "Add part 2", "Add part 4"]
    # What had arrived was not asked for again; what was on its way was, once.
    assert crew.server.paid_twice() == []
    calls = Counter(received.agent for received in crew.server.ledger)
    assert calls.pop("implement") == 3 * 2
    assert set(calls.values()) == {3 + 1}, calls
    told = elsewhere.json("status")["batches"]
    assert [(t["task"], t["state"]) for t in told[0]["tasks"]] == [(n, "committed") for n in "124"]
    assert crew.person.bytes() == before
    assert asked(crew, _OVERLAPS) == []


@pytest.mark.slow
def test_a_worker_that_is_told_to_stop_gives_its_task_back_at_once(team):
    play, begun = many(), threading.Event()

    def slowly(received):
        begun.set()
        return play(received).after(0.5)

    crew = team(slowly)
    assert crew.enqueue("--tasks", "1").code == 0
    with worker(crew.machine("one")) as first:
        assert begun.wait(30)
        said = first.end()
    assert said.code == 0, said.err
    assert crew.work(crew.machine("two")).code == 0
    assert waiting(crew.person) == ["1"]
    assert crew.server.paid_twice() == []


@pytest.mark.slow
def test_what_a_worker_cannot_do_is_told_where_people_look(team):
    crew = team()
    assert crew.enqueue("--tasks", "1").code == 0
    away = crew.remote.rename(crew.folder / "away.git")
    said = crew.work(crew.machine("one"))
    assert said.code == 2
    assert "was not fetched" in said.err
    [told] = crew.person.json("status")["batches"]
    assert "was not fetched" in told["reason"]
    assert "was not fetched" in crew.person.run("status").out
    assert told["state"] == "running"  # it is tried again in half a minute
    said = crew.enqueue("--tasks", "1")
    assert said.code == 2
    assert "the remote could not be looked at" in said.err
    assert "pushed" not in said.err
    away.rename(crew.remote)
    assert asked(crew, "SELECT attempts FROM procrastinate_jobs WHERE status = 'todo'") == [(1,)]


_DOING = "SELECT id FROM procrastinate_jobs WHERE status = 'doing'"
_OVERLAPS = """
WITH times AS (
    SELECT job_id, lock, min(at) FILTER (WHERE type = 'started') AS begun,
           max(at) FILTER (WHERE type IN ('succeeded', 'failed')) AS ended
    FROM procrastinate_events e JOIN procrastinate_jobs j ON j.id = e.job_id GROUP BY 1, 2
)
SELECT a.job_id, b.job_id FROM times a JOIN times b
ON a.lock = b.lock AND a.job_id < b.job_id AND a.begun < b.ended AND b.begun < a.ended
"""


_QUICK = ("--heartbeat", "0.1")  # where no two are at work


@pytest.mark.with_tests
@pytest.mark.slow
def test_killed_at_any_moment_others_end_in_the_same_state(team):
    crew = team()
    assert crew.enqueue("--tasks", "1").code == 0
    machines = [crew.machine(f"m{n}") for n in range(3)]

    def killed_at(*faults: str) -> None:
        """Have each machine in turn go on where the one before it was killed."""
        for number, fault in enumerate(faults):
            machine = machines[number % len(machines)]
            said = crew.work(machine, *_QUICK, REVIEWLOOP_FAULT=fault)
            assert said.code == -signal.SIGKILL, (fault, said.err)
            time.sleep(0.4)  # three signs of life that lack
        assert crew.work(machines[-1], *_QUICK).code == 0

    # Nothing is on its way to a model at these points, so nothing may be asked for again.
    killed_at("begin.files:1", "ship.after:3", "propose.end:1")
    [row] = crew.person.json("queue")["runs"]
    assert crew.person.run("modify", row["run"], "-m", "Say it more clearly.").code == 0
    killed_at("approve.end:1")
    assert waiting(crew.person) == ["1"]
    assert crew.person.run("approve", row["run"]).code == 0
    killed_at("promote.ref:1", "worker.push:1", "worker.pushed:1")
    assert crew.history() == ["Add part 1"]
    calls = Counter(received.agent for received in crew.server.ledger)
    assert calls.pop("implement") == 4  # two turns, and two for the modification
    assert set(calls.values()) == {2}, calls  # each reviewer once, and once more after it
    [told] = crew.person.json("status")["batches"]
    assert [(t["task"], t["state"]) for t in told["tasks"]] == [("1", "committed")]
