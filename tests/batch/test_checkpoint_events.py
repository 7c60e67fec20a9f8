"""Events of a checkpoint in a batch: no implementer runs, so none is reported."""

import pytest
from support.checkout import Checkout
from support.many import SPEC

pytestmark = pytest.mark.with_tests

TASKS = """# Implementation Plan: many

- [ ] 1. First number
- [ ] 2. Checkpoint - Ensure all tests pass
"""


@pytest.mark.slow
def test_no_implementer_is_said_to_begin_at_a_checkpoint(shop) -> None:
    checkout: Checkout = shop(**{SPEC: TASKS})
    said = checkout.run("batch")
    assert "1 implement: started" in said.err
    assert "2 Checkpoint - Ensure all tests pass: waiting" in said.err
    assert "2 implement: started" not in said.err
