"""What a customer is about to buy."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Line:
    """One article, so many times."""

    article: str
    price: Decimal
    count: int = 1


def total(lines: Iterable[Line], discount: Decimal = Decimal(0)) -> Decimal:
    """Return what the lines cost together."""
    if not 0 <= discount < 1:
        raise ValueError("a discount is a share between 0 and 1")
    gross = sum((line.price * line.count for line in lines), Decimal(0))
    return gross * (1 - discount)
