"""The published JSON Schemas: one for each object of `--json`, as their script makes them."""

import importlib.util
import re
from pathlib import Path

import click
import pytest
from jsonschema import Draft202012Validator
from support.schemas import FOLDER, check, validator_of

from reviewloop.cli.main import cli
from reviewloop.render.json import VERSION

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
OBJECTS = {
    "agents list": ["agents"],
    "approve": ["answered", "queue-approve", "run", "shared-queue-approve"],
    "arch check": ["arch-check"],
    "arch diff": ["arch-diff"],
    "audit": ["audit"],
    "batch": ["batch", "enqueued"],
    "change": ["change"],
    "change approve": ["change"],
    "change list": ["changes"],
    "change modify": ["change"],
    "change reject": ["change"],
    "change resume": ["change"],
    "change show": ["change"],
    "config show": ["config"],
    "doctor": ["doctor"],
    "github fix": ["github_fix"],
    "github hear": ["github_hear"],
    "github post": ["github_post"],
    "github push": ["publish"],
    "github review": ["github_review"],
    "handoff": ["session-handoff"],
    "hooks list": ["hooks"],
    "hooks init": ["hooks-init"],
    "hooks run": ["hooks-run"],
    "hooks logs": ["hooks-logs"],
    "hooks validate": ["hooks-validate"],
    "mcp list": ["mcp-list"],
    "memory list": ["memory"],
    "memory propose": ["memory"],
    "modify": ["answered", "run"],
    "publish": ["handoff", "publish"],
    "queue": ["queue", "shared-queue"],
    "queue approve": ["queue-approve", "shared-queue-approve"],
    "queue reject": ["queue-reject", "shared-queue-reject"],
    "quiet adopt": ["quiet-adopted"],
    "quiet propose": ["quiet-proposed"],
    "quiet show": ["quiet"],
    "reject": ["answered", "queue-reject", "run", "shared-queue-reject"],
    "resume": ["resumed", "run"],
    "review": ["review"],
    "run": ["preflight", "run"],
    "session resume": ["session"],
    "show": ["run"],
    "skills list": ["skills"],
    **{f"skills {name}": ["skill-session"] for name in ("capture", "improve", "modify")},
    **{f"skills {n}": ["skill-run", "skill-session"] for n in ("approve", "reject", "resume")},
    "skills run": ["skill-run"],
    "skills suggest": ["skill-suggestions"],
    "spec check": ["spec-check"],
    "spec trace": ["spec-trace"],
    "spec new": ["spec-session"],
    "spec approve": ["spec-approval", "spec-session"],
    "spec modify": ["spec-session"],
    "spec diff": ["spec-diff"],
    "spec edit": ["spec-session"],
    "spec answer": ["spec-session"],
    "ask": ["ask"],
    "spec plan": ["spec-plan", "spec-plan-adopted", "spec-plan-answer", "spec-plan-revised"],
    "spec publish": ["spec-publish"],
    "spec reject": ["spec-session"],
    "spec resume": ["spec-session"],
    "spec show": ["spec-session"],
    "spec history": ["spec-history"],
    "spec list": ["spec-sessions"],
    "spec merge": ["spec-merge"],
    "spec sync": ["change", "spec-sync"],
    "stats": ["stats"],
    "status": ["shared-status", "status"],
    "steering check": ["steering-check"],
    "steering list": ["steering-list", "steering-given"],
    "tasks": ["tasks", "tasks-created", "tasks-export"],
}
"""What each command that has `--json` prints with it."""


def maker():
    spec = importlib.util.spec_from_file_location("make_schemas", ROOT / "docs/make_schemas.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_json(command, words=()):
    """Yield the words of every command that has `--json`."""
    if any("--json" in parameter.opts for parameter in command.params):
        yield " ".join(words)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from with_json(command.get_command(context, name), (*words, name))


def test_every_command_with_json_has_its_schemas():
    assert sorted(with_json(cli)) == sorted(OBJECTS)
    assert sorted({name for names in OBJECTS.values() for name in names}) == NAMES


def test_every_kind_that_is_printed_has_a_schema():
    text = "".join(
        path.read_text("utf-8")
        for folder in ("cli", "app/fleet")
        for path in (ROOT / "reviewloop" / folder).glob("*.py")
    )
    kinds = set(re.findall(r'(?:print_json|Overview|Listing)\(\s*"([\w-]+)"', text))
    kinds |= set(re.findall(r'"(github_\w+)", as_json', text))
    kinds |= set(re.findall(r'"(shared-[\w-]+)"', text))
    assert len(kinds) > 20
    assert kinds <= set(NAMES)


def test_the_published_files_are_those_that_the_script_makes():
    made = maker()
    texts = {name: made.text_of(schema) for name, schema in made.schemas().items()}
    published = {path.stem: path.read_text("utf-8") for path in FOLDER.iterdir()}
    assert texts == published, "run python docs/make_schemas.py"


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_and_names_the_version(name):
    schema = validator_of(name).schema
    Draft202012Validator.check_schema(schema)
    properties = schema["properties"]
    assert {"version"} <= set(schema["required"])
    if name not in {"review", "handoff"}:
        assert properties["version"] == {"const": VERSION}
        assert properties["kind"] == {"const": name}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"queued": "2.1"}, r"queued: '2.1' is not of type 'array'"),
        ({"run": None}, r"run: None is not of type 'string'"),
        ({"version": 2}, r"version: 1 was expected"),
        ({"more": 1}, "unexpected"),
    ],
)
def test_what_does_not_fit_is_seen(change, words):
    fits = {"version": 1, "kind": "resumed", "run": "2.1-x", "queued": ["2.1"]}
    check(fits)
    with pytest.raises(AssertionError, match=words):
        check({**fits, **change})
    with pytest.raises(AssertionError, match="'queued' is a required property"):
        check({name: value for name, value in fits.items() if name != "queued"})
