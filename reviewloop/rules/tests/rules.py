"""The rules about tests."""

from reviewloop.rules.catalogue import rule

NO_ASSERTION = rule("tests/no-assertion")
CANNOT_FAIL = rule("tests/cannot-fail")
NO_REASON = rule("tests/skipped-without-reason")
SLEEP = rule("tests/sleep")
SWALLOWED = rule("tests/swallowed-assertion")
REAL_TIME = rule("tests/depends-on-now")
NETWORK = rule("tests/needs-network")

DELETED = rule("tests/test-deleted")
FEWER = rule("tests/assertions-removed")
WEAKER = rule("tests/assertion-weakened")
NO_TEST_CHANGE = rule("tests/no-test-change")
UNNAMED = rule("tests/unnamed-function")
UNCOVERED = rule("tests/uncovered-lines")

FILE_RULES = (NO_ASSERTION, CANNOT_FAIL, NO_REASON, SLEEP, SWALLOWED, REAL_TIME, NETWORK)
CHANGE_RULES = (DELETED, FEWER, WEAKER, NO_TEST_CHANGE, UNNAMED, UNCOVERED)
