"""`change`: a sentence changes the spec by quoted edits, then code, tests and documents."""

import json

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.iot import SPEC, edit, files, make_iot, proposed, replies, story, tasks_done
from support.spec_script import written
from support.untouched import photograph

CO2 = story("co2")
NAME = "support-co-readings-update"
EIGHT = [path for changed in CO2["tasks"].values() for path in changed]
"""Data model, schema, MQTT, thresholds, API documents, diagram, tests and README."""


@pytest.fixture
def iot(repo, tmp_path, git):
    """Return what opens the IoT backend with a model of these replies."""
    make_iot(repo, git)

    def opened(entries=None, **settings: str) -> Checkout:
        model = written(tmp_path, replies("co2") if entries is None else entries)
        named = {f"REVIEWLOOP_MODELS__{kind}": model for kind in ("REASONING", "GENERATION")}
        return Checkout(repo, tmp_path / "home", settings={**QUIET_GATES, **named, **settings})

    return opened


def journal_of(checkout):
    """Return agent and step of each reply that the change has paid for."""
    import sqlite3
    from contextlib import closing

    [path] = checkout.state.glob(f"repositories/*/changes/runs/{NAME}/journal.sqlite")
    with closing(sqlite3.connect(path)) as journal:
        return journal.execute("SELECT agent, step FROM calls WHERE kind = 'model'").fetchall()


def test_the_delta_and_what_it_reaches_are_shown_and_no_byte_is_another_one(iot):
    checkout = iot()
    before = photograph(checkout.root)
    said = checkout.run("change", "-m", CO2["sentence"])
    assert said.code == 4, said.err
    assert (
        "{+3. IF the CO₂ of a reading is below 0 ppm THEN the service SHALL drop it+}" in said.out
    )
    for line in (
        "  criterion 1.1 changed",
        "  criterion 3.3 new",
        "  schemas src/schemas/reading.schema.json:4: task 4; mentions temperature, humidity",
        "  diagrams docs/architecture.md:5: task 4; mentions readings, alerts, temperature, "
        "humidity",
        "  src/firmware.js:1: is about the board's own temperature",
    ):
        assert f"{line}\n" in said.out
    assert said.err == f"{NAME}: the delta waits for you: reviewloop change approve {NAME}\n"
    shown = json.loads(checkout.run("change", "show", "--json").out)
    assert [one["path"] for one in shown["impact"] if one["task"]] == sorted(EIGHT)
    assert {one["path"]: one["stays"] for one in shown["impact"] if one["stays"]} == CO2["stays"]
    api = next(one for one in shown["impact"] if one["path"] == "src/routes/readings.js")
    assert api["endpoints"] == ["GET /readings/latest", "GET /readings/device/{}"]
    assert checkout.run("change", "reject").code == 7
    assert photograph(checkout.root) == before


@pytest.mark.slow
def test_approved_it_is_one_commit_of_the_spec_then_one_a_task_and_an_account(iot):
    checkout = iot()
    checkout.run("change", "-m", CO2["sentence"])
    said = checkout.run("change", "approve")
    assert said.code == 4, said.err
    assert checkout.git("show", "--format=", "--name-only", "HEAD").split("\n") == [
        f"{SPEC}/design.md", f"{SPEC}/requirements.md", f"{SPEC}/tasks.md",
    ]  # fmt: skip
    assert "open: docs/api.md:3: task 4 names it, and nothing touched it\n" in said.out
    assert f"{NAME}: tasks 4, 5 wait for you: reviewloop queue\n" in said.err
    assert checkout.run("queue", "approve", "--all").code == 0
    done = checkout.run("change", "resume", NAME)
    assert done.code == 0, done.err
    body = json.loads(checkout.run("change", "show", NAME, "--json").out)
    assert [one["task"] for one in body["commits"]] == ["", "4", "5"]
    assert body["open"] == []
    assert {kind: len(paths) for kind, paths in body["touched"].items()} == {
        "spec": 3, "code": 4, "schema": 1, "test": 2, "document": 2, "diagram": 1,
    }  # fmt: skip
    assert "open:" not in done.out
    assert len(journal_of(checkout)) == 1
    first = checkout.git("log", "-1", "--format=%B", "HEAD~2")
    assert first.split("\n")[0].startswith("Spec iot: Add support for CO₂ readings.")
    assert "- criterion 3.3 new: IF a CO₂ value is above" in first
    last = checkout.git("log", "-1", "--format=%B", "HEAD")
    assert "Changed: criterion 3.3 new: IF a CO₂ value is above the threshold" in last
    assert "criterion 1.3" not in last
    assert (checkout.root / "src/schemas/reading.schema.json").read_text() == (
        CO2["tasks"]["4: Read and validate CO₂"]["src/schemas/reading.schema.json"]
    )


