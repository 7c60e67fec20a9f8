"""The workflows to copy, as one set: what starts them, what each job may, and what it is given."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from support.action import ACTION, ROOT, STEPS, run_act, starts

from reviewloop.cli.batch import batch
from reviewloop.cli.github import github
from reviewloop.cli.run import run as run_task

WORKFLOWS = sorted((ROOT / "workflows").glob("*.yml"))
PARSED = {path.name: yaml.safe_load(path.read_text()) for path in WORKFLOWS}
OURS = "OWNER/reviewloop@0000000000000000000000000000000000000000"
COMMANDS = {**github.commands, "implement": run_task, "batch": batch}
READ, MODEL = {"contents": "read"}, {"id-token": "write"}
COMMENT = {"pull-requests": "write"}
CHECK = {"checks": "write"}
# What each job may at most; whatever is not here may nothing.
RIGHTS: dict[tuple[str, str], dict[str, str]] = {
    ("review-pr.yml", "review"): READ | COMMENT | CHECK | MODEL,
    ("review-pr.yml", "elsewhere"): {},
    ("review-fork-pr.yml", "read"): READ | MODEL | {"pull-requests": "read", "actions": "read"},
    ("review-fork-pr.yml", "post"): COMMENT | CHECK,
    ("review-fork-pr.yml", "unlabel"): COMMENT,
    ("commands.yml", "hear"): COMMENT | {"issues": "write"},
    ("commands.yml", "review"): READ | COMMENT | CHECK | MODEL,
    ("commands.yml", "fix"): READ | MODEL | {"pull-requests": "read"},
    ("commands.yml", "push"): COMMENT | {"contents": "write"},
    ("commands.yml", "tell"): COMMENT,
    ("implement-task.yml", "implement"): READ | MODEL,
    ("implement-task.yml", "push"): COMMENT | {"contents": "write", "actions": "read"},
    ("batch.yml", "plan"): READ | {"actions": "read"},
    ("batch.yml", "implement"): READ | MODEL,
    ("batch.yml", "finished"): {"actions": "read"},
    ("batch.yml", "push"): COMMENT | {"contents": "write", "actions": "read"},
}
_OFFERED = re.compile(r"^( +)# ([\w-]+-api-key): \$\{\{ (secrets\.\w+) \}\}", re.MULTILINE)
KEYS = {"secrets.ANTHROPIC_API_KEY", "secrets.OPENAI_API_KEY"}
STARTS = {
    "review-pr.yml": {"pull_request"},
    "review-fork-pr.yml": {"pull_request_target"},
    "commands.yml": {"issue_comment", "pull_request_review_comment"},
    "implement-task.yml": {"workflow_dispatch", "issues"},
    "batch.yml": {"schedule", "workflow_dispatch"},
}
JOBS = [(file, name) for file, parsed in PARSED.items() for name in parsed["jobs"]]
_OUTPUT = re.compile(r"\b(steps|needs)\.([\w-]+)\.outputs\.([\w-]+)")


def steps(file: str, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = PARSED[file]["jobs"][job]["steps"]
    return found


def of_ours() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Return the steps that run the Action, with file and job."""
    for file, job in JOBS:
        for step in steps(file, job):
            if step.get("uses") == OURS:
                yield file, job, step


@pytest.mark.parametrize("file", PARSED)
def test_a_workflow_starts_as_its_page_says_and_holds_no_right_itself(file: str) -> None:
    parsed, text = PARSED[file], (ROOT / "workflows" / file).read_text()
    assert set(parsed[True]) == STARTS[file]  # YAML reads `on` as true
    assert parsed["permissions"] == {}
    assert parsed["concurrency"]["group"]
    assert text.startswith("# Copy this file to .github/workflows/ of your repository.")
    assert parsed["name"].startswith("reviewloop")
    # Keys are offered as comments, so that nobody pays for a model without having chosen one.
    offered = re.findall(r"secrets\.\w+", text)
    assert offered == [secret for _, _, secret in _OFFERED.findall(text)]
    asks = {s.get("with", {}).get("command", "review") for f, _, s in of_ours() if f == file}
    forks = "forks: " in text
    assert set(offered) == (KEYS if asks & {"review", "fix", "implement"} and not forks else set())
    assert f"workflows/{file}" in (ROOT / "docs/github.md").read_text()


