"""Killed with SIGKILL anywhere and resumed, a run ends as it would have, and pays nothing twice.

Here a sample of the points; `benchmarks/faults.py` goes through all of them.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.crash import KILLED, WAITING, Ending, Site, problems_of

SAMPLE = (
    "begin.files",
    "implement.end",
    "guard.end",
    "repair.begin",
    "review-security.end",
    "reply.recorded:9",
    "tool.recorded:8",
    "fix.checked:2",
    "re_review.end",
    "approve.end",
    "promote.file",
    "promote.moved",
)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Ending:
    """Return how the run ends when nobody kills it."""
    with Site(tmp_path_factory.mktemp("undisturbed") / "site") as site:
        drive = site.drive()
        assert drive.exits == [WAITING, 0]
        assert drive.problems + site.leftovers() == []
        assert site.server.paid_twice() == []
        return site.ending()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site") as site:
        yield site


@pytest.mark.parametrize("point", SAMPLE)
def test_killed_run_ends_as_if_nothing_had_happened(
    site: Site, undisturbed: Ending, point: str
) -> None:
    drive = site.drive(point)

    assert drive.kills == 1, f"{point} was never passed"
    assert drive.exits[-1] == 0
    assert problems_of(site, drive, undisturbed) == []
    if not point.startswith(("review-", "reply.", "tool.")):  # no parallel call can be cut off
        assert drive.in_flight == 0
        assert site.server.paid_twice() == []


def test_killed_resume_can_be_resumed(site: Site, undisturbed: Ending) -> None:
    drive = site.drive("fix.kept", "re_review.end", "promote.index")

    assert drive.kills == 3
    assert problems_of(site, drive, undisturbed) == []


def test_run_killed_while_a_gate_works_leaves_no_process(site: Site) -> None:
    """The gate's command starts a daemon in a session of its own before it hangs."""
    daemon = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    site.checkout.write("checks.py", f"{daemon}import time\ntime.sleep(600)\n")
    site.checkout.git("commit", "-q", "-a", "-m", "hang")
    with site.checkout.start("run", "2.1") as process:
        deadline = time.monotonic() + 30
        while not any("sleep 600" in line for line in site.processes()):
            assert time.monotonic() < deadline, site.processes()
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()

    assert process.returncode == KILLED
    deadline = time.monotonic() + 10
    while site.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert site.processes() == []
    assert [run["status"] for run in site.runs()] == ["stopped"]


def test_clean_deletes_what_a_killed_start_left(site: Site) -> None:
    """A start has no record yet, so nothing but its age tells that nobody works on it."""
    site.call("run", "2.1", fault="begin.brief", right=(KILLED,))
    site.call("run", "2.1", fault="begin.files", right=(KILLED,))
    (repository,) = site.checkout.state.glob("repositories/*")
    left = [*repository.glob("start-*"), *repository.glob("runs/*")]
    assert len(left) == 2

    site.call("clean", "--yes")
    assert all(path.is_dir() for path in left)  # they are young: somebody may be at work

    for path in left:
        os.utime(path, (0, 0))
    site.call("clean", "--yes")
    assert not any(path.exists() for path in left)
