"""Frozen dataclasses of ours are those of the standard library, made faster."""

import dataclasses
import itertools
import pickle
from dataclasses import field
from functools import cached_property

import pytest

from reviewloop.dataclass import dataclass


def classes(dataclass):
    """Return classes with everything that a field can say, made by this decorator."""

    @dataclass(frozen=True)
    class Base:
        name: str
        parts: list[int] = field(default_factory=list, compare=False)
        size: int = 3

    @dataclass(frozen=True)
    class Derived(Base):
        hidden: str = field(default="h", repr=False)
        fixed: str = field(default="f", init=False)
        made: dict[str, int] = field(default_factory=dict, init=False, hash=False)
        total: int = 0

        def __post_init__(self):
            object.__setattr__(self, "total", self.size + len(self.parts))

        @cached_property
        def twice(self):
            return self.total * 2

    @dataclass(frozen=True, kw_only=True)
    class Named:
        first: int = 1
        second: str

    @dataclass(frozen=True)
    class One:
        value: object

    @dataclass(frozen=True)
    class Empty:
        pass

    @dataclass(frozen=True, eq=False)
    class Itself:
        value: int

    @dataclass(frozen=True)
    class Own:
        value: int

        def __eq__(self, other):
            return True

        def __repr__(self):
            return "own"

    @dataclass(frozen=True)
    class Unhashed:
        value: int
        __hash__ = None

    return Base, Derived, Named, One, Empty, Itself, Own, Unhashed


PAIRS = list(zip(classes(dataclasses.dataclass), classes(dataclass), strict=True))
GIVEN = (
    (),
    ("a",),
    ("a", [1]),
    ("a", [2, 3], 4),
    ("a", [], 3, "x", 9),
    ("a", [], 3, "x", 9, 9),
    ([],),
)
NAMED = ({}, {"name": "a"}, {"second": "s"}, {"value": 1}, {"hidden": "x"}, {"nothing": 1})


def outcome(call, *given, **named):
    """Return what a call gives as text, or the kind of its error."""
    try:
        return str(call(*given, **named)).replace("classes.<locals>.", "")
    except TypeError:
        return TypeError


@pytest.mark.parametrize(("theirs", "ours"), PAIRS, ids=[ours.__name__ for _, ours in PAIRS])
def test_a_frozen_class_behaves_as_one_of_the_standard_library(theirs, ours):
    made = []
    for given, named in itertools.product(GIVEN, NAMED):
        text = outcome(theirs, *given, **named)
        assert outcome(ours, *given, **named) == text, (given, named)
        if text is not TypeError:
            made.append((theirs(*given, **named), ours(*given, **named)))
    assert made
    for one, its in made:
        assert dataclasses.asdict(its) == dataclasses.asdict(one)
        unhashable = outcome(hash, one) is TypeError
        assert (outcome(hash, its) is TypeError) == unhashable
        for other, as_ours in made:
            assert (its == as_ours) == (one == other), (one, other)
            if not unhashable and outcome(hash, other) is not TypeError and its == as_ours:
                assert (hash(its) == hash(as_ours)) == (hash(one) == hash(other))
    assert its != one or ours.__name__ == "Own"
    assert ours.__match_args__ == theirs.__match_args__


def test_a_frozen_value_refuses_to_change():
    _, ours = PAIRS[1]
    value = ours("a", [1])
    for change in (
        lambda: setattr(value, "name", "b"),
        lambda: setattr(value, "other", "b"),
        lambda: delattr(value, "name"),
    ):
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()
    assert (value.twice, value.twice, dataclasses.replace(value, size=9).total) == (8, 8, 10)
    assert value.parts is not ours("a").parts

    class Plain(ours):
        """No dataclass: what it adds may change, the fields may not."""

    plain = Plain("a")
    plain.other = 1
    del plain.other
    with pytest.raises(dataclasses.FrozenInstanceError):
        plain.size = 1


def test_other_options_are_left_to_the_standard_library():
    @dataclass
    class Open:
        value: int

    @dataclass(frozen=True, slots=True)
    class Slotted:
        value: int

    @dataclass(frozen=True, order=True)
    class Sorted:
        value: int

    opened = Open(1)
    opened.value = 2
    assert opened == Open(2)
    assert not hasattr(Slotted(1), "__dict__")
    assert Sorted(1) < Sorted(2)


@dataclass(frozen=True)
class Kept:
    """Stands in a module, so that it can be pickled."""

    value: int


def test_a_value_can_be_pickled_and_matched():
    assert pickle.loads(pickle.dumps(Kept(3))) == Kept(3)  # noqa: S301 - made here
    match Kept(3):
        case Kept(value):
            assert value == 3
