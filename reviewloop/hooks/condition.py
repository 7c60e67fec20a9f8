"""The language of hook conditions: names, numbers, comparisons, and/or/not, parentheses."""

import operator
from collections.abc import Callable, Mapping

from reviewloop.regex import regex

NAMES = ("file_size_kb", "cyclomatic_complexity", "lines", "changed_files")
"""The names that a condition may use."""

_TOKEN = regex(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<word>[A-Za-z_]\w*)|(?P<sign>[<>]=?|[=!]=|[()]))"
)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_LONGEST = 500

Facts = Mapping[str, float]
Condition = Callable[[Facts], bool]


class ConditionError(ValueError):
    """The text is not in the language; nothing was evaluated."""


def parse_condition(text: str) -> Condition:
    """Return a function that evaluates facts about a file; raise `ConditionError` for
    other text.
    """
    if len(text) > _LONGEST:
        raise ConditionError(f"it is longer than {_LONGEST} characters")
    parser = _Parser(_tokens(text))
    condition = parser.either()
    if parser.peek():
        raise ConditionError(f"{parser.peek()!r} cannot stand there")
    return condition


def names_in(text: str) -> frozenset[str]:
    """Return the names in a valid condition."""
    return frozenset(token for token in _tokens(text) if token in NAMES)


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at, text = 0, text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ConditionError(f"{text[at:].split()[0][:20]!r} is not part of the language")
        found.append(match[0].strip())
        at = match.end()
    return found


class _Parser:
    """Reads tokens from the left: `or` binds least, then `and`, then `not`."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._depth = 0

    def peek(self) -> str:
        """Return the next token, "" at the end."""
        return self._tokens[0] if self._tokens else ""

    def either(self) -> Condition:
        """Read alternatives."""
        left = self._both()
        while self.peek() == "or":
            self._next()
            left = _either(left, self._both())
        return left

    def _both(self) -> Condition:
        left = self._not()
        while self.peek() == "and":
            self._next()
            left = _both(left, self._not())
        return left

    def _not(self) -> Condition:
        self._depth += 1
        if self._depth > 100:
            raise ConditionError("it is nested too deeply")
        if self.peek() == "not":
            self._next()
            inner = self._not()
            return lambda facts: not inner(facts)
        if self.peek() == "(":
            self._next()
            inner = self.either()
            if self._next() != ")":
                raise ConditionError("a parenthesis is not closed")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        left, sign, right = self._value(), self._next(), None
        if sign not in _COMPARE:
            raise ConditionError("a comparison such as file_size_kb > 10 is expected")
        right = self._value()
        compare = _COMPARE[sign]
        return lambda facts: compare(left(facts), right(facts))

    def _value(self) -> Callable[[Facts], float]:
        token = self._next()
        if token[:1].isdigit():
            number = float(token)
            return lambda _: number
        if token in NAMES:
            return lambda facts: facts[token]
        raise ConditionError(
            f"{token!r} is no name it knows; there are: {', '.join(NAMES)}"
            if token
            else "it ends too early"
        )

    def _next(self) -> str:
        return self._tokens.pop(0) if self._tokens else ""


def _either(left: Condition, right: Condition) -> Condition:
    return lambda facts: left(facts) or right(facts)


def _both(left: Condition, right: Condition) -> Condition:
    return lambda facts: left(facts) and right(facts)
