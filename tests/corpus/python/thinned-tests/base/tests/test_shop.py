from shop import total


def test_total():
    assert total([1]) == 1


def test_two():
    assert total([1, 2]) == 3


def test_nothing():
    assert total([]) == 0
