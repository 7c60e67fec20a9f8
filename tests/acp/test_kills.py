"""A run by coding agents, killed at each named point: it ends as if nothing had happened."""

from pathlib import Path

import pytest
from support.acp_workshop import TASK, wait_for_none, workshops
from support.crash import WAITING, rows_of

CHAINS = 4
ALIKE = tuple(f"review-{name}" for name in ("infra", "maintain", "perform", "test"))  # side by side
pytestmark = [pytest.mark.needs_bubblewrap, pytest.mark.slow]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the tree of the commit, the number of turns, and every point in its order."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with workshops(folder / "site") as workshop:
        site, passed = workshop.site, folder / "passed"
        points = []
        for command in (("run", *TASK), ("approve",)):
            assert site.call(*command, fault=f"@{passed}").code in (0, WAITING)
            points += passed.read_text().split()
            passed.unlink()
        tree = site.checkout.git("rev-parse", "HEAD^{tree}")
        names = [one for one in dict.fromkeys(points) if not one.startswith(ALIKE)]
        return tree, len(workshop.asked), names


def received(site):
    """Return how many turns the journals hold an answer of."""
    names = "agent, step, finding, cycle, round, attempt, turn"
    question = f"SELECT DISTINCT {names} FROM calls WHERE kind IN ('model', 'early')"
    journals = site.checkout.state.glob("repositories/*/runs/*/journal.sqlite")
    return sum(len(rows_of(path, question)) for path in journals)


@pytest.mark.parametrize("number", range(CHAINS))
def test_killed_at_each_named_point(tmp_path: Path, undisturbed, number: int):
    tree, turns, points = undisturbed
    faults = points[number::CHAINS]
    assert {"turn.begin", "turn.answered", "turn.ended", "reply.recorded"} <= set(points)
    with workshops(tmp_path / "site") as workshop:
        site, cut_off = workshop.site, []

        def look(_):
            """Note how many turns were asked for and had not answered when the process died."""
            wait_for_none(site)
            cut_off.append(len(workshop.asked) - received(site))

        site._look_at = look
        drive = site.drive(*faults, task=TASK)
        assert drive.exits[-1] == 0
        assert drive.problems == []
        assert len(drive.fired) >= len(faults) - 1  # one may lie behind what a resumed run does
        assert site.checkout.git("rev-parse", "HEAD^{tree}") == tree
        assert len(workshop.asked) - turns == max([0, *cut_off])
        wait_for_none(site)
