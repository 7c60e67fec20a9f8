"""The words the tables are written in: what an attribute of a resource must, or must not, be."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from reviewloop.analysis.contract import Rule
from reviewloop.findings import Severity
from reviewloop.rules.infra.values import UNKNOWN, Node

Test = Callable[[Node], bool | None]
"""Whether a value that is set passes; None when only a run can tell."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition on another attribute; `missing` is its answer when that is not set.

    `near`: the path starts from the nested block that is judged, not from the resource.
    """

    path: tuple[str, ...]
    test: Test
    missing: bool
    near: bool = False


@dataclass(frozen=True, slots=True)
class Companion:
    """A resource of the same file that sets the attribute from outside.

    `refers` is its attribute that names the resource it belongs to.
    """

    kind: str
    refers: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One row: for these kinds of resource the value at one of the paths has to pass the test.

    `required`: not being set is wrong as well. `scope`: the nested block the paths start from.
    """

    kinds: tuple[str, ...]
    scope: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    test: Test
    required: bool
    when: tuple[Guard, ...] = ()
    companions: tuple[Companion, ...] = ()
    severity: Severity | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule with all its rows."""

    rule: Rule
    facts: tuple[Fact, ...]


def more(entry: Entry, *facts: Fact) -> Entry:
    """Make further rows for a rule that stands in another table."""
    return Entry(entry.rule, facts)


def need(
    test: Test,
    *places: str,
    when: tuple[Guard, ...] | Guard = (),
    beside: str = "",
    severity: Severity | None = None,
    says: str = "",
) -> tuple[Fact, ...]:
    """Make rows whose attribute must be set and pass.

    A place is "kind,kind path|other.path" or "kind scope[].path"; `beside` is "kind.attribute" of
    resources that may set it from outside.
    """
    return _facts(test, places, True, when, beside, severity, says)


def discourage(*kinds: str, severity: Severity | None = None, says: str = "") -> Fact:
    """Make a row against resources that should not be declared at all."""
    never = _literal(lambda value: False)
    return Fact(kinds, (), ((),), never, required=False, severity=severity, says=says)


def want(
    test: Test,
    *places: str,
    when: tuple[Guard, ...] | Guard = (),
    severity: Severity | None = None,
    says: str = "",
) -> tuple[Fact, ...]:
    """Make rows whose attribute must pass where it is set; its default is fine."""
    return _facts(test, places, False, when, "", severity, says)


def avoid(
    test: Test,
    *places: str,
    when: tuple[Guard, ...] | Guard = (),
    severity: Severity | None = None,
    says: str = "",
) -> tuple[Fact, ...]:
    """Make rows whose attribute must not pass where it is set."""
    return _facts(negate(test), places, False, when, "", severity, says)


def _facts(
    test: Test,
    places: tuple[str, ...],
    required: bool,
    when: tuple[Guard, ...] | Guard,
    beside: str,
    severity: Severity | None,
    says: str,
) -> tuple[Fact, ...]:
    guards = (when,) if isinstance(when, Guard) else when
    companions = tuple(
        Companion(*companion.rsplit(".", 1)) for companion in beside.split(",") if companion
    )
    facts: list[Fact] = []
    for place in places:
        kinds, _, where = place.partition(" ")
        scope, _, rest = where.rpartition("[].")
        paths = tuple(tuple(path.split(".")) for path in rest.split("|"))
        facts.append(
            Fact(
                tuple(kinds.split(",")),
                tuple(scope.split(".")) if scope else (),
                paths,
                test,
                required,
                guards,
                companions,
                severity,
                says,
            )
        )
    return tuple(facts)


def if_set(path: str, test: Test, *, missing: bool = False) -> Guard:
    """Make a row apply only where another attribute passes; `missing`: also where it is not set.

    A path that begins with "@" starts from the nested block that is judged.
    """
    return Guard(tuple(path.lstrip("@").split(".")), test, missing, path.startswith("@"))


# Tests of one value


def _literal(test: Callable[[object], bool | None]) -> Test:
    def check(node: Node) -> bool | None:
        return None if node.value is UNKNOWN else test(node.value)

    return check


def _as_bool(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    return {1: True, 0: False}.get(value) if isinstance(value, int) else None


def _as_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value.rstrip("s") if isinstance(value, str) else value)
    except ValueError:
        return None


true: Test = _literal(_as_bool)
false: Test = _literal(lambda value: None if _as_bool(value) is None else not _as_bool(value))
present: Test = _literal(lambda value: value not in ("", None) and value != [] and value != {})


def given(node: Node) -> bool | None:
    """Pass whatever is set, references included; blocks that are generated may be none."""
    return None if node.raw == "dynamic" else True


def negate(test: Test) -> Test:
    """Make the opposite of a test; what is unknown stays unknown."""

    def check(node: Node) -> bool | None:
        answer = test(node)
        return None if answer is None else not answer

    return check


def at_least(least: float) -> Test:
    """Make a test of a number's lower bound."""

    def check(value: object) -> bool | None:
        number = _as_number(value)
        return None if number is None else number >= least

    return _literal(check)


def at_most(most: float) -> Test:
    """Make a test of a number's upper bound."""
    return negate(at_least(most + 1e-9))


def is_in(*values: str) -> Test:
    """Make a test: one of these, whatever the case."""
    lower = {value.lower() for value in values}
    return _literal(lambda value: None if value is None else str(value).lower() in lower)


def like(pattern: str) -> Test:
    """Make a test: a regular expression is found in the text."""

    def check(value: object) -> bool | None:
        if isinstance(value, list | dict):
            return None
        return bool(re.search(pattern, str(value)))  # compiled on first use, to start quickly

    return _literal(check)


def holds(*values: str) -> Test:
    """Make a test of a list: any of these is among its elements."""
    lower = {value.lower() for value in values}

    def check(node: Node) -> bool | None:
        if node.value is UNKNOWN:
            return None
        if any(str(item.value).lower() in lower for item in node.items()):
            return True
        return None if any(item.value is UNKNOWN for item in node.items()) else False

    return check


def holds_all(*values: str) -> Test:
    """Make a test of a list: each of these is among its elements."""
    tests = [holds(value) for value in values]

    def check(node: Node) -> bool | None:
        answers = [test(node) for test in tests]
        if False in answers:
            return False
        return None if None in answers else True

    return check


def longer_than(count: int) -> Test:
    """Make a test of a list's length."""

    def check(node: Node) -> bool | None:
        if not isinstance(node.value, list):
            return None
        unknown = any(item.value is UNKNOWN for item in node.value)
        return None if unknown else len(node.value) > count

    return check
