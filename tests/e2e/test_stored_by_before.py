"""What an older release stored is read, gone on with and approved: runs, a batch, the queue.

The records are byte for byte those of that release; `support.stored` says what moving them changes.
Nothing that it had paid for is asked for again: the script has no reply to it any more.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.checkout import Checkout
from support.stored import BOUND, HEAD, REPORT, SETTINGS, TAIL, Reply, replies, unpack, without

WAITING = 4
SEARCH = HEAD + BOUND + TAIL
SUBJECTS = ("Find the items of a customer", "Report items")

Opened = Callable[..., Checkout]


@pytest.fixture
def stored(tmp_path: Path) -> Opened:
    """Return a function that opens a checkout with its state; the models say `script` there."""

    def opened(name: str, script: Sequence[Reply] = ()) -> Checkout:
        site = unpack(name, tmp_path)
        site.play(script)
        return Checkout(site.root, site.home, settings=SETTINGS)

    return opened


def check_committed(checkout: Checkout, tasks: int = 1) -> None:
    """Fail unless exactly the first tasks are committed, ticked, and on the disk."""
    log = checkout.git("log", "--reverse", "--format=%s").splitlines()
    assert log == ["base", *SUBJECTS[:tasks]]
    assert checkout.read("shop/search.py") == SEARCH
    assert (checkout.root / "shop/report.py").exists() == (tasks == 2)
    ticks = checkout.read(".kiro/specs/orders/tasks.md")
    assert [line[2:9] for line in ticks.splitlines() if "] 2." in line][1:] == [
        f"- [{'x' if number <= tasks else ' '}] 2"[:7] for number in (1, 2)
    ]
    assert checkout.git("status", "--porcelain") == ""


def test_a_run_that_waits_is_shown_and_approved(stored: Opened) -> None:
    checkout = stored("waiting")
    (run,) = checkout.json("status")["runs"]
    assert (run["task"], run["status"]) == ("2.1", "waiting")
    (finding,) = checkout.findings().values()
    assert (finding["severity"], finding["status"]) == ("must_fix", "fixed")
    assert BOUND in checkout.run("show", "--diff").out
    assert "review-security" in checkout.run("logs").out

    said = checkout.run("approve")

    assert said.code == 0, said.err
    check_committed(checkout)
    assert "1 task in 1 run" in checkout.run("stats").out


@pytest.mark.slow
def test_a_run_that_waits_is_changed_on_request(stored: Opened) -> None:
    told: Reply = {
        "agent": "implement",
        "when": "Say where it starts",
        "tool_calls": [{"name": "finish", "args": {"subject": "", "summary": "It says so."}}],
    }
    checkout = stored("waiting", [told, *without("implement")])

    said = checkout.run("modify", "-m", "Say where it starts")

    assert said.code == WAITING, said.err
    assert checkout.run("approve").code == 0
    check_committed(checkout)


@pytest.mark.parametrize("name", ["waiting", "blocked"])
def test_a_run_that_asks_is_rejected(stored: Opened, name: str) -> None:
    checkout = stored(name)
    assert checkout.json("status")["runs"][0]["status"] == name

    said = checkout.run("reject")

    assert said.code == 7, said.err
    assert checkout.json("status")["runs"][0]["status"] == "skipped"
    assert checkout.git("log", "--format=%s") == "base"


@pytest.mark.slow
def test_a_commit_is_undone(stored: Opened) -> None:
    checkout = stored("committed")
    check_committed(checkout)

    said = checkout.run("undo")

    assert said.code == 0, said.err
    assert checkout.git("log", "--format=%s") == "base"
    assert not (checkout.root / "shop/search.py").exists()


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize(
    ("name", "status", "script"),
    [
        ("killed-implementing", "stopped", replies()),
        ("killed-reviewing", "stopped", without("implement")),
        ("killed-fixing", "stopped", without("implement")),
        ("stopped", "paused", without("implement")),
    ],
)
def test_a_run_that_stopped_on_its_way_goes_on(
    stored: Opened, name: str, status: str, script: Sequence[Reply]
) -> None:
    checkout = stored(name, script)
    assert checkout.json("status")["runs"][0]["status"] == status

    said = checkout.run("resume")

    assert said.code == WAITING, said.err
    (finding,) = checkout.findings().values()
    assert finding["status"] == "fixed"
    assert checkout.run("approve").code == 0
    check_committed(checkout)


@pytest.mark.slow
def test_a_batch_that_was_cut_off_does_its_open_task(stored: Opened) -> None:
    checkout = stored("batch", [reply for reply in replies() if "2.1" not in reply.get("when", "")])
    assert states(checkout) == {"2.1": "waiting", "2.2": "open"}

    said = checkout.run("batch", "--mode", "queue", "--max-parallel", "1")

    assert said.code == WAITING, said.err
    assert states(checkout) == {"2.1": "waiting", "2.2": "waiting"}
    assert checkout.run("queue", "approve", "--all").code == 0
    check_committed(checkout, tasks=2)


@pytest.mark.slow
def test_one_task_of_a_batch_is_approved_before_the_other_is_begun(stored: Opened) -> None:
    checkout = stored("batch", replies())
    assert checkout.run("queue", "approve", "2.1").code == 0
    check_committed(checkout)

    assert checkout.run("batch", "--mode", "queue").code == WAITING
    assert checkout.run("queue", "approve", "--all").code == 0
    check_committed(checkout, tasks=2)


@pytest.mark.slow
def test_a_queue_is_approved_in_its_order(stored: Opened) -> None:
    checkout = stored("queue")
    assert [row["task"] for row in checkout.json("queue")["runs"]] == ["2.1", "2.2"]
    assert REPORT.splitlines()[-1] in checkout.run("queue", "show", "2.2", "--diff").out
    assert checkout.run("queue", "approve", "2.1").code == 0
    check_committed(checkout)

    said = checkout.run("queue", "approve", "2.2")

    assert said.code == 0, said.err
    check_committed(checkout, tasks=2)
    assert states(checkout) == {"2.1": "committed", "2.2": "committed"}


def states(checkout: Checkout) -> dict[str, str]:
    """Return what became of the tasks of the newest batch."""
    return {row["task"]: row["state"] for row in checkout.json("status")["batch"]["tasks"]}
