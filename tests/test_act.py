"""The Action's inputs, as `.ci/act` turns them into options, and its outputs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest
from click.core import ParameterSource
from support.action import ACTION, ROOT, Acted, git, run_act, starts

from reviewloop.cli.batch import batch
from reviewloop.cli.batch_plan import PLANNED
from reviewloop.cli.github import github
from reviewloop.cli.publish import publish
from reviewloop.cli.run import run as run_task
from reviewloop.github.api.model import Status
from reviewloop.github.comment_commands import CommandOutcome
from reviewloop.github.job.outcome import JobOutcome, outputs_of
from reviewloop.llm.provider_table import KNOWN

PAGE = "".join((ROOT / f"docs/{name}.md").read_text() for name in ("github", "github-reference"))
Act = Callable[..., Acted]
COMMANDS = {**github.commands, "implement": run_task, "batch": batch}
# The one argument of a command is an input with a name of its own.
WORDS = {"post": "artifact", "push": "handoff", "implement": "task"}
# In a workflow they are the runner's, or they are for somebody at a terminal.
FOR_PEOPLE = {"event", "repo", "json", "message", "record", "again", "preflight", "no-sandbox"}
FOR_PEOPLE |= {"steering"}
FOR_PEOPLE |= {"implementer", "reviewers"}  # a job names its agents in the settings
FOR_PEOPLE |= {"no-hooks"}  # a job trusts the hooks of its base with its commands, or has none
KEYS = {
    key: key.lower().replace("_", "-")
    for key in (provider.keys[0] for provider in KNOWN.values() if provider.keys)
}
NOT_OPTIONS = {"command", "github-token", *KEYS.values()}
OUTPUTS = {
    *outputs_of(JobOutcome(Status.PASSED)),
    *CommandOutcome(Status.PASSED).outputs,
    "handoff-path",
}
OUTPUTS |= {"matrix", "any"}


@pytest.fixture
def act(tmp_path: Path) -> Act:
    return partial(run_act, tmp_path)


def test_a_wrong_input_is_named(act: Act) -> None:
    for inputs, sentence in (
        ({"drafts": "yes"}, "The input drafts takes true or false."),
        (
            {"command": "merge"},
            "The input command takes review, post, hear, fix, implement, push or batch.",
        ),
        ({"command": "post", "model": "x"}, "The command post does not take the input model."),
        ({"command": "hear", "bots": "false"}, "The command hear does not take the input bots."),
        ({"handoff": "here"}, "The command review does not take the input handoff."),
        (
            {"command": "push", "openai-api-key": "k"},
            "The command push does not take the input openai-api-key.",
        ),
        (
            {"forks": "true", "anthropic-api-key": "k"},
            "A job that reads forks (forks: true) takes no key: "
            "give it a role on Bedrock, or no model.",
        ),
    ):
        assert act(**inputs) == (2, [], f"{sentence}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_has_its_input(name: str, act: Act) -> None:
    """What `.ci/act` makes of an input is parsed by the command itself."""
    command = COMMANDS[name]
    options = {_input(name, option): option for option in _params(name)}
    given = {each: _value(options[each]) for each in options if each not in FOR_PEOPLE}
    status, argvs, stderr = act(command=name, **given)
    assert (status, stderr) == (0, "")
    start = starts(name)
    [argv] = [each for each in argvs if each[: len(start)] == start]
    context = command.make_context(name, argv[len(start) : -1], resilient_parsing=True)
    for each in given:
        source = context.get_parameter_source(options[each].name)
        assert source is ParameterSource.COMMANDLINE, each
    assert context.args == []


def test_a_task_is_implemented_without_a_token_and_then_handed_over(act: Act) -> None:
    trusted, ran = ["trust", "--yes", "none"], ["run", "--model=m", "--", "2.1", "none"]
    given = {"command": "implement", "task": "2.1", "model": "m", "handoff": "out"}
    # It waits for an approval, or does so although a reviewer failed.
    for code in (4, 5):
        status, [*before, published], _ = act(ends=code, **given)
        assert (status, before) == (0, [trusted, ran])
        assert published == ["publish", "--handoff=out", "given"]
        assert publish.make_context("publish", published[1:-1]).params["handoff"] == "out"
    # What does not wait leaves nothing to hand over, and ends as it ended.
    for code in (0, 3, 6):
        assert act(ends=code, **given)[:2] == (code, [trusted, ran])


@pytest.mark.parametrize("key", KEYS)
def test_a_key_names_the_model_and_is_seen_by_what_asks_it_alone(
    key: str, act: Act, tmp_path: Path
) -> None:
    assert ACTION["runs"]["steps"][-1]["env"][key] == f"${{{{ inputs.{KEYS[key]} }}}}"
    seen, given = tmp_path / "log.keys", {KEYS[key]: "k"}
    assert act(**given)[1] == [["github", "review", "--model=auto", "given"]]
    assert seen.read_text().split() == ["github", key]  # and none of the empty ones
    assert act(model="none", **given)[1] == [["github", "review", "--model=none", "given"]]
    seen.unlink()
    assert act(command="implement", **given)[1][1] == ["run", "none"]
    assert seen.read_text().split() == ["trust", "run", key, "publish"]


def test_commits_are_the_workflows_unless_it_says_whose(act: Act, tmp_path: Path) -> None:
    author = tmp_path / "log.author"
    bot = "41898282+github-actions[bot]@users.noreply.github.com"
    for command in ("fix", "implement"):
        act(command=command)
        assert author.read_text() == f"github-actions[bot] {bot}\n"
    act(command="review")
    assert author.read_text() == " \n"  # it commits nothing
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.email", "ada@example.org")
    act(command="fix")
    assert author.read_text() == " \n"


def test_where_a_handoff_is_written_need_not_be_said(act: Act, tmp_path: Path) -> None:
    place = f"--handoff={tmp_path}/reviewloop-handoff"
    assert place in act(command="fix", pr="7", finding="all", comment="9")[1][0]
    assert place in act(command="implement")[1][-1]
    assert act(command="push")[1] == [["github", "push", "given"]]  # which says what is missing


def test_inputs_are_those_of_the_commands_and_told() -> None:
    options = {(name, _input(name, o)): o for name in COMMANDS for o in _params(name)}
    named = {name for _, name in options} - FOR_PEOPLE
    assert set(ACTION["inputs"]) == named | NOT_OPTIONS
    for name, one in ACTION["inputs"].items():
        assert f"`{name}`" in PAGE
        # The defaults are the commands', so that an input nobody gave is no input.
        assert name in NOT_OPTIONS or one["default"] == "", name
        default = getattr(options.get(("review", name)), "default", None)
        if isinstance(default, str | int) and default != "":
            assert f"({str(default).lower()})" in one["description"], name


def test_outputs_are_those_of_the_commands_and_told() -> None:
    assert set(ACTION["outputs"]) == OUTPUTS
    for name, one in ACTION["outputs"].items():
        assert one["value"] == f"${{{{ steps.act.outputs.{name} }}}}"
        assert one["description"]
        assert f"`{name}`" in PAGE


def _params(command: str) -> list[click.Parameter]:
    """Return what a command takes in a workflow, where `batch` only plans."""
    found = COMMANDS[command].params
    return [o for o in found if o.name in PLANNED - {"plan"}] if command == "batch" else found


def _input(command: str, option: click.Parameter) -> str:
    if isinstance(option, click.Argument):
        return WORDS[command]
    return max(option.opts, key=len).removeprefix("--")


def _value(option: click.Parameter) -> str:
    kind: Any = option.type
    if isinstance(kind, click.Choice):
        return kind.choices[-1]
    numbers = {click.IntRange: "7", type(click.INT): "7", type(click.FLOAT): "1.5"}
    return "true" if getattr(option, "is_flag", False) else numbers.get(type(kind), "a b; $c")
