"""`doctor`, `agents list` and `tasks` read a repository and change nothing."""

import csv
import io
import json

import pytest

from reviewloop.git.repository import discover
from reviewloop.specs.tasks import read_tasks
from reviewloop.store.folders import repository_folder
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus, RunStore

pytestmark = pytest.mark.usefixtures("quick_tools")
TASKS = """\
# Implementation Plan

- [x] 1. Set up the project
  - _Requirements: 1.1_
- [ ] 2. Log in
  - [ ] 2.1 Draw the [red]form[/red]
    - _Requirements: 1.1, 1.2_
  - [ ] 2.2 Check the password
  - [ ]* 2.3 Measure it
"""
REQUIREMENTS = """\
# Requirements

### Requirement 1

#### Acceptance Criteria

1. WHEN a person opens the page THEN the system SHALL show a form
2. WHEN the password is wrong THEN the system SHALL say so
"""


@pytest.fixture
def spec(project, git):
    """Return the current repository with a Kiro spec in it."""
    folder = project / ".kiro/specs/login"
    folder.mkdir(parents=True)
    (folder / "tasks.md").write_text(TASKS)
    (folder / "requirements.md").write_text(REQUIREMENTS)
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "spec")
    return project


def started(repo, task_id: str, status: RunStatus, title: str = "") -> None:
    titles = {task.id: task.title for task in read_tasks(TASKS.encode(), "", "kiro").tasks}
    store = RunStore(repository_folder(discover(repo, for_reading=True).key))
    store.save(
        RunRecord(
            run_id=f"run-{task_id}",
            repository=str(repo),
            title=title or titles[task_id],
            base_commit="c",
            branch="b",
            task_id=task_id,
            spec_path=".kiro/specs/login",
            status=status,
        )
    )
    store.close()


def test_tasks_show_state_progress_and_what_may_start(spec, reviewloop):
    said = reviewloop("tasks")
    assert said.code == 0
    assert said.out.splitlines() == [
        ".kiro/specs/login  1/3 tasks done, 0/1 optional, 1 can start now",
        "[x] 1   Set up the project  requirements 1.1",
        "[ ] 2   Log in",
        "  [ ] 2.1 Draw the [red]form[/red]  can start  wave 2  requirements 1.1, 1.2",
        "  [ ] 2.2 Check the password  waits for 2.1  wave 3",
        "  [ ] 2.3 Measure it  optional",
    ]


def test_task_of_a_run_in_work_is_marked_without_touching_the_file(spec, reviewloop):
    started(spec, "2.1", RunStatus.WAITING)
    started(spec, "2.2", RunStatus.SKIPPED)
    started(spec, "2.3", RunStatus.BLOCKED)
    before = (spec / ".kiro/specs/login/tasks.md").read_bytes()
    out = reviewloop("tasks").out
    assert "  [-] 2.1 Draw the [red]form[/red]  waits for you: run run-2.1" in out
    assert "  [ ] 2.2 Check the password" in out
    assert "  [-] 2.3 Measure it  optional  blocked: run run-2.3" in out
    assert (spec / ".kiro/specs/login/tasks.md").read_bytes() == before


def test_a_run_at_which_nobody_works_reads_as_stopped(spec, reviewloop):
    started(spec, "2.1", RunStatus.RUNNING)
    started(spec, "2.2", RunStatus.PAUSED)
    out = reviewloop("tasks").out
    assert "  [-] 2.1 Draw the [red]form[/red]  stopped: run run-2.1" in out
    assert "  [-] 2.2 Check the password  stopped: run run-2.2" in out
    store = repository_folder(discover(spec, for_reading=True).key)
    with hold(store / "runs/run-2.1/lock", "run run-2.1"):
        assert "2.1 Draw the [red]form[/red]  in work: run run-2.1" in reviewloop("tasks").out
    shown = {task["id"]: task for task in json.loads(reviewloop("tasks", "--json").out)["tasks"]}
    assert [shown[one]["run_status"] for one in ("2.1", "2.2")] == ["stopped", "stopped"]


