"""The demo: what a newcomer sees first, played as they play it."""

import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from rich.console import Console
from support.prepared import Prepared, run_prepared

import reviewloop
from reviewloop.cli import demo as command
from reviewloop.demo.project import Begun, make_project
from reviewloop.render.terminal.approval import question
from reviewloop.render.terminal.page import render_page
from reviewloop.store.blobs import Blobs
from reviewloop.store.runs import RunRecord, RunStatus, RunStore

ROOT = Path(reviewloop.__file__).parent.parent
COMMAND = (sys.executable, "-m", "reviewloop", "demo")


class Played(NamedTuple):
    """A demo that was played to its end."""

    code: int
    out: str
    err: str
    seconds: float  # of computing: those of a clock are as many as the machine is busy
    folder: Path  # where it made its own folder


def environ(temporary: Path) -> dict[str, str]:
    """Return an environment with an empty home, no identity for git and settings to ignore."""
    home = temporary / "home"
    (home / ".kiro" / "agents").mkdir(parents=True)
    (home / ".kiro" / "agents" / "review-own.json").write_text('{"name": "review-own"}')
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(ROOT),
        "REVIEWLOOP_MODELS__REASONING": "bedrock_converse:amazon.nova-pro-v1:0",
    }


def play(temporary: Path, *options: str) -> Played:
    """Play the demo in a process of its own, without a terminal."""
    before = computed()
    done = subprocess.run(
        [*COMMAND, *options],
        cwd=temporary,
        env=environ(temporary),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )
    return Played(done.returncode, done.stdout, done.stderr, computed() - before, temporary)


def computed() -> float:
    """Return the seconds that processes which this one started have computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def demo_folders(temporary: Path) -> list[Path]:
    return list(temporary.glob("reviewloop-demo-*"))


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Return a demo that approved by itself and kept its folder."""
    yield play(tmp_path_factory.mktemp("approved"), "--yes", "--keep")


@pytest.fixture
def checkout(approved: Played) -> Path:
    assert approved.code == 0, approved.err
    return demo_folders(approved.folder)[0] / "toolshed"


def story(approved: Played) -> list[dict[str, object]]:
    """Return the run's events."""
    (events,) = demo_folders(approved.folder)[0].glob("state/repositories/*/runs/*/events.jsonl")
    return [json.loads(line) for line in events.read_text().splitlines()]


@pytest.mark.slow
def test_demo_ends_well_in_half_a_minute(approved):
    assert approved.code == 0, approved.err
    assert approved.seconds < 30


@pytest.mark.slow
def test_demo_says_that_its_replies_are_recorded_and_that_it_approved(approved):
    assert "The model's replies are recorded, not live: we wrote them" in approved.err
    assert "Nothing is sent\nanywhere" in approved.err
    assert "--yes: approved for you" in approved.err
    assert "The demo's folder is kept: " in approved.out


@pytest.mark.slow
def test_demo_keeps_out_of_the_home(approved):
    assert [path.name for path in (approved.folder / "home").iterdir()] == [".kiro"]
    assert len(list(approved.folder.iterdir())) == 2


@pytest.mark.slow
def test_demo_commits_the_change_with_its_ticked_task(approved, checkout, git):
    assert git(checkout, "log", "--format=%s") == (
        "Search tools by name and remember what was searched\n"
        "Keep tools, members and loans in SQLite"
    )
    assert git(checkout, "branch", "--show-current") == "tool-search"
    assert git(checkout, "show", "--name-status", "--format=").splitlines() == [
        "M\t.kiro/specs/tool-search/tasks.md",
        "A\ttests/test_search.py",
        "A\ttests/test_search_text.py",
        "M\ttoolshed/schema.sql",
        "A\ttoolshed/search.py",
    ]
    tick = git(checkout, "diff", "HEAD~", "--unified=0", "--", ".kiro").splitlines()[-2:]
    assert tick == ["-- [ ] 2. Search tools by name", "+- [x] 2. Search tools by name"]
    assert git(checkout, "status", "--porcelain") == ""
    assert "- [x] 2. Search tools by name" in approved.out


