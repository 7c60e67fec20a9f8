"""A run that fails anywhere and is resumed ends as it would have, and pays nothing twice.

Here a sample of the points and of what may happen there; `benchmarks/faults.py` goes through all of
them. What is asserted stands in `support.invariants`.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.crash import KILLED, WAITING, Drive, Site, rows_of
from support.invariants import Ending, leftovers, look, problems_of

# Each line is one run; the second fault hits the process that resumes, and so on. A point is where
# its process passes it first, so that no line counts what a cheaper step would pass less often. The
# points of a line stand in the order of the run's steps: what lies behind does not come again, and
# where a command releases its lock last, nothing but points of `approve` can follow.
SAMPLE = (
    (
        *("begin.files", "checkpoint.before", "room.write", "implement.end"),
        *("review-security.end", "fix.kept", "re_review.end", "advance.settled"),
        *("approve.asked", "promote.file", "promote.ref", "ref.after"),
    ),
    (
        *("journal.before", "writes.after", "gate.end", "journal.before"),
        *("repair.end", "checkpoint.after", "blob.written", "reply.recorded=clock+"),
    ),
    (
        *("keep.after=exit", "implement.end=term", "collect.begin", "journal.after=torn"),
        *("fix.begin=int", "record.after", "blob.before=enospc", "lock.released=raise"),
        "promote.moved",
    ),
)


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Drive]]:
    """Return a site whose run ended and was approved, and nothing disturbed it."""
    with Site(tmp_path_factory.mktemp("undisturbed") / "site") as site:
        yield site, site.drive()


@pytest.fixture(scope="module")
def undisturbed(committed: tuple[Site, Drive]) -> Ending:
    """Return how the run ends when nothing disturbs it."""
    site, drive = committed
    assert drive.exits == [WAITING, 0]
    assert drive.problems + leftovers(site) == []
    assert site.server.paid_twice() == []
    return look(site)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site") as site:
        yield site


@pytest.mark.slow
@pytest.mark.parametrize("faults", SAMPLE, ids=lambda faults: faults[0])
def test_a_run_ends_as_if_nothing_had_happened(
    site: Site, undisturbed: Ending, faults: tuple[str, ...]
) -> None:
    drive = site.drive(*faults)

    assert drive.exits[-1] == 0
    assert tuple(drive.fired) == tuple(fault for fault in faults if "clock" not in fault)
    assert problems_of(site, drive, undisturbed) == []


@pytest.mark.slow
def test_the_invariants_see_what_they_are_there_for(
    committed: tuple[Site, Drive], undisturbed: Ending
) -> None:
    """The control: a reply asked for again, a secret in a file of ours, a file left behind."""
    site, _ = committed
    drive = Drive(fired=["begin.files"])  # as if it had been killed before its first reply
    site.server.ledger.append(site.server.ledger[0])
    (site.checkout.folder() / "logs" / "log").write_bytes(site.secrets()[2])
    site.checkout.write("left.orig", "")

    problems = " ".join(problems_of(site, drive, undisturbed))
    for what in ("I2 1 recorded", "I6 git status: ?? left.orig", "I10 secret in"):
        assert what in problems


@pytest.mark.slow
def test_afterwards_too_every_command_can_be_repeated(site: Site) -> None:
    """Export, undo and clean, killed at each of their points."""
    assert site.drive().exits == [WAITING, 0]
    assert open_to_others(site) == []
    git, run = site.checkout.git, site.runs()[0]["run_id"]
    base = git("rev-parse", "HEAD^")
    commands = {
        ("checkout", run, "saved"): ("export.begin", "export.objects", "ref.before", "export.end"),
        ("undo",): ("undo.begin", "promote.file", "ref.before", "undo.moved", "undo.end"),
        ("clean", "--older-than", "0", "--yes"): ("clean.begin", "clean.moved", "clean.record"),
    }
    for command, points in commands.items():
        for point in points:
            assert site.call(*command, fault=point).code == KILLED, point
        said = site.call(*command)
        assert said.code == (2 if command == ("undo",) else 0), said.err  # it was done already

    assert git("rev-parse", "HEAD") == base
    assert git("rev-parse", "saved^") == base
    assert leftovers(site) == []
    assert site.runs() == []
    assert not list(site.checkout.state.glob("repositories/*/runs/*"))


def open_to_others(site: Site) -> list[Path]:
    """Return what others than the owner may read of what the state folder holds."""
    folder = site.checkout.folder()
    places = [*folder.iterdir(), *folder.parents[1].iterdir()]
    ours = [folder, *(path for path in folder.parents if path.is_relative_to(site.checkout.state))]
    assert rows_of(folder / "checkpoints.sqlite", "SELECT count(*) FROM checkpoints") > [(5,)]
    ours += [path for path in places if path.is_file()]
    return [path for path in ours if path.stat().st_mode & 0o077]


@pytest.mark.slow
def test_a_run_killed_while_a_gate_works_leaves_no_process(site: Site) -> None:
    """The gate's command starts a daemon in a session of its own before it hangs."""
    daemon = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    site.checkout.write("checks.py", f"{daemon}import time\ntime.sleep(600)\n")
    site.checkout.git("commit", "-q", "-a", "-m", "hang")
    with site.checkout.start("run", "2.1") as process:
        deadline = time.monotonic() + 60
        while not any("sleep 600" in line for line in site.processes()):
            assert time.monotonic() < deadline, site.processes()
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)

    assert process.returncode == KILLED
    deadline = time.monotonic() + 10
    while site.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert site.processes() == []
    (run,) = site.checkout.json("status")["runs"]
    assert run["status"] == "stopped"
