"""The worked example of an IoT backend: one sentence after the other, spec and code in step."""

import json

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.iot import make_iot, replies, story
from support.spec_script import written

STORIES = ("co2", "geofencing", "analytics", "pagination", "database")
ASKS_FIRST = {"database": ["replaces MongoDB by PostgreSQL"]}
NEW_ONLY = {"analytics"}
"""Stories that change no word that a task was ticked for: the spec, built before, is reopened."""


def synced(checkout) -> dict:
    """Return what `spec sync --check` prints, which its exit code agrees with."""
    said = checkout.run("spec", "sync", "--check", "--json")
    body = json.loads(said.out)
    assert said.code == body["exit_code"] == int(bool(body["drift"] or body["reopened"]))
    return body


def ended(said, code: int) -> dict:
    """Return what a command printed that ended with this code."""
    assert said.code == code, (said.out, said.err)
    return json.loads(said.out)


@pytest.mark.slow
def test_five_sentences_change_spec_and_code_and_both_are_in_step_after_each(repo, tmp_path, git):
    make_iot(repo, git)
    model = written(tmp_path, replies(*STORIES))
    named = {f"REVIEWLOOP_MODELS__{kind}": model for kind in ("REASONING", "GENERATION")}
    checkout = Checkout(repo, tmp_path / "home", settings={**QUIET_GATES, **named})
    assert checkout.run("arch", "init").code == 0
    checkout.git("add", ".reviewloop")
    checkout.git("commit", "-q", "-m", "layers as they are")
    assert synced(checkout)["exit_code"] == 0
    for name in STORIES:
        told = story(name)
        body = ended(checkout.run("change", "-m", told["sentence"], "--json"), 4)
        assert body["reasons"] == ASKS_FIRST.get(name, [])
        if body["reasons"]:
            assert (body["waits_for"], body["spent"]["calls"]) == ("impact", 0)
            assert {"src/services/database.js", "package.json"} <= {
                one["path"] for one in body["impact"]
            }
            body = ended(checkout.run("change", "approve", body["name"], "--json"), 4)
        assert (body["waits_for"], body["spent"]["calls"]) == ("delta", 1)
        undecided = [one for one in body["impact"] if not one["task"] and not one["stays"]]
        assert undecided == [], name

        between = ended(checkout.run("change", "approve", body["name"], "--json"), 4)
        assert len(between["commits"]) == 1
        now = synced(checkout)
        assert now["exit_code"] == 1, name
        assert bool(now["drift"]) == (name not in NEW_ONLY)

        assert checkout.run("queue", "approve", "--all").code == 0
        done = ended(checkout.run("change", "resume", body["name"], "--json"), 0)
        assert done["open"] == [], name
        assert [one["task"] for one in done["commits"]] == ["", *done["tasks"]]
        assert done["next"] == "it is done"
        changed = [path for files in told["tasks"].values() for path in files]
        touched = {path for paths in done["touched"].values() for path in paths}
        assert touched >= set(changed)
        assert len(done["touched"]["spec"]) == 3
        assert synced(checkout)["exit_code"] == 0, name
        layers = checkout.run("arch", "check", "--all")
        assert layers.code == 0, layers.out  # the code follows the structure that it had
    assert checkout.git("status", "--porcelain") == ""
    trace = checkout.run("spec", "trace", "iot")
    assert "no task serves it" not in trace.out
