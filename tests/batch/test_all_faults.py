"""Every kind of fault in one batch: the report names each, and its cost."""

import pytest
from support.all_faults import LEAST, after_all, everything, trouble
from support.batch_ends import leftovers

pytestmark = pytest.mark.with_tests


@pytest.mark.slow
def test_the_account_of_a_batch_with_every_trouble_is_exact(shop):
    plan = everything(LEAST)
    checkout = shop(trouble(plan, 3, throttled=0.1), **plan.files)
    checkout.environ["REVIEWLOOP_SPEC__PATH"] = plan.folder
    batch, problems = after_all(checkout, plan, budget=0.07)
    assert problems + leftovers(checkout) == []
    assert batch["counts"] == {"committed": 2, "blocked": 1, "open": 2, "waiting": 2}
