"""`change` killed at every fault point: it resumes, ends the same, and nothing is paid twice."""

import os
import signal
import sqlite3
from contextlib import closing

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.iot import SPEC, make_iot, replies, story
from support.spec_script import written

NAME = "support-co-readings-update"
_MOST = 60  # commands that bring a change to its end


class Site:
    """The IoT backend, and the command line; what is killed is its own process."""

    def __init__(self, repo, folder, git) -> None:
        make_iot(repo, git)
        self.repo, self.folder = repo, folder
        folder.mkdir(exist_ok=True)
        self.state = folder / "state"
        self.model = written(folder, replies("co2"))

    def run(self, *arguments: str, fault: str = "") -> tuple[int, str]:
        """Run a command, killed at a point; return its exit code and all that it printed."""
        checkout = Checkout(self.repo, self.folder)
        checkout.environ = {
            **QUIET_GATES,
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TERM": "dumb",
            "REVIEWLOOP_STATE_DIR": str(self.state),
            "REVIEWLOOP_MODELS__REASONING": self.model,
            "REVIEWLOOP_MODELS__GENERATION": self.model,
        }
        if fault:
            said = checkout.forked(*arguments, REVIEWLOOP_FAULT=fault)
        else:
            said = checkout.run(*arguments)
        return said.code, said.out + said.err

    def calls(self) -> list[tuple[str, str]]:
        """Return agent and step of every reply that was paid, of the change and of its runs."""
        paid = []
        for path in sorted(self.state.glob("repositories/*/**/journal.sqlite")):
            with closing(sqlite3.connect(path)) as journal:
                paid += journal.execute("SELECT agent, step FROM calls WHERE kind = 'model'")
        return sorted(paid)


@pytest.fixture
def site(repo, tmp_path, git):
    return Site(repo, tmp_path / "home", git)


def drive(site, *faults: str, tasks: bool = False) -> list[int]:
    """Bring a change to its end, killed at these points on the way; return the exit codes."""
    codes: list[int] = []
    sentence = story("co2")["sentence"]
    for _ in range(_MOST):
        kills = sum(code < 0 for code in codes)
        now = faults[kills] if kills < len(faults) else ""
        _, stands = site.run("change", "list")
        if "it is done" in stands or (not tasks and "tasks 4, 5 are open" in stands):
            return codes
        if NAME not in stands:
            command = ["change", "-m", sentence, *([] if tasks else ["--plan-only"])]
        elif "the delta waits for you" in stands:
            command = ["change", "approve"]
        elif "wait for you: reviewloop queue" in stands:
            command = ["queue", "approve", "--all"]
        else:
            command = ["change", "resume"]
        codes.append(site.run(*command, fault=now)[0])
    raise AssertionError(f"it did not end: {codes}")


def points(site, *, tasks: bool = False) -> list[str]:
    """Return every named point that a whole change passes, as they come first."""
    log = site.folder / "passed"
    drive(site, f"@{log}", tasks=tasks)
    return list(dict.fromkeys(log.read_text().split()))


POINTS = """
    lock.acquired begin.brief lock.released blob.before blob.written blob.after record.before
    record.after change.begun writes.before writes.after checkpoint.before checkpoint.after
    look.begin look.end delta.begin room.write journal.before journal.after reply.recorded
    delta.end change.gate commit.begin change.commit disk.temp promote.intent promote.objects
    promote.file promote.index promote.ref ref.before ref.after promote.moved promote.extra
    promote.done change.committed commit.end
"""
# What is of a change and its batch; the points of the runs in it are those of test_crash.py. Of the
# reviewers one: in which order they end differs from run to run.
IN_TASKS = """
    change.committed batch.before batch.after batch.begin begin.files implement.begin implement.end
    review-security.end propose.end approve.asked advance.settled approve.begin approve.end
"""
CHAINS = 2
PAID = [
    *[("implement", "implement")] * 4,
    *[
        (f"review-{name}", "review")
        for name in ("infrastructure", "maintainability", "performance", "security")
        for _ in range(2)
    ],
    *[("review-spec", "review")] * 2,
    *[("review-test-quality", "review")] * 2,
    ("spec-change", "delta"),
]
"""What a change of two tasks costs, killed or not."""


@pytest.mark.slow
def test_these_are_the_points_that_a_change_passes(site):
    assert sorted(points(site)) == sorted(POINTS.split())  # writes are on a thread of their own


@pytest.mark.slow
@pytest.mark.parametrize("chain", range(CHAINS))
def test_killed_at_any_point_the_delta_is_the_same_and_paid_once(site, git, chain):
    chosen = POINTS.split()[chain::CHAINS]
    codes = drive(site, *chosen)

    assert codes.count(-signal.SIGKILL) == len(chosen)
    assert site.calls() == [("spec-change", "delta")]
    assert git(site.repo, "status", "--porcelain") == ""
    assert git(site.repo, "rev-list", "--count", "HEAD") == "3"
    text = (site.repo / SPEC / "requirements.md").read_text()
    assert text.count("3. IF the CO₂ of a reading is below 0 ppm") == 1


@pytest.mark.slow
def test_killed_in_its_tasks_it_goes_on_and_pays_nothing_twice(site, git):
    chosen = IN_TASKS.split()
    codes = drive(site, *chosen, tasks=True)

    assert codes.count(-signal.SIGKILL) == len(chosen)
    assert site.calls() == PAID
    assert git(site.repo, "status", "--porcelain") == ""
    assert git(site.repo, "rev-list", "--count", "HEAD") == "5"
    for files in story("co2")["tasks"].values():
        assert {path: (site.repo / path).read_text() for path in files} == files