@pytest.mark.slow
def test_commit_message_tells_how_the_change_was_reviewed(checkout, git):
    body = git(checkout, "log", "-1", "--format=%b")
    assert "Task: 2 Search tools by name (tool-search)" in body
    assert re.search(r"6 reviewers, 1 fix round; 4 findings, 3 fixed, 1 left open, 1 nit", body)
    assert "Searches are kept for ever" in body


@pytest.mark.slow
def test_one_fix_breaks_a_test_is_retried_and_one_finding_is_left(approved):
    fixes = [(e["title"], e["result"]) for e in story(approved) if e["kind"] == "fix"]
    assert fixes == [
        ("Members' text becomes part of the SQL statement", "fixed"),
        ("No test gives a tool back before searching for it", "fixed"),
        ("Searches are kept for ever, with the member who made them", "unresolved"),
        ("One query per tool found, to learn who has it", "red"),
        ("One query per tool found, to learn who has it", "fixed"),
    ]


@pytest.mark.slow
def test_reviewers_look_before_they_judge_and_quote_what_is_there(approved):
    told = story(approved)
    looked = {e["agent"] for e in told if e["kind"] == "tool" and not e["error"]}
    reviewers = {e["agent"]: e for e in told if e["kind"] == "reviewer.end"}
    names = {name for name in reviewers if name != "quick-review"}
    assert len(names) == 6  # the agent in the person's home takes no part
    assert names <= looked
    assert all(end["status"] == "done" for end in reviewers.values())
    assert not [e for e in told if e["kind"] == "tool" and e["error"]]


@pytest.mark.slow
def test_committed_code_does_what_the_story_says(checkout):
    code = (checkout / "toolshed" / "search.py").read_text()
    assert "LIKE ?" in code
    assert "AND loans.returned_on IS NULL" in code
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=checkout,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert "7 passed" in done.stdout


@pytest.mark.slow
def test_without_a_terminal_nobody_approves(tmp_path, git):
    code, out, err = run_prepared(["demo"], tmp_path, environ(tmp_path), 180)
    assert code == 4, err
    (folder,) = demo_folders(tmp_path)
    assert git(folder / "toolshed", "log", "--format=%s") == (
        "Keep tools, members and loans in SQLite"
    )
    assert git(folder / "toolshed", "status", "--porcelain") == ""
    assert "reviewloop demo --yes" in out
    assert str(folder) in out
    assert not (tmp_path / "home" / ".local").exists()

    answer = f"REVIEWLOOP_STATE_DIR={folder / 'state'} reviewloop approve"
    assert answer in out
    variables = {**os.environ, "REVIEWLOOP_STATE_DIR": str(folder / "state")}
    code, _, err = run_prepared(["approve"], folder / "toolshed", variables, 100)
    assert code == 0, err
    assert git(folder / "toolshed", "log", "-1", "--format=%s").startswith("Search tools by name")


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(tmp_path):
    with Prepared(["demo", "--yes"], tmp_path, environ(tmp_path)) as process:
        while not has_begun_a_gate(tmp_path) and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(60)
    assert process.returncode == 130, told
    assert told.endswith("reviewloop: the demo was stopped; its folder is deleted\n")
    assert demo_folders(tmp_path) == []


def has_begun_a_gate(temporary: Path) -> bool:
    events = "reviewloop-demo-*/state/repositories/*/runs/*/events.jsonl"
    return any('"gate.start"' in file.read_text() for file in temporary.glob(events))


@pytest.mark.parametrize(
    ("status", "options", "kept"),
    [("committed", (), False), ("committed", ("--keep",), True), ("waiting", (), True)],
)
def test_folder_is_deleted_unless_somebody_wants_it(tmp_path, monkeypatch, status, options, kept):
    """Without the play, which takes ten seconds: its project and what it left."""

    def played(folder: Path, *, yes: bool) -> Begun:
        assert yes
        make_project(folder)
        run = RunRecord("2-x", "", "Search tools", "", "", status=RunStatus(status))
        return Begun(None, None, run)

    monkeypatch.setattr(command, "_play", played)
    monkeypatch.setattr(command, "move", lambda repository, run, **more: run)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said = CliRunner().invoke(command.demo, ["--yes", *options])
    assert said.exception is None, said.output
    assert ("The demo's folder is kept: " in said.output) is kept
    assert ("The demo's folder is deleted" in said.output) is not kept
    assert len(demo_folders(tmp_path)) == kept


