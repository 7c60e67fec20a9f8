"""The rules about tests, each with what shows it."""

from reviewloop.analysis.contract import NIT, SHOULD, TEST_QUALITY, Example, Rule
from reviewloop.domain.finding import Severity

_ASSERTIONS, _FLAKY, _COVERAGE = "assertions", "flaky-tests", "coverage"
_FREE = "https://martinfowler.com/bliki/AssertionFreeTesting.html"
_TESTED = "https://martinfowler.com/bliki/TestCoverage.html"


def _test(code: str) -> Example:
    return Example("tests/test_shop.py", code)


def _rule(
    slug: str,
    severity: Severity,
    title: str,
    why: str,
    fix: str,
    category: str,
    source: str,
    bad: tuple[str, ...] = (),
    good: tuple[str, ...] = (),
    *,
    product: bool = False,
) -> Rule:
    return Rule(
        id=f"tests/{slug}",
        reviewer=TEST_QUALITY,
        severity=severity,
        title=title,
        why=why,
        fix=fix,
        category=category,
        source=source,
        in_tests=not product,
        in_product=product,
        bad=tuple(map(_test, bad)),
        good=tuple(map(_test, good)),
    )


NO_ASSERTION = _rule(
    "no-assertion",
    NIT,
    "A test asserts nothing",
    "It passes whatever the code returns or does, as long as nothing is raised.",
    "Assert on the result or on the effect.",
    _ASSERTIONS,
    _FREE,
    bad=("def test_total():\n    cart = Cart()\n    cart.add(2)\n",),
    good=(
        "def test_total():\n    assert Cart().total() == 0\n",
        "def test_total():\n    with pytest.raises(ValueError):\n        Cart().add(-1)\n",
        "def same(a):\n    assert a\n\ndef test_total():\n    same(Cart())\n",
        "def test_total(mailer):\n    send()\n    mailer.send.assert_called_once_with('a')\n",
        "def test_total(snapshot):\n    snapshot.match(Cart())\n",
        "def test_empty_cart_does_not_raise():\n    Cart().total()\n",
    ),
)
CANNOT_FAIL = _rule(
    "cannot-fail",
    SHOULD,
    "An assertion cannot fail",
    "It looks like a check but holds for every result, so the test proves nothing.",
    "Compare the result with what it must be.",
    _ASSERTIONS,
    "CWE-571",
    bad=(
        "def test_total():\n    assert total([1]) or True\n",
        "def test_total():\n    total([1])\n    assert True\n",
        "def test_total():\n    assert len(lines()) >= 0\n",
        "def test_total(mailer):\n    assert mailer.send.called_once_with('a')\n",
        "def test_total(mailer):\n    send(mailer)\n    mailer.send.assert_called_once\n",
        "class TestTotal(TestCase):\n    def test_it(self):\n        self.assertTrue(total(), 3)\n",
        "def test_total():\n    assert (line for line in lines() if line)\n",
        "def test_total():\n    assert [total([1]), 1]\n",
    ),
    good=(
        "def test_total():\n    assert total([1]) or total([2])\n",
        "def test_total():\n    assert len(lines()) >= 1\n",
        "def test_total(mailer):\n    mailer.send.assert_called_once_with('a')\n",
        "class TestTotal(TestCase):\n"
        "    def test_it(self):\n        self.assertTrue(total(), 'no total')\n",
        "def test_total():\n    assert any(line for line in lines())\n",
        "def test_cart_equals_itself():\n    assert cart == cart\n",
    ),
)
NO_REASON = _rule(
    "skipped-without-reason",
    SHOULD,
    "A test is switched off without a reason",
    "Nobody will know whether it may be switched on again, and what it guarded is unguarded.",
    "Say why in `reason`, with a ticket if there is one, or fix the test.",
    "skipped-tests",
    "https://docs.pytest.org/en/stable/how-to/skipping.html",
    bad=(
        "@pytest.mark.skip\ndef test_total():\n    assert total() == 1\n",
        "@pytest.mark.xfail()\ndef test_total():\n    assert total() == 1\n",
        "def test_total():\n    pytest.skip()\n    assert total() == 1\n",
        "class TestA(TestCase):\n    @unittest.skip('')\n    def test_a(self):\n"
        "        self.assertTrue(a())\n",
    ),
    good=(
        "@pytest.mark.skip(reason='needs a printer')\ndef test_total():\n    assert total() == 1\n",
        "@pytest.mark.xfail(raises=KeyError)\ndef test_total():\n    assert total() == 1\n",
        "# waits for ticket 12\n@pytest.mark.skip\ndef test_total():\n    assert total() == 1\n",
    ),
)
SLEEP = _rule(
    "sleep",
    NIT,
    "A test waits for a fixed time",
    "It is slow where the wait is too long and fails at random where it is too short.",
    "Wait for the condition with a time limit, or hand the code a clock that the test moves.",
    _FLAKY,
    "https://martinfowler.com/articles/nonDeterminism.html",
    bad=("import time\n\ndef test_total():\n    time.sleep(2)\n    assert total() == 1\n",),
    good=("import time\n\ndef test_total():\n    time.sleep(0)\n    assert total() == 1\n",),
)
SWALLOWED = _rule(
    "swallowed-assertion",
    SHOULD,
    "A failing assertion is caught and forgotten",
    "The handler also catches AssertionError, so the test passes when the assertion fails.",
    "Catch only the exception that is expected, or use pytest.raises.",
    _ASSERTIONS,
    "CWE-391",
    bad=(
        "def test_total():\n    try:\n        assert total() == 1\n"
        "    except Exception:\n        pass\n",
    ),
    good=(
        "def test_total():\n    try:\n        assert total() == 1\n"
        "    except KeyError:\n        pass\n",
        "def test_total():\n    try:\n        assert total() == 1\n"
        "    except AssertionError:\n        pytest.fail('no total')\n",
    ),
)
REAL_TIME = _rule(
    "depends-on-now",
    NIT,
    "An assertion compares with the moment at which it runs",
    "It fails when the clock moves between the code and the comparison: at midnight, under load.",
    "Freeze the clock, or compare with a tolerance.",
    _FLAKY,
    "https://martinfowler.com/articles/nonDeterminism.html",
    bad=("def test_day():\n    assert order().day == date.today()\n",),
    good=(
        "def test_day():\n    assert order().day == date(2024, 1, 1)\n",
        "def test_day():\n    assert order().at <= datetime.now()\n",
        "@freeze_time('2024-01-01')\ndef test_day():\n    assert order().day == date.today()\n",
    ),
)
NETWORK = _rule(
    "needs-network",
    NIT,
    "A test asks a server on the internet",
    "It fails when the network, or the other side, does.",
    "Answer the request inside the test: a stub transport or a local server.",
    _FLAKY,
    "https://martinfowler.com/articles/nonDeterminism.html",
    bad=("def test_get():\n    assert requests.get('https://api.acme.dev/a').ok\n",),
    good=(
        "def test_get():\n    assert requests.get('http://localhost:80/a').ok\n",
        "def test_get(requests_mock):\n    assert requests.get('https://api.acme.dev/a').ok\n",
    ),
)

