"""`skills improve --prove`: two recorded runs done anew with the old and the new text.

The loop, git and the command line are real; only the model is a script, which heeds the skill.
"""

import json
from contextlib import closing

import pytest
from support.skill_script import SKILL, skill
from support.spec_script import written
from support.untouched import photograph

from reviewloop.app.skills.prove import NEW, OLD, Measurement, Proof, Verdict, compare_measurements
from reviewloop.store.journal import Journal

PATH = ".kiro/skills/review-pr/SKILL.md"
ASK = "- Ask instead of guessing."
HELPS, HARMS = "- Bind every value of a query.", "- Leave debug output in."
BAD, WORSE = "query(f'{name}')\n", "query(f'{name}')\nprint(name)\n"
FINISH = {"name": "finish", "args": {"summary": "done", "subject": "Search by name"}}


def writes(text: str, **about) -> dict:
    args = {"command": "create", "path": "search.py", "file_text": text}
    turns = [{"tool_calls": [{"name": "fs_write", "args": args}]}, {"tool_calls": [FINISH]}]
    return {"agent": "implement", "step": "implement", "turns": turns, **about}


def finds(quote: str, title: str) -> dict:
    row = {"severity": "should_fix", "title": title, "path": "search.py", "quote": quote}
    return {**row, "why": "It matters.", "suggestion": "Change it."}


def reports(*rows: dict, **about) -> dict:
    call = {"name": "report_findings", "args": {"findings": [*rows]}}
    return {"step": "review", "tool_calls": [call], **about}


FORMATTED, PRINTED = finds("query(f'{name}')", "SQL"), finds("print(name)", "Debug output")
REPLIES = [
    writes(BAD),
    writes("query('?', name)\n", when="Bind every value"),
    writes(WORSE, when="Leave debug output in"),
    reports(),
    reports(FORMATTED, agent="review-security", when="query(f'{name}')"),
    reports(FORMATTED, PRINTED, agent="review-security", when=["query(f'{name}')", "print(name)"]),
    {"agent": "fix", "step": "fix", "tool_calls": [FINISH]},
]


@pytest.fixture
def runs(here, tmp_path):
    """Return two recorded runs of a project with the skill review-pr, and the model they asked."""
    (here.root / PATH).parent.mkdir(parents=True)
    (here.root / PATH).write_text(SKILL)
    here.git("switch", "-qc", "work")
    here.git("add", "-A")
    here.git("commit", "-qm", "a skill")
    model = written(tmp_path, REPLIES)
    for task in ("search members by name", "search tools by name"):
        said = here.run("run", "-m", task, "--model", model, "--no-sandbox", "--json")
        assert said.code == 4, said.err
    listed = json.loads(here.run("status", "--json").out)["runs"]
    return ",".join(row["run"] for row in listed)


def proved(here, tmp_path, runs: str, line: str, *arguments: str):
    text = tmp_path / "new.md"
    text.write_text(SKILL.replace(ASK, f"{ASK}\n{line}"))
    own = ("--text", str(text), "--prove", runs)
    return here.run("skills", "improve", "review-pr", *own, *arguments)


@pytest.mark.slow
def test_a_better_text_is_accepted_with_its_figures_and_then_written(here, tmp_path, runs):
    before = {run["run"] for run in json.loads(here.run("status", "--json").out)["runs"]}
    said = proved(here, tmp_path, runs, HELPS)
    assert said.code == 4
    assert "for 4 runs (2 recorded, 2 texts, 1 time each); stops at $" in said.err
    assert "nothing was paid; --yes does them" in said.err

    photo = photograph(here.root)
    said = here.run("skills", "improve", "review-pr", "--prove", runs, "--yes")
    assert said.code == 4, said.err
    assert photograph(here.root) == photo
    [folder] = here.state.glob("repositories/*/skill-sessions/runs/*/proof")
    assert {path.suffix for path in folder.iterdir()} == {".json"}  # no checkout is left
    rows = {line.split()[0]: line for line in said.out.splitlines()[1:]}
    assert " ".join(rows["findings"].split()) == "findings 1 (1 to 1, n=2) 0 (0 to 0, n=2)"
    assert {"blocked", "findings", "rounds", "tokens", "usd"} <= rows.keys()
    assert "the new text is better by findings" in said.err
    assert "2 runs a side are an observation, no proof" in said.err
    assert (here.root / PATH).read_text() == SKILL
    shown = json.loads(here.run("skills", "resume", "--json").out)["proof"]
    assert (shown["verdict"], shown["proved"], len(shown["measurements"])) == ("better", False, 4)

    assert here.run("skills", "approve").code == 0
    assert HELPS in (here.root / PATH).read_text()
    after = {run["run"] for run in json.loads(here.run("status", "--json").out)["runs"]}
    assert after == before  # none of the measurements is the user's


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "words"),
    [
        (HARMS, "refused: the new text is worse by findings"),
        pytest.param(
            "- Be kind.", "refused: these runs show no difference", marks=pytest.mark.slow
        ),
    ],
)
def test_a_text_that_is_no_better_is_refused(here, tmp_path, runs, line, words):
    said = proved(here, tmp_path, runs, line, "--yes", "--json")
    assert said.code == 1
    assert json.loads(said.out)["summary"].startswith(words)
    assert (here.root / PATH).read_text() == SKILL
    assert here.run("skills", "approve", "improve-review-pr").code == 2


