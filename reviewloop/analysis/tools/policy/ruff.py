"""What ruff's rules mean to us: the pages of the policy put together."""

from reviewloop.analysis.contract import MAINTAINABILITY, PERFORMANCE, SECURITY, TEST_QUALITY
from reviewloop.analysis.tools.policy import (
    ruff_correctness,
    ruff_security,
    ruff_selection,
    ruff_tests,
    ruff_upkeep,
)
from reviewloop.analysis.tools.policy.rows import Policy, rules_of

_PAGE = "https://docs.astral.sh/ruff/rules/{slug}/"
_CAUSED = ("F401", "F811", "F821", "F841")  # a change can bring these about lines away

_everywhere = [
    r for r in ruff_correctness.CORRECTNESS_ROWS if r.code not in ruff_correctness.NOT_IN_TESTS
]
_in_product = [
    r for r in ruff_correctness.CORRECTNESS_ROWS if r.code in ruff_correctness.NOT_IN_TESTS
]
_unused = [r for r in ruff_upkeep.UPKEEP_ROWS if r.code in _CAUSED]
_upkeep = [r for r in ruff_upkeep.UPKEEP_ROWS if r.code not in _CAUSED]

RUFF = Policy(
    "ruff",
    {
        **rules_of("ruff", _PAGE, SECURITY, ruff_security.SECURITY_ROWS),
        **rules_of(
            *("ruff", _PAGE, MAINTAINABILITY, _everywhere),
            in_tests=True,
            in_examples=True,
            caused=_CAUSED,
        ),
        **rules_of("ruff", _PAGE, MAINTAINABILITY, _in_product, caused=_CAUSED),
        **rules_of("ruff", _PAGE, MAINTAINABILITY, _unused, in_tests=True, caused=_CAUSED),
        **rules_of("ruff", _PAGE, MAINTAINABILITY, _upkeep),
        **rules_of("ruff", _PAGE, PERFORMANCE, ruff_upkeep.PERFORMANCE_ROWS),
        **rules_of("ruff", _PAGE, TEST_QUALITY, ruff_tests.ANYWHERE_ROWS, in_tests=True),
        **rules_of(
            "ruff", _PAGE, TEST_QUALITY, ruff_tests.TEST_ROWS, in_tests=True, in_product=False
        ),
    },
    (
        *ruff_security.SECURITY_FAMILIES,
        *ruff_correctness.CORRECTNESS_FAMILIES,
        *ruff_upkeep.UPKEEP_FAMILIES,
        *ruff_tests.TEST_FAMILIES,
    ),
    ruff_selection.OFF,
    ruff_selection.OFF_PREFIXES,
    page=_PAGE,
)