DELETED = _rule(
    "test-deleted",
    SHOULD,
    "Tests were deleted while the code they may guard was changed",
    "What they checked is no longer checked, just when it may have broken.",
    "Keep them, or say in the change why what they check is no longer wanted.",
    "deleted-tests",
    _TESTED,
)
FEWER = _rule(
    "assertions-removed",
    SHOULD,
    "A test asserts less than before while the code was changed",
    "A test that was made to pass by asserting less hides the defect it found.",
    "Keep the assertions, or replace each by what now has to hold.",
    "deleted-tests",
    _TESTED,
)
WEAKER = _rule(
    "assertion-weakened",
    SHOULD,
    "An assertion now lets more results pass",
    "Wrong results that the old assertion caught go through.",
    "Compare with the whole expected value.",
    _ASSERTIONS,
    _TESTED,
)
NO_TEST_CHANGE = _rule(
    "no-test-change",
    NIT,
    "Code was changed but no test was",
    "Nothing shows that the new behaviour is right, or will stay so.",
    "Add or change a test that fails without this change.",
    _COVERAGE,
    "https://google.github.io/eng-practices/review/reviewer/looking-for.html#tests",
    product=True,
)
UNNAMED = _rule(
    "unnamed-function",
    NIT,
    "No test mentions this function",
    "It may well be tested through others; nothing in the tests says so.",
    "Check that a test reaches it.",
    _COVERAGE,
    _TESTED,
    product=True,
)
UNCOVERED = _rule(
    "uncovered-lines",
    SHOULD,
    "No test runs these added lines",
    "Whether they work is not known, and whoever changes them gets no warning.",
    "Add a test that reaches them and asserts on what they do.",
    _COVERAGE,
    _TESTED,
    product=True,
)

FILE_RULES = (NO_ASSERTION, CANNOT_FAIL, NO_REASON, SLEEP, SWALLOWED, REAL_TIME, NETWORK)
CHANGE_RULES = (DELETED, FEWER, WEAKER, NO_TEST_CHANGE, UNNAMED, UNCOVERED)