@pytest.mark.parametrize(("file", "job"), JOBS)
def test_a_job_may_what_it_needs_and_says_why(file: str, job: str) -> None:
    found = PARSED[file]["jobs"][job]
    assert found["permissions"] == RIGHTS[file, job]
    assert found["name"] and found["timeout-minutes"] and found["runs-on"] == "ubuntu-24.04"
    text = (ROOT / "workflows" / file).read_text()
    for line in re.findall(r"^      [\w-]+: (?:write|read)\b.*$", text, re.MULTILINE):
        assert re.search(r": (?:write|read) # \w+", line), line
    for step in found["steps"]:
        assert "name" in step or step["uses"].startswith("actions/checkout@")
        assert "${{" not in step.get("run", "")
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        # What a job refers to is there; a wrong name would be empty without a word.
        for kind, name, output in _OUTPUT.findall(
            json.dumps([step, found.get("if", ""), found.get("strategy", {})])
        ):
            if kind == "needs":
                needed = found["needs"]
                assert name in ([needed] if isinstance(needed, str) else needed)
                assert output in PARSED[file]["jobs"][name]["outputs"], output
    for value in found.get("outputs", {}).values():
        for _, name, output in _OUTPUT.findall(value):
            [step] = [each for each in found["steps"] if each.get("id") == name]
            used = step.get("uses", "")
            assert output in ACTION["outputs"] or used != OURS
            assert output == "artifact-id" or "upload-artifact" not in used
            assert used or f"{output}=" in step["run"]


@pytest.mark.parametrize(
    ("file", "job", "step"), list(of_ours()), ids=lambda x: x if str(x) == x else ""
)
def test_the_action_takes_what_a_workflow_gives_it(
    file: str, job: str, step: dict[str, Any], tmp_path: Path
) -> None:
    given = dict(step.get("with", {}))
    assert set(given) <= set(ACTION["inputs"])
    name = given.pop("command", "review")
    options = {max(o.opts, key=len).removeprefix("--"): o for o in COMMANDS[name].params}
    told = {key: _told(str(value), options.get(key)) for key, value in given.items()}
    status, argvs, stderr = run_act(tmp_path, command=name, **told)
    assert (status, stderr) == (0, "")
    start = starts(name)
    [argv] = [each for each in argvs if each[: len(start)] == start]
    assert COMMANDS[name].make_context(name, argv[len(start) : -1]).args == []
    # Who may push has no model; whoever asks one, or runs the project's code, may not push.
    rights = RIGHTS[file, job]
    assert (rights.get("contents") == "write") is (name == "push")
    assert ("id-token" in rights) is (name in {"review", "fix", "implement"})
    assert name in {"review", "post", "hear", "push"} or "write" not in {
        level for right, level in rights.items() if right != "id-token"
    }


def _told(value: str, option: click.Parameter | None) -> str:
    """Return an input as the runner gives it, with something fitting for an expression."""
    if "${{" not in value:
        return value
    if getattr(option, "is_flag", False):
        return "true"
    return "7" if isinstance(getattr(option, "type", None), click.types.IntParamType) else "place"


def test_what_can_be_required_is_one_check_whoever_reviews() -> None:
    jobs = [(file, job, PARSED[file]["jobs"][job]) for file, job in JOBS]
    checking = {(f, j) for f, j, s in of_ours() if s.get("with", {}).get("check") == "true"}
    assert checking == {(f, j) for f, j, found in jobs if "checks" in found["permissions"]}
    assert {f for f, _ in checking} == {"review-pr.yml", "review-fork-pr.yml", "commands.yml"}
    # A job that is skipped counts as a good one, so none has the name of another.
    names = [found["name"] for file, _, found in jobs if STARTS[file] != {"workflow_dispatch"}]
    alike = {name for name in names if names.count(name) > 1}
    assert "Review" not in names
    assert not alike & {PARSED[f]["jobs"][j]["name"] for f, j in checking}
    # One review at a time, and none that a comment asks for ends one that a check waits for.
    own = PARSED["review-pr.yml"]["concurrency"]["group"].partition("${{")[0]
    asked = PARSED["commands.yml"]["jobs"]["review"]["concurrency"]
    assert (asked["group"].partition("${{")[0], asked["cancel-in-progress"]) == (own, False)


def test_a_pull_request_does_not_say_deployed_where_nothing_is_asked_of_its_approval() -> None:
    for file, job in JOBS:
        place = PARSED[file]["jobs"][job].get("environment")
        asks = any("environment" in s.get("with", {}) for s in steps(file, job))
        # Who approved is asked of GitHub, which is only known to answer for deployments.
        assert place is None or asks or place["deployment"] is False, (file, job)
        assert not asks or isinstance(place, str)


def test_every_input_goes_through_the_environment() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert ACTION["branding"]
    given = {value for step in STEPS for value in step["env"].values()}
    assert {f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]} <= given
    assert [step["run"] for step in STEPS if "${{" in step["run"]] == []


