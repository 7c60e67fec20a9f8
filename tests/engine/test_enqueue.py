"""Checks of the model that `batch` names for workers, and its storage."""

import json

import pytest
from support.many import files_of
from support.processes import asked, waiting
from support.team import Team

pytestmark = pytest.mark.needs_postgresql

_QUEUED = "SELECT args->>'task' FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"


def script() -> str:
    """Return replies for the first task."""
    writes = [
        {"name": "fs_write", "args": {"command": "create", "path": path, "file_text": text}}
        for path, text in files_of(1).items()
    ]
    done = {"name": "finish", "args": {"summary": "Added it.", "subject": "Add part 1"}}
    turns = [{"tool_calls": writes}, {"tool_calls": [done]}]
    none = {"name": "report_findings", "args": {"findings": []}}
    replies = [{"agent": "implement", "turns": turns}, {"step": "review", "tool_calls": [none]}]
    return json.dumps({"replies": replies})


def named(crew: Team) -> str:
    [(model,)] = asked(crew, "SELECT about::json->'flags'->>'models.reasoning' FROM batches")
    return str(model)


def test_a_model_that_nobody_can_ask_is_refused_before_anything_is_queued(team):
    crew = team()
    for code, model, why in (
        (2, "foo", "'foo' names no provider"),
        (2, "", "'' names no provider"),
        (2, "script:", "'script:' names no file; write script:FILE"),
        (2, "bogus:model", "no provider is called 'bogus'"),
        (2, "none", "implementing needs a model"),
        (2, "script:../away.json", f"{crew.folder / 'away.json'} cannot be read"),
        (2, "bedrock_converse:foo", "has not the form of a Bedrock model id"),
    ):
        said = crew.person.run("batch", "--tasks", "1", "--model", model)
        assert (said.code, why in said.err) == (code, True), said
        assert len(said.err.splitlines()) == 1
    assert asked(crew, "SELECT to_regclass('reviewloop.batches')") == [(None,)]


@pytest.mark.slow
def test_the_model_that_was_named_is_found_from_elsewhere_and_stays_with_what_is_queued(team):
    crew = team()
    place = crew.folder / "replies.json"
    place.write_text(script())
    said = crew.person.run("batch", "--tasks", "1", "--model", "script:../replies.json")
    assert said.code == 0, said.err
    assert named(crew) == f"script:{place}"

    # Neither another model nor none changes it while a worker has to do what was queued with it.
    other = ("--model", "mistralai:large")
    said = crew.person.run("batch", "--tasks", "1,4", *other)
    assert said.code == 2
    assert f"are queued already, for the model script:{place}" in said.err
    said = crew.person.run("batch", "--tasks", "1")
    assert (said.code, f"for the model script:{place}, and keep it" in said.err) == (0, True)
    assert (named(crew), asked(crew, _QUEUED)) == (f"script:{place}", [("1",)])
    machine = crew.machine("one")
    assert crew.work(machine, "--heartbeat", "0.1").code == 0
    assert waiting(crew.person) == ["1"]
    assert crew.server.ledger == []

    # What was rejected is done anew by the model that the batch was given.
    [row] = crew.person.json("queue")["runs"]
    assert crew.person.run("queue", "reject", row["run"], "-m", "again").code == 0
    assert crew.work(machine, "--heartbeat", "0.1").code == 0
    said = crew.person.run("batch", "--tasks", "1")
    assert f"the batch keeps the model script:{place}; `--model` names another" in said.err
    assert named(crew) == f"script:{place}"
    assert crew.work(machine, "--heartbeat", "0.1").code == 0
    assert (waiting(crew.person), crew.server.ledger) == (["1"], [])

    # What only workers need is said, and does not stop anybody.
    said = crew.person.run("batch", "--tasks", "4", *other)
    assert said.code == 0, said.err
    assert "here mistralai:large could not be asked (the package langchain-mistralai" in said.err