def test_what_no_edit_quotes_keeps_its_bytes(iot):
    checkout = iot()
    checkout.run("change", "-m", CO2["sentence"], "--plan-only")
    said = checkout.run("change", "approve")
    assert said.code == 0, said.err
    for name in ("requirements", "design", "tasks"):
        path = f"{SPEC}/{name}.md"
        text = checkout.read(path)
        for one in CO2["edits"]:
            if one["path"] == path:
                new = f"{one['text']}\n" if one["below"] else one["text"]
                assert text.count(new) == 1
                text = text.replace(new, "" if one["below"] else one["quote"])
        assert text == files()[path]
    assert checkout.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ([edit("design", "temperature", "CO₂")], "is there 3 times"),
        ([edit("requirements", "pressure", "CO₂")], "is not there"),
        ([CO2["edits"][2]], "no task of the change serves requirement 1.3"),
    ],
)
def test_edits_that_cannot_be_anchored_are_sent_back_once_then_it_ends_with_5(iot, edits, words):
    checkout = iot([proposed(edits, {})])
    before = photograph(checkout.root)
    said = checkout.run("change", "-m", CO2["sentence"])
    assert said.code == 5, said.out
    assert words in said.err
    assert len(journal_of(checkout)) == 2
    assert photograph(checkout.root) == before
    assert "it stopped: reviewloop change resume" in checkout.run("change", "list").out


@pytest.mark.slow
def test_modified_it_is_proposed_anew(iot):
    other = [one | {"text": one["text"].replace("0 ppm", "1 ppm")} for one in CO2["edits"]]
    entries = [
        proposed(CO2["edits"], CO2["stays"], cycle=0),
        proposed(other, CO2["stays"], cycle=1),
    ]
    checkout = iot([*entries, *tasks_done(CO2["tasks"])])
    checkout.run("change", "-m", CO2["sentence"])
    said = checkout.run("change", "modify", "-m", "from 1 ppm on")
    assert said.code == 4, said.err
    assert "below 1 ppm" in said.out


@pytest.mark.slow
def test_a_budget_is_for_the_tasks_too_and_what_was_approved_needs_no_other_approval(iot):
    checkout = iot(REVIEWLOOP_SPEC__REQUIRE_APPROVAL="true")
    checkout.run("change", "-m", CO2["sentence"], "--budget-usd", "3")
    said = checkout.run("change", "approve")
    assert said.code == 4, said.err
    assert "at most $3 in all" in said.err.replace("$10 each and ", "")


@pytest.mark.slow
def test_in_autopilot_the_tasks_are_committed_as_they_become_clean(iot):
    checkout = iot(
        REVIEWLOOP_GOVERNANCE__PATTERNS="[]",
        REVIEWLOOP_GATES__TEST__ENABLED="true",
        REVIEWLOOP_GATES__TEST__COMMAND='["true"]',
    )
    checkout.run("change", "-m", CO2["sentence"], "--mode", "autopilot")
    said = checkout.run("change", "approve")
    assert said.code == 0, said.err
    assert "it is done" in said.err


@pytest.mark.slow
def test_a_handoff_names_what_is_in_work(iot):
    checkout = iot()
    checkout.run("change", "-m", CO2["sentence"])
    assert checkout.run("handoff", "--offline").code == 0
    [path] = checkout.root.glob(".*/context/session-handoff.md")
    assert f"`reviewloop change show {NAME}`" in path.read_text()


@pytest.mark.slow
@pytest.mark.needs_bubblewrap
@pytest.mark.parametrize("off", [False, True])
def test_no_hooks_of_a_change_holds_for_its_delta_and_its_tasks(iot, off):
    checkout = iot(REVIEWLOOP_LIMITS__REPAIRS="0")
    path = checkout.root / ".reviewloop/hooks/a.yaml"
    path.parent.mkdir(parents=True)
    events = {"spec.approved": "exit 1", "task.start": "echo not today; exit 1"}
    path.write_text(
        "".join(
            f"- name: at {event}\n  trigger: {{event: {event}}}\n"
            f"  action: {{command: {json.dumps(command)}, "
            f"blocking: {json.dumps(event == 'task.start')}}}\n"
            for event, command in events.items()
        )
    )
    checkout.git("add", "-A")
    checkout.git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "hooks")
    assert checkout.run("trust", "--yes").code == 0
    options = ["--no-hooks"] if off else []
    assert checkout.run("change", "-m", CO2["sentence"], *options).code == 4
    said = checkout.run("change", "approve")
    assert ("hook at spec.approved" in said.err) is not off
    rows = checkout.json("status")["runs"]
    assert rows
    assert any("not today" in row["reason"] for row in rows) is not off