def test_runs_of_forks_and_dependabot_are_not_taken_for_reviews() -> None:
    jobs = PARSED["review-pr.yml"]["jobs"]
    assert (
        "github.event.pull_request.head.repo.full_name == github.repository"
        in (jobs["review"]["if"])
    )
    assert "::notice" in jobs["elsewhere"]["steps"][0]["run"]
    assert PARSED["review-pr.yml"]["concurrency"]["cancel-in-progress"] is True
    # Where strangers can start something, nothing of theirs is checked out.
    for file in ("review-fork-pr.yml", "commands.yml"):
        for job in PARSED[file]["jobs"]:
            for step in steps(file, job):
                if step.get("uses", "").startswith("actions/checkout@"):
                    assert step["with"]["ref"] in {
                        "${{ github.event.pull_request.base.sha }}",
                        "${{ github.event.repository.default_branch }}",
                    }


def test_actions_are_pinned_to_the_commits_that_we_use_ourselves() -> None:
    ours: dict[str, str] = {}
    for workflow in (ROOT / ".github/workflows").glob("*.yml"):
        ours |= dict(re.findall(r"uses: (\S+)@(\S+ # \S+)", workflow.read_text()))
    used = [
        match
        for file in (ROOT / "action.yml", *WORKFLOWS)
        for match in re.findall(r"uses: (\S+)@(\S+ # \S+)", file.read_text())
    ]
    assert {"actions/checkout", "actions/upload-artifact", "OWNER/reviewloop"} <= dict(used).keys()
    seen: dict[str, str] = {}
    for action, version in used:
        assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", version), action
        assert ours.get(action, version) == seen.setdefault(action, version) == version, action


def test_zizmor_finds_nothing_in_what_people_use(tmp_path: Path) -> None:
    def zizmor(*places: Path) -> Any:
        options = ["--offline", "--no-progress", "--no-config", "--persona=pedantic"]
        program = Path(sys.executable).with_name("zizmor")
        done = subprocess.run(
            [program, *options, "--format=json", *places],
            **{"capture_output": True, "text": True, "timeout": 30},
            check=False,
        )
        return json.loads(done.stdout)

    assert zizmor(ROOT / "action.yml", *WORKFLOWS) == []
    # Nor does it when somebody takes the marks of the comments away.
    chosen = []
    for path in WORKFLOWS:
        chosen.append(tmp_path / path.name)
        text, count = _OFFERED.subn(r"\1\2: ${{ \3 }}", path.read_text())
        chosen[-1].write_text(text)
        parsed = yaml.safe_load(text)["jobs"].values()
        given = [set(step.get("with", {})) for job in parsed for step in job["steps"]]
        keys = [names & set(ACTION["inputs"]) for names in given if "openai-api-key" in names]
        assert all("anthropic-api-key" in names for names in keys)
        assert len(keys) * 2 == count
    assert zizmor(*chosen) == []
    # What starts where strangers can start it is said to be so, with the reason.
    ignored = {
        path.name: re.findall(r"zizmor: ignore\[(.*?)\] \w+", path.read_text())
        for path in WORKFLOWS
    }
    assert {name: rules for name, rules in ignored.items() if rules} == {
        "commands.yml": ["dangerous-triggers"],
        "review-fork-pr.yml": ["dangerous-triggers"],
    }
    bad = tmp_path / "action.yml"
    text = (ROOT / "action.yml").read_text()
    bad.write_text(text.replace('bash "$GITHUB', 'echo ${{ inputs.model }}; bash "$GITHUB'))
    assert {found["ident"] for found in zizmor(bad)} == {"template-injection"}


def test_a_night_does_with_a_task_what_the_workflow_for_one_does() -> None:
    """The same steps with the same rights; what differs is where task and names come from."""
    one, night = PARSED["implement-task.yml"]["jobs"], PARSED["batch.yml"]["jobs"]
    differ = {"id", "with", "name"}
    for job in ("implement", "push"):
        mine = [{k: v for k, v in step.items() if k not in differ} for step in one[job]["steps"]]
        same = [step for step in night[job]["steps"] if "note" not in step.get("name", "").lower()]
        told = [{k: v for k, v in step.items() if k not in differ} for step in same]
        assert told == mine[len(mine) - len(told) :]
        strategy = night[job]["strategy"]
        assert strategy["fail-fast"] is False
        assert strategy["matrix"].startswith("${{ fromJSON(needs.")
    # An approval is asked for once only if all jobs that need it wait for it at the same time.
    assert "max-parallel" not in night["push"]["strategy"]
    assert night["push"]["environment"] == one["push"]["environment"] == "reviewloop"
    assert PARSED["batch.yml"]["concurrency"]["cancel-in-progress"] is False
    [keep] = [s for s in steps("batch.yml", "implement") if s.get("name") == "Keep the commit"]
    fetch = night["push"]["steps"][1]
    assert keep["with"]["name"] == fetch["with"]["name"] == "${{ matrix.artifact }}"