@pytest.mark.slow
def test_what_the_user_asked_for_then_is_asked_for_again_and_can_be_captured(here, tmp_path, runs):
    one = runs.split(",")[0]
    assert here.run("modify", one, "-m", "Name the function find").code == 4
    said = proved(here, tmp_path, one, HELPS, "--yes", "--json")
    assert said.code == 4, said.err
    rows = json.loads(said.out)["proof"]["measurements"]
    assert [(row["text"], row["problem"]) for row in rows] == [("old", ""), ("new", "")]
    here.run("skills", "reject")

    model = written(tmp_path, [skill()])
    new = ("skills", "capture", "search", "--from", runs, "--model", model)
    assert here.run(*new).code == 4
    [path] = here.state.glob("repositories/*/skill-sessions/runs/search/journal.sqlite")
    with closing(Journal(path)) as journal:
        words = "".join(json.dumps(call.request) for call in journal.calls("model"))
    assert f"(run {one}): the user wanted changed: Name the function find" in words
    assert "its task was: search tools by name" in words
    assert "this was left: SQL" in words


@pytest.mark.slow
def test_what_cannot_be_done_anew_compares_nothing_and_is_refused(here, tmp_path, runs):
    model = written(tmp_path, [*REPLIES[:3]])  # nobody answers the reviewers
    one = runs.split(",")[0]
    said = proved(here, tmp_path, one, HELPS, "--yes", "--model", model, "--times", "2", "--json")
    body = json.loads(said.out)
    assert said.code == 1
    assert body["proof"]["verdict"] == "incomplete"
    assert body["summary"] == "refused: not every run could be done anew, so nothing is compared"
    assert len(body["proof"]["measurements"]) == 4
    assert all(row["problem"] and row["tokens"] for row in body["proof"]["measurements"])


def test_a_byte_equal_text_is_refused_for_nothing(here, tmp_path, runs):
    text = tmp_path / "new.md"
    text.write_text(SKILL)
    said = here.run("skills", "improve", "review-pr", "--text", str(text), "--prove", runs, "--yes")
    assert (said.code, "is byte-equal" in said.err) == (2, True)


@pytest.mark.slow
def test_at_the_cap_it_stops_and_what_was_measured_is_kept(here, tmp_path, runs):
    said = proved(here, tmp_path, runs, HELPS, "--yes", "--budget-tokens", "60000")
    assert said.code == 6
    [kept] = here.state.glob("repositories/*/skill-sessions/runs/*/proof")
    made = sorted(one.name for one in kept.glob("*.json"))
    assert made
    said = here.run("skills", "improve", "review-pr", "--prove", runs, "--yes", "--json")
    assert said.code == 4
    assert json.loads(said.out)["proof"]["verdict"] == "better"


def of(run: str, text: str, findings: int, **more) -> Measurement:
    return Measurement(run, text, 1, findings=findings, **more)


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([of("a", OLD, 3), of("a", NEW, 1), of("b", OLD, 1), of("b", NEW, 1)], "better"),
        ([of("a", OLD, 3), of("a", NEW, 1), of("b", OLD, 1), of("b", NEW, 2)], "worse"),
        ([of("a", OLD, 2), of("a", OLD, 4), of("a", NEW, 1), of("a", NEW, 3)], "same"),
        ([of("a", OLD, 1), of("a", NEW, 0, blocked=True)], "worse"),
        ([of("a", OLD, 1, rounds=3), of("a", NEW, 1, rounds=1)], "better"),
        ([of("a", OLD, 1, tokens=1000), of("a", NEW, 1, tokens=950)], "same"),
        ([of("a", OLD, 1, tokens=1000), of("a", NEW, 1, tokens=800)], "better"),
        ([of("a", OLD, 3), of("a", NEW, 0, problem="no answer")], "incomplete"),
    ],
)
def test_figures_decide_and_noise_does_not(rows, verdict):
    found, _ = compare_measurements(rows)
    assert found == verdict
    assert Proof(tuple(rows), Verdict(found)).least <= 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--prove", "nope"), "no skill 'improve-review-pr' is in work"),
        (("--text", "nope.md", "--prove", "x"), "nope.md: No such file"),
    ],
)
def test_what_cannot_be_proved_is_said(here, arguments, words):
    (here.root / PATH).parent.mkdir(parents=True)
    (here.root / PATH).write_text(SKILL)
    said = here.run("skills", "improve", "review-pr", *arguments)
    assert (said.code, words in said.err) == (2, True), said.err
