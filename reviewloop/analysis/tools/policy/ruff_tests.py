"""What ruff's rules about tests (PT, and asserts that cannot fail) mean to us."""

from reviewloop.analysis.contract import MUST, NIT, SHOULD, TEST_QUALITY
from reviewloop.analysis.tools.policy.rows import Family, Row

_ASSERT = "assertion"
_WIDE = "Any error of that kind passes, also one that was not meant."

ANYWHERE_ROWS = (
    Row("F631", "assert-tuple", MUST, _ASSERT, "The assert is on a tuple, which is always true",
        "It can never fail.", "Remove the parentheses."),
    Row("PLW0129", "assert-on-string-literal", MUST, _ASSERT, "The assert is on a text",
        "It can never fail, or never pass.", "Assert the condition, give the text as its message."),
    Row("B015", "useless-comparison", MUST, _ASSERT, "The result of a comparison is not used",
        "An assert was probably forgotten: nothing is checked.", "Put assert before it."),
    Row("RUF040", "invalid-assert-message-literal-argument", SHOULD, _ASSERT,
        "The message of an assert is no text", "A comparison was probably meant.", "Correct it."),
)  # fmt: skip

TEST_ROWS = (
    Row("B011", "assert-false", SHOULD, _ASSERT, "assert False is left out under -O",
        "The test passes where it should fail.", "Raise AssertionError, or call pytest.fail()."),
    Row("B017", "assert-raises-exception", SHOULD, _ASSERT,
        "The test is content with any exception",
        "A typing mistake in the test passes it.", "Name the exception, or give match=."),
    Row("PT010", "pytest-raises-without-exception", SHOULD, _ASSERT,
        "raises() without an exception",
        "It raises an error as soon as the line is reached.", "Name the exception."),
    Row("PT011", "pytest-raises-too-broad", NIT, _ASSERT, "A broad exception is expected", _WIDE,
        "Give match=, or a narrower exception."),
    Row("PT012", "pytest-raises-with-multiple-statements", NIT, _ASSERT,
        "Several statements stand under raises()",
        "What comes after the one that raises never runs.", "Keep one statement in the block."),
    Row("PT015", "pytest-assert-always-false", SHOULD, _ASSERT, "The assert always fails",
        "It is left out under -O.", "Call pytest.fail()."),
    Row("PT017", "pytest-assert-in-except", SHOULD, _ASSERT, "An assert stands in an except block",
        "Without an exception nothing is checked and the test passes.", "Use pytest.raises."),
    Row("PT028", "pytest-parameter-with-default-argument", SHOULD, _ASSERT,
        "A test's parameter has a default", "pytest ignores the fixture of that name.",
        "Remove the default."),
    Row("PT031", "pytest-warns-with-multiple-statements", SHOULD, _ASSERT,
        "Several statements stand under warns()", "Any of them may be the one that warns.",
        "Keep one statement in the block."),
    Row("PT014", "pytest-duplicate-parametrize-test-cases", NIT, _ASSERT, "A case stands twice",
        "One was probably meant to be another.", "Remove one of them."),
    Row("PT018", "pytest-composite-assertion", NIT, _ASSERT, "One assert checks several things",
        "A failure does not say which.", "Write one assert for each."),
    Row("PT030", "pytest-warns-too-broad", NIT, _ASSERT, "A broad warning is expected", _WIDE,
        "Give match=."),
)  # fmt: skip

TEST_FAMILIES = (
    Family("PT", NIT, TEST_QUALITY, _ASSERT, "pytest has a better way", "Failures say less.",
           in_tests=True, in_product=False),
)  # fmt: skip