def test_a_run_is_named_at_the_task_it_is_of_whatever_its_number_is_now(spec, reviewloop, git):
    git(spec, "switch", "-q", "-c", "b")
    started(spec, "1", RunStatus.WAITING, "Draw the [red]form[/red]")
    started(spec, "2.2", RunStatus.WAITING, "Gone")
    said = reviewloop("tasks")
    assert "  [-] 2.1 Draw the [red]form[/red]  waits for you: run run-1 " in said.out
    assert said.out.count("run-1") == 1
    words = " ".join(said.out.split())
    assert "2.2 Check the password cannot begin: run run-2.2 (waiting) is of 'Gone', " in words
    shown = {task["id"]: task for task in json.loads(reviewloop("tasks", "--json").out)["tasks"]}
    assert [shown[one]["run"] for one in ("1", "2.1", "2.2")] == ["", "run-1", ""]
    assert not any(task["eligible"] for task in shown.values())


def test_tasks_as_json(spec, reviewloop):
    report = json.loads(reviewloop("tasks", "--json", "--spec", "login").out)
    assert report["kind"] == "tasks"
    assert report["progress"] == {
        "done": 1,
        "total": 3,
        "optional_done": 0,
        "optional_total": 1,
    }
    form = next(task for task in report["tasks"] if task["id"] == "2.1")
    assert form["eligible"]
    assert form["requirements"] == ["1.1", "1.2"]
    assert form["parent"] == "2"
    check = next(task for task in report["tasks"] if task["id"] == "2.2")
    assert (check["eligible"], check["wave"], check["waits_for"]) == (False, 3, ["2.1"])
    assert check["waits"] == [{"kind": "order", "name": "", "tasks": ["2.1"]}]
    assert report["waves"] == [["1"], ["2.1"], ["2.2"]]


def test_tasks_are_exported_as_drafts_of_issues_and_as_csv(spec, reviewloop):
    result = reviewloop("tasks", "--export", "github")
    issues = json.loads(result.out)["issues"]
    assert [(one["title"], one["state"]) for one in issues] == [
        ("1 Set up the project", "closed"),
        ("2 Log in", "open"),
        ("2.1 Draw the [red]form[/red]", "open"),
        ("2.2 Check the password", "open"),
        ("2.3 Measure it", "open"),
    ]
    assert issues[4]["labels"] == ["reviewloop-task", "spec:login", "optional"]
    assert "- Requirements: 1.1, 1.2" in issues[2]["body"]
    last = issues[2]["body"].splitlines()[-1]
    assert last == "<!-- reviewloop task: .kiro/specs/login 2.1 -->"
    text = reviewloop("tasks", "--export", "csv").out
    rows = [*csv.DictReader(io.StringIO(text))]
    assert [row["id"] for row in rows] == ["1", "2", "2.1", "2.2", "2.3"]
    assert (rows[0]["state"], rows[0]["requirements"]) == ("done", "1.1")


def test_problem_of_the_spec_is_named_and_exit_code_2(spec, reviewloop):
    file = spec / "docs/pay-spec.md"
    file.parent.mkdir()
    file.write_text(
        "# Pay\n\n## Task plan\n\n"
        "- [ ] 1. One\n  Dependencies: Task 2\n- [ ] 2. Two\n  Dependencies: Task 1\n"
    )
    said = reviewloop("tasks", "--spec", "docs/pay-spec.md")
    assert said.code == 2
    assert "problem: docs/pay-spec.md:" in said.err
    assert "waits for 2" in said.out


def test_ambiguous_and_unknown_specs_are_one_sentence(spec, reviewloop):
    said = reviewloop("tasks", "--spec", "logn")
    assert said.code == 2
    assert "did you mean" in said.err


def test_tasks_without_a_spec_is_one_sentence(project, reviewloop):
    said = reviewloop("tasks")
    assert said.code == 2
    assert said.err.startswith("reviewloop: no spec was found")


def test_agents_show_which_file_won_and_what_was_dropped(project, reviewloop):
    folder = project / ".kiro/agents"
    folder.mkdir(parents=True)
    (folder / "review-security.json").write_text(
        json.dumps(
            {
                "name": "review-security",
                "description": "Ours",
                "prompt": "Look at\nsecurity.",
                "tools": ["fs_read", "fs_write"],
                "model": "bedrock_converse:x.y",
            }
        )
    )
    said = reviewloop("agents", "list")
    assert said.code == 0
    block = said.out[said.out.index("review-security") :]
    assert block.startswith("review-security  .kiro/agents/review-security.json\n")
    assert "dropped fs_write" in block
    assert "bedrock_converse:x.y (agent file)" in block
    assert "shadowed" in said.out
    assert "execute_bash (off: tools.execute_bash)" in " ".join(said.out.split())

    report = json.loads(reviewloop("agents", "list", "--json").out)
    ours = next(one for one in report["agents"] if one["name"] == "review-security")
    assert ours["dropped_tools"] == ["fs_write"]
    assert report["shadowed"][0]["winner"] == ".kiro/agents/review-security.json"


