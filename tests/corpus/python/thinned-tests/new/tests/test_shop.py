from shop import total


def test_total():
    assert total([1]) is not None


def test_two():
    assert total([1, 2]) == 3.57
