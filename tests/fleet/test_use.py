"""What a user does with runs that wait, whichever fleet has them: the same commands, the same end.

On one machine a command carries an answer out itself, with a store the next worker does.
"""

from contextlib import closing

import pytest

from reviewloop.cli.fleet import fleet_at
from reviewloop.domain.errors import UsageError

# What differs between the two is in test_contract.py: with a store, this is the wider proof.
pytestmark = pytest.mark.slow_but("local", "")
SUBJECTS = ["Add part 1", "Add part 2", "Add part 4"]


@pytest.mark.slow_but("local", "postgres")
def test_what_is_approved_is_committed_and_the_queue_lacks_it(crew):
    run = crew.runs()["1"]["run"]
    ended = crew.user.forked("approve", run)
    assert ended.code == 0, ended.err
    crew.settle()
    assert crew.history() == SUBJECTS[:1]
    assert sorted(crew.runs()) == ["2", "4"]
    row = crew.rows()["1"]
    assert (row["state"], row["run"], row["next"]) == ("committed", run, "")
    shown = crew.user.json("show", run)
    assert (shown["status"], shown["commit"]) == ("committed", row["commit"])
    crew.pull()
    assert crew.user.git("log", "-1", "--format=%H") == row["commit"]
    assert "- [x] 1. First number" in crew.user.read(".kiro/specs/many/tasks.md")


def test_what_is_rejected_is_not_committed_and_a_branch_saves_it(crew):
    run = crew.runs()["4"]["run"]
    assert crew.user.forked("reject", run, "-m", "not now").code in {0, 7}
    crew.settle()
    assert (crew.history(), sorted(crew.runs())) == ([], ["1", "2"])
    row = crew.rows()["4"]
    assert (row["state"], row["why"]) == ("rejected", "not now")
    assert row["next"].startswith("`reviewloop batch` does it anew")
    ended = crew.user.run("checkout", run, "saved")
    assert ended.code == 0, ended.err
    assert crew.user.git("log", "-1", "--format=%s", "saved") == "Add part 4"
    assert crew.user.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_what_is_modified_asks_again_with_what_the_words_made_of_it(crew):
    before = crew.runs()["4"]
    ended = crew.user.forked("modify", before["run"], "-m", "Say it more clearly.")
    assert ended.code in {0, 4}, ended.err
    crew.settle()
    assert [r for r in crew.ledger if "Say it more clearly." in r.said]
    after = crew.runs()["4"]
    assert (after["run"], after["state"]) == (before["run"], "waiting")
    assert (before["modifications"], after["modifications"]) == (0, 1)
    assert after["calls"] > before["calls"]
    assert crew.history() == []


def test_a_task_that_builds_on_another_is_committed_after_it(crew):
    rows = crew.runs()
    assert [rows[task]["stands_on"] for task in "12"] == ["", rows["1"]["run"]]
    ended = crew.user.forked("queue", "approve", rows["2"]["run"])
    assert ended.code == 0, ended.err
    assert "others that you approve build on it or need it" in ended.err
    crew.settle()
    assert crew.history() == SUBJECTS[:2]
    assert list(crew.runs()) == ["4"]


@pytest.mark.slow
def test_all_that_waits_is_committed_in_the_order_of_the_tasks(crew):
    runs = [row["run"] for row in crew.runs().values()]
    every = crew.user.json("queue")["approve_all"]
    assert (every["commits"], every["brings"], every["holds"]) == (runs, [], [])
    assert crew.user.forked("queue", "approve", "--all").code == 0
    crew.settle()
    assert (crew.history(), crew.runs()) == (SUBJECTS, {})
    assert {row["state"] for row in crew.rows().values()} == {"committed"}


@pytest.mark.slow
def test_without_what_it_builds_on_a_run_is_held(crew):
    rows = crew.runs()
    crew.user.forked("queue", "reject", rows["1"]["run"], "-m", "no good")
    crew.settle()
    for _ in range(2):
        crew.user.forked("queue", "approve", "--all")
        crew.settle()
        assert (crew.history(), sorted(crew.runs())) == ([], ["2", "4"])
    row = crew.runs()["2"]
    lacks = "task 2 needs task 1, which is neither done nor waiting below it"
    assert lacks in f"{row['why']} {row.get('note', '')}"


@pytest.mark.slow
def test_the_figures_count_what_was_approved_and_rejected(crew):
    rows = crew.runs()
    assert crew.user.json("stats")["runs"] == 3
    crew.user.forked("queue", "reject", rows["4"]["run"], "-m", "no")
    crew.user.forked("queue", "approve", rows["1"]["run"])
    crew.settle()
    body = crew.user.json("stats")
    assert (body["runs"], body["tasks"]) == (3, 3)
    assert (body["approval"]["approved"], body["approval"]["rejected"]) == (1, 1)
    assert body["to_commit"]["from_spec"]["count"] == 1


def test_tasks_say_which_run_has_them_and_which_may_start(crew):
    rows = crew.runs()
    listed = {row["id"]: row for row in crew.user.json("tasks")["tasks"]}
    assert {
        task: (row["run"], row["run_status"]) for task, row in listed.items() if row["run"]
    } == {task: (row["run"], "waiting") for task, row in rows.items()}
    assert [task for task, row in listed.items() if row["eligible"]] == []
    crew.user.git("switch", "-q", "-c", "other")
    listed = {row["id"]: row for row in crew.user.json("tasks")["tasks"]}
    assert {row["run_status"] for row in listed.values()} <= {"", "waiting"}


@pytest.mark.slow
def test_said_again_a_batch_does_nothing_twice_and_goes_on_with_what_is_open(crew):
    runs = {task: row["run"] for task, row in crew.runs().items()}
    paid = len(crew.ledger)
    crew.batch("--tasks", "1,2,4")
    assert ({task: row["run"] for task, row in crew.runs().items()}, len(crew.ledger)) == (
        runs,
        paid,
    )
    crew.batch("--tasks", "4,5")
    rows = crew.runs()
    assert (rows["5"]["state"], rows["5"]["stands_on"]) == ("waiting", rows["4"]["run"])


@pytest.mark.slow
def test_a_rejected_task_is_done_anew(crew):
    run = crew.runs()["4"]["run"]
    crew.user.forked("reject", run, "-m", "not so")
    crew.settle()
    crew.batch("--tasks", "4")
    row = crew.rows()["4"]
    assert (row["state"], row["run"] != run) == ("waiting", True)
    assert (row["earlier"]["tries"], row["earlier"]["why"], row["earlier_runs"]) == (
        1,
        "not so",
        [run],
    )


class Unasked:
    """Must not be asked, told or shown anything."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} is not to be called")


@pytest.mark.slow
def test_who_cannot_approve_a_run_is_not_asked_about_what_is_left_in_it(crew):
    run = crew.runs()["4"]["run"]
    crew.user.forked("reject", run, "-m", "no")
    crew.settle()
    with (
        crew.user.inside(),
        closing(fleet_at(crew.user.environ.get("REVIEWLOOP_STORE", ""))) as fleet,
        pytest.raises(UsageError, match="does not wait"),
    ):
        fleet.answer(run, "approve", "", Unasked())
