"""A run by coding agents, killed at each point where one works: it ends as if nothing had happened.

The points of locks, blobs and of what approving does know nothing of agents: those are of
e2e/test_crash.py.
"""

from pathlib import Path

import pytest
from support.acp_workshop import TASK, wait_for_none, workshops
from support.crash import rows_of

# Of the reviewers one: they work side by side.
CHAINS = (
    """
    implement.begin turn.begin keep.after journal.after turn.ended gate.end review-security.end
    fix.begin fix.kept re_review.end
    """,
    """
    room.write keep.before journal.before turn.answered reply.recorded repair.begin
    review-security.begin collect.begin fix.checked re_review.begin propose.begin
    """,
)
pytestmark = [pytest.mark.needs_bubblewrap, pytest.mark.slow]


def received(site):
    """Return how many turns the journals hold an answer of."""
    names = "agent, step, finding, cycle, round, attempt, turn"
    question = f"SELECT DISTINCT {names} FROM calls WHERE kind IN ('model', 'early')"
    journals = site.checkout.state.glob("repositories/*/runs/*/journal.sqlite")
    return sum(len(rows_of(path, question)) for path in journals)


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.split()[0])
def test_killed_at_each_named_point(tmp_path: Path, undisturbed, chain: str):
    faults = chain.split()
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
        assert drive.fired == faults
        assert site.checkout.git("rev-parse", "HEAD^{tree}") == undisturbed.tree
        assert len(workshop.asked) - len(undisturbed.asked) == max([0, *cut_off])
        wait_for_none(site)
