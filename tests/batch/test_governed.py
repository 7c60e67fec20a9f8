"""Autopilot stops at what asks a person, commits what does not, and looks at the spec."""

import pytest
from support.many import SPEC, TASKS
from support.parts import cast, writes

STOPS = {
    "a pattern of files": (
        {"db/migrations/0001.py": "A = 1\n"},
        "matches **/migrations/**",
    ),
    "a kind by content": (
        {"shop/config.py": 'import os\n\nURL = os.environ["URL"]\n'},
        "environment_variables (shop/config.py:3: new URL",
    ),
}
"""`test_autopilot_stops.py` has a row for each of them, in one batch."""


def naming(files):
    """Return the spec whose first task names these files, so that agents may write all of them."""
    return TASKS.replace("First number", f"First number in {', '.join(files)}")


def driven(shop, files):
    """Return how a batch in autopilot ended whose implementer writes these files."""
    checkout = shop(cast(implement=writes(files)), **{SPEC: naming(files)})
    head = checkout.git("rev-parse", "HEAD")
    said = checkout.run("batch", "--tasks", "1", "--mode", "autopilot")
    [row] = checkout.json("status")["batch"]["tasks"]
    return said.code, row["why"], checkout.git("rev-parse", "HEAD") != head


@pytest.mark.parametrize("row", STOPS)
def test_autopilot_stops_and_says_why(shop, row):
    files, reason = STOPS[row]
    code, why, is_committed = driven(shop, files)
    assert (code, is_committed) == (4, False), why
    assert reason in why


@pytest.mark.slow
@pytest.mark.with_tests
def test_autopilot_commits_what_nothing_asks_a_person_about(shop):
    assert driven(shop, {"shop/quiet.py": "A = 1\n"})[::2] == (0, True)


@pytest.mark.slow
@pytest.mark.with_tests
def test_its_end_proposes_to_bring_the_spec_in_step(shop):
    """The code has a route that the design, which lists its like, does not name."""
    routes = "".join(
        f"\n\n@app.get('/{name}')\ndef {name}():\n    return []\n" for name in ("orders", "items")
    )
    files = {"shop/web.py": f"from fastapi import FastAPI\n\napp = FastAPI()\n{routes}"}
    folder = SPEC.rpartition("/")[0]
    design = {f"{folder}/design.md": "# Design\n\n## API\n\n- `GET /orders`: all orders\n"}
    checkout = shop(cast(implement=writes(files)), **{SPEC: naming(files)}, **design)

    asked = ("batch", "--tasks", "1", "--mode", "autopilot")
    said = checkout.run(*asked, REVIEWLOOP_SPEC_SYNC__THRESHOLD="0.3")

    assert said.code == 0, said.err
    assert f"50% of the names in {folder} part from the code; `reviewloop spec sync" in said.err
