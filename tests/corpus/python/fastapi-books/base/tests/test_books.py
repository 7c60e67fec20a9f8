from app.models import Book


def test_title():
    book = Book(title="a")
    assert book.title == "a"


def test_total():
    assert sum([1, 2, 3]) == 6
