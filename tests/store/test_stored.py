"""Values of ours as they come back from JSON: checked, whatever release wrote them."""

import json

import pytest

from reviewloop.checkout.promote import Promotion
from reviewloop.domain.errors import StoreError
from reviewloop.domain.finding import Finding, Severity
from reviewloop.domain.gate import GateResult, GateStatus, TestCounts
from reviewloop.domain.spec_delta import PartChange, QuotedEdit, SpecDelta
from reviewloop.guards.against_base import Ran
from reviewloop.store.batches import cost_of, figures_of
from reviewloop.store.postgres.database import Row

FOUND = Finding(id="a" * 12, agents=("build",), severity=Severity.MUST_FIX, title="It is red")
VALUES = (
    GateResult(
        *("test", GateStatus.FAILED, "1 failed"),
        command=("pytest",),
        tests=TestCounts(1, 1, 0),
        findings=(FOUND,),
        details={"new_lines": 3},
    ),
    SpecDelta("spec.md", (QuotedEdit("spec.md", "a", "b"),), (PartChange("task", "1", "new"),)),
    Ran(1, 2, 3, ("a",), ("b",)),
    Promotion("c", "main", "p", False, True, ("odd \udcff.py",), (("a", "b", "c"),)),
)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_it_comes_back_as_it_was_and_what_another_release_adds_is_ignored(value):
    stored = json.loads(json.dumps(value.plain()))
    assert type(value).from_plain(stored) == value
    assert type(value).from_plain({**stored, "of a later release": 1}) == value


@pytest.mark.parametrize("kind", [type(value) for value in VALUES])
@pytest.mark.parametrize("stored", [None, [], "text", {}])
def test_anything_else_is_refused(kind, stored):
    with pytest.raises(ValueError, match=kind.__name__):
        kind.from_plain(stored)


def test_figures_and_costs_are_read_from_rows_with_more_in_them():
    row = {"run": "r1", "files": 2, "rounds": 5, "tests": None, "findings": {"fixed": 1, "new": 9}}
    figures = figures_of(row)
    assert (figures.files, figures.rounds, figures.findings.fixed) == (2, 5, 1)
    assert (cost_of({"usd": 1, "calls": 3, "of": "x"}).calls, cost_of(None).usd) == (3, 0.0)


def test_a_column_that_is_not_what_it_has_to_be_is_said():
    row = Row(text="a", count=3, at=1.5, whole=2, data=memoryview(b"x"), args={"a": 1})
    assert (row.text("text"), row.count("count"), row.number("at")) == ("a", 3, 1.5)
    assert (row.number("whole"), row.data("data"), row.values_of("args")) == (2.0, b"x", {"a": 1})
    for read, name in ((row.text, "count"), (row.count, "text"), (row.data, "text")):
        with pytest.raises(StoreError, match=name):
            read(name)
