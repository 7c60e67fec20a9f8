"""The findings log: the effect of another review on existing findings."""

import pytest

from reviewloop.domain.finding import Finding, Placement, Severity, Status
from reviewloop.loop.findings_log import join_with_known, read_findings, write_findings
from reviewloop.loop.state import merge_by_key
from reviewloop.store.blobs import Blobs


def finding(ident="a", **changes):
    given = {"agents": ("review-a",), "severity": Severity.MUST_FIX, "title": "It leaks", **changes}
    return Finding(id=ident, **given)


def test_the_state_holds_references_and_the_bodies_come_back(tmp_path):
    blobs = Blobs(tmp_path)
    written = write_findings([finding(why="x" * 5000, attempts=2)], blobs)
    assert len(str(written)) < 300
    assert read_findings({"findings": written}, blobs) == {"a": finding(why="x" * 5000, attempts=2)}


@pytest.mark.parametrize(
    ("changes", "act"),
    [
        ({}, True),
        ({"severity": Severity.SHOULD_FIX}, True),
        ({"severity": Severity.NIT}, False),
        ({"status": Status.FIXED}, False),
        ({"status": Status.UNRESOLVED}, False),
        ({"placement": Placement.UNANCHORED}, False),
        ({"placement": Placement.CONTEXT}, True),
    ],
)
def test_only_open_red_and_yellow_findings_with_a_place_are_acted_on(tmp_path, changes, act):
    assert write_findings([finding(**changes)], Blobs(tmp_path))["a"]["act"] is act


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Status.OPEN, Status.OPEN),
        (Status.FIXED, Status.OPEN),
        (Status.SUPPRESSED, Status.OPEN),
        (Status.DISMISSED, Status.DISMISSED),
        (Status.UNRESOLVED, Status.UNRESOLVED),
    ],
)
def test_a_finding_that_is_reported_again(before, after):
    known = {"a": finding(status=before, attempts=2, round_found=1, note="because")}
    (joined,) = join_with_known([finding(round_found=3)], known)
    assert joined.status is after
    assert (joined.attempts, joined.round_found) == (2, 1)
    assert joined.note == ("because" if before is after and after is not Status.OPEN else "")


def test_a_finding_nobody_knows_is_written_as_it_is():
    assert join_with_known([finding("new")], {"a": finding()}) == [finding("new")]


def test_parallel_writers_do_not_lose_each_others_entries():
    assert merge_by_key({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
    assert merge_by_key(None, {"b": 2}) == {"b": 2}
    assert merge_by_key({"a": 1, "b": 2}, {"a": None}) == {"b": 2}
