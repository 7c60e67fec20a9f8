"""`gates.format.fix_on_save`: changes of agents are formatted before they are evaluated."""

import pytest
from support.parts import cast, writes

pytestmark = pytest.mark.needs_bubblewrap
UGLY = "def items_of(db,customer):\n    return [ ]\n"
NEAT = "def items_of(db, customer):\n    return []\n"


@pytest.mark.slow
def test_the_change_is_formatted_and_nothing_else(shop):
    files = {"ruff.toml": "[format]\n", "shop/untouched.py": "x = {  }\n"}
    checkout = shop(cast(implement=writes({"shop/search.py": UGLY})), files=files)
    said = checkout.run("run", "next", REVIEWLOOP_GATES__FORMAT__FIX_ON_SAVE="true")
    assert said.code == 4, said.err
    proposal = checkout.record()["proposal"]
    assert [one["path"] for one in proposal["files"]] == ["shop/search.py"]
    assert "return []" in checkout.server.of("review-security")[0].said
    assert [g["status"] for g in proposal["gates"] if g["name"] == "format"] == ["passed"]
    assert checkout.run("approve").code == 0
    assert checkout.git("show", "HEAD:shop/search.py") == NEAT.strip()
    assert checkout.git("show", "HEAD:shop/untouched.py") == "x = {  }"


@pytest.mark.slow
def test_a_kill_after_formatting_formats_nothing_twice(shop):
    files = {"ruff.toml": "[format]\n"}
    checkout = shop(cast(implement=writes({"shop/search.py": UGLY})), files=files)
    on = {"REVIEWLOOP_GATES__FORMAT__FIX_ON_SAVE": "true"}
    assert checkout.forked("run", "next", REVIEWLOOP_FAULT="gate.start", **on).code < 0
    assert checkout.run("resume", **on).code == 4
    assert len([*checkout.state.rglob("logs/on-save-*.log")]) == 1
