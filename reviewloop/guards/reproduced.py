"""Checks that the first test of a bugfix spec shows the bug: it fails on the unfixed code.

It runs only at the start of such a spec, so it is not in the registry.
"""

from collections.abc import Iterable
from dataclasses import replace

from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.git.diff import Change
from reviewloop.guards import tests
from reviewloop.guards.against_base import first_names
from reviewloop.guards.base import is_test_file

NAME = "reproduced"
_NOT = "the bug was not reproduced"
_DOCUMENTS = (".md", ".rst", ".txt")
NO_TEST = GateResult(NAME, GateStatus.NEEDS_USER, f"{_NOT}: the change has no test")


def evaluate_first_test(ran: GateResult) -> GateResult:
    """Return the gate result for a change's tests that ran on the unfixed code."""
    fresh, asserted = _fresh(ran), set(ran.details.get("asserted", ()))
    own = [name for name in fresh if name in asserted]
    status = GateStatus.PASSED if own else GateStatus.NEEDS_USER
    if own:
        summary = f"red on the code as it was: {first_names(own)}"
    elif fresh:
        summary = f"{_NOT}: {first_names(fresh)} breaks there before it asserts anything"
    elif ran.status is GateStatus.PASSED:
        summary = f"{_NOT}: the tests of the change pass without the rest of it"
    else:
        summary = f"{_NOT}, as far as can be told: {ran.summary}"
    command = (ran.command, ran.exit_code, ran.seconds, ran.log)
    return GateResult(NAME, status, summary, *command, "" if own else ran.excerpt)


def excuse_expected_failures(result: GateResult) -> GateResult:
    """Return a result of a change with tests only: tests that show the bug do not block.

    They need a user all the same.
    """
    if result.name != tests.NAME or not result.status.stops or not is_the_bug(result):
        return result
    summary = f"{result.summary}; that is the bug, and nothing mends it yet"
    return replace(result, status=GateStatus.NEEDS_USER, summary=summary)


def is_the_bug(result: GateResult) -> bool:
    """Whether each newly failed test failed by an assertion of its own."""
    fresh = _fresh(result)
    return bool(fresh) and {*fresh} <= {*result.details.get("asserted", ())}


def is_tests_alone(change: Change) -> bool:
    """Whether a change contains tests only."""
    return all(is_test_file(path) or path.endswith(_DOCUMENTS) for path in _paths(change))


def _fresh(result: GateResult) -> list[str]:
    known = {*result.details.get("red_before", ()), *result.details.get("flaky", ())}
    return [name for name in result.details.get("failed", ()) if name not in known]


def _paths(change: Change) -> Iterable[str]:
    return (path for one in change.files for path in (one.path, one.old_path) if path)