def test_malformed_agent_file_is_named_with_its_line(project, reviewloop):
    folder = project / ".kiro/agents"
    folder.mkdir(parents=True)
    (folder / "review-x.json").write_text('{"name": "review-x",\n "prompt": }')
    for command in (("agents", "list"), ("doctor", "--offline")):
        said = reviewloop(*command)
        assert said.code == 2
        assert ".kiro/agents/review-x.json:2" in said.out + said.err


def ready(monkeypatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")


def test_doctor_is_content_where_a_run_could_start(spec, reviewloop, monkeypatch, git):
    ready(monkeypatch)
    git(spec, "switch", "-q", "-c", "work")
    said = reviewloop("doctor", "--offline")
    assert said.code == 0, said.out
    assert "work: commits go there" in said.out
    assert "5 reviewers" in said.out
    assert ".kiro/specs/login" in said.out


def test_doctor_never_shows_an_undetected_gate_as_fine(project, reviewloop, monkeypatch):
    ready(monkeypatch)
    report = json.loads(reviewloop("doctor", "--offline", "--json").out)
    gates = {c["text"].partition(":")[0]: c for c in report["checks"] if c["name"] == "gates"}
    assert gates["test"]["mark"] == "note"
    assert "no test gate detected" in gates["test"]["text"]
    assert report["ready"]


def test_doctor_says_who_commits_where_git_has_no_identity(project, reviewloop, monkeypatch, git):
    ready(monkeypatch)
    git(project, "switch", "-q", "-c", "work")
    git(project, "config", "--unset", "user.name")
    git(project, "config", "--unset", "user.email")
    said = reviewloop("doctor", "--offline")
    assert "would be by reviewloop <reviewloop@localhost>" in " ".join(said.out.split())
    assert said.code == 0


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        ("detach", "HEAD is detached"),
        ("settings", "did you mean limits.rounds?"),
        ("merge", "in progress"),
        ("nowhere", "not inside a git repository"),
        ("script", "missing.json"),
    ],
)
def test_doctor_names_what_stops_a_run(
    project, reviewloop, monkeypatch, git, tmp_path, prepare, sentence
):
    ready(monkeypatch)
    git(project, "switch", "-q", "-c", "work")
    if prepare == "detach":
        git(project, "checkout", "-q", "--detach")
    elif prepare == "settings":
        (project / "reviewloop.toml").write_text("[limits]\nround = 1\n")
    elif prepare == "merge":
        (project / ".git/MERGE_HEAD").write_text(git(project, "rev-parse", "HEAD") + "\n")
    elif prepare == "nowhere":
        outside = tmp_path / "outside"
        outside.mkdir()
        monkeypatch.chdir(outside)
    else:
        monkeypatch.setenv("REVIEWLOOP_MODELS__REASONING", "script:missing.json")
    said = reviewloop("doctor", "--offline")
    assert said.code == 2
    assert sentence in " ".join(said.out.split())
    assert "a run cannot start yet" in said.err


def test_doctor_says_that_main_is_protected(project, reviewloop, monkeypatch):
    ready(monkeypatch)
    said = reviewloop("doctor", "--offline")
    assert said.code == 0
    assert "main is protected" in said.out


def test_looking_leaves_checkout_and_git_folder_as_they_were(spec, reviewloop, monkeypatch):
    ready(monkeypatch)

    def content() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in spec.rglob("*") if path.is_file()}

    before = content()
    for command in (("doctor", "--offline"), ("tasks",), ("agents", "list"), ("config", "show")):
        reviewloop(*command)
    assert content() == before


@pytest.mark.parametrize(
    ("key", "model"),
    [("OPENAI_API_KEY", "openai:"), ("ANTHROPIC_API_KEY", "anthropic:"), ("", "auto (models")],
)
def test_agents_show_the_model_that_they_would_ask(project, reviewloop, monkeypatch, key, model):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    if key:
        monkeypatch.setenv(key, "a-key")
    said = reviewloop("agents")
    assert f"model   {model}" in said.out
    assert "bedrock" not in said.out
