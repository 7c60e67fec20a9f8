from decimal import Decimal

import pytest

from shop.cart import Line, total


def test_lines_are_added_up():
    assert total([Line("tea", Decimal(3), 2), Line("cup", Decimal(5))]) == Decimal(11)


def test_discount_is_taken_off():
    assert total([Line("tea", Decimal(10))], Decimal("0.1")) == Decimal(9)


def test_discount_of_all_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        total([], Decimal(1))
