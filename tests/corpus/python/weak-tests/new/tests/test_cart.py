import time

import pytest

from shop import Cart


def test_total():
    cart = Cart([1, 2])
    assert cart.total() == 3


def test_adds():
    Cart([]).add(2)


def test_is_true():
    assert Cart([1]).total() or True


@pytest.mark.skip
def test_discount():
    assert Cart([100]).discount() == 10


def test_expires():
    cart = Cart([1])
    time.sleep(3)
    assert cart.expired


def test_negative():
    try:
        assert Cart([-1]).total() == 0
    except Exception:
        pass


def test_pair():
    assert (Cart([1]).total() == 1, "wrong total")


def test_raises():
    with pytest.raises(ValueError, match="negative"):
        Cart([-1]).check()


@pytest.mark.skip(reason="needs the scales")
def test_weight():
    assert Cart([1]).weight() == 2
