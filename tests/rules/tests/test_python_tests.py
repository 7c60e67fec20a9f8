"""What is said about single Python test files, beyond the examples of the rules."""

import pytest

from reviewloop.analysis.contract import PathClass, SourceFile
from reviewloop.rules.tests import FILE_CHECKS


def told(text, added=None):
    (check,) = FILE_CHECKS
    last = text.count("\n") + 1
    ranges = ((1, last),) if added is None else added
    file = SourceFile("tests/test_a.py", text, ranges, "python", PathClass.TEST)
    return [(hit.rule.removeprefix("tests/"), hit.span.line) for hit in check.run(file)]


@pytest.mark.parametrize(
    "body",
    [
        "check_total(cart)",
        "self.assertEqual(a, 1)",
        "with self.assertRaises(KeyError):\n        a()",
        "with pytest.warns(UserWarning):\n        a()",
        "verify(a)",
        "np.testing.assert_allclose(a, b)",
        "expect(page).to_have_title('a')",
        "result.stdout.fnmatch_lines(['a'])",
        "raise AssertionError",
        "def inner(x):\n        assert x\n    run(inner)",
    ],
)
def test_many_ways_to_assert(body):
    assert told(f"def test_a():\n    {body}\n") == []


def test_helpers_assert_through_one_another():
    text = (
        "from .support import same\n"
        "def one(a):\n    two(a)\ndef two(a):\n    three(a)\ndef three(a):\n    assert a\n"
        "class TestA:\n    def do(self):\n        assert 1 == a()\n"
        "    def test_a(self):\n        one(2)\n    def test_b(self):\n        self.do()\n"
        "    def test_c(self):\n        same(2)\n    def test_d(self):\n        other(2)\n"
    )
    assert told(text) == [("no-assertion", 17)]


@pytest.mark.parametrize(
    "decorator", ["@pytest.fixture", "@image_comparison(['a'])", "@pytest.mark.benchmark"]
)
def test_decorators_that_make_it_something_else(decorator):
    assert told(f"{decorator}\ndef test_a():\n    run()\n") == []


def test_skipped_tests_need_no_assertion():
    assert told("def test_a():\n    pytest.skip('not on this system')\n") == []


def test_functions_inside_of_tests_are_no_tests():
    assert told("def test_a():\n    def test_b():\n        run()\n    assert test_b()\n") == []


@pytest.mark.parametrize(
    "statement",
    [
        "assert (total() or (True))",
        "assert 1",
        "assert x == x",
        "assert isinstance(a, object)",
        "assert lambda: a",
        "self.assertTrue('total')",
        "self.assertEqual(cart.size, cart.size)",
        "mock.called_once_with(1)",
    ],
)
def test_assertions_that_cannot_fail(statement):
    found = told(f"class TestA:\n    def test_a(self):\n        {statement}\n        assert b()\n")
    assert found == [("cannot-fail", 3)]


@pytest.mark.parametrize(
    "statement",
    [
        "assert 'a text', 'left to ruff'",
        "assert (a, 'left to ruff')",
        "assert a() == a()",
        "assert []",
        "assert a.b is a.b",
        "assert a == a\n    assert a != b",
        "assert [*a]",
        "assert 0 <= len(a) <= 2",
        "assert mock.called",
        "self.assertTrue(a, f'{b}')",
        "self.assertTrue(a, msg=1)",
        "assert a or b, True",
    ],
)
def test_assertions_that_can_fail(statement):
    assert told(f"def test_a(self):\n    {statement}\n") == []


@pytest.mark.parametrize(
    ("handler", "found"),
    [
        ("except:\n        pass", True),
        ("except AssertionError as error:\n        print(error)", True),
        ("except (ValueError, Exception):\n        return", True),
        ("except Exception:\n        raise", False),
        ("except Exception:\n        failed = True", True),
        ("except OSError:\n        pass", False),
        ("finally:\n        pass", False),
        ("except AssertionError:\n        pass\n    else:\n        raise OSError", False),
    ],
)
def test_handlers_of_assertions(handler, found):
    text = f"def test_a():\n    try:\n        assert a() == 2\n    {handler}\n"
    expected = [("swallowed-assertion", 4)] if found and "failed" not in handler else []
    assert told(text) == expected


def test_only_tests_that_the_change_touches_are_looked_at():
    text = "def test_a():\n    run()\n\n\ndef test_b():\n    run()\n"
    assert told(text, ((5, 5),)) == [("no-assertion", 5)]
    assert len(told(text, ())) == 2  # a base version


@pytest.mark.parametrize(
    "text", ["def test_a(:\n  assert", "", "\x00\ufeff", "@\n" * 50, "(" * 5000]
)
def test_broken_files_are_no_trouble(text):
    assert isinstance(told(text), list)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "def test_a():\n    assert " + " or ".join(["a()"] * 20_000) + "\n",
        "def test_a():\n" + "    assert a == a\n" * 10_000,
        "".join(f"def test_{n}():\n    assert a == date.today()\n" for n in range(10_000)),
        "".join(f"def test_{n}():\n    requests.get('https://a.io')\n" for n in range(10_000)),
        "def test_a():\n    assert " + "(" * 50_000 + "a" + ")" * 50_000 + "\n",
    ],
    ids=["ors", "same", "now", "network", "parentheses"],
)
@pytest.mark.timeout(20)
def test_cost_grows_with_the_text(text):
    told(text)
