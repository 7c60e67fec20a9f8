"""An implementer cannot hide its files from review; autopilot then waits for the user."""

import pytest
from support.checkout import QUIET_GATES
from support.disguises import JS, PY
from support.parts import CLEAN, cast, writes
from support.play import TEST

from reviewloop.app.batch.policy import why_a_user

SETTINGS = {**QUIET_GATES, "REVIEWLOOP_REVIEW__ANALYSERS_OFF": '["tested", "cfn-lint"]'}
SEARCH = {"shop/search.py": CLEAN, "tests/test_search.py": TEST}


@pytest.mark.slow_but(every=2)
@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("shop/echo.py", PY, "1 must fix"),  # the control
        ("shop/echo.py", f"# @generated\n{PY}", "1 must fix"),
        ("vendor/echo.py", PY, "vendor/echo.py was not analysed: vendored"),
        ("web/a.min.js", JS, "web/a.min.js was not analysed: minified or bundled"),
    ],
)
def test_what_an_implementer_hides_is_found_and_waits_for_a_person(shop, path, content, reason):
    checkout = shop(cast(implement=writes({**SEARCH, path: content})), settings=SETTINGS)
    said = checkout.run("run", "2.1")
    proposal = checkout.record()["proposal"]

    found = {(one["path"], one["severity"]) for one in proposal["findings"]}
    assert (path, "must_fix") in found, said.err
    assert reason in why_a_user(proposal)
    if "was not analysed" in reason:
        assert "Not analysed" in said.err
        assert f"- {path}: " in said.err