@pytest.mark.slow
def test_readme_shows_the_end_of_the_demo_as_it_is(approved, checkout):
    state = checkout.parent / "state"
    (database,) = state.glob("repositories/*/runs.sqlite")
    with closing(RunStore(database.parent)) as runs:
        record = runs.all()[0]
    blobs = Blobs(database.parent / "runs" / record.run_id / "blobs")
    proposal = blobs.get_json(record.proposal)
    out = io.StringIO()
    console = Console(file=out, width=100, height=30, markup=False, emoji=False, highlight=False)
    render_page(proposal, lambda path: None, console)
    readme = (ROOT / "README.md").read_text("utf-8")
    block = readme.partition("At the end of `reviewloop demo`")[2].split("```")[1]
    *rows, asked = block.removeprefix("text\n").strip().splitlines()
    assert len(rows) > 8
    for row in rows:
        assert row.rstrip("─ ") in out.getvalue(), row
    assert asked == f"{question(proposal)} >"


@pytest.mark.slow
def test_from_a_sentence_to_a_committed_task_in_20_seconds(tmp_path, git):
    before = computed()
    done = subprocess.run(
        [*COMMAND, "--spec", "--yes", "--keep"], cwd=tmp_path, env=environ(tmp_path),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert computed() - before < 20
    (folder,) = demo_folders(tmp_path)
    assert git(folder / "toolshed", "log", "--format=%s").splitlines() == [
        "List loans that are out too long",
        "Write down what overdue tools need",
        "Keep tools, members and loans in SQLite",
    ]
    assert "3 requirements (2 FR, 1 NFR), 2 components, 2 tasks in 2 waves" in done.stdout
    assert "- [x] 1. List loans that are out too long" in git(
        folder / "toolshed", "show", "HEAD:.kiro/specs/overdue/tasks.md"
    )
    checked = subprocess.run(
        [*COMMAND[:-1], "spec", "check", "overdue"], cwd=folder / "toolshed",
        env=environ_of(tmp_path), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


def environ_of(temporary: Path) -> dict[str, str]:
    """Return the environment that `environ` made."""
    return {"PATH": os.environ["PATH"], "HOME": str(temporary / "home"), "PYTHONPATH": str(ROOT)}


@pytest.mark.slow
def test_a_day_and_the_next_morning_name_what_changed_at_night(tmp_path):
    code, out, err = run_prepared(["demo", "--day", "--yes"], tmp_path, environ(tmp_path), 180)
    assert code == 0, err
    morning = err.partition("The next morning:")[2] + out
    for line in (
        "differs: branch: it was overdue-tools, you are on night",
        "differs: commits: ",
        "differs: files: edited since and not committed: notes.txt",
        "it was committed, now undone",
        "left off: .kiro/context/session-handoff.md, ",
        "1. reviewloop run 1 --spec .kiro/specs/overdue",
        "The demo's folder is deleted",
    ):
        assert line in morning, line
    code, _, err = run_prepared(["demo", "--day", "--review"], tmp_path, environ_of(tmp_path), 180)
    assert (code, "two demos; choose one" in err) == (2, True)


def test_a_demo_of_a_spec_that_nobody_answers_says_how_to_go_on(tmp_path):
    code, out, err = run_prepared(["demo", "--spec"], tmp_path, environ(tmp_path), 180)
    assert code == 4, err
    assert "the spec is not written" in out and "reviewloop spec resume" in out
    assert "questions wait for you: reviewloop spec answer overdue 1=..." in err
    two = ["demo", "--spec", "--review"]
    both, _, err = run_prepared(two, tmp_path, environ_of(tmp_path), 60)
    assert (both, "choose one" in err) == (2, True)
