"""The number of programs that a run starts: each costs more than most of our own work."""

import shutil

from support.started import programs_started

MOST_TO_RUN = 10  # two look, when a person is asked, for what they edited meanwhile
MOST_TO_APPROVE = 24


def test_a_run_and_its_approval_start_few_programs(shop):
    checkout = shop()
    assert checkout.run("run", "2.1").code == 4  # with what a process needs only once
    checkout.run("reject")
    with programs_started() as started:
        assert checkout.run("run", "2.1").code == 4
    assert len(started) <= MOST_TO_RUN, counted(started)
    with programs_started() as started:
        assert checkout.run("approve").code == 0
    assert len(started) <= MOST_TO_APPROVE, counted(started)


def counted(started):
    """Return the command lines one below the other, without the settings of each."""
    return "\n".join(" ".join(w for w in words if "=" not in w and w != "-c") for words in started)


def test_an_approval_builds_no_environment_for_gates_that_it_does_not_run(shop):
    checkout = shop()
    assert checkout.run("run", "2.1").code == 4
    shutil.rmtree(checkout.folder() / "environment")
    assert checkout.run("approve").code == 0
    assert not (checkout.folder() / "environment").exists()
